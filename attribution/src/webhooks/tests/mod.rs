//! The sender and the roll call against doubles in memory, with a clock that the test sets.

mod memory;
mod roll_call;
mod sender;
mod storage;
mod switching_off;

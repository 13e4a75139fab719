//! Signatures and events as Stripe publishes them, in both shapes.

mod facts;
mod shapes;
mod signatures;

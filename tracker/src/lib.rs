//! The core of the browser tracker: what it decides, as functions from a record of text to text or a number.
//!
//! The loader (`js/loader.js`) is on every page and asks for this crate only when there is something to do. Then
//! `js/core.js` reads what the page knows (address, cookies, title), asks the functions in [`exports`] what follows
//! from it, and does it: posts, sets the cookies, waits. Nothing here touches the page or keeps anything between calls,
//! so one file of vectors (`tests/vectors.json`) holds natively, in a browser, and for `js/fallback.js`.
//!
//! The crate is weighed by the byte, hence its style: bytes and never `char` (no Unicode tables), never an index (no
//! panic and no message for one), no memory but two buffers, and no text wider than one number ([`text::Text`]).

#![cfg_attr(not(feature = "std"), no_std)]

mod cookie;
#[cfg(feature = "debug")]
mod explain;
pub mod exports;
#[cfg(not(feature = "std"))]
mod no_std;
pub mod output;
mod referral;
mod retry;
pub mod text;

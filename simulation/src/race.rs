//! A race between work and its end.
//!
//! Keeps no state.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::executor::Sleep;

/// Who was first.
pub enum First<T> {
    /// The work was done.
    Work(T),
    /// Its time was up.
    End,
}

/// Waits for the work, but not beyond `end`.
pub async fn first_of<T>(mut work: Pin<&mut impl Future<Output = T>>, mut end: Sleep) -> First<T> {
    poll_fn(move |context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(First::Work(done));
        }
        Pin::new(&mut end).poll(context).map(|()| First::End)
    })
    .await
}

//! A letter: one value for one who waits. Either side may vanish, and the other one notices.
//!
//! State: the value and the waiting task's waker, shared by the two ends.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

struct Envelope<T> {
    value: Option<T>,
    waiting: Option<Waker>,
}

/// The end that writes.
pub struct Sender<T>(Weak<RefCell<Envelope<T>>>);

/// The end that waits: a future of the value, or of [`Lost`] when nobody will write it any more.
pub struct Receiver<T>(Rc<RefCell<Envelope<T>>>);

/// The writer vanished before it wrote.
#[derive(Debug)]
pub struct Lost;

/// A letter's two ends.
pub fn letter<T>() -> (Sender<T>, Receiver<T>) {
    let envelope = Rc::new(RefCell::new(Envelope { value: None, waiting: None }));
    (Sender(Rc::downgrade(&envelope)), Receiver(envelope))
}

impl<T> Sender<T> {
    /// Whether somebody still waits.
    pub fn is_awaited(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Writes. Nothing happens when nobody waits.
    pub fn send(self, value: T) {
        if let Some(envelope) = self.0.upgrade() {
            envelope.borrow_mut().value = Some(value);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let Some(envelope) = self.0.upgrade() else { return };
        let waiting = envelope.borrow_mut().waiting.take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut envelope = self.0.borrow_mut();
        if let Some(value) = envelope.value.take() {
            return Poll::Ready(Ok(value));
        }
        // The writer's is the only weak end.
        if Rc::weak_count(&self.0) == 0 {
            return Poll::Ready(Err(Lost));
        }
        envelope.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

//! What waits for a client's socket: bounded, so that a client that does not read costs no more than that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use meeting::Close;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX};

/// The end that a meeting holds.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    letters: mpsc::Sender<Letter>,
    bytes: Arc<AtomicUsize>,
    gone: CancellationToken,
}

/// The end that the socket's writer holds.
#[derive(Debug)]
pub(crate) struct Letters {
    letters: mpsc::Receiver<Letter>,
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    Text(String),
    Close(Close),
}

/// `gone` is cancelled when the connection has to be dropped at once.
pub(crate) fn outbox(gone: CancellationToken) -> (Outbox, Letters) {
    let (sender, receiver) = mpsc::channel(OUTBOX_FRAMES_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outbox { letters: sender, bytes: Arc::clone(&bytes), gone }, Letters { letters: receiver, bytes })
}

impl Outbox {
    /// Queues a frame; drops the connection where too much waits already.
    pub(crate) fn send(&self, text: String) {
        let length = text.len();
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed);
        if waiting + length > OUTBOX_BYTES_MAX {
            self.gone.cancel();
            return;
        }
        self.put(Letter::Text(text));
    }

    /// Ends the connection once what waits has been sent.
    pub(crate) fn close(&self, how: Close) {
        self.put(Letter::Close(how));
    }

    fn put(&self, letter: Letter) {
        if self.letters.try_send(letter).is_err() {
            self.gone.cancel();
        }
    }
}

impl Letters {
    /// The next one; `None` when the meeting has let go of the connection without a word.
    pub(crate) async fn next(&mut self) -> Option<Letter> {
        let letter = self.letters.recv().await;
        self.taken(letter)
    }

    /// The next one, if it waits already.
    pub(crate) fn waiting(&mut self) -> Option<Letter> {
        let letter = self.letters.try_recv().ok();
        self.taken(letter)
    }

    /// The meeting has let go of the connection, and nothing waits.
    pub(crate) fn is_over(&self) -> bool {
        self.letters.is_closed() && self.letters.is_empty()
    }

    fn taken(&self, letter: Option<Letter>) -> Option<Letter> {
        if let Some(Letter::Text(text)) = &letter {
            self.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_order() {
        let (outbox, mut letters) = outbox(CancellationToken::new());
        outbox.send("a".to_owned());
        outbox.close(Close::Goodbye);
        assert_eq!(letters.waiting(), Some(Letter::Text("a".to_owned())));
        assert_eq!(letters.waiting(), Some(Letter::Close(Close::Goodbye)));
        assert_eq!(letters.waiting(), None);
    }

    #[test]
    fn too_many_frames_drop_the_connection() {
        check(|outbox| (0..=OUTBOX_FRAMES_MAX).for_each(|_| outbox.send("x".to_owned())));
    }

    #[test]
    fn too_many_bytes_drop_the_connection() {
        check(|outbox| (0..=OUTBOX_BYTES_MAX >> 20).for_each(|_| outbox.send("x".repeat(1 << 20))));
    }

    #[test]
    fn what_was_read_does_not_count() {
        let gone = CancellationToken::new();
        let (outbox, mut letters) = outbox(gone.clone());
        for _ in 0..100 {
            outbox.send("x".repeat(1 << 20));
            letters.waiting().unwrap();
        }
        assert!(!gone.is_cancelled());
    }

    fn check(overflow: impl Fn(&Outbox)) {
        let gone = CancellationToken::new();
        let (outbox, _letters) = outbox(gone.clone());
        overflow(&outbox);
        assert!(gone.is_cancelled());
    }
}

//! What waits for one WebSocket client: bounded in messages and in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::limits::{WEBSOCKET_QUEUE_BYTES_MAX, WEBSOCKET_QUEUE_MAX};

/// What a media thread wants to be sent on a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Close { code: u16, reason: &'static str },
}

/// The client does not read, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    Full,
    Gone,
}

/// The media thread's end.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Frame>,
    bytes: Arc<AtomicUsize>,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct Frames {
    frames: mpsc::Receiver<Frame>,
    bytes: Arc<AtomicUsize>,
}

pub(crate) fn outbox() -> (Outbox, Frames) {
    let (frames, frames_out) = mpsc::channel(WEBSOCKET_QUEUE_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outbox { frames, bytes: bytes.clone() }, Frames { frames: frames_out, bytes })
}

impl Outbox {
    /// Never waits.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), Undelivered> {
        let size = frame.size();
        if self.bytes.load(Ordering::Relaxed).saturating_add(size) > WEBSOCKET_QUEUE_BYTES_MAX {
            return Err(Undelivered::Full);
        }
        // before the frame is there to be taken away
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.frames.try_send(frame).map_err(|e| {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            match e {
                mpsc::error::TrySendError::Full(_) => Undelivered::Full,
                mpsc::error::TrySendError::Closed(_) => Undelivered::Gone,
            }
        })
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.frames.is_closed()
    }
}

impl Frames {
    /// `None`: the media thread has let go of the socket.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let frame = self.frames.recv().await?;
        self.bytes.fetch_sub(frame.size(), Ordering::Relaxed);
        Some(frame)
    }
}

impl Frame {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Close { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_messages_and_long_messages_are_both_too_many() {
        check_full(1, WEBSOCKET_QUEUE_MAX).await;
        check_full(WEBSOCKET_QUEUE_BYTES_MAX / 4, 4).await;
    }

    #[test]
    fn a_client_that_is_gone_is_told_apart() {
        let (outbox, frames) = outbox();
        drop(frames);
        assert!(outbox.is_gone());
        assert_eq!(outbox.push(Frame::Text(String::new())), Err(Undelivered::Gone));
    }

    async fn check_full(size: usize, fitting: usize) {
        let (outbox, mut frames) = outbox();
        let text = || Frame::Text("x".repeat(size));
        for n in 0..fitting {
            assert_eq!(outbox.push(text()), Ok(()), "{n}");
        }
        assert_eq!(outbox.push(text()), Err(Undelivered::Full));
        assert_eq!(frames.next().await, Some(text()));
        assert_eq!(outbox.push(text()), Ok(()), "room again");
    }
}

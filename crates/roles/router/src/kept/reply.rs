//! The body of a shard's answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::Line;

/// Read to its end, it leaves its connection to the next request; dropped before, it takes it along.
#[derive(Debug)]
pub(crate) struct Reply {
    body: Incoming,
    /// `None`: the connection is for nothing else
    line: Option<Line>,
    is_over: bool,
}

impl Reply {
    /// Over a connection that is for nothing else.
    pub(crate) fn alone(body: Incoming) -> Self {
        Self { body, line: None, is_over: false }
    }

    pub(super) fn over(body: Incoming, line: Line) -> Self {
        Self { body, line: Some(line), is_over: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let reply = self.get_mut();
        let frame = ready!(Pin::new(&mut reply.body).poll_frame(cx));
        reply.is_over = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(line) = self.line.take()
            && (self.is_over || self.body.is_end_stream())
        {
            line.keep();
        }
    }
}

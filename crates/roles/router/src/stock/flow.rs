//! The body of a shard's answer on its way to the client.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use service::clock::Clock;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::helm::Target;
use crate::kept::Reply;
use crate::limits::STOCK_SILENCE_TIME_MAX;

/// It ends with an error when the shard is silent for too long, or down.
pub(crate) struct Flow {
    body: Reply,
    silence: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// the room is in use until the answer has passed
    _target: Target,
}

impl Flow {
    pub(super) fn new(body: Reply, target: Target) -> Self {
        let silence = Box::pin(sleep(STOCK_SILENCE_TIME_MAX));
        let cut = Box::pin(target.cut.clone().cancelled_owned());
        Self { body, silence, cut, _target: target }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.cut.as_mut().poll(cx).is_ready() || self.silence.as_mut().poll(cx).is_ready()
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let flow = self.get_mut();
        if flow.is_over(cx) {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let frame = ready!(Pin::new(&mut flow.body).poll_frame(cx));
        let later: Duration = STOCK_SILENCE_TIME_MAX;
        flow.silence.as_mut().reset((Clock.now() + later).into());
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

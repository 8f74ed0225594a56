//! The bridge channel of an endpoint: over SCTP, over a WebSocket, or both.

use std::time::Instant;

use str0m::channel::ChannelId;

use crate::SocketId;
use crate::limits;
use crate::rate::TokenBucket;

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) data: Option<ChannelId>,
    pub(crate) socket: Option<SocketId>,
    /// a message on the state of the conference was lost: the client must be told all of it again
    pub(crate) missed: bool,
    last: Option<Via>,
    bucket: TokenBucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Data(ChannelId),
    Socket(SocketId),
}

impl Channel {
    pub(crate) fn new(now: Instant) -> Self {
        let bucket = TokenBucket::new(now, limits::MESSAGE_BURST, limits::MESSAGES_PER_SECOND);
        Self { data: None, socket: None, missed: false, last: None, bucket }
    }

    /// A message of so many bytes arrived. `false`: the endpoint sends too many, or too much.
    pub(crate) fn received(&mut self, now: Instant, via: Via, bytes: usize) -> bool {
        self.last = Some(via);
        let tokens = bytes.div_ceil(limits::MESSAGE_TOKEN_BYTES).max(1);
        self.bucket.take(now, u32::try_from(tokens).unwrap_or(u32::MAX))
    }

    /// The way to the client: the one it used last, else the data channel, else the WebSocket.
    pub(crate) fn way(&self) -> Option<Via> {
        let open = |via: &Via| match via {
            Via::Data(id) => self.data == Some(*id),
            Via::Socket(id) => self.socket == Some(*id),
        };
        self.last.filter(open).or(self.data.map(Via::Data)).or(self.socket.map(Via::Socket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn the_last_used_way_is_taken_while_it_is_open() {
        let now = Instant::now();
        let (one, two) = (SocketId(1), SocketId(2));
        let mut channel = Channel::new(now);
        assert_eq!(channel.way(), None);
        channel.socket = Some(one);
        assert_eq!(channel.way(), Some(Via::Socket(one)));
        assert!(channel.received(now, Via::Socket(one), 10));
        channel.socket = Some(two);
        assert_eq!(channel.way(), Some(Via::Socket(two)), "the first was replaced");
        channel.socket = None;
        assert_eq!(channel.way(), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn long_messages_count_for_many() {
        let now = Instant::now();
        for (bytes, messages) in [(0, 200), (1024, 200), (1025, 100), (limits::MESSAGE_BYTES_MAX, 3)] {
            let mut channel = Channel::new(now);
            let via = Via::Socket(SocketId(1));
            let allowed = (0..1000).filter(|_| channel.received(now, via, bytes)).count();
            assert_eq!(allowed, messages, "of {bytes} bytes");
        }
    }
}

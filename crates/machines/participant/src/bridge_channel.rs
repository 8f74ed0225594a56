//! The bridge channel over a WebSocket (lib-jitsi-meet, `BridgeChannel.ts`), where the client takes that and no data channel:
//! when it is opened, what is said on it, and when another one is tried.
//!
//! It belongs to the signalling half of a participant, which is told where it is; what the bridge says of the own pictures is
//! passed on to the media half. A stream that is lost does not touch it.

use crate::failure::Closing;
use crate::limits::{CHANNEL_RETRY_FIRST, CHANNEL_RETRY_LONGEST};
use crate::media::channel::{self, Said};
use crate::media::{Command, Way};
use crate::output::{Fact, Output};
use crate::{Participant, Time};

/// The endpoint is the only one of its conference, or its time is over.
const GOING_AWAY: u16 = 1001;

#[derive(Clone, Debug, Default)]
pub(crate) struct BridgeChannel {
    /// of the present session; `None`: it has no such channel
    url: Option<String>,
    state: State,
    /// when it is looked whether it is open; `None`: it is, or was told not to be
    retry_at: Option<Time>,
    /// until the look after that
    delay: Time,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Opening,
    Open,
}

impl BridgeChannel {
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.retry_at
    }

    /// It was open, or never was; whether this is the first that is seen of it.
    fn lose(&mut self, now: Time) -> bool {
        self.state = State::Closed;
        let is_first = self.retry_at.is_none();
        if is_first {
            self.delay = CHANNEL_RETRY_FIRST;
            self.retry_at = Some(now + self.delay);
        }
        is_first
    }

    /// Where to open another one, if it is time. COMPAT: while one is being opened, it waits as long again.
    fn retry(&mut self, now: Time) -> Option<String> {
        self.retry_at.filter(|at| *at <= now)?;
        if self.state == State::Opening {
            self.retry_at = Some(now + self.delay);
            return None;
        }
        self.delay = (self.delay * 2).min(CHANNEL_RETRY_LONGEST);
        self.retry_at = Some(now + self.delay);
        self.state = State::Opening;
        self.url.clone()
    }
}

/// Whether the client takes the WebSocket: where it would rather, or where there is nothing else.
pub(crate) fn takes_web_socket(sctp: bool, way: Way) -> bool {
    !sctp || way == Way::WebSocket
}

impl Participant {
    /// The WebSocket of [`Output::OpenChannel`] is open.
    pub fn handle_channel_open(&mut self, _now: Time) {
        let Some(media) = self.settings.media.clone().filter(|_| self.channel.state == State::Opening) else {
            return;
        };
        (self.channel.state, self.channel.retry_at) = (State::Open, None);
        self.tell(Fact::ChannelOpened);
        self.out(Output::SayOnChannel(channel::constraints(media.height_max)));
        if media.camera.is_some() {
            let source = format!("{}-v0", self.room.nick);
            self.out(Output::SayOnChannel(channel::video_type(&source)));
        }
    }

    /// A text of the bridge.
    pub fn handle_channel_text(&mut self, _now: Time, text: &str) {
        if self.channel.state != State::Open || self.is_over() {
            return;
        }
        if let Some(Said::HeightMax { source, height }) = channel::read(text) {
            self.out(Output::Media(Command::Limit { source, height }));
        }
    }

    /// The WebSocket is gone, or there was none to be had. Not to be told of one that
    /// [`Output::CloseChannel`] has ended.
    pub fn handle_channel_closed(&mut self, now: Time, how: &Closing) {
        if self.channel.state == State::Closed || self.is_over() {
            return;
        }
        // itself and the focus
        let alone = self.room.occupants().len() <= 2;
        if *how == Closing::Clean(GOING_AWAY) && alone {
            self.channel.state = State::Closed;
            self.channel.retry_at = None;
            return;
        }
        if self.channel.lose(now) {
            self.tell(Fact::ChannelLost(how.clone()));
        }
    }

    /// For a session whose bridge is reached there; a channel of the session before is over.
    pub(crate) fn begin_channel(&mut self, url: Option<String>) {
        self.end_channel();
        let Some(url) = url else { return };
        self.channel = BridgeChannel { url: Some(url.clone()), state: State::Opening, ..Default::default() };
        self.out(Output::OpenChannel(url));
    }

    pub(crate) fn end_channel(&mut self) {
        let ended = std::mem::take(&mut self.channel);
        if ended.state != State::Closed {
            self.out(Output::CloseChannel);
        }
    }

    pub(crate) fn check_channel(&mut self, now: Time) {
        if let Some(url) = self.channel.retry(now) {
            self.out(Output::OpenChannel(url));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn it_is_tried_again_later_and_later() {
        let mut channel = BridgeChannel { url: Some("u".to_owned()), ..Default::default() };
        assert!(channel.lose(at(0)));
        let mut attempts = Vec::new();
        for second in 0..200 {
            if channel.retry(at(second)).is_some() {
                attempts.push(second);
                assert!(!channel.lose(at(second)), "it is lost once");
            }
        }
        assert_eq!(attempts, [1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[test]
    fn one_that_is_being_opened_is_waited_for() {
        let mut channel = BridgeChannel { url: Some("u".to_owned()), ..Default::default() };
        channel.lose(at(0));
        assert_eq!(channel.retry(at(1)).as_deref(), Some("u"));
        assert_eq!((channel.retry(at(3)), channel.deadline()), (None, Some(at(5))));
        channel.lose(at(4));
        assert!(channel.retry(at(5)).is_some());
    }

    #[test]
    fn the_client_rather_has_a_data_channel_unless_it_is_told() {
        assert!(!takes_web_socket(true, Way::DataChannel) && takes_web_socket(true, Way::WebSocket));
        assert!(takes_web_socket(false, Way::DataChannel));
    }
}

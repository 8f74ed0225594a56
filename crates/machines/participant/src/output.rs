//! What a participant wants done, and what it has to tell.

use crate::Time;
use crate::failure::{Closing, Failure};
use crate::media;

/// To be obeyed in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask for the conference: this JSON to `/conference-request/v1`. The answer is
    /// [`handle_answer`](crate::Participant::handle_answer).
    Request(String),
    /// Open a WebSocket, with `previd` in its query where there is one. Over BOSH there is nothing to open.
    Connect {
        previd: Option<String>,
    },
    /// One text frame.
    Send(String),
    /// Let go of the socket without a word.
    Drop,
    /// Close the socket with its handshake, once everything is sent.
    Close,
    /// Open this WebSocket as the bridge channel, in place of one that is there. Then
    /// [`handle_channel_open`](crate::Participant::handle_channel_open) and its like.
    OpenChannel(String),
    /// One text message on it.
    SayOnChannel(String),
    CloseChannel,
    /// For the [`Peer`](media::Peer) of this participant. Whoever has no media never says it.
    Media(media::Command),
    Fact(Fact),
}

/// Something happened that is worth counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// In the room, so long after it began.
    Joined { after: Time },
    /// The stream was lost; it will be taken up.
    Lost,
    /// The stream is taken up, so long after it was lost.
    Resumed { attempts: u32, after: Time },
    /// A line of this run, somebody's or its own, so long after it was said.
    Heard { after: Time },
    /// [`call`](crate::Participant::call) is answered, so long after it; of that, `timers` were the client's own pauses
    /// before it tries to take up a lost stream.
    Answered { after: Time, timers: Time },
    /// The focus has offered a session, and it is accepted.
    Accepted,
    /// Its media connection failed, and the focus is asked for a session anew.
    MediaRestart,
    /// The bridge channel is open, where it is a WebSocket.
    ChannelOpened,
    /// It is gone, or could not be opened, and is tried again until it is there.
    ChannelLost(Closing),
    /// Nothing more comes of this participant.
    Over(End),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As it was told.
    Left,
    /// It never got into the room.
    Failed(Failure),
    /// It was in the room, and its page would load anew.
    Reload(Failure),
}

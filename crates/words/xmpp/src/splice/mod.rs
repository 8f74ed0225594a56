//! A client's stream that outlives its server: the half of XEP-0198 that somebody between the two can do.
//!
//! A [`Splice`] sits between a client and its server (RFC 7395: every frame is one element). Frames of both come in,
//! [`Action`]s go out, in order. While the link to the server stands, frames pass as they are, and the splice follows the
//! stream's state: the login, the token of `<enabled/>`, how many stanzas went which way, what was acknowledged. When
//! the link breaks and another stands, it logs in and resumes in the client's name. The client sees nothing of that: no
//! second `<open/>`, no `<resumed/>`, no stanza twice and none missing.
//!
//! Towards the server: the client's stanzas that it has not acknowledged are kept and sent again from the `h` of its
//! `<resumed/>` on. So that few are kept, the splice asks by itself (`<r/>`) where the client does not, and swallows
//! the answer. What is over the limit is forgotten, oldest first: then the stream is unprotected until the server
//! has acknowledged what was forgotten.
//!
//! Towards the client: the `h` of our `<resume/>` is what the *client* has acknowledged, never what it was sent. For a
//! server forgets what is acknowledged, and bytes that are on their way when the client's own socket breaks never arrive:
//! the client's own resume, with its smaller `h`, must still find them at the server. So the server sends again what
//! the client may already have been sent, and the splice swallows as many stanzas as that is. It knows each by
//! a fingerprint: a server that says something else under the same number has lost what it said before, and the client
//! is better dropped than deceived.
//!
//! A server of ours that has lost something knows it. Our `<resume/>` says how far the client was sent (`told`), its
//! `<resumed/>` which of it it does not remember (`known`, `until`); these numbers are taken, by [`crate::sm::FILLER`]. What caused
//! the lost stanzas was never acknowledged, so it comes again, and with it stanzas that the client has: of these the
//! splice makes fillers, too.
//!
//! What it refuses to know: which server is next, how long to wait for it, and what a stanza means.

mod asks;
mod hello;
mod kept;
mod scan;
#[cfg(test)]
mod tests;
mod told;

use std::collections::VecDeque;

use crate::limits::STANZA_BYTES_MAX;
use crate::sm::{self, Gap};
use crate::text::to_text;
use crate::{elem, ns};
use asks::Asks;
use hello::Hello;
use kept::Kept;
use scan::Seen;
use told::{News, Told};

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<F> {
    /// A frame for the server, on the link that stands.
    ToServer(F),
    ToClient(F),
    /// The stream goes on, on the link that stands.
    Resumed,
    /// Both sockets are dropped, that of the client without a closing handshake: it may come back by itself.
    Drop(Reason),
}

/// Why a client cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    #[error("the client did not enable resumption, or logged in in a way that cannot be repeated")]
    NotResumable,
    #[error("the stream had been ended by one of its sides")]
    Ended,
    #[error("the server does not take the stream up")]
    Refused,
    #[error("the server has lost what it had told the client")]
    Contradiction,
    #[error("more was unacknowledged than is kept")]
    Forgotten,
    #[error("a stanza is too large to be kept")]
    TooBig,
}

/// One client's stream. `F` is a frame's text, e.g. `String`.
///
/// Call [`Splice::handle_client`] and [`Splice::handle_server`] with each frame, [`Splice::handle_broken`] when the link
/// to the server is gone, [`Splice::handle_connected`] when another stands; after each of them obey
/// [`Splice::poll_action`] until it is empty. The first link stands from the beginning. After [`Action::Drop`] nothing
/// comes any more.
#[derive(Debug)]
pub struct Splice<F> {
    hello: Hello,
    management: Management,
    link: Link,
    kept: Kept,
    told: Told,
    asks: Asks,
    farewell: Farewell,
    actions: VecDeque<Action<F>>,
}

/// How far the client is with XEP-0198.
#[derive(Debug, PartialEq, Eq)]
enum Management {
    /// no, or in a way that cannot be resumed
    Off,
    /// `<enable/>` was said: from here on the client's stanzas count
    Asked,
    /// by itself, on a new stream
    Resuming {
        previd: String,
        h: u32,
    },
    On {
        token: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Live,
    Broken,
    /// ours; we said this `h`
    Resuming {
        h: u32,
    },
    /// a `Drop` was given
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    None,
    /// the client said `<close/>`
    Client,
    /// the server ended the stream
    Server,
}

impl<F: AsRef<str> + From<String>> Default for Splice<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: AsRef<str> + From<String>> Splice<F> {
    pub fn new() -> Self {
        Self {
            hello: Hello::default(),
            management: Management::Off,
            link: Link::Live,
            kept: Kept::default(),
            told: Told::default(),
            asks: Asks::default(),
            farewell: Farewell::None,
            actions: VecDeque::new(),
        }
    }

    /// A frame of the client.
    pub fn handle_client(&mut self, frame: F) {
        let text = frame.as_ref();
        if text.len() > STANZA_BYTES_MAX && self.link != Link::Live {
            // the server would end the stream over it
            self.give_up(Reason::TooBig);
            return;
        }
        match Seen::of(text) {
            Seen::Stanza => return self.stanza_of_client(frame),
            Seen::Request => self.asks.ask(),
            Seen::Ack { h: Some(h) } => self.told.acknowledge(h),
            Seen::Open => self.hello.open(text),
            Seen::Auth => self.hello.auth(text),
            Seen::Steps => self.hello.spoil(),
            Seen::Close => self.farewell = Farewell::Client,
            Seen::Enable { resume: true } if self.management == Management::Off => {
                self.management = Management::Asked;
                self.kept = Kept::default();
            }
            Seen::Resume { previd, h } if self.management == Management::Off => {
                self.management = Management::Resuming { previd, h };
            }
            _ => {}
        }
        self.pass_to_server(frame);
    }

    /// A frame of the server, on the link that stands.
    pub fn handle_server(&mut self, frame: F) {
        match self.link {
            Link::Live => self.frame_of_server(frame),
            Link::Resuming { h } => self.dialogue(frame.as_ref(), h),
            Link::Broken | Link::Over => {}
        }
    }

    /// The link to the server is gone: either there is a [`Action::Drop`] now, or another link is wanted.
    pub fn handle_broken(&mut self) {
        if self.link == Link::Over {
            return;
        }
        self.link = Link::Broken;
        let is_resumable = matches!(self.management, Management::On { .. }) && self.hello.texts().is_some();
        if self.farewell == Farewell::Server || self.farewell == Farewell::Client && !is_resumable {
            self.give_up(Reason::Ended);
        } else if !is_resumable {
            self.give_up(Reason::NotResumable);
        }
    }

    /// Another link stands: the splice speaks first. Only after [`Splice::handle_broken`].
    pub fn handle_connected(&mut self) {
        if self.link != Link::Broken {
            return;
        }
        let (Management::On { token }, Some(hello)) = (&self.management, self.hello.texts()) else { return };
        let Some(h) = self.told.repeat() else {
            self.give_up(Reason::Forgotten);
            return;
        };
        let mut resume = elem("resume", ns::SM).attr("h", h.to_string()).attr("previd", token.as_str());
        if self.told.last() != h {
            resume = resume.attr("told", self.told.last().to_string());
        }
        let resume = resume.build();
        // in one go: no answer of the server changes what is said next
        let texts = hello.map(str::to_owned).into_iter().chain([to_text(&resume)]);
        self.actions.extend(texts.map(|text| Action::ToServer(text.into())));
        self.link = Link::Resuming { h };
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action<F>> {
        self.actions.pop_front()
    }

    /// Whether the next frame of the client may be brought now. Never false while the link is live.
    pub fn takes_client(&self) -> bool {
        !matches!(self.link, Link::Broken | Link::Resuming { .. }) || self.kept.has_room()
    }

    /// Frames pass: there is no resume under way.
    pub fn is_live(&self) -> bool {
        self.link == Link::Live
    }

    /// The client has said goodbye. Where the server has not heard it yet, it is told at the next resume.
    pub fn has_left(&self) -> bool {
        self.farewell == Farewell::Client
    }

    /// Stanzas of the client that are kept, and their bytes.
    pub fn kept(&self) -> (usize, usize) {
        (self.kept.len(), self.kept.bytes())
    }

    /// For tests, after every call.
    ///
    /// # Panics
    /// What should always hold does not.
    pub fn check_invariants(&self) {
        self.kept.check_invariants();
        self.told.check_invariants();
        let is_on = matches!(self.management, Management::On { .. });
        assert!(is_on || !matches!(self.link, Link::Broken | Link::Resuming { .. }), "nobody else is kept");
        assert!(
            is_on || self.management == Management::Asked || self.kept.len() == 0,
            "{:?}",
            self.management
        );
    }

    fn stanza_of_client(&mut self, frame: F) {
        let text = frame.as_ref();
        match self.management {
            Management::On { .. } | Management::Asked => self.kept.push(text),
            // its number is anybody's guess
            Management::Resuming { .. } => self.management = Management::Off,
            Management::Off => {}
        }
        let asks = self.link == Link::Live
            && matches!(self.management, Management::On { .. })
            && self.asks.sent(text.len());
        self.pass_to_server(frame);
        if asks {
            self.say(to_text(&sm::request()));
        }
    }

    /// What is no stanza need not be kept: its place is taken by what is said after a resume.
    fn pass_to_server(&mut self, frame: F) {
        if self.link == Link::Live {
            self.actions.push_back(Action::ToServer(frame));
        }
    }

    fn frame_of_server(&mut self, frame: F) {
        let text = frame.as_ref();
        match Seen::of(text) {
            Seen::Stanza if matches!(self.management, Management::On { .. }) => match self.told.hear(text) {
                News::New => {}
                News::Repeated => return,
                News::Shown => {
                    self.actions.push_back(Action::ToClient(sm::FILLER.to_owned().into()));
                    return;
                }
                News::Contradiction => return self.give_up(Reason::Contradiction),
            },
            Seen::Ack { h } => {
                if let Some(h) = h {
                    // what it says of stanzas that were never sent is between it and the client
                    let _ = self.kept.acknowledge(h);
                }
                if self.asks.answered() {
                    return;
                }
            }
            Seen::Enabled { token } => self.enabled(token),
            Seen::Resumed { h, .. } => self.resumed_by_client(h),
            Seen::Failed if !matches!(self.management, Management::On { .. }) => self.unmanaged(),
            Seen::Steps => self.hello.spoil(),
            Seen::Close | Seen::StreamError => self.farewell = Farewell::Server,
            _ => {}
        }
        self.actions.push_back(Action::ToClient(frame));
    }

    fn enabled(&mut self, token: Option<String>) {
        if self.management != Management::Asked {
            return;
        }
        match token {
            Some(token) => {
                self.management = Management::On { token };
                self.told = Told::default();
            }
            None => self.unmanaged(),
        }
    }

    fn resumed_by_client(&mut self, taken: Option<u32>) {
        let Management::Resuming { previd, h } = &mut self.management else { return };
        let (token, h) = (std::mem::take(previd), *h);
        let Some(taken) = taken else { return self.unmanaged() };
        self.management = Management::On { token };
        self.kept = Kept::at(taken);
        self.told = Told::at(h);
    }

    fn unmanaged(&mut self) {
        self.management = Management::Off;
        self.kept = Kept::default();
    }

    /// What the server says until it has taken the stream up is for us alone.
    fn dialogue(&mut self, text: &str, h: u32) {
        match Seen::of(text) {
            Seen::Resumed { h: Some(taken), lost } => self.take_up(taken, h, lost),
            Seen::Resumed { h: None, .. }
            | Seen::Failed
            | Seen::Failure
            | Seen::Steps
            | Seen::StreamError
            | Seen::Close
            | Seen::Stanza => self.give_up(Reason::Refused),
            _ => {}
        }
    }

    fn take_up(&mut self, taken: u32, told: u32, lost: Option<Gap>) {
        if self.kept.acknowledge(taken).is_err() {
            return self.give_up(Reason::Refused);
        }
        let Some(missing) = self.kept.unacknowledged() else {
            return self.give_up(Reason::Forgotten);
        };
        self.told.lose(lost);
        self.link = Link::Live;
        self.actions.push_back(Action::Resumed);
        self.actions.extend(missing.map(|text| Action::ToServer(text.to_owned().into())));
        if self.told.acked() != told {
            // the client said so meanwhile
            self.say(to_text(&sm::ack(self.told.acked())));
        }
        if self.asks.resumed() {
            self.say(to_text(&sm::request()));
        }
        if self.farewell == Farewell::Client {
            self.say(to_text(&elem("close", ns::FRAMING).build()));
        }
    }

    fn say(&mut self, text: String) {
        self.actions.push_back(Action::ToServer(text.into()));
    }

    fn give_up(&mut self, reason: Reason) {
        if self.link != Link::Over {
            self.link = Link::Over;
            self.actions.push_back(Action::Drop(reason));
        }
    }
}

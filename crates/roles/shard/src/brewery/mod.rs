//! The brewery: the room in which bridges announce themselves, and through which the focus speaks with them.
//!
//! A pure machine: stanzas of logged-in streams in, [`Out`] out. It is a small MUC (XEP-0045) whose first occupant is
//! the focus, nick `focus`, which has no stream: what is addressed to it comes out as [`Out::Answered`]. IQs between
//! occupants are routed with occupant JIDs and unchanged ids. It also answers for the domain of the accounts (pings,
//! disco#info); everything else is `service-unavailable`.
//!
//! Unlike a MUC for people it sends the repeated presence of a bridge back to that bridge only: no bridge reads the
//! load of another, and with a hundred of them it would be two thousand stanzas a second.

mod iq;
mod occupant;
mod stats;

use std::collections::BTreeMap;

use meeting::Reach;
use placement::Bridge;
use xmpp::Element;
use xmpp::jid::{BareJid, FullJid, Jid};
use xmpp::stanza::Kind;
use xmpp::stanza_error::Condition;

use occupant::Occupant;

/// The nick of the focus.
pub(crate) const FOCUS: &str = "focus";

/// A stream of an account, named by the shell; never used again for another one.
pub(crate) type StreamId = u64;

/// A request of the focus, named by the shell.
pub(crate) type AskId = u64;

/// What the shell has to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Out {
    Send {
        to: StreamId,
        stanza: Element,
    },
    /// Another stream took over this one's address.
    Drop {
        stream: StreamId,
    },
    /// The payload of a result, or `<error/>`. `None`: the bridge left before it answered, or its result is empty.
    Answered {
        ask: AskId,
        answer: Option<Element>,
    },
}

#[derive(Debug)]
pub(crate) struct Brewery {
    /// of the accounts
    domain: String,
    room: BareJid,
    /// the real address of the focus
    focus: String,
    streams: BTreeMap<StreamId, FullJid>,
    /// by nick
    occupants: BTreeMap<String, Occupant>,
    /// by id of the IQ
    asked: BTreeMap<String, Asked>,
    /// makes ids of IQs that no other process of ours made
    salt: String,
    ids: u64,
    joins: u64,
}

#[derive(Debug)]
struct Asked {
    ask: AskId,
    nick: String,
}

impl Brewery {
    /// `salt` is different for each process.
    pub(crate) fn new(domain: &str, room: BareJid, salt: String) -> Self {
        Self {
            domain: domain.to_owned(),
            room,
            focus: format!("focus@{domain}/focus"),
            streams: BTreeMap::new(),
            occupants: BTreeMap::new(),
            asked: BTreeMap::new(),
            salt,
            ids: 0,
            joins: 0,
        }
    }

    /// A stream has logged in and got `jid`. An older one with the same address is dropped: it is a bridge that came
    /// back before we noticed that it was gone.
    pub(crate) fn handle_bound(&mut self, stream: StreamId, jid: FullJid) -> Vec<Out> {
        let older: Vec<_> = self.streams.iter().filter(|(_, j)| **j == jid).map(|(id, _)| *id).collect();
        let mut out = Vec::new();
        for id in older {
            out.extend(self.handle_gone(id));
            out.push(Out::Drop { stream: id });
        }
        self.streams.insert(stream, jid);
        out
    }

    /// A stream has ended.
    pub(crate) fn handle_gone(&mut self, stream: StreamId) -> Vec<Out> {
        let mut out = self.leave(stream);
        // nothing more is sent to it
        out.retain(|o| !matches!(o, Out::Send { to, .. } if *to == stream));
        self.streams.remove(&stream);
        out
    }

    /// A stream says something.
    pub(crate) fn handle(&mut self, stream: StreamId, stanza: &Element) -> Vec<Out> {
        let Some(own) = self.streams.get(&stream).cloned() else { return Vec::new() };
        let to = match stanza.attr("to").map(Jid::new) {
            None => None,
            Some(Ok(to)) => Some(to),
            Some(Err(_)) => return iq::refuse(stream, stanza, Condition::JidMalformed),
        };
        match Kind::of(stanza) {
            Some(Kind::Presence) => self.handle_presence(stream, &own, to.as_ref(), stanza),
            Some(Kind::Iq) => self.handle_iq(stream, &own, to.as_ref(), stanza),
            // nobody chats here
            Some(Kind::Message) => iq::refuse(stream, stanza, Condition::ServiceUnavailable),
            None => Vec::new(),
        }
    }

    /// The bridges that can be asked, with what they say of themselves.
    pub(crate) fn bridges(&self) -> impl Iterator<Item = &Bridge> {
        self.occupants.values().filter_map(|o| o.bridge.as_ref())
    }

    /// Whether this stream is that of a bridge in the room.
    pub(crate) fn is_there(&self, stream: StreamId) -> bool {
        self.occupants.values().any(|o| o.stream == stream && o.bridge.is_some())
    }

    /// How each bridge can be reached.
    pub(crate) fn reach(&self) -> BTreeMap<String, Reach> {
        let reach = |o: &Occupant| {
            let leaving = o.leaving || !o.bridge.as_ref()?.healthy;
            Some(Reach { join: o.join, leaving })
        };
        self.occupants.iter().filter_map(|(nick, o)| Some((nick.clone(), reach(o)?))).collect()
    }

    /// A participant was placed on this bridge.
    pub(crate) fn placed(&mut self, nick: &str) {
        if let Some(bridge) = self.occupants.get_mut(nick).and_then(|o| o.bridge.as_mut()) {
            bridge.recent = bridge.recent.saturating_add(1);
        }
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("{}-{}", self.salt, self.ids)
    }
}

#[cfg(test)]
mod tests;

//! What was said before somebody joined (XEP-0045 section 7.2.13).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use xmpp::delay::delay;
use xmpp::text::{Stencil, to_text_within};
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::entry::Millis;
use crate::limits;
use crate::session::SessionId;
use crate::turn::Turn;

/// The last messages with a body, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History(VecDeque<Past>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Past {
    at: Millis,
    /// sessions are numbered once and for all, nicks may be taken again
    author: SessionId,
    nick: String,
    id: Option<String>,
    /// the children of the message, as text
    children: String,
}

impl History {
    pub(super) fn push(&mut self, at: Millis, author: SessionId, nick: &str, message: &Element) {
        let children = message.children().map(|child| to_text_within(child, ns::CLIENT)).collect();
        let id = message.attr("id").map(str::to_owned);
        self.0.push_back(Past { at, author, nick: nick.to_owned(), id, children });
        while self.0.len() > limits::HISTORY_MESSAGES {
            self.0.pop_front();
        }
    }

    /// Whether all messages with this id are this session's, and there is one.
    pub(super) fn is_by(&self, id: &str, author: SessionId) -> bool {
        let mut messages = self.0.iter().filter(|past| past.id.as_deref() == Some(id)).peekable();
        messages.peek().is_some() && messages.all(|past| past.author == author)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.retain(|past| past.id.as_deref() != Some(id));
    }
}

impl Core {
    pub(super) fn send_history(&mut self, turn: &mut Turn, id: SessionId, jid: &str) {
        let messages: Vec<String> =
            self.room.history.0.iter().map(|past| self.past_message(past).fill(jid)).collect();
        for message in messages {
            self.send_text(turn, id, message);
        }
    }

    fn past_message(&self, past: &Past) -> Stencil {
        let message = elem("message", ns::CLIENT)
            .attr("type", "groupchat")
            .attr("from", self.occupant_jid(&past.nick))
            .attr_opt("id", past.id.as_deref())
            .child(delay(&self.room_jid, past.at));
        Stencil::with_inner(&message.build(), &past.children)
    }
}

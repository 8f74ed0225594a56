//! IQs: between occupants, to and from the focus, and to the domain itself.

use std::collections::BTreeMap;

use xmpp::build::set_attr;
use xmpp::jid::{FullJid, Jid};
use xmpp::stanza_error::Condition;
use xmpp::{Element, disco, elem, ns, ping, stanza};

use super::{AskId, Asked, Brewery, FOCUS, Out, StreamId};

impl Brewery {
    /// Sends `payload` from the focus to a bridge. Its answer comes as [`Out::Answered`], at once where there is no
    /// such bridge.
    ///
    /// COMPAT: an IQ of type `get`, as stock Jicofo sends them.
    pub(crate) fn ask(&mut self, ask: AskId, nick: &str, payload: Element) -> Out {
        let Some(stream) = self.occupants.get(nick).map(|o| o.stream) else {
            return Out::Answered { ask, answer: None };
        };
        let id = self.next_id();
        let iq = elem("iq", ns::CLIENT).attr("type", "get").attr("id", &*id).attr("from", self.focus_nick());
        self.asked.insert(id, Asked { ask, nick: nick.to_owned() });
        self.send(stream, &iq.child(payload).build())
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn forget(&mut self, ask: AskId) {
        self.asked.retain(|_, asked| asked.ask != ask);
    }

    /// A ping for a stream that has been silent.
    pub(crate) fn ping(&mut self, stream: StreamId) -> Out {
        let id = self.next_id();
        let iq = elem("iq", ns::CLIENT).attr("type", "get").attr("id", id).attr("from", &*self.domain);
        self.send(stream, &iq.child(ping::ping()).build())
    }

    pub(super) fn handle_iq(
        &mut self,
        stream: StreamId,
        own: &FullJid,
        to: Option<&Jid>,
        iq: &Element,
    ) -> Vec<Out> {
        let Some(to) = to else { return self.for_server(stream, iq) };
        if to.to_bare() == self.room {
            return match to.resource().map(ToString::to_string) {
                Some(nick) => self.for_occupant(stream, &nick, iq),
                None => self.for_room(stream, iq),
            };
        }
        let own_account = to.resource().is_none() && to.to_bare() == own.to_bare();
        if own_account || to.to_string() == self.domain || to.to_string() == self.room.domain().as_str() {
            return self.for_server(stream, iq);
        }
        refuse(stream, iq, Condition::RemoteServerNotFound)
    }

    fn for_occupant(&mut self, stream: StreamId, nick: &str, iq: &Element) -> Vec<Out> {
        let Some((own_nick, _)) = self.occupants.iter().find(|(_, o)| o.stream == stream) else {
            return refuse(stream, iq, Condition::NotAcceptable);
        };
        if nick == FOCUS {
            let own_nick = own_nick.clone();
            return self.for_focus(stream, &own_nick, iq);
        }
        let Some(target) = self.occupants.get(nick) else {
            return refuse(stream, iq, Condition::ItemNotFound);
        };
        let mut routed = iq.clone();
        set_attr(&mut routed, "from", format!("{}/{own_nick}", self.room));
        vec![self.send(target.stream, &routed)]
    }

    fn for_focus(&mut self, stream: StreamId, nick: &str, iq: &Element) -> Vec<Out> {
        if stanza::is_request(iq) {
            return self.for_server(stream, iq);
        }
        let id = iq.attr("id").unwrap_or_default();
        // an answer of another bridge than the one that was asked is none
        if self.asked.get(id).is_none_or(|asked| asked.nick != nick) {
            return Vec::new();
        }
        let Some(Asked { ask, .. }) = self.asked.remove(id) else { return Vec::new() };
        let answer = match iq.attr("type") {
            Some("error") => iq.get_child("error", ns::CLIENT),
            _ => iq.children().next(),
        };
        vec![Out::Answered { ask, answer: answer.cloned() }]
    }

    fn for_room(&self, stream: StreamId, iq: &Element) -> Vec<Out> {
        if is_disco_info(iq) {
            let info = [disco::identity("conference", "text", "bridges"), disco::feature(ns::MUC)];
            return answer(stream, iq, Some(disco::info(None, info)));
        }
        self.for_server(stream, iq)
    }

    /// The domain of the accounts, the domain of the room, an account of one's own, the focus.
    fn for_server(&self, stream: StreamId, iq: &Element) -> Vec<Out> {
        if ping::is_ping(iq) {
            return answer(stream, iq, None);
        }
        if !is_disco_info(iq) {
            return refuse(stream, iq, Condition::ServiceUnavailable);
        }
        // COMPAT: Smack joins only where the domain of the room says that it has rooms
        let mut info = vec![disco::feature(ns::DISCO_INFO), disco::feature(ns::PING)];
        if iq.attr("to") == Some(self.room.domain().as_str()) {
            info.extend([disco::identity("conference", "text", "brewery"), disco::feature(ns::MUC)]);
        } else {
            info.push(disco::identity("server", "im", "althing"));
        }
        answer(stream, iq, Some(disco::info(None, info)))
    }

    /// A bridge has left: what it was asked stays without answer.
    pub(super) fn forget_requests(&mut self, nick: &str) -> Vec<Out> {
        let (gone, open) =
            std::mem::take(&mut self.asked).into_iter().partition(|(_, asked)| asked.nick == nick);
        self.asked = open;
        let gone: BTreeMap<String, Asked> = gone;
        gone.into_values().map(|asked| Out::Answered { ask: asked.ask, answer: None }).collect()
    }

    fn focus_nick(&self) -> String {
        format!("{}/{FOCUS}", self.room)
    }
}

/// The error for a stanza, unless it is an answer itself.
pub(super) fn refuse(stream: StreamId, stanza: &Element, condition: Condition) -> Vec<Out> {
    if !stanza::may_be_refused(stanza) {
        return Vec::new();
    }
    vec![Out::Send { to: stream, stanza: stanza::error(stanza, &condition.into()) }]
}

fn answer(stream: StreamId, iq: &Element, payload: Option<Element>) -> Vec<Out> {
    let stanza = stanza::result(iq).children(payload).build();
    vec![Out::Send { to: stream, stanza }]
}

fn is_disco_info(iq: &Element) -> bool {
    iq.attr("type") == Some("get") && iq.has_child("query", ns::DISCO_INFO)
}

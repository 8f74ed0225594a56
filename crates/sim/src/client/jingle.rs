//! The Jingle session with the focus: offered once, accepted, told of the others' sources once each.

use std::collections::{BTreeMap, BTreeSet};

use xmpp::jingle::ns::JINGLE;
use xmpp::{Element, ns};

use super::Client;
use crate::fact::{Fact, Invariant};
use crate::node::Cx;

#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    sid: String,
    /// the IQ of the session-accept, until it is answered
    accepting: Option<String>,
    pub(crate) accepted: bool,
    /// names of the others' sources, by owner
    pub(crate) told: BTreeMap<String, BTreeSet<String>>,
}

const FEATURES: [&str; 5] = [
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "http://jitsi.org/source-name",
];

impl Client {
    pub(super) fn hear_request(&mut self, cx: &mut Cx<'_>, id: &str, iq: &Element) {
        let (Some(from), Some(payload)) = (iq.attr("from").map(str::to_owned), iq.children().next()) else {
            return;
        };
        let answer = if payload.name() == "query" {
            let features: String = FEATURES.iter().map(|var| format!(r#"<feature var="{var}"/>"#)).collect();
            format!(r#"<query xmlns="{}">{features}</query>"#, ns::DISCO_INFO)
        } else {
            String::new()
        };
        let answer =
            format!(r#"<iq type="result" to="{from}" id="{id}" xmlns="jabber:client">{answer}</iq>"#);
        self.say(cx, answer, None);
        if payload.is("jingle", JINGLE) {
            self.hear_jingle(cx, payload);
        }
    }

    fn hear_jingle(&mut self, cx: &mut Cx<'_>, jingle: &Element) {
        let sid = jingle.attr("sid").unwrap_or_default().to_owned();
        let action = jingle.attr("action").unwrap_or_default();
        let knows = self.session.as_ref().is_some_and(|session| session.sid == sid);
        match action {
            "session-initiate" => {
                if self.session.is_some() {
                    self.odd(cx, "a second session beside the first".to_owned());
                }
                self.session = Some(Session { sid, ..Session::default() });
                self.change_sources(cx, jingle, true);
                self.accept(cx);
            }
            _ if !knows => self.odd(cx, format!("{action} for an unknown session")),
            "source-add" => self.change_sources(cx, jingle, true),
            "source-remove" => self.change_sources(cx, jingle, false),
            "session-terminate" => self.session = None,
            _ => {}
        }
    }

    fn accept(&mut self, cx: &mut Cx<'_>) {
        let id = self.id();
        let Some(session) = &mut self.session else { return };
        session.accepting = Some(id.clone());
        let (sid, nick, room) = (session.sid.clone(), self.nick.clone(), self.room_jid());
        let ssrc = u64::from_str_radix(&nick, 16).unwrap_or(1) % 0xffff_fff0 + 1;
        let accept = format!(
            "<iq type='set' to='{room}/focus' id='{id}' xmlns='jabber:client'>\
             <jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='{sid}'>\
             <content name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
             <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='{ssrc}' name='{nick}-a0'>\
             <parameter name='msid' value='{nick}-audio-0-1 t'/></source></description>\
             <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='c{nick}' pwd='p'>\
             <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>CC</fingerprint>\
             </transport></content></jingle></iq>"
        );
        self.say(cx, accept, None);
    }

    pub(super) fn hear_answer(&mut self, cx: &mut Cx<'_>, id: &str, iq: &Element) {
        let Some(session) = self.session.as_mut().filter(|session| session.accepting.as_deref() == Some(id))
        else {
            return;
        };
        session.accepting = None;
        session.accepted = iq.attr("type") == Some("result");
        if !session.accepted {
            let what = format!("the session-accept was refused: {}", xmpp::text::to_text(iq));
            self.breach(cx, Invariant::JingleOnce, &what);
        }
    }

    pub(super) fn forget_sources_of(&mut self, nick: &str) {
        if let Some(session) = &mut self.session {
            session.told.remove(nick);
        }
    }

    fn change_sources(&mut self, cx: &mut Cx<'_>, jingle: &Element, added: bool) {
        let mut wrong = Vec::new();
        let own = self.nick.clone();
        let Some(session) = &mut self.session else { return };
        for (owner, name) in named_sources(jingle) {
            let told = session.told.entry(owner.clone()).or_default();
            let fits = if added { told.insert(name.clone()) } else { told.remove(&name) };
            if !fits || owner == own {
                wrong.push(name);
            }
        }
        for name in wrong {
            let what = if added { "told again" } else { "taken away, but never told" };
            self.odd(cx, format!("source {name}: {what}"));
        }
    }

    fn odd(&self, cx: &mut Cx<'_>, what: String) {
        cx.fact(Fact::Odd { client: self.number, what });
    }
}

/// Owner and name of every source in the JSON form, read as far as it is needed here: `{"sources":{"OWNER":[[{"s":1,
/// "n":"NAME"}, ...], ...]}}`.
fn named_sources(jingle: &Element) -> Vec<(String, String)> {
    let Some(message) = jingle.get_child("json-message", ns::JITMEET) else { return Vec::new() };
    let text = message.text();
    let names = text.split(r#""n":""#).skip(1).filter_map(|rest| rest.split('"').next());
    names
        .filter_map(|name| name.split_once('-').map(|(owner, _)| (owner.to_owned(), name.to_owned())))
        .filter(|(owner, _)| owner != "jvb")
        .collect()
}

//! The stream: negotiated (RFC 7395), counted and taken up again (XEP-0198).

use xmpp::stanza::Kind;
use xmpp::{Element, frame, ns};

use super::{CONNECT, Client, Stage};
use crate::fact::{Fact, Invariant};
use crate::limits::{ACK_REQUEST_STANZAS, CLIENT_CONNECT_TIME};
use crate::node::{Cx, Hello, Item};

const ENABLE: &str = r#"<enable xmlns="urn:xmpp:sm:3" resume="true"/>"#;

impl Client {
    /// To any router: whatever is in front of them knows no better.
    pub(super) fn connect(&mut self, cx: &mut Cx<'_>) {
        if self.done {
            return;
        }
        self.turn += 1;
        let router = self.routers[cx.chance.index(self.routers.len())];
        self.wire = Some(cx.open(router, Hello::Stream { room: self.intent.room.clone() }));
        self.stage = Stage::Connecting;
        self.timer(cx, CLIENT_CONNECT_TIME, CONNECT);
    }

    pub(super) fn hear(&mut self, cx: &mut Cx<'_>, item: Item) {
        self.heard_since = true;
        self.heard_at = cx.now;
        match item {
            Item::Accepted => {
                self.stage = Stage::Mechanisms;
                self.open(cx);
            }
            Item::Text(text) => match frame::parse(&text) {
                Ok(element) => self.hear_element(cx, &element),
                Err(error) => {
                    self.breach(cx, Invariant::MachineSound, &format!("got no XML: {error}: {text}"))
                }
            },
            // HTTP other than 101
            Item::Misdirected | Item::Unavailable | Item::Modify { .. } | Item::Modified { .. } => {
                self.abandon(cx);
            }
        }
    }

    fn hear_element(&mut self, cx: &mut Cx<'_>, element: &Element) {
        match self.stage {
            Stage::Up => self.hear_up(cx, element),
            Stage::Mechanisms if element.name() == "features" => {
                self.stage = Stage::Success;
                self.put(cx, r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>"#);
            }
            Stage::Success if element.name() == "success" => {
                self.stage = Stage::Features;
                self.open(cx);
            }
            Stage::Features if element.name() == "features" => self.ask_for_stream(cx),
            Stage::Binding if element.name() == "iq" => self.bound(cx, element),
            Stage::Enabling if element.is("enabled", ns::SM) => self.enabled(cx, element),
            Stage::Resuming if element.is("resumed", ns::SM) => self.resumed(cx, element),
            Stage::Resuming if element.is("failed", ns::SM) => self.reload(cx, "the resumption was refused"),
            Stage::Resuming if Kind::of(element).is_some() => {
                self.breach(cx, Invariant::CountersForward, "a stanza before <resumed/>");
            }
            _ => {}
        }
    }

    fn open(&self, cx: &mut Cx<'_>) {
        let to = self.domain();
        self.put(cx, format!(r#"<open xmlns="{}" to="{to}" version="1.0"/>"#, ns::FRAMING));
    }

    fn ask_for_stream(&mut self, cx: &mut Cx<'_>) {
        if let Some(token) = &self.token {
            let h = self.received;
            self.put(cx, format!(r#"<resume xmlns="{}" h="{h}" previd="{token}"/>"#, ns::SM));
            self.stage = Stage::Resuming;
        } else {
            let bind = format!(
                r#"<iq type="set" id="_bind_auth_2" xmlns="jabber:client"><bind xmlns="{}"/></iq>"#,
                ns::BIND
            );
            self.put(cx, bind);
            self.stage = Stage::Binding;
        }
    }

    fn bound(&mut self, cx: &mut Cx<'_>, iq: &Element) {
        let jid = iq.get_child("bind", ns::BIND).and_then(|bind| bind.get_child("jid", ns::BIND));
        let Some(jid) = jid.map(Element::text).filter(|jid| jid.len() > 8) else {
            return self.abandon(cx);
        };
        self.nick = jid[..8].to_owned();
        self.jid = jid;
        self.stage = Stage::Enabling;
        self.put(cx, ENABLE);
    }

    fn enabled(&mut self, cx: &mut Cx<'_>, enabled: &Element) {
        self.token = enabled.attr("id").map(str::to_owned);
        self.stage = Stage::Up;
        let room = self.intent.room.clone();
        cx.fact(Fact::Enabled { client: self.number, room, nick: self.nick.clone() });
        self.begin_pings(cx);
        self.ask_focus(cx);
    }

    fn resumed(&mut self, cx: &mut Cx<'_>, resumed: &Element) {
        let h = resumed.attr("h").and_then(|h| h.parse().ok());
        if resumed.attr("previd") != self.token.as_deref() {
            self.breach(cx, Invariant::IdentityKept, "somebody else's stream was resumed");
        }
        if !self.acknowledged(cx, h) {
            return;
        }
        self.stage = Stage::Up;
        (self.attempts, self.lost_at) = (0, None);
        cx.fact(Fact::Resumed { client: self.number });
        let again: Vec<String> = self.unacked.iter().map(|(text, _)| text.clone()).collect();
        for text in again {
            self.put(cx, text);
        }
        self.begin_pings(cx);
    }

    /// The rules of the plugin, with which an impossible `h` breaks acknowledgements for ever.
    pub(super) fn acknowledged(&mut self, cx: &mut Cx<'_>, h: Option<u32>) -> bool {
        let (low, high) = (self.acked, self.sent);
        let Some(h) = h.filter(|h| (low..=high).contains(h)) else {
            let what = format!("h={h:?}, but {low} were acknowledged and {high} sent");
            self.breach(cx, Invariant::CountersForward, &what);
            return false;
        };
        for _ in low..h {
            let line = self.unacked.pop_front().and_then(|(_, line)| line);
            if let Some(line) = line {
                cx.fact(Fact::Acknowledged { client: self.number, line });
            }
        }
        (self.acked, self.since_ack) = (h, 0);
        true
    }

    /// Hands a stanza to the stream.
    pub(super) fn say(&mut self, cx: &mut Cx<'_>, text: String, line: Option<u64>) {
        self.put(cx, text.as_str());
        self.unacked.push_back((text, line));
        self.sent += 1;
        self.since_ack += 1;
        if self.since_ack >= ACK_REQUEST_STANZAS {
            self.since_ack = 0;
            self.put(cx, r#"<r xmlns="urn:xmpp:sm:3"/>"#);
        }
    }

    fn hear_up(&mut self, cx: &mut Cx<'_>, element: &Element) {
        if element.is("r", ns::SM) {
            let h = self.received;
            self.put(cx, format!(r#"<a xmlns="{}" h="{h}"/>"#, ns::SM));
        } else if element.is("a", ns::SM) {
            let h = element.attr("h").and_then(|h| h.parse().ok());
            self.acknowledged(cx, h);
        } else if element.name() == "error" {
            self.reload(cx, "a stream error");
        } else if let Some(kind) = Kind::of(element) {
            self.received += 1;
            if xmpp::text::to_text(element) == xmpp::sm::FILLER {
                return;
            }
            if element.attr("to") != Some(self.jid.as_str()) {
                self.breach(cx, Invariant::IdentityKept, "got what is for somebody else");
            }
            match kind {
                Kind::Iq => self.hear_iq(cx, element),
                Kind::Presence => self.hear_presence(cx, element),
                Kind::Message => self.hear_message(cx, element),
            }
        }
    }
}

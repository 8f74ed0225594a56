//! In the room: the join, numbered lines, who is there.

use xmpp::{Element, ns};

use super::{Client, Stage};
use crate::fact::{Fact, Invariant};
use crate::node::Cx;

const FOCUS: &str = "focus";

impl Client {
    /// COMPAT: the client asks for the conference before it joins.
    pub(super) fn ask_focus(&mut self, cx: &mut Cx<'_>) {
        let (id, room, domain) = (self.id(), self.room_jid(), self.domain());
        let ask = format!(
            r#"<iq type="set" to="focus.{domain}" id="{id}" xmlns="jabber:client"><conference xmlns="{}" room="{room}" machine-uid="m"/></iq>"#,
            ns::FOCUS
        );
        self.asked_focus = Some(id);
        self.say(cx, ask, None);
    }

    fn join(&mut self, cx: &mut Cx<'_>) {
        let (room, nick) = (self.room_jid(), self.nick.clone());
        let presence = format!(
            r#"<presence to="{room}/{nick}" xmlns="jabber:client"><x xmlns="{}"/><stats-id>S</stats-id></presence>"#,
            ns::MUC
        );
        self.say(cx, presence, None);
    }

    /// One more line, where there is a connection to say it on.
    pub(super) fn speak(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Up || !self.joined {
            return;
        }
        self.lines += 1;
        let (id, room, line) = (self.id(), self.room_jid(), self.lines);
        let message = format!(
            r#"<message to="{room}" type="groupchat" id="{id}" xmlns="jabber:client"><body>{line}</body></message>"#
        );
        cx.fact(Fact::Said { client: self.number, line });
        self.say(cx, message, Some(line));
    }

    /// As planned; where there is no connection now, a little later.
    pub(super) fn leave(&mut self, cx: &mut Cx<'_>) {
        if self.stage != Stage::Up || !self.joined {
            return cx.timer(crate::node::SECOND, super::LEAVE);
        }
        let (room, nick) = (self.room_jid(), self.nick.clone());
        self.say(
            cx,
            format!(r#"<presence to="{room}/{nick}" type="unavailable" xmlns="jabber:client"/>"#),
            None,
        );
        self.say(cx, r#"<presence type="unavailable" xmlns="jabber:client"/>"#.to_owned(), None);
        self.put(cx, format!(r#"<close xmlns="{}"/>"#, ns::FRAMING));
        if let Some(wire) = self.wire.take() {
            cx.drop(wire);
        }
        (self.stage, self.done, self.joined) = (Stage::Off, true, false);
        cx.fact(Fact::Left { client: self.number });
    }

    pub(super) fn hear_presence(&mut self, cx: &mut Cx<'_>, presence: &Element) {
        let room = self.room_jid();
        let nick = presence.attr("from").and_then(|from| from.strip_prefix(&format!("{room}/")));
        let Some(nick) = nick.map(str::to_owned) else { return };
        match presence.attr("type") {
            None if nick != FOCUS => drop(self.roster.insert(nick)),
            Some("unavailable") if nick == self.nick => {
                self.breach(cx, Invariant::IdentityKept, "was shown out of the room");
            }
            Some("unavailable") => {
                self.roster.remove(&nick);
                self.forget_sources_of(&nick);
            }
            Some("error") => self.breach(cx, Invariant::IdentityKept, "the join was refused"),
            _ => {}
        }
    }

    pub(super) fn hear_message(&mut self, cx: &mut Cx<'_>, message: &Element) {
        if message.has_child("subject", ns::CLIENT) && !self.joined {
            self.joined = true;
            cx.fact(Fact::Joined { client: self.number });
            return;
        }
        if message.attr("type") == Some("error") {
            return self.breach(cx, Invariant::ExactlyOnce, "a line was refused");
        }
        let from =
            message.attr("from").and_then(|from| from.rsplit_once('/')).map(|(_, nick)| nick.to_owned());
        let line = message.get_child("body", ns::CLIENT).and_then(|body| body.text().parse().ok());
        if let (Some(from), Some(line)) = (from, line) {
            self.heard.insert(from.clone(), line);
            let past = message.has_child("delay", ns::DELAY);
            cx.fact(Fact::Heard { client: self.number, from, line, past });
        }
    }

    pub(super) fn hear_iq(&mut self, cx: &mut Cx<'_>, iq: &Element) {
        let Some(id) = iq.attr("id").map(str::to_owned) else { return };
        match iq.attr("type") {
            Some("result" | "error") => {
                self.answered(&id);
                if self.asked_focus.as_deref() == Some(&id) {
                    self.asked_focus = None;
                    self.join(cx);
                }
                self.hear_answer(cx, &id, iq);
            }
            _ => self.hear_request(cx, &id, iq),
        }
    }
}

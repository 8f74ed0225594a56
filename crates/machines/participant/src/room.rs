//! The room (XEP-0045): the join of an ordinary client, who is there, and how one leaves.

use std::collections::BTreeSet;

use sha1::{Digest as _, Sha1};
use xmpp::text::to_text;
use xmpp::{Element, disco, elem, ns};

use crate::failure::Failure;
use crate::iq::{Purpose, error_of};
use crate::limits::OCCUPANTS_MAX;
use crate::output::{Fact, Output};
use crate::{Participant, Time, caps, media, owner};

const FOCUS_NICK: &str = "focus";

#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    pub(crate) nick: String,
    /// the join is sent
    pub(crate) asked: bool,
    pub(crate) joined: Option<Time>,
    /// nicks, our own and the focus included
    occupants: BTreeSet<String>,
    pub(crate) occupants_max: usize,
}

impl Room {
    /// COMPAT: the first eight digits of the user's name where they are hexadecimal, which is an endpoint id; else as
    /// many that nobody else has. The client draws them; here a second run with the same seed must not have those of the
    /// first, whose streams the server may still keep.
    pub(crate) fn name(&mut self, jid: &str) {
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let digits = jid.get(..8).filter(|digits| digits.bytes().all(is_hex));
        let hashed = || Sha1::digest(jid).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        self.nick = digits.map_or_else(hashed, str::to_owned);
    }

    pub(crate) fn has_focus(&self) -> bool {
        self.occupants.contains(FOCUS_NICK)
    }

    pub(crate) fn occupants(&self) -> &BTreeSet<String> {
        &self.occupants
    }

    fn enter(&mut self, nick: &str) {
        if self.occupants.len() < OCCUPANTS_MAX && !self.occupants.contains(nick) {
            self.occupants.insert(nick.to_owned());
            self.occupants_max = self.occupants_max.max(self.occupants.len());
        }
    }
}

impl Participant {
    pub(crate) fn join(&mut self, now: Time) {
        self.room.asked = true;
        let presence = self.presence(Some(elem("x", ns::MUC).build()));
        self.send(now, to_text(&presence));
    }

    pub(crate) fn handle_presence(&mut self, now: Time, presence: &Element) {
        let from = presence.attr("from").unwrap_or_default();
        let Some((room, nick)) = from.split_once('/') else { return };
        if room != self.settings.room {
            return;
        }
        let own = nick == self.room.nick;
        match presence.attr("type") {
            Some("error") if own && self.room.joined.is_none() => {
                self.give_up(now, Failure::Join(error_of(presence)));
            }
            Some("unavailable") => self.handle_departure(now, presence, own, nick),
            Some(_) => {}
            None => {
                self.room.enter(nick);
                if own && self.room.joined.is_none() {
                    self.handle_joined(now);
                }
                if own && owner::is_new(presence) {
                    self.open_room(now);
                }
            }
        }
    }

    /// Out of the room, off the stream, away from the socket.
    pub(crate) fn say_goodbye(&mut self, now: Time) {
        if self.room.asked {
            let to = format!("{}/{}", self.settings.room, self.room.nick);
            let directed = elem("presence", ns::CLIENT).attr("to", to).attr("type", "unavailable");
            self.send(now, to_text(&directed.build()));
        }
        self.send(now, to_text(&elem("presence", ns::CLIENT).attr("type", "unavailable").build()));
        self.send_nonza(to_text(&elem("close", ns::FRAMING).build()));
        self.out(Output::Close);
    }

    fn handle_joined(&mut self, now: Time) {
        self.room.joined = Some(now);
        self.silence.begin(now);
        self.tell(Fact::Joined { after: now.saturating_sub(self.began) });
        let room = self.settings.room.clone();
        self.ask(now, &room, "get", disco::info(None, []), Purpose::Discovery);
        self.begin_chat(now);
        self.begin_probe(now);
    }

    fn handle_departure(&mut self, now: Time, presence: &Element, own: bool, nick: &str) {
        let left = nick.to_owned();
        self.room.occupants.remove(&left);
        if !own && self.settings.media.is_some() {
            self.out(Output::Media(media::Command::Left(left.clone())));
        }
        let user = presence.get_child("x", ns::MUC_USER);
        if own && self.room.joined.is_some() {
            let destroyed = user.is_some_and(|user| user.has_child("destroy", ns::MUC_USER));
            let removed = || Failure::Removed(user.and_then(removal).unwrap_or_default());
            self.give_up(now, if destroyed { Failure::Destroyed } else { removed() });
        } else if left == FOCUS_NICK && self.room.joined.is_some() {
            // COMPAT: fatal to the client, whatever the reason
            self.give_up(now, Failure::FocusLeft);
        }
    }

    /// All that an ordinary client says of itself; `x` at the join only.
    fn presence(&mut self, x: Option<Element>) -> Element {
        let nick = &self.room.nick;
        let jitmeet = |name: &str, text: String| elem(name, ns::CLIENT).text(text).build();
        let sources = format!("{{\"{nick}-a0\":{{\"muted\":false}},\"{nick}-v0\":{{\"muted\":false}}}}");
        elem("presence", ns::CLIENT)
            .attr("to", format!("{}/{nick}", self.settings.room))
            .children(x)
            .child(jitmeet("stats-id", format!("Load-{}", self.author.participant)))
            .child(caps::presence())
            .child(jitmeet("SourceInfo", sources))
            .child(jitmeet("jitsi_participant_codecList", "av1,vp9,vp8,h264".to_owned()))
            .child(elem("nick", ns::NICK).text(format!("Participant {}", self.author.participant)))
            .build()
    }
}

/// The status that tells why somebody was removed (XEP-0045 section 15.6.2).
fn removal(user: &Element) -> Option<u16> {
    let codes = user.children().filter(|child| child.is("status", ns::MUC_USER));
    codes.filter_map(|status| status.attr("code")?.parse().ok()).find(|code| *code != 110)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nick_is_an_endpoint_id() {
        let named = |jid: &str| {
            let mut room = Room::default();
            room.name(jid);
            room.nick
        };
        assert_eq!(named("0123abcd-ef@meet.example/x"), "0123abcd");
        for jid in ["annabell@meet.example/x", "0123ABCD@x/y", "a@b/c", "ääääääää@b"] {
            let nick = named(jid);
            assert!(nick.len() == 8 && !jid.starts_with(&nick), "{jid}: {nick}");
            assert!(nick.bytes().all(|digit| digit.is_ascii_hexdigit()), "{nick}");
        }
    }

    #[test]
    fn a_removal_has_its_code() {
        let user = xmpp::muc::user(None, &[110, 307]);
        assert_eq!(removal(&user), Some(307));
        assert_eq!(removal(&xmpp::muc::user(None, &[110])), None);
    }
}

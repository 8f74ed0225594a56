//! What occupants say of themselves (XEP-0045 section 7.7), kept and passed on as it is.

use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::{Stencil, to_text_within};
use xmpp::{Element, elem, muc, ns};

use crate::core::Core;
use crate::limits;
use crate::room::{cut, server_words};
use crate::route::Stanza;
use crate::turn::Turn;

/// The part of a presence that is the client's to say.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) children: String,
    pub(super) display_name: Option<String>,
    pub(super) stats_id: Option<String>,
}

impl Said {
    pub(super) fn of(presence: &Element) -> Self {
        let mut said = Self { children: String::new(), display_name: None, stats_id: None };
        for child in presence
            .children()
            .filter(|child| !server_words::in_presence(child) && !is_bad_source_info(child))
        {
            if child.is("nick", ns::NICK) {
                // the last one counts with clients, so there is only one
                said.display_name = Some(cut(&child.text(), limits::DISPLAY_NAME_BYTES_MAX).to_owned());
                continue;
            }
            if child.name() == "stats-id" {
                said.stats_id = Some(cut(&child.text(), limits::DISPLAY_NAME_BYTES_MAX).to_owned());
            }
            said.children.push_str(&to_text_within(child, ns::CLIENT));
        }
        if let Some(name) = &said.display_name {
            said.children.push_str(&to_text_within(&elem("nick", ns::NICK).text(name).build(), ns::CLIENT));
        }
        said
    }

    pub(super) fn check(&self) -> Result<(), StanzaError> {
        if self.children.len() <= limits::PRESENCE_BYTES_MAX {
            return Ok(());
        }
        let text = format!("A presence has at most {} bytes", limits::PRESENCE_BYTES_MAX);
        Err(StanzaError::new(Condition::PolicyViolation, text))
    }
}

impl Core {
    /// An available presence to `ROOM/nick`: a join, or an update.
    pub(crate) fn handle_presence(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        if self.nick_of(stanza.from) != Some(nick) {
            return self.join(turn, stanza, nick);
        }
        let said = Said::of(&stanza.element);
        if let Err(error) = said.check() {
            return self.refuse(turn, stanza, &error);
        }
        if let Some(occupant) = self.room.occupants.get_mut(nick) {
            occupant.children = said.children;
            occupant.display_name = said.display_name;
        }
        if stanza.element.has_child("x", ns::MUC) {
            // it joins once more: it lost its state and needs the others'
            self.welcome(turn, nick);
        } else {
            self.broadcast_presence(turn, nick);
        }
    }

    /// Sends an occupant's presence to everybody, itself included.
    pub(super) fn broadcast_presence(&mut self, turn: &mut Turn, nick: &str) {
        let Some((id, jid)) = self.room.occupants.get(nick).map(|me| (me.session, me.jid.clone())) else {
            return;
        };
        if let Some(presence) = self.presence_of(nick, &[]) {
            self.send_to_others(turn, id, &presence);
        }
        if let Some(presence) = self.presence_of(nick, &[110]) {
            self.send_text(turn, id, presence.fill(&jid));
        }
    }

    /// An occupant's presence, for any receiver. What comes before the `x` is the client's, and has no `x` in it, so
    /// this one is the first. COMPAT: the first `status` is the text that a client shows, so the codes come last.
    pub(super) fn presence_of(&self, nick: &str, codes: &[u16]) -> Option<Stencil> {
        let occupant = self.room.occupants.get(nick)?;
        let item = muc::item(self.room.affiliation(&occupant.jid), &occupant.jid).build();
        let presence = elem("presence", ns::CLIENT)
            .attr("from", self.occupant_jid(nick))
            .child(muc::user(Some(item), codes));
        Some(Stencil::with_inner(&presence.build(), &occupant.children))
    }
}

/// Source states that are no JSON object: clients read them without looking.
fn is_bad_source_info(child: &Element) -> bool {
    child.name() == "SourceInfo" && !is_source_info(&child.text())
}

fn is_source_info(text: &str) -> bool {
    let sources: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(text);
    sources.is_ok_and(|sources| sources.values().all(serde_json::Value::is_object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(children: &str, passed_on: &str) {
        let text = format!("<presence xmlns='jabber:client'>{children}</presence>");
        assert_eq!(Said::of(&xmpp::frame::parse(&text).unwrap()).children, passed_on);
    }

    #[test]
    fn foreign_children_are_passed_on_as_they_are() {
        check(
            "<e2ee.enabled>1</e2ee.enabled><y xmlns='z' k='1'><w/></y>",
            "<e2ee.enabled>1</e2ee.enabled><y xmlns=\"z\" k=\"1\"><w/></y>",
        );
    }

    #[test]
    fn what_is_the_servers_is_dropped() {
        check("<x xmlns='http://jabber.org/protocol/muc#user'><item role='moderator'/></x>", "");
        check("<x xmlns='vcard-temp:x:update'/><identity/><delay xmlns='urn:xmpp:delay'/>", "");
        check("<permissions xmlns='http://jitsi.org/jitmeet'/>", "");
        check("<conference-properties xmlns='http://jitsi.org/protocol/focus'/>", "");
        check("<ignore xmlns='http://jitsi.org/jitmeet/'/><flip_device/>", "");
        check("<a/><y><z><x xmlns='http://jabber.org/protocol/muc#user'/></z></y><b/>", "<a/><b/>");
    }

    #[test]
    fn source_states_are_objects_or_nothing() {
        check(
            "<SourceInfo>{\"a-v0\":{\"muted\":true}}</SourceInfo>",
            "<SourceInfo>{\"a-v0\":{\"muted\":true}}</SourceInfo>",
        );
        for bad in ["", "null", "[]", "{\"a\":null}", "{\"a\":1}", "{", &"[".repeat(10_000)] {
            check(&format!("<SourceInfo>{bad}</SourceInfo>"), "");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let text = format!(
            "<presence xmlns='jabber:client'><nick xmlns='{}'>{}</nick></presence>",
            ns::NICK,
            "ü".repeat(5_000)
        );
        let name = Said::of(&xmpp::frame::parse(&text).unwrap()).display_name.unwrap();
        assert_eq!(name.len(), limits::DISPLAY_NAME_BYTES_MAX);
    }
}

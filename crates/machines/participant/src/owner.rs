//! The first in a room owns it (XEP-0045 section 10.1), and must say how it is to be before others may enter.
//!
//! COMPAT: where a focus opens the rooms this never happens. A server without one, Prosody for instance, keeps a new room
//! locked until then.

use xmpp::{Element, elem, ns};

use crate::iq::Purpose;
use crate::{Participant, Time};

const FORM: &str = "http://jabber.org/protocol/muc#roomconfig";
const WHOIS: &str = "muc#roomconfig_whois";

/// The room is new (XEP-0045 section 10.1.1).
pub(crate) fn is_new(presence: &Element) -> bool {
    let Some(user) = presence.get_child("x", ns::MUC_USER) else { return false };
    user.children().any(|child| child.is("status", ns::MUC_USER) && child.attr("code") == Some("201"))
}

impl Participant {
    pub(crate) fn open_room(&mut self, now: Time) {
        let form = elem("x", ns::DATA).attr("type", "submit");
        let query = elem("query", ns::MUC_OWNER).child(form).build();
        let room = self.settings.room.clone();
        self.ask(now, &room, "get", query, Purpose::RoomForm);
    }

    /// The form of the room: everybody may see who everybody is.
    pub(crate) fn handle_room_form(&mut self, now: Time, answer: &Element) {
        let form = answer.get_child("query", ns::MUC_OWNER).and_then(|query| query.get_child("x", ns::DATA));
        let offered = form.is_some_and(|form| form.children().any(|field| field.attr("var") == Some(WHOIS)));
        if !offered {
            return;
        }
        let field = |var: &str, value: &str| {
            elem("field", ns::DATA).attr("var", var).child(elem("value", ns::DATA).text(value))
        };
        let form = elem("x", ns::DATA).attr("type", "submit");
        let form = form.child(field("FORM_TYPE", FORM)).child(field(WHOIS, "anyone"));
        let room = self.settings.room.clone();
        self.ask(now, &room, "set", elem("query", ns::MUC_OWNER).child(form).build(), Purpose::Discovery);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::participant::Phase;
    use crate::{Author, Invitation, Output, Settings};

    const ROOM: &str = "r@conference.meet.example";

    /// What somebody says to these frames, who has just asked to be let in as `me`.
    fn says(frames: &[&str]) -> Vec<String> {
        let settings = Settings { invitation: Invitation::None, ..Settings::new("meet.example", ROOM) };
        let mut participant = Participant::new(Arc::new(settings), Author::default(), 1, Time::ZERO);
        participant.phase = Phase::Established;
        participant.room.nick = "me".to_owned();
        let mut said = Vec::new();
        for frame in frames {
            let id = said.last().and_then(|last: &String| last.split('"').find(|id| id.ends_with(":sendIQ")));
            let frame = frame.replace("ID", id.unwrap_or_default());
            participant.handle_frame(Time::ZERO, &frame);
            while let Some(output) = participant.poll_output() {
                said.extend(if let Output::Send(text) = output { Some(text) } else { None });
            }
        }
        said.retain(|text| text.contains("muc#owner"));
        said
    }

    fn presence(code: u16) -> String {
        format!(
            "<presence xmlns='jabber:client' from='{ROOM}/me'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <status code='110'/><status code='{code}'/></x></presence>"
        )
    }

    #[test]
    fn a_new_room_is_opened_with_its_own_form() {
        let form = format!(
            "<iq xmlns='jabber:client' from='{ROOM}' type='result' id='ID'>\
             <query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'>\
             <field var='{WHOIS}'/></x></query></iq>"
        );
        let said = says(&[&presence(201), &form]);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[1].contains("type=\"set\"") && said[1].contains("<value>anyone</value>"), "{said:?}");
    }

    #[test]
    fn a_room_of_somebody_else_is_left_as_it_is() {
        assert_eq!(says(&[&presence(100)]), [""; 0]);
    }

    #[test]
    fn a_form_without_the_question_is_not_answered() {
        let other = "<iq xmlns='jabber:client' type='error' id='ID'/>";
        assert_eq!(says(&[&presence(201), other]).len(), 1);
    }
}

//! What the room tells of itself (XEP-0045 section 6.4).

use xmpp::disco::{feature, identity, info};
use xmpp::forms::{Field, form};
use xmpp::ns;

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(super) fn answer_room_info(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let query = stanza.element.get_child("query", ns::DISCO_INFO);
        let node = query.and_then(|query| query.attr("node"));
        let name = self.room_jid.split('@').next().unwrap_or_default();
        let lock = if self.room.password.is_some() { "muc_passwordprotected" } else { "muc_unsecured" };
        let features =
            [ns::MUC, lock, "muc_open", "muc_nonanonymous", "muc_hidden", "muc_temporary", "muc_unmoderated"];
        // upstream counts from the second occupant, and the focus is its first one
        let since = self.room.since.map(|at| at.to_string());
        // the name under which bridges log the meeting, as soon as it has one
        let meeting_id = self.focus.meeting_id().or(self.room.meeting_id.as_deref());
        let fields: Vec<Field<'_>> =
            [("muc#roominfo_meetingId", meeting_id), ("muc#roominfo_created_timestamp", since.as_deref())]
                .into_iter()
                .filter_map(|(var, value)| Some(Field { var, kind: None, value: value? }))
                .collect();
        let children = std::iter::once(identity("conference", "text", name))
            .chain(features.map(feature))
            .chain([form("result", ns::MUC_ROOMINFO, &fields)]);
        let info = info(node, children);
        self.answer(turn, stanza, Some(info));
    }
}

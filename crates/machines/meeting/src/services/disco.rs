//! What the domain is and has (XEP-0030). Clients switch their features on by it, so it names what is there.

use xmpp::disco::{feature, identity, info};
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(super) fn answer_domain_info(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let settings = &self.settings;
        let server = |kind, name: &Option<String>| name.as_ref().map(|name| identity("server", kind, name));
        let children = [
            Some(identity("server", "im", &settings.domain)),
            Some(identity("component", "end_conference", &self.end_conference_domain())),
            server("shard", &settings.shard_name),
            server("region", &settings.region),
            Some(feature(ns::PING)),
            (!settings.services.is_empty()).then(|| feature(ns::EXTDISCO)),
        ];
        let info = info(node(stanza), children.into_iter().flatten());
        self.answer(turn, stanza, Some(info));
    }

    pub(super) fn answer_room_service_info(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let name = self.room_domain();
        let info =
            info(node(stanza), [identity("conference", "text", name), feature(ns::MUC), feature(ns::PING)]);
        self.answer(turn, stanza, Some(info));
    }

    pub(super) fn answer_no_items(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let items = elem("query", ns::DISCO_ITEMS).build();
        self.answer(turn, stanza, Some(items));
    }
}

fn node(stanza: &Stanza) -> Option<&str> {
    stanza.element.get_child("query", ns::DISCO_INFO).and_then(|query: &Element| query.attr("node"))
}

//! Multi-user chat (XEP-0045): the elements that a room writes.

use crate::build::Builder;
use crate::{Element, elem, ns};

/// A long-lived relation to the room (XEP-0045 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Affiliation {
    Outcast,
    None,
    Member,
    Admin,
    Owner,
}

impl Affiliation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// `None` where XEP-0045 knows no such affiliation.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Outcast, Self::None, Self::Member, Self::Admin, Self::Owner]
            .into_iter()
            .find(|a| a.name() == name)
    }

    /// Jitsi clients know one privilege: the role of a moderator.
    pub fn is_moderator(self) -> bool {
        self >= Self::Admin
    }

    /// The role of an occupant with this affiliation.
    pub fn role(self) -> &'static str {
        if self.is_moderator() { "moderator" } else { "participant" }
    }
}

/// `<item/>` of an occupant. COMPAT: clients ignore an occupant without real JID.
pub fn item(affiliation: Affiliation, jid: &str) -> Builder {
    elem("item", ns::MUC_USER)
        .attr("affiliation", affiliation.name())
        .attr("role", affiliation.role())
        .attr("jid", jid)
}

/// `<item/>` of somebody who is in the room no more.
pub fn item_gone(affiliation: Affiliation, jid: Option<&str>) -> Builder {
    elem("item", ns::MUC_USER)
        .attr("affiliation", affiliation.name())
        .attr("role", "none")
        .attr_opt("jid", jid)
}

/// `<x xmlns='...muc#user'/>` with its item and status codes (XEP-0045 section 15.6.2).
pub fn user(item: Option<Element>, codes: &[u16]) -> Element {
    let codes = codes.iter().map(|code| elem("status", ns::MUC_USER).attr("code", code.to_string()).build());
    elem("x", ns::MUC_USER).children(item).children(codes).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_text;

    #[test]
    fn an_item_tells_role_and_real_jid() {
        let x = user(Some(item(Affiliation::Owner, "a@b/c").build()), &[100, 110]);
        assert_eq!(
            to_text(&x),
            "<x xmlns=\"http://jabber.org/protocol/muc#user\">\
             <item affiliation=\"owner\" jid=\"a@b/c\" role=\"moderator\"/>\
             <status code=\"100\"/><status code=\"110\"/></x>"
        );
    }

    #[test]
    fn affiliations_have_names_and_an_order() {
        for affiliation in [Affiliation::Outcast, Affiliation::None, Affiliation::Member, Affiliation::Owner]
        {
            assert_eq!(Affiliation::from_name(affiliation.name()), Some(affiliation));
        }
        assert_eq!(Affiliation::from_name("king"), None);
        assert!(Affiliation::Admin.is_moderator() && !Affiliation::Member.is_moderator());
    }
}

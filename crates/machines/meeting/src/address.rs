//! The address of a meeting's room.
//!
//! COMPAT: the rooms of a tenant have a domain of their own, `ROOM@conference.TENANT.meet.example`. Clients know no
//! other form, so a meeting whose name is `[TENANT]ROOM` uses none.

use crate::core::Core;
use crate::settings::Settings;

/// The bare JID of the room of the meeting `name`.
pub(crate) fn room_jid(name: &str, settings: &Settings) -> String {
    let muc = &settings.muc_domain;
    let tenant_and_room = name.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match (tenant_and_room, muc.split_once('.')) {
        (Some((tenant, room)), Some((first, rest))) => format!("{room}@{first}.{tenant}.{rest}"),
        (Some((tenant, room)), None) => format!("{room}@{muc}.{tenant}"),
        (None, _) => format!("{name}@{muc}"),
    }
}

impl Core {
    /// The domain of the room: the MUC domain, or that of the tenant.
    pub(crate) fn room_domain(&self) -> &str {
        self.room_jid.split_once('@').map_or(self.room_jid.as_str(), |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_a_node_of_the_muc_domain() {
        check("demo", "demo@conference.meet.example");
    }

    #[test]
    fn a_tenant_has_a_domain_of_its_own() {
        check("[acme]demo", "demo@conference.acme.meet.example");
    }

    fn check(name: &str, expected: &str) {
        assert_eq!(room_jid(name, &Settings::for_domain("meet.example")), expected);
    }
}

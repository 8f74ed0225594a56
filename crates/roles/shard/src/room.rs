//! Which meeting a connection belongs to, from the query of its URL.

use xmpp::jid::NodePart;

use crate::limits::{ROOM_BYTES_MAX, TENANT_BYTES_MAX};

/// The name of a meeting: the node of its room's JID, `room` or `[tenant]room`, lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoomKey(String);

/// The sentence goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoomError {
    #[error("the address names no room: add ?room=NAME")]
    Missing,
    #[error("the room name is longer than {ROOM_BYTES_MAX} bytes")]
    TooLong,
    #[error("the room name has characters that no room name may have")]
    Characters,
    #[error("the tenant is no valid name")]
    Tenant,
}

impl RoomKey {
    /// `room` and `prefix` as they stand in the query, decoded. An empty prefix is none.
    pub(crate) fn parse(room: Option<&str>, prefix: Option<&str>) -> Result<Self, RoomError> {
        let room = room.filter(|room| !room.is_empty()).ok_or(RoomError::Missing)?;
        if room.len() > ROOM_BYTES_MAX {
            return Err(RoomError::TooLong);
        }
        let room = node(room).ok_or(RoomError::Characters)?;
        let Some(tenant) = prefix.filter(|prefix| !prefix.is_empty()) else { return Ok(Self(room)) };
        let tenant = (tenant.len() <= TENANT_BYTES_MAX).then(|| node(tenant)).flatten();
        Ok(Self(format!("[{}]{room}", tenant.ok_or(RoomError::Tenant)?)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name prepared as the node of a JID (RFC 7622 section 3.3); `None` where it cannot be one. Brackets are kept
/// for tenants, so that no room is called like a tenant's.
fn node(name: &str) -> Option<String> {
    let prepared = NodePart::new(name).ok()?.to_string();
    let brackets = prepared.contains(['[', ']']);
    (!brackets && !prepared.chars().any(char::is_control)).then_some(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_its_name_in_lower_case() {
        check(Some("Demo"), None, Ok("demo"));
        check(Some("two-words_3"), Some(""), Ok("two-words_3"));
        check(Some("Ärger"), None, Ok("ärger"));
    }

    #[test]
    fn a_tenant_keeps_its_rooms_apart() {
        check(Some("demo"), Some("Acme"), Ok("[acme]demo"));
        check(Some("[acme]demo"), None, Err(RoomError::Characters));
        check(Some("demo"), Some("a]b"), Err(RoomError::Tenant));
        check(Some("demo"), Some("a b"), Err(RoomError::Tenant));
        check(Some("demo"), Some(&"x".repeat(64)), Err(RoomError::Tenant));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        check(None, None, Err(RoomError::Missing));
        check(Some(""), None, Err(RoomError::Missing));
        check(Some(&"x".repeat(10 * 1024)), None, Err(RoomError::TooLong));
        for name in [
            "a b", "a\u{0}b", "a\nb", "a\u{7f}b", "a/b", "a@b", "a\"b", "<a>", "a&b", "a'b", "\u{200b}",
            "\u{202e}",
        ] {
            check(Some(name), None, Err(RoomError::Characters));
        }
    }

    fn check(room: Option<&str>, prefix: Option<&str>, expected: Result<&str, RoomError>) {
        let key = RoomKey::parse(room, prefix);
        assert_eq!(key.as_ref().map(RoomKey::as_str), expected.as_ref().copied(), "{room:?} {prefix:?}");
    }
}

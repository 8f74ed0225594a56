//! Which meeting a connection belongs to, from the query of its URL.
//!
//! COMPAT: Jitsi clients address a room by the percent-encoded form of its name, in lower case: `Ärger im Büro` is
//! `%c3%a4rger%20im%20b%c3%bcro@conference...`, and the query holds the same text, which decodes to the name.
//! Some of them encode that text once more: as no client lets a name keep an escape, it is taken back.

use std::borrow::Cow;

use crate::jid::NodePart;
use crate::limits::{ROOM_BYTES_MAX, TENANT_BYTES_MAX};

/// The name of a meeting: the node of its room's JID, `room` or `[tenant]room`, lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomKey(String);

/// The sentence goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
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
    pub fn parse(room: Option<&str>, prefix: Option<&str>) -> Result<Self, RoomError> {
        let room = room.filter(|room| !room.is_empty()).ok_or(RoomError::Missing)?;
        if room.len() > ROOM_BYTES_MAX {
            return Err(RoomError::TooLong);
        }
        let room = node(&unescaped(room)).ok_or(RoomError::Characters)?;
        let Some(tenant) = prefix.filter(|prefix| !prefix.is_empty()) else { return Ok(Self(room)) };
        if !is_label(tenant) {
            return Err(RoomError::Tenant);
        }
        Ok(Self(format!("[{}]{room}", tenant.to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tenant stands as a label in the domain of its rooms, `conference.TENANT.meet.example`.
fn is_label(tenant: &str) -> bool {
    tenant.len() <= TENANT_BYTES_MAX
        && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Allowed in a name though not in the node of a JID (RFC 7622 section 3.3.1): they stand there encoded.
const ENCODED: [char; 8] = [' ', '"', '&', '/', ':', '<', '>', '@'];

/// The name as the node of a JID; `None` where it cannot be one. A bracket is encoded, so that no room is called
/// like a tenant's.
fn node(name: &str) -> Option<String> {
    if name.chars().any(char::is_control) {
        return None;
    }
    let mut node = String::with_capacity(name.len());
    for piece in name.split_inclusive(ENCODED) {
        let plain = piece.trim_end_matches(ENCODED);
        if !plain.is_empty() {
            // prepared and in lower case
            encode(&NodePart::new(plain).ok()?.to_string(), &mut node);
        }
        encode(&piece[plain.len()..], &mut node);
    }
    NodePart::new(&node).is_ok().then_some(node)
}

/// Without the percent-encoding that is still in it; as it is where that is not UTF-8.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| byte == b'%');
        match digits.and_then(|&[high, low]| Some(hex(high)? << 4 | hex(low)?)) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(name), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// As `encodeURIComponent` does it (ECMA-262 19.2.6.4), but with lower case digits.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02x}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_its_name_in_lower_case() {
        check(Some("Demo"), None, Ok("demo"));
        check(Some("two-words_3"), Some(""), Ok("two-words_3"));
        check(Some("Demo"), None, Ok("demo"));
    }

    #[test]
    fn what_a_jid_cannot_hold_is_encoded() {
        check(Some("Ärger im Büro"), None, Ok("%c3%a4rger%20im%20b%c3%bcro"));
        check(Some("100%"), None, Ok("100%25"));
        check(Some("a/b@c"), None, Ok("a%2fb%40c"));
        check(Some("会議"), None, Ok("%e4%bc%9a%e8%ad%b0"));
    }

    #[test]
    fn what_is_encoded_twice_is_the_same_room() {
        check(Some("%c3%a4rger%20im%20b%c3%bcro"), None, Ok("%c3%a4rger%20im%20b%c3%bcro"));
        check(Some("100%25"), None, Ok("100%25"));
        check(Some("50%zz%4"), None, Ok("50%25zz%254"));
        check(Some("a%ff"), None, Ok("a%25ff"));
        check(Some("a%00"), None, Err(RoomError::Characters));
        check(Some("%5Bacme%5Ddemo"), None, Ok("%5bacme%5ddemo"));
    }

    #[test]
    fn a_tenant_keeps_its_rooms_apart() {
        check(Some("demo"), Some("Acme"), Ok("[acme]demo"));
        check(Some("[acme]demo"), None, Ok("%5bacme%5ddemo"));
        check(Some("demo"), Some("a\u{0}b"), Err(RoomError::Tenant));
        check(Some("demo"), Some("a]b"), Err(RoomError::Tenant));
        check(Some("demo"), Some("a.b"), Err(RoomError::Tenant));
        check(Some("demo"), Some(&"x".repeat(64)), Err(RoomError::Tenant));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        check(None, None, Err(RoomError::Missing));
        check(Some(""), None, Err(RoomError::Missing));
        check(Some(&"x".repeat(10 * 1024)), None, Err(RoomError::TooLong));
        for name in ["a\u{0}b", "a\nb", "a\u{7f}b", "a'b", "\u{200b}", "\u{202e}"] {
            check(Some(name), None, Err(RoomError::Characters));
        }
    }

    fn check(room: Option<&str>, prefix: Option<&str>, expected: Result<&str, RoomError>) {
        let key = RoomKey::parse(room, prefix);
        assert_eq!(key.as_ref().map(RoomKey::as_str), expected.as_ref().copied(), "{room:?} {prefix:?}");
    }
}

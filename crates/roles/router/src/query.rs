//! Queries: which room a request is for, and the query that the shard sees.

use std::fmt::Write as _;

use xmpp::room::RoomKey;

use crate::route::is_room;

/// Why a request names no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Missing,
    Invalid,
}

/// That the query names exactly one room with a possible name.
pub(crate) fn check_room(query: &str) -> Result<(), NoRoom> {
    let mut rooms =
        parameters(query).filter(|(name, _)| *name == "room").map(|(_, value)| decode_form(value));
    match (rooms.next(), rooms.next()) {
        (None, _) => Err(NoRoom::Missing),
        (Some(Some(room)), None) if is_room(&room) => Ok(()),
        _ => Err(NoRoom::Invalid),
    }
}

/// The query with the tenant of the path as `prefix`, which no client can say otherwise.
pub(crate) fn with_tenant(query: &str, tenant: Option<&str>) -> String {
    let Some(tenant) = tenant else { return query.to_owned() };
    let mut forwarded = format!("prefix={}", encode(tenant));
    for (name, value) in parameters(query).filter(|(name, _)| *name != "prefix") {
        forwarded.push('&');
        forwarded.push_str(name);
        forwarded.push('=');
        forwarded.push_str(value);
    }
    forwarded
}

/// The key of the meeting that a query is for, as the shard sees it: `ROOM` or `[TENANT]ROOM`. `None`: no room can be
/// called like that.
pub(crate) fn meeting(query: &str) -> Option<String> {
    let value =
        |wanted| parameters(query).find(|(name, _)| *name == wanted).map(|(_, value)| decode_form(value));
    let (room, prefix) = (value("room")??, value("prefix").flatten());
    RoomKey::parse(Some(&room), prefix.as_deref()).ok().map(|key| key.as_str().to_owned())
}

/// Percent-decoding (RFC 3986 section 2.1). `None`: not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let escaped = if byte == b'%' { hex(bytes.get(i + 1)).zip(hex(bytes.get(i + 2))) } else { None };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                i += 3;
            }
            None => {
                decoded.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// In a query `+` is a space.
pub(crate) fn decode_form(text: &str) -> Option<String> {
    decode(&text.replace('+', " "))
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every write");
        }
    }
    encoded
}

pub(crate) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_once() {
        let check = |query: &str, expected| assert_eq!(check_room(query), expected, "{query}");
        check("room=standup", Ok(()));
        check("token=x&room=%C3%9Cbung&previd=a-b", Ok(()));
        check("room=two+words", Ok(()));
        check("", Err(NoRoom::Missing));
        check("rooms=x", Err(NoRoom::Missing));
        check("room", Err(NoRoom::Invalid));
        check("room=", Err(NoRoom::Invalid));
        check("room=+%20", Err(NoRoom::Invalid));
        check("room=%00", Err(NoRoom::Invalid));
        check("room=%FF", Err(NoRoom::Invalid));
        check("room=a&room=b", Err(NoRoom::Invalid));
        check(&format!("room={}", "x".repeat(10_000)), Err(NoRoom::Invalid));
    }

    #[test]
    fn every_form_of_a_room_has_one_key() {
        let check = |query: &str, expected| assert_eq!(meeting(query).as_deref(), expected, "{query}");
        check("room=Standup", Some("standup"));
        check("previd=a-b&room=standup&token=x", Some("standup"));
        check("prefix=guild&room=standup", Some("[guild]standup"));
        check("room=b%C3%BCro", Some("b%c3%bcro"));
        check("room=b%25C3%25BCro", Some("b%c3%bcro"));
        check("room=two+words", Some("two%20words"));
        check("room=two%20words", Some("two%20words"));
        check("room=a%27b", None);
        check("prefix=a.b&room=x", None);
        check("", None);
    }

    #[test]
    fn the_path_decides_on_the_tenant() {
        let check = |query: &str, tenant, expected: &str| assert_eq!(with_tenant(query, tenant), expected);
        check("room=a&previd=x", None, "room=a&previd=x");
        check("room=a&previd=x", Some("guild"), "prefix=guild&room=a&previd=x");
        check("prefix=evil&room=a&prefix=", Some("guild"), "prefix=guild&room=a");
        check("room=a%26b", Some("a&b=c ü"), "prefix=a%26b%3Dc%20%C3%BC&room=a%26b");
        check("", Some("guild"), "prefix=guild");
    }

    #[test]
    fn decoding_never_fails_on_a_stray_sign() {
        let check = |text: &str, expected: &str| assert_eq!(decode(text).as_deref(), Some(expected));
        check("100%", "100%");
        check("%4", "%4");
        check("%zz%41", "%zzA");
        check("%+1", "%+1");
    }
}

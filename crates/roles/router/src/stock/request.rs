//! What a request is for: its room, whether it shows that the room is in use, or the bridge that it names.
//!
//! The rules are those of the load balancer in front of large stock installations: a page goes where its room is and
//! pins nothing; whatever only the room's own shard can answer does.

use placement::stock::Use;
use xmpp::room::RoomKey;

use crate::limits::ROOM_BYTES_MAX;
use crate::query::{decode, decode_form, parameters};

/// Never the names of rooms, as the last part of a path.
const NO_ROOMS: [&str; 27] = [
    "config.js",
    "interface_config.js",
    "favicon.ico",
    "http-bind",
    "http-pre-bind",
    "xmpp-websocket",
    "room",
    "room-size",
    "room-password",
    "room-info",
    "external_api.js",
    "external_api.min.js",
    "external_api.js.map",
    "external_api.min.js.map",
    "analytics.js",
    "apple-app-site-association",
    "assetlinks.json",
    "close.html",
    "close2.html",
    "close3.html",
    "close.js",
    "dialininfo.html",
    "robots.txt",
    "_unlock",
    "_health",
    "pwa-worker.js",
    "manifest.json",
];

/// Folders of files: nothing in them is a room, and none of them a tenant.
const FOLDERS: [&str; 15] = [
    "static",
    "images",
    "img",
    "css",
    "fonts",
    "libs",
    "sounds",
    "lang",
    "connection_optimization",
    ".well-known",
    "colibri-ws",
    "colibri-relay-ws",
    "conference-request",
    "about",
    "_api",
];

/// Only the shard of the room can answer these.
const OF_SHARDS: [&str; 10] = [
    "config.js",
    "http-bind",
    "http-pre-bind",
    "xmpp-websocket",
    "conference-request/v1",
    "room",
    "room-size",
    "room-password",
    "_unlock",
    "_health",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// `room` is empty where none is named
    Room {
        room: String,
        purpose: Use,
    },
    Bridge(String),
}

/// A room that no shard could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadRoom;

/// `referer`: the page that a file is for goes to the same shard as the file, as the two may be of one version.
pub(super) fn wish(path: &str, query: &str, referer: Option<&str>) -> Result<Wish, BadRoom> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (tenant, rest) = match parts.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && !FOLDERS.contains(first) => (Some(*first), rest),
        all => (None, all),
    };
    if let ["colibri-ws" | "colibri-relay-ws", bridge, ..] = rest {
        return Ok(Wish::Bridge((*bridge).to_owned()));
    }
    let is_stuck = parameter(query, "stick").is_some_and(|value| value == "true");
    let purpose = if OF_SHARDS.contains(&rest.join("/").as_str()) || is_stuck { Use::Pin } else { Use::Look };
    if let Some(name) = parameter(query, "room") {
        let prefix = parameter(query, "prefix").filter(|prefix| !prefix.is_empty());
        let tenant = tenant.map(str::to_owned).or(prefix.map(str::to_owned));
        return match key(decode_form(name), tenant.as_deref()) {
            Some(room) => Ok(Wish::Room { room, purpose }),
            None => Err(BadRoom),
        };
    }
    if let [room] = rest
        && !NO_ROOMS.contains(room)
        && !is_file(room)
    {
        let room = key(decode(room), tenant).unwrap_or_default();
        return Ok(Wish::Room { purpose: if room.is_empty() { Use::Look } else { purpose }, room });
    }
    Ok(Wish::Room { room: referer.map(room_of_page).unwrap_or_default(), purpose: Use::Look })
}

/// The room of the page that asks for a file of its own.
fn room_of_page(referer: &str) -> String {
    let rest = referer.split_once("://").map_or(referer, |(_, rest)| rest);
    let page = rest.split_once('/').map_or("", |(_, page)| page);
    let page = page.split_once('#').map_or(page, |(page, _)| page);
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    match wish(path, query, None) {
        Ok(Wish::Room { room, .. }) => room,
        Ok(Wish::Bridge(_)) | Err(BadRoom) => String::new(),
    }
}

/// `[tenant]room` or `room`, in lower case. A name that we would refuse is the shard's to refuse, as long as it is
/// short enough to be kept.
fn key(name: Option<String>, tenant: Option<&str>) -> Option<String> {
    let name = name?;
    let tenant = tenant.and_then(decode);
    if name.is_empty()
        || name.len() > ROOM_BYTES_MAX
        || tenant.as_ref().is_some_and(|t| t.len() > ROOM_BYTES_MAX)
    {
        return None;
    }
    if let Ok(key) = RoomKey::parse(Some(&name), tenant.as_deref()) {
        return Some(key.as_str().to_owned());
    }
    // no space, as in no other key: that one is the operator's
    let name = name.to_lowercase().replace(char::is_whitespace, "%20");
    let tenant = tenant.map(|tenant| tenant.to_lowercase().replace(char::is_whitespace, "%20"));
    Some(tenant.map(|tenant| format!("[{tenant}]")).unwrap_or_default() + &name)
}

/// `libs/app.js` is known by its folder; this is for what stands beside the page.
fn is_file(name: &str) -> bool {
    [".js", ".css", ".map", ".png", ".svg", ".ico", ".wasm", ".json", ".txt", ".html"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn parameter<'a>(query: &'a str, wanted: &str) -> Option<&'a str> {
    parameters(query).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, room: &str, purpose: Use) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let expected = Wish::Room { room: room.to_owned(), purpose };
        assert_eq!(wish(path, query, None), Ok(expected), "{target}");
    }

    #[test]
    fn a_page_looks_and_pins_nothing() {
        check("/Standup", "standup", Use::Look);
        check("/Guild/Standup", "[guild]standup", Use::Look);
        check("/B%C3%BCro", "b%c3%bcro", Use::Look);
        check("/standup?jwt=x", "standup", Use::Look);
        check("/standup?stick=true", "standup", Use::Pin);
        check("/", "", Use::Look);
    }

    #[test]
    fn what_only_the_shard_answers_pins() {
        for path in [
            "config.js",
            "http-bind",
            "http-pre-bind",
            "xmpp-websocket",
            "conference-request/v1",
            "_unlock",
            "room-size",
        ] {
            check(&format!("/{path}?room=Standup"), "standup", Use::Pin);
            check(&format!("/Guild/{path}?previd=x&room=Standup"), "[guild]standup", Use::Pin);
            check(&format!("/{path}"), "", Use::Look);
        }
        check("/_api/room-info?room=a&prefix=Guild", "[guild]a", Use::Look);
    }

    #[test]
    fn every_form_of_a_room_has_one_key() {
        check("/xmpp-websocket?room=b%C3%BCro", "b%c3%bcro", Use::Pin);
        check("/xmpp-websocket?room=b%25C3%25BCro", "b%c3%bcro", Use::Pin);
        check("/xmpp-websocket?room=two+words", "two%20words", Use::Pin);
        check("/two%20words", "two%20words", Use::Look);
        // not ours to refuse
        check("/xmpp-websocket?room=A%27b%20c", "a'b%20c", Use::Pin);
        check("/Gu.ild/xmpp-websocket?room=a", "[gu.ild]a", Use::Pin);
    }

    #[test]
    fn files_are_no_rooms() {
        for path in ["/libs/app.bundle.min.js", "/css/all.css", "/guild/libs/x.js", "/favicon.ico", "/app.js"]
        {
            check(path, "", Use::Look);
        }
        check("/about/health", "", Use::Look);
        check("/a/b/c", "", Use::Look);
    }

    #[test]
    fn a_file_goes_where_its_page_went() {
        let of = |referer| wish("/libs/app.js", "v=7", Some(referer)).unwrap();
        let room = |room: &str| Wish::Room { room: room.to_owned(), purpose: Use::Look };
        assert_eq!(of("https://meet.example/Standup?x=1#config"), room("standup"));
        assert_eq!(of("https://meet.example/Guild/Standup"), room("[guild]standup"));
        assert_eq!(of("https://meet.example/libs/app.css"), room(""));
        assert_eq!(of("https://meet.example"), room(""));
        assert_eq!(of("nonsense"), room(""));
    }

    #[test]
    fn a_bridge_is_named_by_its_path() {
        let bridge = Ok(Wish::Bridge("jvb-1".to_owned()));
        assert_eq!(wish("/colibri-ws/jvb-1/conf/ep", "pwd=x", None), bridge);
        assert_eq!(wish("/colibri-relay-ws/jvb-1/x", "", None), bridge);
        assert_eq!(wish("/guild/colibri-ws/jvb-1/conf/ep", "", None), bridge);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_no_room() {
        let long = "x".repeat(ROOM_BYTES_MAX + 1);
        for query in [format!("room={long}"), "room=%FF".to_owned(), "room=".to_owned()] {
            assert_eq!(wish("/http-bind", &query, None), Err(BadRoom), "{query}");
        }
        check(&format!("/{long}"), "", Use::Look);
    }
}

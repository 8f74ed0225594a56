//! From the path of a request to what is meant by it. Every path also stands under `/TENANT/`.

use crate::limits::{ROOM_BYTES_MAX, TENANT_BYTES_MAX};
use crate::query::decode;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    /// lower case, decoded
    pub(crate) tenant: Option<String>,
    pub(crate) target: Target<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// the start page, or the page of a room
    Page,
    /// `config.js`
    Config,
    /// a file of the web client, by its path inside it
    File(&'a str),
    Xmpp,
    ConferenceRequest,
    /// `path` is the whole path that the bridge is to see
    Colibri {
        bridge: &'a str,
        path: &'a str,
    },
    /// the keep-alive of large deployments: only its headers matter
    Unlock,
    Bosh,
    Nothing,
}

/// A path that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPath {
    Room,
    Tenant,
}

impl<'a> Route<'a> {
    /// `path` begins with a slash. `is_file` knows the files of the web client.
    pub(crate) fn of(path: &'a str, is_file: impl Fn(&str) -> bool) -> Result<Self, BadPath> {
        let whole = path.strip_prefix('/').unwrap_or(path);
        if let Some(target) = service(whole).or_else(|| file(whole, &is_file)) {
            return Ok(Self { tenant: None, target });
        }
        let Some((first, rest)) = whole.split_once('/') else {
            return page(None, whole);
        };
        if let Some(target) = service(rest).or_else(|| file(rest, &is_file)) {
            return Ok(Self { tenant: Some(tenant(first)?), target });
        }
        match rest.strip_suffix('/').unwrap_or(rest) {
            "" => page(None, first),
            room if room.contains('/') => Ok(Self { tenant: None, target: Target::Nothing }),
            room => page(Some(tenant(first)?), room),
        }
    }
}

/// The room of a page is the page's own business; here it is only bounded.
fn page(tenant: Option<String>, room: &str) -> Result<Route<'_>, BadPath> {
    if room.len() > 3 * ROOM_BYTES_MAX || !room.is_empty() && !is_room(&decode(room).unwrap_or_default()) {
        return Err(BadPath::Room);
    }
    Ok(Route { tenant, target: Target::Page })
}

/// Whether a decoded name can be that of a room.
pub(crate) fn is_room(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= ROOM_BYTES_MAX && !name.chars().any(char::is_control)
}

fn tenant(segment: &str) -> Result<String, BadPath> {
    let name = decode(segment).unwrap_or_default().to_lowercase();
    // The brackets hold a tenant's name inside the shard: `[tenant]room`.
    let unfit = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '[' | ']' | '/' | '@');
    if name.is_empty() || name.len() > TENANT_BYTES_MAX || name.chars().any(unfit) {
        return Err(BadPath::Tenant);
    }
    Ok(name)
}

fn service(path: &str) -> Option<Target<'_>> {
    match path {
        "config.js" => Some(Target::Config),
        "xmpp-websocket" => Some(Target::Xmpp),
        "conference-request/v1" => Some(Target::ConferenceRequest),
        "_unlock" => Some(Target::Unlock),
        "http-bind" => Some(Target::Bosh),
        _ => {
            let (bridge, rest) = path.strip_prefix("colibri-ws/")?.split_once('/')?;
            (!bridge.is_empty() && !rest.is_empty()).then_some(Target::Colibri { bridge, path })
        }
    }
}

/// Files of the web client, and names that browsers and crawlers ask for by themselves: none of them is a room.
fn file<'a>(path: &'a str, is_file: &impl Fn(&str) -> bool) -> Option<Target<'a>> {
    const NO_ROOMS: [&str; 7] = [
        "favicon.ico",
        "robots.txt",
        "manifest.json",
        "interface_config.js",
        "external_api.js",
        "pwa-worker.js",
        "apple-app-site-association",
    ];
    let is_no_room =
        NO_ROOMS.contains(&path) || path.starts_with("assets/") || path.starts_with(".well-known/");
    (is_no_room || is_file(path)).then_some(Target::File(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, tenant: Option<&str>, target: Target<'_>) {
        let route = Route::of(path, |file| file == "logo.svg");
        assert_eq!(route, Ok(Route { tenant: tenant.map(str::to_owned), target }), "{path}");
    }

    #[test]
    fn pages() {
        check("/", None, Target::Page);
        check("/Standup", None, Target::Page);
        check("/standup/", None, Target::Page);
        check("/Guild/standup", Some("guild"), Target::Page);
        check("/%C3%9Cbung", None, Target::Page);
        check("/a/b/c", None, Target::Nothing);
    }

    #[test]
    fn services() {
        check("/config.js", None, Target::Config);
        check("/xmpp-websocket", None, Target::Xmpp);
        check("/conference-request/v1", None, Target::ConferenceRequest);
        check("/_unlock", None, Target::Unlock);
        check("/http-bind", None, Target::Bosh);
        let path = "colibri-ws/bridge-1/conf/ep";
        check("/colibri-ws/bridge-1/conf/ep", None, Target::Colibri { bridge: "bridge-1", path });
    }

    #[test]
    fn services_of_a_tenant() {
        let guild = Some("guild");
        check("/Guild/config.js", guild, Target::Config);
        check("/guild/xmpp-websocket", guild, Target::Xmpp);
        check("/guild/conference-request/v1", guild, Target::ConferenceRequest);
        check("/guild/_unlock", guild, Target::Unlock);
        let path = "colibri-ws/bridge-1/conf/ep";
        check("/guild/colibri-ws/bridge-1/conf/ep", guild, Target::Colibri { bridge: "bridge-1", path });
        check("/%C3%9C/config.js", Some("ü"), Target::Config);
    }

    #[test]
    fn files_are_no_rooms() {
        check("/logo.svg", None, Target::File("logo.svg"));
        check("/guild/logo.svg", Some("guild"), Target::File("logo.svg"));
        check("/assets/x.js", None, Target::File("assets/x.js"));
        check("/guild/assets/x.js", Some("guild"), Target::File("assets/x.js"));
        check("/favicon.ico", None, Target::File("favicon.ico"));
    }

    #[test]
    fn names_have_limits() {
        let refused = |path: &str, why| assert_eq!(Route::of(path, |_| false), Err(why), "{path}");
        let long = "x".repeat(ROOM_BYTES_MAX + 1);
        refused(&format!("/{long}"), BadPath::Room);
        refused(&format!("/guild/{long}"), BadPath::Room);
        refused("/%07bell", BadPath::Room);
        refused("/%FF", BadPath::Room);
        refused(&format!("/{}/room", "x".repeat(TENANT_BYTES_MAX + 1)), BadPath::Tenant);
        refused("/%5Bguild%5D/room", BadPath::Tenant);
        refused("//config.js", BadPath::Tenant);
    }
}

//! `/config.js`: what a client is told of the deployment, in the keys of a stock Jitsi Meet configuration.

use serde_json::{Map, Value, json};
use service::config::{PublicUrl, Web};

/// What the configuration tells. `websocket` and its relatives follow from the address of the page.
#[derive(Clone, Debug)]
pub struct Site {
    /// `None`: the address that the page was loaded from
    pub public_url: Option<PublicUrl>,
    pub domain: String,
    pub muc_domain: String,
    pub focus_domain: String,
    pub auth_domain: String,
    pub shard_name: Option<String>,
    pub region: Option<String>,
    pub web: Web,
}

impl Site {
    /// The script for a tenant or for none. `here` is the address that the request came to, if it told one.
    pub(crate) fn script(&self, tenant: Option<&str>, here: Option<&PublicUrl>) -> String {
        let folder = tenant.map(|tenant| format!("{}/", crate::query::encode(tenant))).unwrap_or_default();
        let mut config = self.fixed(tenant);
        if let Some(url) = self.public_url.as_ref().or(here) {
            for (key, value) in addresses(url, &folder) {
                config.insert(key.to_owned(), Value::from(value));
            }
        }
        let mut script = format!("var config = {:#};\n", Value::Object(config));
        if self.public_url.is_none() {
            script.push_str(&from_location(&folder));
        }
        script
    }

    fn fixed(&self, tenant: Option<&str>) -> Map<String, Value> {
        let mut config = json!({
            "hosts": {
                "domain": self.domain,
                "muc": muc_of_tenant(&self.muc_domain, tenant),
                "focus": self.focus_domain,
            },
            "focusUserJid": format!("focus@{}", self.auth_domain),
            "enableWebsocketResume": true,
            "bridgeChannel": { "preferSctp": true },
            "flags": { "ssrcRewritingEnabled": false },
            "p2p": {
                "enabled": self.web.p2p,
                "stunServers": self.web.p2p_stun_servers.iter().map(|s| json!({ "urls": stun(s) })).collect::<Vec<_>>(),
            },
        });
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                config[key] = value;
            }
        };
        set("startAudioMuted", self.web.start_audio_muted.map(Value::from));
        set("startVideoMuted", self.web.start_video_muted.map(Value::from));
        set("deploymentInfo", self.deployment_info());
        match config {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Absent unless set: a client that was told a shard reloads when it hears of another.
    fn deployment_info(&self) -> Option<Value> {
        let mut info = Map::new();
        if let Some(shard) = &self.shard_name {
            info.insert("shard".to_owned(), json!(shard));
        }
        if let Some(region) = &self.region {
            info.insert("region".to_owned(), json!(region));
            info.insert("userRegion".to_owned(), json!(region));
        }
        (!info.is_empty()).then_some(Value::Object(info))
    }
}

fn addresses(url: &PublicUrl, folder: &str) -> [(&'static str, String); 3] {
    [
        ("websocket", format!("{}/{folder}xmpp-websocket", url.websocket_base())),
        ("websocketKeepAliveUrl", format!("{url}/{folder}_unlock")),
        ("conferenceRequestUrl", format!("{url}/{folder}conference-request/v1")),
    ]
}

/// The page knows its own address better than any proxy on the way. A websocket URL must be absolute.
fn from_location(folder: &str) -> String {
    let folder = Value::from(folder);
    format!(
        "if (typeof location !== 'undefined' && location.host) {{\n\
         \x20 (function (base, folder) {{\n\
         \x20   config.websocket = base.replace(/^http/, 'ws') + folder + 'xmpp-websocket';\n\
         \x20   config.websocketKeepAliveUrl = base + folder + '_unlock';\n\
         \x20   config.conferenceRequestUrl = base + folder + 'conference-request/v1';\n\
         \x20 }})(location.protocol + '//' + location.host + '/', {folder});\n\
         }}\n"
    )
}

/// COMPAT: a client with a tenant talks to `conference.TENANT.meet.example`, as in the stock web configuration.
fn muc_of_tenant(muc_domain: &str, tenant: Option<&str>) -> String {
    match (tenant, muc_domain.split_once('.')) {
        (Some(tenant), Some((first, rest))) => format!("{first}.{tenant}.{rest}"),
        _ => muc_domain.to_owned(),
    }
}

/// COMPAT: docker-jitsi-meet writes servers with and without the scheme.
fn stun(server: &str) -> String {
    if server.starts_with("stun:") { server.to_owned() } else { format!("stun:{server}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            public_url: None,
            domain: "meet.internal".to_owned(),
            muc_domain: "conference.meet.internal".to_owned(),
            focus_domain: "focus.meet.internal".to_owned(),
            auth_domain: "auth.meet.internal".to_owned(),
            shard_name: None,
            region: None,
            web: Web {
                p2p: true,
                p2p_stun_servers: Vec::new(),
                start_audio_muted: None,
                start_video_muted: None,
            },
        }
    }

    fn url(text: &str) -> PublicUrl {
        PublicUrl::parse(text).unwrap()
    }

    /// The object literal at the beginning of the script.
    fn literal(script: &str) -> Value {
        let text = script.strip_prefix("var config = ").unwrap().split(";\n").next().unwrap();
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_public_url_is_told_as_it_is() {
        let site = Site { public_url: Some(url("https://meet.example")), ..site() };
        let script = site.script(None, Some(&url("http://10.0.0.1:8000")));
        let config = literal(&script);
        assert_eq!(config["websocket"], "wss://meet.example/xmpp-websocket");
        assert_eq!(config["websocketKeepAliveUrl"], "https://meet.example/_unlock");
        assert_eq!(config["conferenceRequestUrl"], "https://meet.example/conference-request/v1");
        assert!(!script.contains("location"), "{script}");
    }

    #[test]
    fn otherwise_the_page_looks_where_it_is() {
        let script = site().script(None, Some(&url("http://10.0.0.1:8000")));
        assert_eq!(literal(&script)["websocket"], "ws://10.0.0.1:8000/xmpp-websocket");
        assert!(script.contains("location.protocol + '//' + location.host + '/', \"\""), "{script}");
    }

    #[test]
    fn hosts_and_flags_are_those_of_a_stock_configuration() {
        let config = literal(&site().script(None, None));
        let hosts = json!({
            "domain": "meet.internal", "muc": "conference.meet.internal", "focus": "focus.meet.internal",
        });
        assert_eq!(config["hosts"], hosts);
        assert_eq!(config["focusUserJid"], "focus@auth.meet.internal");
        assert_eq!(config["flags"]["ssrcRewritingEnabled"], false);
        assert_eq!(config["p2p"], json!({ "enabled": true, "stunServers": [] }));
        assert_eq!(config.get("websocket"), None);
        assert_eq!(config.get("startAudioMuted"), None);
    }

    #[test]
    fn what_is_configured_is_told() {
        let web = Web {
            p2p: false,
            p2p_stun_servers: vec!["stun.example:3478".to_owned(), "stun:other.example:443".to_owned()],
            start_audio_muted: Some(10),
            start_video_muted: Some(5),
        };
        let config = literal(&Site { web, ..site() }.script(None, None));
        let servers = json!([{ "urls": "stun:stun.example:3478" }, { "urls": "stun:other.example:443" }]);
        assert_eq!(config["p2p"], json!({ "enabled": false, "stunServers": servers }));
        assert_eq!((&config["startAudioMuted"], &config["startVideoMuted"]), (&json!(10), &json!(5)));
    }

    #[test]
    fn a_shard_is_told_only_when_it_is_set() {
        assert_eq!(literal(&site().script(None, None)).get("deploymentInfo"), None);
        let named = Site { shard_name: Some("main".to_owned()), region: Some("eu".to_owned()), ..site() };
        let info = json!({ "shard": "main", "region": "eu", "userRegion": "eu" });
        assert_eq!(literal(&named.script(None, None))["deploymentInfo"], info);
    }

    #[test]
    fn a_tenant_has_its_own_addresses_and_rooms() {
        let site = Site { public_url: Some(url("https://meet.example")), ..site() };
        let config = literal(&site.script(Some("guild"), None));
        assert_eq!(config["websocket"], "wss://meet.example/guild/xmpp-websocket");
        assert_eq!(config["hosts"]["muc"], "conference.guild.meet.internal");
    }

    #[test]
    fn a_tenant_cannot_break_out_of_the_script() {
        let tenant = "\"); alert(1); (\"";
        let script = site().script(Some(tenant), None);
        assert_eq!(literal(&script)["hosts"]["muc"], format!("conference.{tenant}.meet.internal"));
        assert!(script.ends_with("'/', \"%22%29%3B%20alert%281%29%3B%20%28%22/\");\n}\n"), "{script}");
    }
}

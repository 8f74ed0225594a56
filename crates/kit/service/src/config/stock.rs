//! Stock shards behind a router: which they are, and how patient it is with them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::check::{Checked, domain, duration, filled, node, number, socket, wrong};
use super::url::PublicUrl;
use super::{Cluster, Config, Error};
use crate::trust::Trust;

/// Shards in one list.
const SHARDS_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// in the order of their names
    pub shards: Vec<StockShard>,
    pub dns: Option<Discovery>,
    /// begins with a slash
    pub check_path: String,
    pub patience: Patience,
    pub tls: StockTls,
    /// answers name the shard where it does not do so itself
    pub tell_shard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockShard {
    pub id: String,
    pub url: PublicUrl,
    /// gets rooms only while no other one can be used
    pub is_backup: bool,
}

/// Shards that a name server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// one that begins with an underscore has SRV records (RFC 2782), any other one addresses
    pub name: String,
    /// `None`: SRV records tell it
    pub port: Option<u16>,
    pub is_tls: bool,
    /// `None`: as this machine is set up
    pub server: Option<SocketAddr>,
    pub interval: Duration,
}

/// Of checks; the reference configuration says what each means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    pub interval: Duration,
    pub timeout: Duration,
    pub fall: u32,
    pub rise: u32,
    pub settle: Duration,
    pub grace: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockTls {
    pub trust: Trust,
    /// in the certificates; `None`: the host of the URL
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawStock {
    shards: Vec<String>,
    backups: Vec<String>,
    dns: Option<String>,
    dns_server: Option<String>,
    dns_interval: String,
    check_path: String,
    check_interval: String,
    check_timeout: String,
    fall: u64,
    rise: u64,
    settle: String,
    grace: String,
    tls_ca: Option<String>,
    tls_name: Option<String>,
    tls_insecure: bool,
    tell_shard: bool,
}

impl Default for RawStock {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            backups: Vec::new(),
            dns: None,
            dns_server: None,
            dns_interval: "10s".to_owned(),
            check_path: "/about/health".to_owned(),
            check_interval: "2s".to_owned(),
            check_timeout: "3s".to_owned(),
            fall: 2,
            rise: 3,
            settle: "30s".to_owned(),
            grace: "120s".to_owned(),
            tls_ca: None,
            tls_name: None,
            tls_insecure: false,
            tell_shard: false,
        }
    }
}

impl Config {
    /// The engine that several routers in front of stock shards share, if there is one.
    ///
    /// # Errors
    /// The other routers are told an address that nobody can reach.
    pub fn as_stock_router(&self) -> Result<Option<Cluster>, Error> {
        let Some(journal) = self.journal.clone() else { return Ok(None) };
        if self.admin.ip().is_unspecified() {
            return Err(Error::Unreachable { key: "admin", address: self.admin });
        }
        let password = self.bridge.password.clone().unwrap_or_default();
        Ok(Some(Cluster { name: self.cluster.clone(), journal, password }))
    }
}

pub(super) fn check(raw: &RawStock) -> Checked<Option<Stock>> {
    let shards = shards(raw)?;
    let dns = raw.dns.as_deref().map(|text| discovery(raw, text)).transpose()?;
    let stock = Stock {
        check_path: path(&raw.check_path)?,
        patience: patience(raw)?,
        tls: tls(raw)?,
        tell_shard: raw.tell_shard,
        shards,
        dns,
    };
    if stock.dns.is_some() && !stock.shards.is_empty() {
        return wrong(
            "stock.dns",
            "there are stock.shards or stock.backups as well; choose one of the two ways",
        );
    }
    if !stock.shards.is_empty() && stock.shards.iter().all(|shard| shard.is_backup) {
        return wrong("stock.backups", "there is no shard in stock.shards that it could be the backup of");
    }
    Ok((stock.dns.is_some() || !stock.shards.is_empty()).then_some(stock))
}

fn shards(raw: &RawStock) -> Checked<Vec<StockShard>> {
    let primaries = raw.shards.iter().map(|text| shard("stock.shards", text, false));
    let backups = raw.backups.iter().map(|text| shard("stock.backups", text, true));
    let mut shards = primaries.chain(backups).collect::<Checked<Vec<_>>>()?;
    if shards.len() > SHARDS_MAX {
        return wrong("stock.shards", &format!("there are more than {SHARDS_MAX}"));
    }
    let (mut ids, mut urls) = (BTreeSet::new(), BTreeSet::new());
    for StockShard { id, url, is_backup } in &shards {
        let key = if *is_backup { "stock.backups" } else { "stock.shards" };
        if !ids.insert(id) {
            return wrong(key, &format!("there are two shards with the name {id:?}"));
        }
        if !urls.insert((url.host(), url.port())) {
            return wrong(key, &format!("{id} has the address of another shard, {url}"));
        }
    }
    shards.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(shards)
}

fn shard(key: &'static str, text: &str, is_backup: bool) -> Checked<StockShard> {
    let like = "write it like \"a=http://10.0.0.1\" or \"b=https://10.0.0.2:8443\"";
    let Some((id, url)) = text.split_once('=') else {
        return wrong(key, &format!("{text:?} has no name; {like}"));
    };
    match PublicUrl::parse(url.trim()) {
        Ok(url) => Ok(StockShard { id: node(key, id.trim())?, url, is_backup }),
        Err(_) => {
            wrong(key, &format!("{url:?} is no address of a shard: a scheme and a host, no path; {like}"))
        }
    }
}

fn discovery(raw: &RawStock, text: &str) -> Checked<Discovery> {
    const KEY: &str = "stock.dns";
    let (is_tls, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://").unwrap_or(text)),
    };
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok().filter(|port| *port > 0))),
        None => (rest, None),
    };
    let name = name.trim_end_matches('.');
    let is_srv = name.starts_with('_');
    // A label of a service begins with an underscore (RFC 2782).
    let plain: Vec<_> = name.split('.').map(|label| label.strip_prefix('_').unwrap_or(label)).collect();
    if port == Some(None) || is_srv && port.is_some() || domain(KEY, &plain.join(".")).is_err() {
        return wrong(
            KEY,
            &format!(
                "{text:?} is no name of shards; write it like \"shards.example.org:8080\", \
                 \"https://shards.example.org\" or, for SRV, \"_http._tcp.shards.example.org\" without a port"
            ),
        );
    }
    let interval = duration(
        "stock.dns-interval",
        &raw.dns_interval,
        Duration::from_secs(1),
        Duration::from_secs(3_600),
    )?;
    let server = raw.dns_server.as_deref().map(|text| socket("stock.dns-server", text)).transpose()?;
    let port = if is_srv { None } else { Some(port.flatten().unwrap_or(if is_tls { 443 } else { 80 })) };
    Ok(Discovery { name: name.to_ascii_lowercase(), port, is_tls, server, interval })
}

fn patience(raw: &RawStock) -> Checked<Patience> {
    let of = |key, text: &str, min: u64, max: u64| {
        duration(key, text, Duration::from_millis(min), Duration::from_millis(max))
    };
    Ok(Patience {
        interval: of("stock.check-interval", &raw.check_interval, 100, 60_000)?,
        timeout: of("stock.check-timeout", &raw.check_timeout, 100, 60_000)?,
        fall: number("stock.fall", raw.fall, 1..=100)?,
        rise: number("stock.rise", raw.rise, 1..=100)?,
        settle: of("stock.settle", &raw.settle, 0, 3_600_000)?,
        grace: of("stock.grace", &raw.grace, 0, 3_600_000)?,
    })
}

fn tls(raw: &RawStock) -> Checked<StockTls> {
    let ca = raw.tls_ca.as_deref().map(|path| filled("stock.tls-ca", path)).transpose()?;
    let name = raw.tls_name.as_deref().map(|name| domain("stock.tls-name", name)).transpose()?;
    if raw.tls_insecure && (ca.is_some() || name.is_some()) {
        return wrong(
            "stock.tls-insecure",
            "certificates are not looked at, but stock.tls-ca or stock.tls-name says how; choose one of the two ways",
        );
    }
    let trust = if raw.tls_insecure { Trust::Anybody } else { Trust::Known(ca.map(PathBuf::from)) };
    Ok(StockTls { trust, name })
}

/// What stands in a request line as it is (RFC 9112 section 3.2.1).
fn path(text: &str) -> Checked<String> {
    let is_path = text.starts_with('/')
        && text.len() <= 1024
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>'));
    if !is_path {
        return wrong("stock.check-path", &format!("{text:?} is no path; write it like \"/about/health\""));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, load};
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Option<Stock>, String> {
        let variables =
            variables.iter().map(|&(n, v)| (format!("ALTHING_STOCK_{n}"), v.to_owned())).collect();
        let loaded = load(&Sources { variables, ..Sources::default() });
        loaded.map(|config| config.stock).map_err(|error| error.to_string())
    }

    fn check_refused(variables: &[(&str, &str)], parts: &[&str]) {
        let error = from(variables).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in {error:?}");
    }

    #[test]
    fn without_shards_there_is_nothing_stock() {
        assert_eq!(from(&[]), Ok(None));
        assert_eq!(from(&[("FALL", "3")]), Ok(None));
    }

    #[test]
    fn shards_are_named_and_sorted() {
        let stock =
            from(&[("SHARDS", "b=https://10.0.0.2, a=http://Meet.Example:8080"), ("BACKUPS", "c=http://c")]);
        let shards: Vec<_> = stock.unwrap().unwrap().shards.iter().map(said).collect();
        assert_eq!(
            shards,
            ["a http://meet.example:8080 false", "b https://10.0.0.2 false", "c http://c true"]
        );
    }

    fn said(shard: &StockShard) -> String {
        format!("{} {} {}", shard.id, shard.url, shard.is_backup)
    }

    #[test]
    fn a_bad_list_is_refused_with_a_sentence() {
        check_refused(
            &[("SHARDS", "http://10.0.0.1")],
            &["stock.shards:", "has no name", "a=http://10.0.0.1"],
        );
        check_refused(&[("SHARDS", "a=10.0.0.1")], &["stock.shards:", "no address", "ALTHING_STOCK_SHARDS"]);
        check_refused(&[("SHARDS", "a=http://x/jitsi")], &["no path"]);
        check_refused(&[("SHARDS", "A b=http://x")], &["\"A b\" is no name"]);
        check_refused(&[("SHARDS", "a=http://x,a=http://y")], &["two shards with the name \"a\""]);
        check_refused(&[("SHARDS", "a=http://x,b=http://X:80")], &["b has the address of another"]);
        check_refused(&[("BACKUPS", "a=http://x")], &["stock.backups:", "backup of"]);
        check_refused(&[("SHARDS", "a=http://x"), ("DNS", "y")], &["stock.dns:", "choose one"]);
        check_refused(&[("SHARDS", "a=http://x"), ("CHECK_PATH", "health")], &["stock.check-path:"]);
        check_refused(&[("SHARDS", "a=http://x"), ("FALL", "0")], &["stock.fall:"]);
        check_refused(&[("TLS_INSECURE", "1"), ("TLS_NAME", "x")], &["stock.tls-insecure:"]);
        let many: Vec<_> = (0..=SHARDS_MAX).map(|n| format!("s{n}=http://s{n}")).collect();
        check_refused(&[("SHARDS", &many.join(","))], &["more than 256"]);
    }

    #[test]
    fn names_of_shards() {
        let dns = |text: &str| from(&[("DNS", text)]).map(|stock| stock.and_then(|stock| stock.dns).unwrap());
        let check = |text: &str, name: &str, port, is_tls| {
            let found = dns(text).unwrap();
            assert_eq!((found.name.as_str(), found.port, found.is_tls), (name, port, is_tls), "{text}");
        };
        check("Shards.example:8080", "shards.example", Some(8080), false);
        check("https://shards.example.", "shards.example", Some(443), true);
        check("_http._tcp.shards.example", "_http._tcp.shards.example", None, false);
        check("https://_https._tcp.shards", "_https._tcp.shards", None, true);
        for text in ["_http._tcp.x:80", "x:0", "x:http", "a b", "x/y", "ftp://x"] {
            assert!(dns(text).unwrap_err().contains("stock.dns:"), "{text}");
        }
        check_refused(&[("DNS", "x"), ("DNS_SERVER", "10.0.0.1")], &["stock.dns-server:"]);
    }

    #[test]
    fn routers_that_share_need_an_engine_and_nothing_else_of_a_cluster() {
        let config = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            load(&Sources { variables, ..Sources::default() }).unwrap()
        };
        let engine = ("ALTHING_JOURNAL_URL", "nats://127.0.0.1:4222");
        assert_eq!(config(&[]).as_stock_router().unwrap(), None);
        assert_eq!(config(&[engine]).as_stock_router().unwrap().unwrap().name, "althing");
        let everywhere = config(&[engine, ("ALTHING_ADMIN", "0.0.0.0:8001")]);
        assert!(everywhere.as_stock_router().unwrap_err().to_string().contains("own address"));
    }
}

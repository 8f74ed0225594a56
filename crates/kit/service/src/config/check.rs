//! From the first stage to the second: every value is looked at once, here.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::checked::{Bridge, Config, Limits, Log, Router, Service, Tls, Web, Xmpp};
use super::cluster;
use super::raw::{RawBridge, RawConfig, RawLimits, RawService, RawWeb, RawXmpp};
use super::stock;
use super::units;
use super::url::PublicUrl;
use crate::telemetry::Format;

/// A value that makes no sense.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) key: &'static str,
    /// a sentence without its full stop
    pub(super) what: String,
}

pub(super) type Checked<T> = Result<T, Wrong>;

pub(super) fn check(raw: &RawConfig) -> Checked<Config> {
    let http = socket("http", &raw.http)?;
    let public_url = raw.public_url.as_deref().map(PublicUrl::parse).transpose().map_err(at("public-url"))?;
    let advertise = raw.advertise.iter().map(|text| advertised(text)).collect::<Checked<Vec<_>>>()?;
    Ok(Config {
        admin: socket("admin", &raw.admin)?,
        data: PathBuf::from(filled("data", &raw.data)?),
        media_port: number("media-port", raw.media_port, 0..=65_535)?,
        tls: tls(raw, http, public_url.as_ref(), &advertise)?,
        shard_name: raw.shard_name.as_deref().map(|name| header_word("shard-name", name)).transpose()?,
        region: raw.region.as_deref().map(|name| header_word("region", name)).transpose()?,
        log: Log { format: log_format(&raw.log)?, level: filled("log-level", &raw.log_level)? },
        xmpp: xmpp(&raw.xmpp)?,
        cluster: cluster::name(&raw.cluster)?,
        journal: cluster::journal(&raw.journal)?,
        router: Router { id: node("router.id", &raw.router.id)? },
        shard: cluster::shard(&raw.shard)?,
        bridge: bridge(&raw.bridge)?,
        stock: stock::check(&raw.stock)?,
        web: web(&raw.web)?,
        limits: limits(&raw.limits)?,
        http,
        public_url,
        advertise,
    })
}

fn tls(
    raw: &RawConfig,
    http: SocketAddr,
    public_url: Option<&PublicUrl>,
    advertise: &[IpAddr],
) -> Checked<Tls> {
    match (&raw.tls_cert, &raw.tls_key, raw.tls_self_signed) {
        (None, None, false) => Ok(Tls::Off),
        (Some(cert), Some(key), false) => {
            Ok(Tls::Files { cert: PathBuf::from(cert), key: PathBuf::from(key) })
        }
        (None, None, true) => {
            Ok(Tls::SelfSigned { names: names(&raw.tls_names, http, public_url, advertise)? })
        }
        (Some(_), None, false) => wrong("tls-key", "tls-cert is given, but not the key that belongs to it"),
        (None, Some(_), false) => {
            wrong("tls-cert", "tls-key is given, but not the certificate that belongs to it")
        }
        (_, _, true) => {
            wrong("tls-self-signed", "there is tls-cert or tls-key as well; choose one of the two ways")
        }
    }
}

/// What a certificate of our own is for: the names given, and every address that we know ourselves by.
fn names(
    given: &[String],
    http: SocketAddr,
    url: Option<&PublicUrl>,
    advertise: &[IpAddr],
) -> Checked<Vec<String>> {
    let mut names = Vec::new();
    for name in given {
        let is_name = name.parse::<IpAddr>().is_ok() || domain("tls-names", name).is_ok();
        if !is_name {
            return wrong("tls-names", &format!("{name:?} is neither a host name nor an address"));
        }
        names.push(name.to_ascii_lowercase());
    }
    names.extend(url.map(|url| url.host().to_owned()));
    names.extend(advertise.iter().map(ToString::to_string));
    if !http.ip().is_unspecified() {
        names.push(http.ip().to_string());
    }
    names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

fn xmpp(raw: &RawXmpp) -> Checked<Xmpp> {
    let main = domain("xmpp.domain", &raw.domain)?;
    let or_derived = |key, given: &Option<String>, derived: String| match given {
        Some(given) => domain(key, given),
        None => Ok(derived),
    };
    let internal =
        or_derived("xmpp.internal-muc-domain", &raw.internal_muc_domain, format!("internal.auth.{main}"))?;
    Ok(Xmpp {
        muc_domain: or_derived("xmpp.muc-domain", &raw.muc_domain, format!("conference.{main}"))?,
        focus_domain: or_derived("xmpp.focus-domain", &raw.focus_domain, format!("focus.{main}"))?,
        auth_domain: or_derived("xmpp.auth-domain", &raw.auth_domain, format!("auth.{main}"))?,
        brewery: format!("{}@{internal}", node("xmpp.brewery", &raw.brewery)?),
        listen: socket("xmpp.listen", &raw.listen)?,
        resume_time: duration(
            "xmpp.resume-time",
            &raw.resume_time,
            Duration::from_secs(5),
            Duration::from_secs(3600),
        )?,
        services: raw.services.iter().map(service).collect::<Checked<_>>()?,
        domain: main,
    })
}

fn service(raw: &RawService) -> Checked<Service> {
    const KEY: &str = "xmpp.services";
    if !matches!(raw.kind.as_str(), "stun" | "turn" | "turns") {
        return wrong(KEY, &format!("kind {:?} is none of stun, turn, turns", raw.kind));
    }
    let transport =
        raw.transport.clone().unwrap_or_else(|| if raw.kind == "turns" { "tcp" } else { "udp" }.to_owned());
    if !matches!(transport.as_str(), "udp" | "tcp") {
        return wrong(KEY, &format!("transport {transport:?} is neither udp nor tcp"));
    }
    Ok(Service {
        kind: raw.kind.clone(),
        host: filled(KEY, &raw.host)?,
        port: number(KEY, raw.port, 1..=65_535)?,
        transport,
        username: raw.username.clone(),
        password: raw.password.clone(),
    })
}

fn bridge(raw: &RawBridge) -> Checked<Bridge> {
    Ok(Bridge {
        id: node("bridge.id", &raw.id)?,
        user: node("bridge.user", &raw.user)?,
        password: raw.password.as_deref().map(|password| filled("bridge.password", password)).transpose()?,
        media_address: raw.media_address.parse().map_err(|_| Wrong {
            key: "bridge.media-address",
            what: format!("{:?} is no address; write one like \"0.0.0.0\"", raw.media_address),
        })?,
        threads: number("bridge.threads", raw.threads, 0..=1024)?,
        http: socket("bridge.http", &raw.http)?,
        admin: socket("bridge.admin", &raw.admin)?,
    })
}

fn web(raw: &RawWeb) -> Checked<Web> {
    let count = |key, given: Option<u64>| given.map(|n| number(key, n, 0..=u64::from(u32::MAX))).transpose();
    Ok(Web {
        p2p: raw.p2p,
        p2p_stun_servers: raw.p2p_stun_servers.clone(),
        start_audio_muted: count("web.start-audio-muted", raw.start_audio_muted)?,
        start_video_muted: count("web.start-video-muted", raw.start_video_muted)?,
    })
}

fn limits(raw: &RawLimits) -> Checked<Limits> {
    let connections = number("limits.connections", raw.connections, 1..=1_000_000)?;
    Ok(Limits {
        occupants: number("limits.occupants", raw.occupants, 1..=1_500)?,
        connections,
        half_open: number("limits.half-open", raw.half_open, 1..=1_000_000)?,
        header_time: duration(
            "limits.header-time",
            &raw.header_time,
            Duration::from_millis(100),
            Duration::from_secs(300),
        )?,
        header_size: size("limits.header-size", &raw.header_size, 8 << 10, 1 << 20)?,
        body_size: size("limits.body-size", &raw.body_size, 1 << 10, 16 << 20)?,
    })
}

pub(super) fn socket(key: &'static str, text: &str) -> Checked<SocketAddr> {
    text.parse().map_err(|_| Wrong {
        key,
        what: format!(
            "{text:?} is no address with a port; write one like \"127.0.0.1:8000\" or \"0.0.0.0:443\""
        ),
    })
}

fn advertised(text: &str) -> Checked<IpAddr> {
    // COMPAT: docker-jitsi-meet also takes `ip#port`.
    if text.contains('#') {
        return wrong(
            "advertise",
            &format!("{text:?} names a port, but every address is advertised with media-port"),
        );
    }
    text.parse().map_err(|_| Wrong { key: "advertise", what: format!("{text:?} is no IP address") })
}

fn log_format(text: &str) -> Checked<Format> {
    match text {
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        _ => wrong("log", &format!("{text:?} is neither \"human\" nor \"json\"")),
    }
}

/// A domain part (RFC 7622 section 3.2), of host names only.
pub(super) fn domain(key: &'static str, text: &str) -> Checked<String> {
    let domain = text.trim().to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if domain.len() > 200 || !domain.split('.').all(is_label) {
        return wrong(key, &format!("{text:?} is no domain; write one like \"meet.example.org\""));
    }
    Ok(domain)
}

/// A name that goes into JIDs, paths and metrics alike.
pub(super) fn node(key: &'static str, text: &str) -> Checked<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
        return wrong(key, &format!("{text:?} is no name: at most 64 of a-z, 0-9, \"-\", \"_\" and \".\""));
    }
    Ok(text.to_owned())
}

/// A word that goes into an HTTP header as it is.
pub(super) fn header_word(key: &'static str, text: &str) -> Checked<String> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
        return wrong(
            key,
            &format!("{text:?} is no name: at most 64 printable ASCII characters without spaces"),
        );
    }
    Ok(text.to_owned())
}

pub(super) fn filled(key: &'static str, text: &str) -> Checked<String> {
    if text.trim().is_empty() { wrong(key, "it is empty") } else { Ok(text.to_owned()) }
}

pub(super) fn number<T: TryFrom<u64>>(
    key: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Checked<T> {
    let out_of_range =
        || Wrong { key, what: format!("{value} is not between {} and {}", range.start(), range.end()) };
    if !range.contains(&value) {
        return Err(out_of_range());
    }
    T::try_from(value).map_err(|_| out_of_range())
}

pub(super) fn duration(key: &'static str, text: &str, min: Duration, max: Duration) -> Checked<Duration> {
    let value = units::duration(text).map_err(at(key))?;
    if !(min..=max).contains(&value) {
        return wrong(key, &format!("{text:?} is not between {min:?} and {max:?}"));
    }
    Ok(value)
}

fn size(key: &'static str, text: &str, min: u64, max: u64) -> Checked<usize> {
    number(key, units::size(text).map_err(at(key))?, min..=max)
}

fn at(key: &'static str) -> impl Fn(String) -> Wrong {
    move |what| Wrong { key, what }
}

pub(super) fn wrong<T>(key: &'static str, what: &str) -> Checked<T> {
    Err(Wrong { key, what: what.to_owned() })
}

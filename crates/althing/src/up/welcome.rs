//! The first thing an operator reads: the address to open, and what listens where.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use service::config::{Config, Tls};

/// Where everything came to listen; ports of 0 are known by now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) http: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) media: SocketAddr,
    pub(super) shard: SocketAddr,
    pub(super) xmpp: SocketAddr,
    pub(super) colibri: SocketAddr,
}

pub(super) fn text(config: &Config, at: Addresses) -> String {
    let tls = match &config.tls {
        Tls::Off => "no TLS".to_owned(),
        Tls::Files { cert, .. } => format!("TLS with {}", cert.display()),
        Tls::SelfSigned { names } => format!("TLS, self-signed for {}", names.join(", ")),
    };
    let advertised = match config.advertise.as_slice() {
        [] => "at the addresses of this machine".to_owned(),
        list => format!("at {}", list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let rows = [
        ("web", format!("{} ({tls})", at.http)),
        ("media", format!("{} UDP, {advertised}", at.media)),
        (
            "admin",
            format!("http://{} (/healthz, /readyz, /metrics, /api/v1/nodes, /api/v1/meetings)", at.admin),
        ),
        ("inside", format!("shard {}, bridges log in at {}, bridge {}", at.shard, at.xmpp, at.colibri)),
        ("data", config.data.display().to_string()),
    ];
    let mut text = format!("Althing is up. Open {}\n", open(config, at.http));
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<7}{value}");
    }
    if is_deaf(config) {
        text.push_str(
            "  Browsers give camera and microphone only to https:// and to localhost. For other machines add\n  \
             --tls-self-signed, or --tls-cert and --tls-key, or put a proxy with TLS in front (--public-url).\n",
        );
    }
    text
}

fn open(config: &Config, http: SocketAddr) -> String {
    if let Some(url) = &config.public_url {
        return url.to_string();
    }
    let scheme = if config.tls == Tls::Off { "http" } else { "https" };
    let host = match http.ip() {
        // Chromium and Firefox treat both as secure; the name is what people expect.
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(host, http.port()))
}

/// Others than this machine can reach it, and their browsers will hide their devices from it.
fn is_deaf(config: &Config) -> bool {
    config.tls == Tls::Off && config.public_url.is_none() && !config.http.ip().is_loopback()
}

#[cfg(test)]
mod tests {
    use service::config::{Sources, load};

    use super::*;

    fn welcome(variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        let config = load(&Sources { variables, ..Sources::default() }).unwrap();
        let port = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let at = Addresses {
            http: SocketAddr::new(config.http.ip(), 8000),
            admin: port(8001),
            media: port(10_000),
            shard: port(1),
            xmpp: port(2),
            colibri: port(3),
        };
        text(&config, at)
    }

    fn check(variables: &[(&str, &str)], first: &str, warns: bool) {
        let text = welcome(variables);
        assert_eq!(text.lines().next(), Some(first));
        assert_eq!(text.contains("Browsers give camera"), warns, "{text}");
    }

    #[test]
    fn the_address_to_open_comes_first() {
        check(&[], "Althing is up. Open http://127.0.0.1:8000", false);
        check(&[("PUBLIC_URL", "https://meet.example")], "Althing is up. Open https://meet.example", false);
        check(&[("ALTHING_TLS_SELF_SIGNED", "1")], "Althing is up. Open https://127.0.0.1:8000", false);
    }

    #[test]
    fn who_serves_others_without_tls_is_told_what_they_will_miss() {
        check(&[("ALTHING_HTTP", "0.0.0.0:8000")], "Althing is up. Open http://127.0.0.1:8000", true);
        check(&[("ALTHING_HTTP", "10.0.0.9:8000")], "Althing is up. Open http://10.0.0.9:8000", true);
    }
}

use std::net::Ipv4Addr;
use std::time::Duration;

use super::raw::RawConfig;
use super::*;
use crate::telemetry::Format;

#[test]
fn the_reference_file_has_the_defaults_of_the_code() {
    let from_file: RawConfig = Figment::from(Toml::string(REFERENCE)).extract().unwrap();
    assert_eq!(from_file, RawConfig::default());
}

#[test]
fn the_reference_file_names_every_key_and_no_other() {
    let mut section = String::new();
    let mut named = Vec::new();
    for line in REFERENCE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.trim_start_matches('#').split_once(" = ")
            && !line.starts_with("# ")
        {
            named.push(format!("{section}{name}"));
        }
    }
    let keys: Vec<_> = keys::KEYS.iter().map(|key| key.path.to_owned()).collect();
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(named), sorted(keys));
}

#[test]
fn the_examples_of_the_reference_file_make_sense() {
    let uncommented: String = REFERENCE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            // two other ways of a login
            Some(other) if other.starts_with("token") || other.starts_with("credentials") => "\n".to_owned(),
            Some(example) if !example.starts_with(' ') => format!("{example}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = from_text(&uncommented).unwrap();
    assert_eq!(config.xmpp.services[0].host, "turn.example.org");
    assert_eq!(config.web.start_audio_muted, Some(10));
}

#[test]
fn nothing_given_is_a_complete_configuration() {
    let config = load(&Sources::default()).unwrap();
    assert_eq!(config.http, "127.0.0.1:8000".parse().unwrap());
    assert_eq!(config.admin, "127.0.0.1:8001".parse().unwrap());
    assert_eq!(config.media_port, 10_000);
    assert_eq!(config.xmpp.domain, "meet.internal");
    assert_eq!(config.xmpp.muc_domain, "conference.meet.internal");
    assert_eq!(config.xmpp.brewery, "jvbbrewery@internal.auth.meet.internal");
    assert_eq!(config.xmpp.resume_time, Duration::from_secs(90));
    assert_eq!(config.tls, Tls::Off);
    assert_eq!(config.log, Log { format: Format::Human, level: "info".to_owned() });
}

#[test]
fn file_then_stock_names_then_our_variables_then_flags() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("althing.toml");
    std::fs::write(
        &path,
        "media-port = 1\nadmin = \"127.0.0.1:1\"\n[xmpp]\ndomain = \"file\"\nbrewery = \"file\"",
    )
    .unwrap();
    let mut sources = Sources { file: Some(path), ..Sources::default() };
    let check = |sources: &Sources, port: u16, domain: &str| {
        let config = load(sources).unwrap();
        assert_eq!((config.media_port, config.xmpp.domain.as_str()), (port, domain));
        assert_eq!(
            config.xmpp.brewery,
            format!("file@internal.auth.{domain}"),
            "what nobody overrides stays"
        );
    };
    check(&sources, 1, "file");
    sources.variables.extend([variable("JVB_PORT", "2"), variable("XMPP_DOMAIN", "stock")]);
    check(&sources, 2, "stock");
    sources.variables.extend([variable("ALTHING_MEDIA_PORT", "3"), variable("ALTHING_XMPP_DOMAIN", "ours")]);
    check(&sources, 3, "ours");
    sources.flags.set("media-port", Some(4));
    sources.flags.set("xmpp.domain", None::<String>);
    check(&sources, 4, "ours");
}

#[test]
fn names_of_docker_jitsi_meet_are_understood() {
    let config = from_variables_only(&[
        ("PUBLIC_URL", "https://meet.example:8443/"),
        ("XMPP_DOMAIN", "meet.jitsi"),
        ("XMPP_MUC_DOMAIN", "muc.meet.jitsi"),
        ("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi"),
        ("JVB_ADVERTISE_IPS", "203.0.113.7, 2001:db8::7"),
        ("JVB_AUTH_PASSWORD", "0123"),
        ("ENABLE_P2P", "0"),
        ("MAX_PARTICIPANTS", "75"),
        ("ENABLE_AUTH", "0"),
        ("TZ", "UTC"),
        ("JVB_PORT", ""),
    ])
    .unwrap();
    assert_eq!(config.public_url.unwrap().to_string(), "https://meet.example:8443");
    assert_eq!(config.xmpp.muc_domain, "muc.meet.jitsi");
    assert_eq!(config.xmpp.brewery, "jvbbrewery@internal-muc.meet.jitsi");
    assert_eq!(config.xmpp.auth_domain, "auth.meet.jitsi");
    assert_eq!(config.advertise.len(), 2);
    assert_eq!(config.advertise[0], Ipv4Addr::new(203, 0, 113, 7));
    assert_eq!(config.bridge.password.as_deref(), Some("0123"));
    assert!(!config.web.p2p);
    assert_eq!(config.limits.occupants, 75);
    assert_eq!(config.media_port, 10_000, "an empty variable says nothing");
}

#[test]
fn what_kubernetes_says_of_services_is_not_for_us() {
    let config = from_variables_only(&[
        ("ALTHING_SERVICE_HOST", "10.0.0.1"),
        ("ALTHING_SERVICE_PORT_HTTP", "8000"),
        ("ALTHING_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("ALTHING_PORT", "tcp://10.0.0.1:8000"),
        ("ALTHING_MEDIA_PORT", "udp://10.0.0.1:1"),
        ("JVB_PORT", "tcp://10.0.0.1:2"),
    ]);
    assert_eq!(config.unwrap().media_port, 10_000);
}

#[test]
fn an_error_names_the_key_and_where_it_came_from() {
    let check = |variables: &[(&str, &str)], parts: &[&str]| {
        check_error(from_variables_only(variables), parts);
    };
    check(&[("ALTHING_HTTP", "8000")], &["http:", "127.0.0.1:8000", "ALTHING_HTTP"]);
    check(&[("JVB_PORT", "many")], &["media-port:", "many", "JVB_PORT"]);
    check(&[("JVB_PORT", "70000")], &["media-port:", "65535", "JVB_PORT"]);
    check(&[("ENABLE_P2P", "perhaps")], &["web.p2p:", "ENABLE_P2P"]);
    check(&[("JVB_ADVERTISE_IPS", "10.0.0.1#4443")], &["advertise:", "media-port"]);
    check(&[("ALTHING_HTPP", "x")], &["ALTHING_HTPP", "althing config"]);
    check(&[("ENABLE_AUTH", "1")], &["ENABLE_AUTH", "no authentication"]);
    check(&[("ALTHING_XMPP_SERVICES", "x")], &["xmpp.services:", "file"]);
    check_error(from_text("[xmpp]\ndomian = \"x\""), &["xmpp", "domian"]);
    check_error(from_text("htpp = \"x\""), &["htpp"]);
    check_error(from_text("media-port = \"many\""), &["media-port", "many"]);
    check_error(from_text("http = 8000"), &["http", "8000"]);
    check_error(from_text("= nonsense"), &["not understood"]);
    check_error(from_text("[xmpp]\ndomain = \"a b\""), &["xmpp.domain:", "a b", "configuration file"]);
    check_error(from_text("[limits]\nheader-time = \"5\""), &["limits.header-time:", "ms, s, min or h"]);
    check_error(from_text("shard-name = \"two words\""), &["shard-name:"]);
    check_error(from_text("[limits]\noccupants = 1501"), &["limits.occupants:", "1500"]);
    assert_eq!(from_text("[limits]\noccupants = 1500").unwrap().limits.occupants, 1500);
    let missing = Sources { file: Some("/nowhere/althing.toml".into()), ..Sources::default() };
    check_error(load(&missing), &["/nowhere/althing.toml", "cannot be read"]);
}

#[test]
fn tls_is_one_way_or_the_other() {
    let files = from_text("tls-cert = \"c\"\ntls-key = \"k\"").unwrap();
    assert_eq!(files.tls, Tls::Files { cert: "c".into(), key: "k".into() });
    check_error(from_text("tls-cert = \"c\""), &["tls-key"]);
    check_error(from_text("tls-key = \"k\""), &["tls-cert"]);
    check_error(from_text("tls-cert = \"c\"\ntls-key = \"k\"\ntls-self-signed = true"), &["tls-self-signed"]);
}

#[test]
fn a_certificate_of_our_own_is_for_every_name_we_go_by() {
    let config = from_text(
        "http = \"0.0.0.0:443\"\ntls-self-signed = true\ntls-names = [\"Box.lan\", \"10.0.0.9\"]\n\
         public-url = \"https://meet.lan\"\nadvertise = [\"10.0.0.9\"]",
    );
    let expected = ["box.lan", "10.0.0.9", "meet.lan", "localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    assert_eq!(config.unwrap().tls, Tls::SelfSigned { names: expected });
    check_error(from_text("tls-self-signed = true\ntls-names = [\"a b\"]"), &["tls-names:"]);
}

#[test]
fn flags_become_variables_for_a_child() {
    let mut flags = Flags::default();
    flags.set("xmpp.domain", Some("meet.example"));
    flags.set("http", None::<String>);
    let variables = flags.variables();
    assert_eq!(variables, [variable("ALTHING_XMPP_DOMAIN", "meet.example")]);
    assert_eq!(load(&Sources { variables, ..Sources::default() }).unwrap().xmpp.domain, "meet.example");
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn from_variables_only(variables: &[(&str, &str)]) -> Result<Config, Error> {
    let variables = variables.iter().map(|(name, value)| variable(name, value)).collect();
    load(&Sources { variables, ..Sources::default() })
}

fn from_text(text: &str) -> Result<Config, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("althing.toml");
    std::fs::write(&path, text).unwrap();
    load(&Sources { file: Some(path), ..Sources::default() })
}

fn check_error(result: Result<Config, Error>, parts: &[&str]) {
    let error = result.unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

//! What each role is told, out of the one configuration.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use bridge::Shards;
use meeting::{ExternalService, Settings};
use router::{Site, Upstreams};
use service::config::Config;

/// A port on loopback that the kernel chooses: only this process needs to know it.
const PRIVATE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// For the bridge and the shard of one process: nobody else needs to know it.
pub(crate) fn password() -> String {
    let random: [u8; 24] = rand::random();
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn shard(config: &Config, password: &str) -> shard::Config {
    let mut shard = shard::Config::for_domain(&config.xmpp.domain);
    shard.name.clone_from(&config.shard.id);
    shard.settings = settings(config);
    shard.http = PRIVATE;
    shard.xmpp = config.xmpp.listen;
    shard.accounts = vec![(config.bridge.user.clone(), password.to_owned())];
    shard.brewery.clone_from(&config.xmpp.brewery);
    // The router refuses first, with a sentence.
    shard.limits.http_connections_max =
        shard.limits.http_connections_max.max(config.limits.connections + 100);
    shard
}

fn settings(config: &Config) -> Settings {
    let xmpp = &config.xmpp;
    let service = |service: &service::config::Service| ExternalService {
        kind: service.kind.clone(),
        host: service.host.clone(),
        port: service.port,
        transport: service.transport.clone(),
        username: service.username.clone(),
        password: service.password.clone(),
    };
    Settings {
        muc_domain: xmpp.muc_domain.clone(),
        focus_domain: xmpp.focus_domain.clone(),
        auth_domain: xmpp.auth_domain.clone(),
        shard_name: config.shard_name.clone(),
        region: config.region.clone(),
        hibernation_ms: u64::try_from(xmpp.resume_time.as_millis()).unwrap_or(u64::MAX),
        occupants_max: config.limits.occupants,
        services: xmpp.services.iter().map(service).collect(),
        ..Settings::for_domain(&xmpp.domain)
    }
}

pub(crate) fn bridge(config: &Config, password: &str, shards: Shards) -> anyhow::Result<bridge::Config> {
    let brewery = config.xmpp.brewery.parse().context("xmpp.brewery is no address of a room")?;
    let mut bridge =
        bridge::Config::new(&config.bridge.id, PRIVATE, &config.xmpp.auth_domain, password, brewery);
    bridge.shards = shards;
    bridge.user.clone_from(&config.bridge.user);
    bridge.media_bind = config.bridge.media_address;
    bridge.media_port = config.media_port;
    bridge.advertise.clone_from(&config.advertise);
    bridge.http = PRIVATE;
    bridge.websocket_base = config
        .public_url
        .as_ref()
        .map(|url| format!("{}/colibri-ws/{}", url.websocket_base(), config.bridge.id));
    bridge.threads = config.bridge.threads;
    bridge.region.clone_from(&config.region);
    Ok(bridge)
}

/// The only shard, in this process.
pub(crate) fn this_shard(mut xmpp: SocketAddr) -> Shards {
    if xmpp.ip().is_unspecified() {
        xmpp.set_ip(PRIVATE.ip());
    }
    Shards::Fixed(vec![xmpp])
}

pub(crate) fn upstreams(config: &Config, shard: SocketAddr, bridge: SocketAddr) -> Upstreams {
    Upstreams::Fixed { shard, bridges: BTreeMap::from([(config.bridge.id.clone(), bridge)]) }
}

pub(crate) fn router(config: &Config, upstreams: Upstreams) -> router::Config {
    router::Config {
        listen: config.http,
        tls: config.tls.clone(),
        data: config.data.clone(),
        site: Site {
            public_url: config.public_url.clone(),
            domain: config.xmpp.domain.clone(),
            muc_domain: config.xmpp.muc_domain.clone(),
            focus_domain: config.xmpp.focus_domain.clone(),
            auth_domain: config.xmpp.auth_domain.clone(),
            shard_name: config.shard_name.clone(),
            region: config.region.clone(),
            web: config.web.clone(),
        },
        upstreams,
        limits: config.limits.clone(),
    }
}

#[cfg(test)]
mod tests {
    use service::config::{Sources, load};

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        let variables = variables.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        load(&Sources { variables, ..Sources::default() }).unwrap()
    }

    #[test]
    fn passwords_differ() {
        assert_eq!(password().len(), 48);
        assert_ne!(password(), password());
    }

    #[test]
    fn shard_and_bridge_agree_on_account_and_brewery() {
        let config =
            config(&[("JVB_AUTH_USER", "video"), ("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi")]);
        let shard = shard(&config, "secret");
        let bridge = bridge(&config, "secret", this_shard("0.0.0.0:5222".parse().unwrap())).unwrap();
        assert_eq!(shard.accounts, [("video".to_owned(), "secret".to_owned())]);
        assert_eq!((bridge.user.as_str(), bridge.password.as_str()), ("video", "secret"));
        assert_eq!(bridge.domain, shard.settings.auth_domain);
        assert_eq!(bridge.brewery.to_string(), shard.brewery);
        let Shards::Fixed(shards) = bridge.shards else { panic!("one process has one shard") };
        assert_eq!(shards, ["127.0.0.1:5222".parse().unwrap()]);
    }

    #[test]
    fn a_bridge_names_its_websocket_where_the_public_address_is_known() {
        let base = |config: &Config| bridge(config, "", this_shard(PRIVATE)).unwrap().websocket_base;
        assert_eq!(base(&config(&[])), None);
        let known = config(&[("PUBLIC_URL", "https://meet.example"), ("JVB_INSTANCE_ID", "b7")]);
        assert_eq!(base(&known).as_deref(), Some("wss://meet.example/colibri-ws/b7"));
    }

    #[test]
    fn meetings_get_what_the_operator_decides() {
        let settings = settings(&config(&[
            ("XMPP_DOMAIN", "meet.jitsi"),
            ("XMPP_MUC_DOMAIN", "muc.meet.jitsi"),
            ("MAX_PARTICIPANTS", "7"),
            ("ALTHING_XMPP_RESUME_TIME", "20s"),
        ]));
        assert_eq!(settings.domain, "meet.jitsi");
        assert_eq!(settings.muc_domain, "muc.meet.jitsi");
        assert_eq!((settings.occupants_max, settings.hibernation_ms), (7, 20_000));
    }
}

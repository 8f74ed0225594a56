//! Which shards there are: those that are written down, or those that a name server tells, again and again.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use placement::stock::Tier;
use service::config::Discovery;
use tokio::time::sleep;

use super::dial::Way;
use super::helm::Helm;
use super::resolve::{Resolver, Service};
use crate::limits::{DISCOVERED_MAX, DISCOVERY_PAUSE};

type Found = Vec<(String, Tier, Way)>;

/// # Errors
/// This machine has no name server that could be asked.
pub(super) fn start(helm: &Arc<Helm>) -> anyhow::Result<()> {
    let settings = &helm.settings;
    let Some(dns) = settings.dns.clone() else {
        let tier = |is_backup| if is_backup { Tier::Backup } else { Tier::Primary };
        let shards = settings.shards.iter();
        helm.list(
            shards.map(|shard| (shard.id.clone(), tier(shard.is_backup), Way::of(&shard.url))).collect(),
        );
        return Ok(());
    };
    let resolver = Resolver::new(dns.server)
        .context("stock.dns: no name server can be asked; name one with stock.dns-server")?;
    tokio::spawn(follow(Arc::clone(helm), dns, resolver));
    Ok(())
}

/// Nothing found or nobody asked changes nothing: the shards that were known do not go away by that.
async fn follow(helm: Arc<Helm>, dns: Discovery, resolver: Resolver) {
    let mut before = Found::new();
    loop {
        let pause = match find(&resolver, &dns).await {
            Ok(found) if found.is_empty() => {
                tracing::warn!(name = dns.name, "the name server knows no shard");
                dns.interval
            }
            Ok(found) => {
                if found != before {
                    let names: Vec<_> = found.iter().map(|(id, ..)| id.as_str()).collect();
                    tracing::info!(name = dns.name, shards = names.join(", "), "shards were found");
                    helm.list(found.clone());
                    before = found;
                }
                dns.interval
            }
            Err(error) => {
                tracing::warn!(name = dns.name, error = format!("{error:#}"), "no shards were found");
                if before.is_empty() { DISCOVERY_PAUSE } else { dns.interval }
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = helm.ended.cancelled() => return,
        }
    }
}

async fn find(resolver: &Resolver, dns: &Discovery) -> anyhow::Result<Found> {
    let mut found = match dns.port {
        Some(port) => {
            let addresses = resolver.addresses(&dns.name).await?;
            addresses.into_iter().map(|ip| of_address(dns, ip, port)).collect()
        }
        None => services(resolver, dns).await?,
    };
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    found.truncate(DISCOVERED_MAX);
    Ok(found)
}

fn of_address(dns: &Discovery, ip: IpAddr, port: u16) -> (String, Tier, Way) {
    let way = Way { host: ip.to_string(), port, is_tls: dns.is_tls, ip: Some(ip) };
    (SocketAddr::new(ip, port).to_string(), Tier::Primary, way)
}

/// Targets of the lowest priority come first, all others stand in for them (RFC 2782, "Priority"). Weights say nothing
/// here: rooms are spread evenly.
async fn services(resolver: &Resolver, dns: &Discovery) -> anyhow::Result<Found> {
    let services = resolver.services(&dns.name).await?;
    let first = services.iter().map(|service| service.priority).min();
    let mut found = Found::new();
    for Service { priority, port, target } in services.into_iter().take(DISCOVERED_MAX) {
        // one that cannot be found does not take the others with it
        let addresses = resolver.addresses(&target).await.unwrap_or_default();
        let Some(ip) = addresses.first().copied() else { continue };
        let tier = if Some(priority) == first { Tier::Primary } else { Tier::Backup };
        let id = format!("{target}:{port}");
        found.push((id, tier, Way { host: target, port, is_tls: dns.is_tls, ip: Some(ip) }));
    }
    Ok(found)
}

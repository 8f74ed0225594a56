//! A router as a process of its own. It says in the registry itself that it is there; its admin port answers for the
//! cluster.

use std::sync::Arc;

use ::router::Upstreams;
use service::admin::{Door, routes};
use service::config::Config;
use service::metrics::Metrics;

use super::cluster::Cluster;
use super::{DRAIN_TIME_MAX, Ends, end, engine, say};
use crate::parts;
use crate::presence::Presence;

pub(super) async fn run(config: Config, ends: Ends) -> anyhow::Result<()> {
    let shared = config.as_router()?;
    let engine = engine::connect(&config.router.id, &config, &shared).await?;
    let metrics = Metrics::new();
    let door = Door::open(config.admin).await?;
    let cluster = ::router::Cluster {
        id: config.router.id.clone(),
        registry: engine.registry.clone(),
        places: engine.places.clone(),
        region: config.region.clone(),
        admin: Some(door.addr()),
    };
    let router = ::router::start(parts::router(&config, Upstreams::Cluster(cluster)), &metrics).await?;
    let router = Arc::new(router);

    say(&Presence {
        id: config.router.id.clone(),
        pid: std::process::id(),
        address: router.addr(),
        admin: Some(door.addr()),
    })?;
    let cluster = Arc::new(Cluster {
        id: config.router.id.clone(),
        router: Arc::downgrade(&router),
        journal: engine.journal,
        registry: engine.registry,
        places: engine.places,
    });
    let admin = door.serve(routes(metrics, cluster.clone().ready(), Some(cluster)), ends.orphaned.clone());

    ends.wait().await;
    router.drain();
    ends.give_time(router.drained(DRAIN_TIME_MAX)).await;
    // Otherwise the admin port is answering about it, and whoever is last lets go of it.
    drop(admin);
    if let Some(router) = Arc::into_inner(router) {
        end(router.shutdown()).await;
    }
    Ok(())
}

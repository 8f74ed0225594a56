//! A router as a process of its own. It says in the registry itself that it is there; its admin port answers for the
//! cluster.

use std::sync::{Arc, Weak};

use ::router::{Running, Upstreams};
use service::admin::{Door, Fleet, Ready, routes};
use service::config::Config;
use service::metrics::Metrics;

use super::cluster::Cluster;
use super::{DRAIN_TIME_MAX, Ends, end, engine, say};
use crate::parts;
use crate::presence::Presence;

pub(super) async fn run(config: Config, ends: Ends) -> anyhow::Result<()> {
    let shared = config.as_router()?;
    let engine = engine::connect(&config.router.id, &config, &shared).await?;
    let metrics = Metrics::of_this_process();
    let door = Door::open(config.admin).await?;
    let cluster = ::router::Cluster {
        id: config.router.id.clone(),
        registry: engine.registry.clone(),
        places: engine.places.clone(),
        region: config.region.clone(),
        admin: Some(door.addr()),
    };
    let router = ::router::start(parts::router(&config, Upstreams::Cluster(cluster)), &metrics).await?;
    serve(router, Served { id: config.router.id.clone(), door, metrics, ends }, |router| {
        let cluster = Arc::new(Cluster {
            id: config.router.id.clone(),
            router,
            journal: engine.journal,
            registry: engine.registry,
            places: engine.places,
        });
        (cluster.clone().ready(), cluster)
    })
    .await
}

/// What a router is served with.
pub(super) struct Served {
    pub(super) id: String,
    pub(super) door: Door,
    pub(super) metrics: Metrics,
    pub(super) ends: Ends,
}

/// From the first line that it says to its end. `fleet` is what its admin port tells.
pub(super) async fn serve(
    router: Running,
    served: Served,
    fleet: impl FnOnce(Weak<Running>) -> (Ready, Arc<dyn Fleet>),
) -> anyhow::Result<()> {
    let Served { id, door, metrics, ends } = served;
    let router = Arc::new(router);
    say(&Presence { id, pid: std::process::id(), address: router.addr(), admin: Some(door.addr()) })?;
    let (ready, fleet) = fleet(Arc::downgrade(&router));
    let admin = door.serve(routes(metrics, ready, Some(fleet)), ends.orphaned.clone());

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

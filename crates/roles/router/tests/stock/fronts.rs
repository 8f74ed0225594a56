//! Routers as these scenarios need them.

use std::sync::Arc;
use std::time::Duration;

use journal::testing::NatsServer;
use journal::{Nats, NatsConfig};
use router::{Cluster, Running, Upstreams};
use service::config::{Patience, Stock, StockShard, StockTls};
use service::trust::Trust;

use crate::support::{SOON, config, get, start};

/// Impatient with the dead, patient with the slow.
pub(crate) fn settings(shards: Vec<StockShard>) -> Stock {
    Stock {
        shards,
        dns: None,
        check_path: "/http-bind".to_owned(),
        patience: Patience {
            interval: Duration::from_millis(200),
            timeout: SOON,
            fall: 2,
            rise: 1,
            settle: Duration::ZERO,
            grace: SOON,
        },
        tls: StockTls { trust: Trust::Known(None), name: None },
        tell_shard: true,
    }
}

pub(crate) async fn alone(shards: Stock) -> Running {
    start(config(Upstreams::Stock { shards: Box::new(shards), cluster: None })).await
}

pub(crate) async fn engine(server: &NatsServer) -> Arc<Nats> {
    let mut told = NatsConfig::new(&server.url(), "stock", "test");
    told.streams = 1;
    Arc::new(Nats::connect(&told).await.unwrap())
}

pub(crate) async fn shared(id: &str, shards: Stock, engine: Arc<Nats>) -> Running {
    let cluster =
        Cluster { id: id.to_owned(), registry: engine.clone(), places: engine, region: None, admin: None };
    start(config(Upstreams::Stock { shards: Box::new(shards), cluster: Some(cluster) })).await
}

/// The shard that answers for a room; asking pins it.
pub(crate) async fn shard_of(router: &Running, room: &str) -> String {
    let answer = get(router, &format!("/http-bind?room={room}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-jitsi-shard").expect("a shard's name").to_owned()
}

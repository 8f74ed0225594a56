//! `althing up`: one shard, one bridge and one router in this process.
//!
//! The order of the start: journal (a second process on the same data ends here), shard (meetings of the journal come
//! back), bridge (it logs in to the shard), router (browsers may come), admin. The roles find each other over loopback
//! ports that the kernel chooses. The end takes the sockets of the clients first and says goodbye to nobody: a client
//! that is dropped comes back, one that is told goodbye does not. A kill has the same effect.

mod fleet;
mod welcome;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use journal::{Journal, Redb};
use service::admin;
use service::config::Config;
use service::metrics::Metrics;
use service::shutdown::Shutdown;
use service::telemetry;

use crate::flags::Up;
use crate::{open_files, parts, print, supervise};
use fleet::{Ids, OneMachine, Window};
use welcome::Addresses;

/// For the roles to let go of their sockets and files.
const END_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) fn run(flags: &Up) -> anyhow::Result<()> {
    let config = flags.configuration()?;
    if config.stock.is_some() {
        bail!(
            "the configuration names stock shards: \"althing router\" stands in front of them, this starts shards of ours"
        );
    }
    if let Some(size) = flags.size(&config)? {
        return supervise::run(flags, &config, size);
    }
    telemetry::init(config.log.format, &config.log.level)?;
    open_files::raise(config.limits.connections);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    let done = runtime.block_on(up(config));
    // A task that hangs does not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn up(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals()?;
    let metrics = Metrics::of_this_process();
    let journal = open_journal(&config).await?;
    let password = config.bridge.password.clone().unwrap_or_else(parts::password);

    let shard = shard::start(parts::shard(&config, &password), Arc::clone(&journal), &metrics)
        .await
        .context("the shard")?;
    let bridge =
        bridge::start(parts::bridge(&config, &password, parts::this_shard(shard.xmpp_addr()))?, &metrics)
            .await
            .context("the bridge")?;
    let upstreams = parts::upstreams(&config, shard.http_addr(), bridge.http_addr());
    let router = router::start(parts::router(&config, upstreams), &metrics).await?;

    let machine = Arc::new(OneMachine {
        shard,
        bridge,
        journal,
        ids: Ids {
            router: config.router.id.clone(),
            shard: config.shard.id.clone(),
            bridge: config.bridge.id.clone(),
        },
        router: router.addr(),
        connections_max: config.limits.connections,
    });
    let window = Window::of(&machine);
    let routes = admin::routes(metrics, window.clone().ready(), Some(Arc::new(window)));
    let admin = admin::serve(config.admin, routes, shutdown.clone()).await?;
    print::text(&welcome::text(&config, addresses(&machine, admin.addr())))?;

    shutdown.wait().await;
    let end = async {
        router.shutdown().await;
        // Otherwise the admin port is answering about it, and whoever is last lets go of it.
        if let Some(machine) = Arc::into_inner(machine) {
            machine.shutdown().await;
        }
    };
    if tokio::time::timeout(END_TIME_MAX, end).await.is_err() {
        tracing::warn!("not everything ended in time; the journal is whole all the same");
    }
    Ok(())
}

fn addresses(machine: &OneMachine, admin: SocketAddr) -> Addresses {
    Addresses {
        http: machine.router,
        admin,
        media: machine.bridge.media_addr(),
        shard: machine.shard.http_addr(),
        xmpp: machine.shard.xmpp_addr(),
        colibri: machine.bridge.http_addr(),
    }
}

/// On a thread of its own: after a kill the file is checked first.
async fn open_journal(config: &Config) -> anyhow::Result<Arc<dyn Journal>> {
    let data = config.data.clone();
    let opened =
        tokio::task::spawn_blocking(move || Redb::open(&data)).await.context("opening the journal")?;
    Ok(Arc::new(opened?))
}

//! `althing router`, `althing shard` and `althing bridge`: one role in one process.

use clap::Args;
use service::config::{Config, Flags};

use super::{Common, File, Front, Media, list};

#[derive(Debug, Args)]
pub(crate) struct Router {
    #[command(flatten)]
    file: File,
    /// Its name in the cluster [default: router-1]
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    #[command(flatten)]
    front: Front,
    #[command(flatten)]
    stock: Stock,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    life: Life,
}

/// Shards of a stock Jitsi Meet, in place of ours.
#[derive(Debug, Args)]
struct Stock {
    /// A stock Jitsi Meet shard to stand in front of, such as `a=https://10.0.0.1`; once for each
    #[arg(long, value_name = "NAME=URL", value_delimiter = ',')]
    shard: Vec<String>,
    /// One that gets rooms while no other can be used
    #[arg(long, value_name = "NAME=URL", value_delimiter = ',', requires = "shard")]
    backup_shard: Vec<String>,
    /// A name whose addresses, or SRV records if it begins with "_", are the shards
    #[arg(long, value_name = "[https://]NAME[:PORT]", conflicts_with_all = ["shard", "backup_shard"])]
    shards_dns: Option<String>,
    /// What a shard is asked to see whether it works [default: /about/health]
    #[arg(long, value_name = "PATH")]
    check_path: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Shard {
    #[command(flatten)]
    file: File,
    /// Its name in the cluster [default: shard-1]
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Where routers find it [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// Where bridges log in [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    xmpp: Option<String>,
    /// Where operators find it [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    life: Life,
}

#[derive(Debug, Args)]
pub(crate) struct Bridge {
    #[command(flatten)]
    file: File,
    /// Its name in the cluster [default: bridge-1]
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Where routers find its channels over WebSocket [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// Where operators find it [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<String>,
    #[command(flatten)]
    media: Media,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    life: Life,
}

/// How the life of the process is bound to that of another.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Life {
    /// End when standard input ends: for whoever starts it and must not leave it behind
    #[arg(long)]
    pub(crate) end_with_input: bool,
}

impl Router {
    pub(crate) fn configuration(&self) -> anyhow::Result<(Config, Life)> {
        let mut flags = Flags::default();
        flags.set("router.id", self.id.as_ref());
        self.front.set(&mut flags);
        flags.set("stock.shards", list(&self.stock.shard));
        flags.set("stock.backups", list(&self.stock.backup_shard));
        flags.set("stock.dns", self.stock.shards_dns.as_ref());
        flags.set("stock.check-path", self.stock.check_path.as_ref());
        self.common.set(&mut flags);
        Ok((self.file.load(flags)?, self.life))
    }
}

impl Shard {
    pub(crate) fn configuration(&self) -> anyhow::Result<(Config, Life)> {
        let mut flags = Flags::default();
        flags.set("shard.id", self.id.as_ref());
        flags.set("shard.http", self.http.as_ref());
        flags.set("shard.admin", self.admin.as_ref());
        flags.set("xmpp.listen", self.xmpp.as_ref());
        self.common.set(&mut flags);
        Ok((self.file.load(flags)?, self.life))
    }
}

impl Bridge {
    pub(crate) fn configuration(&self) -> anyhow::Result<(Config, Life)> {
        let mut flags = Flags::default();
        flags.set("bridge.id", self.id.as_ref());
        flags.set("bridge.http", self.http.as_ref());
        flags.set("bridge.admin", self.admin.as_ref());
        self.media.set(&mut flags);
        self.common.set(&mut flags);
        Ok((self.file.load(flags)?, self.life))
    }
}

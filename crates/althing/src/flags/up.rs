//! `althing up`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use service::config::{Config, Flags};

use super::{Common, File, Front, Media};

/// More processes than anybody tries on one machine.
const NODES_MAX: u32 = 50;

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    front: Front,
    #[command(flatten)]
    media: Media,
    #[command(flatten)]
    common: Common,
    /// How many shards; with more than one of anything each is a process of its own, on a NATS server
    #[arg(long, value_name = "N", default_value_t = 1)]
    shards: u32,
    /// How many bridges, on media ports one after the other
    #[arg(long, value_name = "N", default_value_t = 1)]
    bridges: u32,
    /// How many routers, on the ports of --http and after it
    #[arg(long, value_name = "N", default_value_t = 1)]
    routers: u32,
    /// Leave processes of the cluster that die dead
    #[arg(long)]
    no_restart: bool,
}

/// How many processes of each kind a cluster on this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) shards: u32,
    pub(crate) bridges: u32,
    pub(crate) routers: u32,
}

impl Up {
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        self.file.load(self.flags())
    }

    /// `None`: everything in one process.
    ///
    /// # Errors
    /// A number of processes that makes no sense.
    pub(crate) fn size(&self, config: &Config) -> anyhow::Result<Option<Size>> {
        let size = Size { shards: self.shards, bridges: self.bridges, routers: self.routers };
        for (flag, count) in [("shards", size.shards), ("bridges", size.bridges), ("routers", size.routers)] {
            if !(1..=NODES_MAX).contains(&count) {
                bail!("--{flag} {count} is not between 1 and {NODES_MAX}");
            }
        }
        let is_one = size == Size { shards: 1, bridges: 1, routers: 1 };
        Ok((!is_one || config.journal.is_some()).then_some(size))
    }

    pub(crate) fn restarts(&self) -> bool {
        !self.no_restart
    }

    /// The configuration file, for the children.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        self.file.config.as_ref()
    }

    /// What the flags say, for the children.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        self.front.set(&mut flags);
        self.media.set(&mut flags);
        self.common.set(&mut flags);
        flags
    }
}

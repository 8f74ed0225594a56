//! `althing ctl`.

use clap::{Args, Subcommand};
use service::config::{Config, Flags};

use super::File;

#[derive(Debug, Args)]
pub(crate) struct Ctl {
    #[command(flatten)]
    file: File,
    /// The admin address of the server [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    admin: Option<String>,
    /// Print the answer of the server as it is
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) question: Question,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// All nodes
    Nodes,
    /// All meetings
    Meetings {
        /// Those whose journals could not be read and were put aside
        #[arg(long)]
        aside: bool,
    },
    /// One meeting and who is in it
    Meeting {
        /// As in its address; with a tenant `[TENANT]ROOM`
        room: String,
    },
    /// Take all work from a node, and wait until it has none; a bridge's participants hear and see nothing for a moment
    Drain {
        /// As "althing ctl nodes" names it
        node: String,
        /// Only say what would move
        #[arg(long)]
        dry_run: bool,
    },
    /// Use a drained stock shard again
    Undrain {
        /// As "althing ctl nodes" names it
        node: String,
    },
    /// Hand a meeting to another shard; nobody in it notices
    Move {
        /// As in its address; with a tenant `[TENANT]ROOM`
        room: String,
        /// The shard that gets it [default: the one with most room]
        #[arg(long, value_name = "SHARD")]
        to: Option<String>,
        /// Only say what would move
        #[arg(long)]
        dry_run: bool,
    },
}

impl Ctl {
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        let mut flags = Flags::default();
        flags.set("admin", self.admin.as_ref());
        self.file.load(flags)
    }
}

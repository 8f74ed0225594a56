//! An engine that has no space left, by its own limits.

use std::io::Write as _;

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use async_nats::jetstream::{self, Context};

use super::NatsServer;

/// Of what takes the space away.
const FILLER: &str = "filler";

impl NatsServer {
    /// A server alone, with so many bytes for all streams.
    ///
    /// # Panics
    /// As [`NatsServer::alone`].
    pub async fn with_space(bytes: u64) -> Self {
        let mut server = Self::prepare(super::free_port(), Vec::new());
        let file = server.directory.path().join("nats.conf");
        let mut conf = std::fs::File::create(&file).expect("the directory is ours");
        write!(conf, "jetstream {{ max_file_store: {bytes} }}").expect("it is written");
        server.arguments = vec!["-c".to_owned(), file.display().to_string()];
        server.start().await;
        server
    }

    /// Takes all the space that there is.
    ///
    /// # Panics
    /// The engine does not answer.
    pub async fn fill(&self) {
        let context = self.context().await;
        let config = Config { name: FILLER.to_owned(), discard: DiscardPolicy::New, ..Config::default() };
        context.create_stream(config).await.expect("it is made");
        for size in [256 << 10, 16 << 10, 512] {
            while let Ok(sent) = context.publish(FILLER, vec![7; size].into()).await
                && sent.await.is_ok()
            {}
        }
    }

    /// Gives it free again.
    ///
    /// # Panics
    /// The engine does not answer.
    pub async fn empty(&self) {
        self.context().await.delete_stream(FILLER).await.expect("it was made");
    }

    /// Gives each stream of a cluster's journals so many bytes more than it has; `None`: as many as there are.
    ///
    /// # Panics
    /// There is no such cluster.
    pub async fn limit_journals(&self, cluster: &str, more: Option<i64>) {
        let context = self.context().await;
        for number in 0.. {
            let Ok(stream) = context.get_stream(format!("althing-{cluster}-journal-{number}")).await else {
                assert!(number > 0, "there is no cluster {cluster}");
                return;
            };
            let info = stream.cached_info();
            let bytes = i64::try_from(info.state.bytes).expect("a small number");
            let max_bytes = more.map_or(-1, |more| (bytes + more).max(1));
            context.update_stream(Config { max_bytes, ..info.config.clone() }).await.expect("it is changed");
        }
    }

    async fn context(&self) -> Context {
        jetstream::new(async_nats::connect(self.url()).await.expect("it takes connections"))
    }
}

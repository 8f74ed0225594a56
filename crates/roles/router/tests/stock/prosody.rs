//! A real Prosody as a stock shard: guests over WebSocket and BOSH, rooms, everything in a folder of its own.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use service::config::{PublicUrl, StockShard};

use crate::support::SOON;

pub(crate) struct Prosody {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Prosody {
    /// It takes connections when this returns.
    pub(crate) async fn start(id: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("prosody.cfg.lua"), config(&folder.path().display(), address))
            .unwrap();
        let mut prosody = Self { id: id.to_owned(), address, folder, process: None };
        prosody.revive().await;
        prosody
    }

    pub(crate) async fn revive(&mut self) {
        let file = self.folder.path().join("prosody.cfg.lua");
        let mut command = Command::new("prosody");
        command.args(["-F", "--config"]).arg(file).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let started = command.spawn();
        self.process = Some(started.expect("prosody cannot be started; apt-get install prosody"));
        let deadline = tokio::time::Instant::now() + SOON;
        // it tells nobody when it listens
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline, "prosody does not listen: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// With SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn as_shard(&self, is_backup: bool) -> StockShard {
        let url = PublicUrl::parse(&format!("http://{}", self.address)).unwrap();
        StockShard { id: self.id.clone(), url, is_backup }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.kill();
    }
}

fn config(folder: &impl std::fmt::Display, address: SocketAddr) -> String {
    let port = address.port();
    format!(
        r#"
        run_as_root = true
        pidfile = "{folder}/pid"
        data_path = "{folder}/data"
        certificates = "{folder}"
        log = {{ info = "{folder}/log" }}
        storage = "internal"
        plugin_server = ""
        modules_enabled = {{ "saslauth", "disco", "bosh", "websocket", "smacks" }}
        modules_disabled = {{ "s2s", "tls", "offline", "posix" }}
        c2s_ports = {{ }}
        c2s_direct_tls_ports = {{ }}
        http_interfaces = {{ "127.0.0.1" }}
        http_ports = {{ {port} }}
        https_ports = {{ }}
        http_default_host = "meet.internal"
        consider_websocket_secure = true
        consider_bosh_secure = true
        c2s_require_encryption = false

        VirtualHost "meet.internal"
            authentication = "anonymous"

        Component "conference.meet.internal" "muc"
            muc_room_locking = false
        "#
    )
}

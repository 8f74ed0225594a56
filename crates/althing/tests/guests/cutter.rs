//! A wire between a router and a shard that is cut after so many bytes, in the middle of whatever they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub(crate) struct Cutter {
    shard: SocketAddr,
    cuts: Arc<AtomicBool>,
    cut: Arc<AtomicUsize>,
    random: Arc<AtomicU64>,
}

impl Cutter {
    /// Gives the address at which the shard is to be found.
    pub(crate) async fn before(shard: SocketAddr, seed: u64) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cutter = Self {
            shard,
            cuts: Arc::default(),
            cut: Arc::default(),
            random: Arc::new(AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)),
        };
        let accepting = cutter.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().carry(socket));
            }
        });
        (cutter, address)
    }

    /// From now on nothing lasts; or everything again.
    pub(crate) fn cuts(&self, cuts: bool) {
        self.cuts.store(cuts, Ordering::SeqCst);
    }

    /// How many wires have been cut.
    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }

    async fn carry(self, router: TcpStream) {
        let shard = TcpStream::connect(self.shard).await.unwrap();
        for socket in [&router, &shard] {
            socket.set_nodelay(true).unwrap();
        }
        let left = AtomicI64::new(self.length());
        let ((router_in, router_out), (shard_in, shard_out)) = (router.into_split(), shard.into_split());
        tokio::select! {
            () = self.copy(router_in, shard_out, &left) => {}
            () = self.copy(shard_in, router_out, &left) => {}
        }
    }

    /// Until it ends, or the wire is worn out.
    async fn copy(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &AtomicI64) {
        let mut buffer = [0; 2_048];
        loop {
            let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
            let mut passes = read;
            if self.cuts.load(Ordering::SeqCst) {
                let left = left.fetch_sub(i64::try_from(read).unwrap(), Ordering::SeqCst);
                passes = read.min(usize::try_from(left).unwrap_or(0));
            }
            if to.write_all(&buffer[..passes]).await.is_err() {
                return;
            }
            if passes < read {
                self.cut.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
    }

    /// Mostly some stanzas, sometimes not even a login.
    fn length(&self) -> i64 {
        let step = |random: u64| Some(random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let random = self.random.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).unwrap();
        let random = i64::try_from(random >> 34).unwrap();
        if random % 4 == 0 { random % 2_000 } else { 5_000 + random % 40_000 }
    }
}

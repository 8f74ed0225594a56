//! What every engine must do, run over each of them.

mod cluster;
mod log;

use crate::testing::NatsServer;
use crate::{Memory, Nats, Redb};

/// An engine and whatever must live as long as it.
struct Bench<J> {
    engine: J,
    _under_it: Box<dyn std::any::Any>,
}

async fn memory() -> Bench<Memory> {
    Bench { engine: Memory::new(), _under_it: Box::new(()) }
}

async fn redb() -> Bench<Redb> {
    let directory = tempfile::tempdir().unwrap();
    Bench { engine: Redb::open(directory.path()).unwrap(), _under_it: Box::new(directory) }
}

async fn nats() -> Bench<Nats> {
    let server = NatsServer::alone(&[]).await;
    Bench { engine: Nats::connect(&server.config("test")).await.unwrap(), _under_it: Box::new(server) }
}

/// `contract!(engines...: tests...)`: each test over each engine.
macro_rules! contract {
    ($engines:tt: $tests:tt) => { $crate::contract::contract!(@each $engines $tests); };
    (@each [$($engine:ident),*] $tests:tt) => {
        $($crate::contract::contract!(@one $engine $tests);)*
    };
    (@one $engine:ident [$($test:ident),* $(,)?]) => {
        mod $engine {
            $(
                #[tokio::test]
                async fn $test() {
                    let bench = $crate::contract::$engine().await;
                    super::$test(bench.engine).await;
                }
            )*
        }
    };
}
use contract;

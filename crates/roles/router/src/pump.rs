//! Bytes both ways between a client and a bridge, once the WebSocket stands.
//!
//! Nothing of WebSocket is known here. When one side ends, what it has sent still passes, then both are dropped: a
//! client whose bridge died sees its socket break, never a close frame that nobody sent.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::limits::{LINGER_TIME_MAX, PUMP_BYTES, SILENCE_TIME_MAX};

/// One side: its socket, and what was read of it too early.
pub(crate) struct Side<S> {
    pub(crate) stream: S,
    pub(crate) early: Bytes,
}

/// Runs until one side ends, or both are silent for too long.
pub(crate) async fn pump<C, U>(client: Side<C>, upstream: Side<U>)
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let moved = AtomicU64::new(0);
    let (mut client_read, mut client_write) = tokio::io::split(client.stream);
    let (mut upstream_read, mut upstream_write) = tokio::io::split(upstream.stream);
    let up = copy(client.early, &mut client_read, &mut upstream_write, &moved);
    let down = copy(upstream.early, &mut upstream_read, &mut client_write, &moved);
    tokio::pin!(up, down);
    tokio::select! {
        // An error means that one of the two sockets is broken: the other is dropped with it.
        ended = &mut up => if ended.is_ok() { let _ = timeout(LINGER_TIME_MAX, down).await; },
        ended = &mut down => if ended.is_ok() { let _ = timeout(LINGER_TIME_MAX, up).await; },
        () = silence(&moved) => {}
    }
}

/// Until `from` ends; then `to` is told that nothing follows.
async fn copy(
    early: Bytes,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &AtomicU64,
) -> io::Result<()> {
    to.write_all(&early).await?;
    to.flush().await?;
    // it is part of a larger buffer, and empty as a rule
    drop(early);
    let mut buffer = vec![0; PUMP_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        let Some(bytes @ [_, ..]) = buffer.get(..read) else { break };
        to.write_all(bytes).await?;
        // TLS keeps back what its socket did not take at once.
        to.flush().await?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
    to.shutdown().await
}

async fn silence(moved: &AtomicU64) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        sleep(SILENCE_TIME_MAX).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{DuplexStream, duplex};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_both_ways_the_early_ones_first() {
        let (mut client, mut upstream) = pumped(b"early up ", b"early down ");
        client.write_all(b"up").await.unwrap();
        upstream.write_all(b"down").await.unwrap();
        check_reads(&mut upstream, "early up up").await;
        check_reads(&mut client, "early down down").await;
    }

    #[tokio::test]
    async fn the_last_words_of_a_dying_upstream_pass_and_then_the_client_is_dropped() {
        let (mut client, mut upstream) = pumped(b"", b"");
        upstream.write_all(b"last words").await.unwrap();
        drop(upstream);
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last words");
        // The pump lets go of its end: the client's bytes go nowhere.
        while client.write_all(b"anybody?").await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_takes_the_upstream_with_it_even_if_that_hangs() {
        let (client, mut upstream) = pumped(b"", b"");
        drop(client);
        check_reads(&mut upstream, "").await;
        let hangs = async { while upstream.write_all(b"still here").await.is_ok() {} };
        timeout(2 * LINGER_TIME_MAX, hangs).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it_and_a_byte_either_way_does_not_let_it() {
        let (mut client, mut upstream) = pumped(b"", b"");
        let almost = SILENCE_TIME_MAX - Duration::from_secs(1);
        for _ in 0..3 {
            sleep(almost).await;
            upstream.write_all(b".").await.unwrap();
            check_reads(&mut client, ".").await;
        }
        let end = timeout(3 * SILENCE_TIME_MAX, client.read_u8()).await.unwrap();
        assert!(end.is_err(), "the socket has ended");
    }

    /// The far ends of a client and an upstream with a pump between them.
    fn pumped(early_up: &'static [u8], early_down: &'static [u8]) -> (DuplexStream, DuplexStream) {
        let ((client, near_client), (upstream, near_upstream)) = (duplex(64), duplex(64));
        tokio::spawn(pump(
            Side { stream: near_client, early: Bytes::from_static(early_up) },
            Side { stream: near_upstream, early: Bytes::from_static(early_down) },
        ));
        (client, upstream)
    }

    async fn check_reads(stream: &mut DuplexStream, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
}

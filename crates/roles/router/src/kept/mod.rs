//! Connections to a shard that wait for the next request.
//!
//! ```text
//!   first: a new connection ──► answer ──► read to its end ──► idle ──► again ──► answer ──► ...
//!                                  └─► left in the middle: closed       │   └─► broken: first, with the same request
//!                                                                       └─► 4 s, or the shard is down or gone: closed
//! ```
//!
//! A shard may close an idle connection in the very moment in which the next request leaves for it, and nobody can tell
//! whether it took that one. So only what does no harm twice goes over a connection that was used before, and it goes once
//! more over a new one when that breaks (RFC 9112 section 9.3.1). That says nothing of the shard: a new connection that
//! is refused or breaks does.
//!
//! hyper's own pool gives no request back that could not be connected for, and closes nothing by name; so this is one, over
//! its connections.

mod counts;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{Either, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use service::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::limits::{IDLE_CONNECTIONS_MAX, IDLE_LOOK_EVERY, IDLE_TIME_MAX};
use crate::proxy::Failure;
pub(crate) use counts::KeptCounts;
pub(crate) use reply::Reply;

/// The body of a request: at hand, or as it arrives.
pub(crate) type Sent = Either<Full<Bytes>, Limited<Incoming>>;

/// Those to one shard at one address.
#[derive(Debug)]
pub(crate) struct Kept {
    /// the one that was used last is the last
    idle: Mutex<Vec<Idle>>,
    /// the shard is down, gone or elsewhere
    ended: CancellationToken,
    is_looked_after: AtomicBool,
    counts: KeptCounts,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Sent>,
    since: Instant,
}

/// A connection that one request has for itself.
#[derive(Debug)]
struct Line {
    sender: SendRequest<Sent>,
    kept: Arc<Kept>,
}

impl Kept {
    pub(crate) fn new(counts: &KeptCounts) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            ended: CancellationToken::new(),
            is_looked_after: AtomicBool::new(false),
            counts: counts.clone(),
        })
    }

    /// The answer over a connection that was used before. `None`: there is none that lives, and the request has to go over
    /// a new one; so it is one that does no harm twice.
    pub(crate) async fn again(
        self: &Arc<Self>,
        request: impl FnOnce() -> Result<Request<Sent>, Failure>,
        patience: Duration,
    ) -> Option<Result<Response<Reply>, Failure>> {
        let sender = self.take(Clock.now())?;
        let request = match request() {
            Ok(request) => request,
            Err(failure) => return Some(Err(failure)),
        };
        self.counts.reused.inc();
        let line = Line { sender, kept: Arc::clone(self) };
        let answered = tokio::select! {
            answered = line.ask(request, patience) => answered,
            () = self.ended.cancelled() => return None,
        };
        if let Err(Failure::Broken(error)) = &answered {
            tracing::debug!(%error, "a kept connection to a shard broke: a new one is tried");
            self.counts.broken.inc();
            return None;
        }
        Some(answered)
    }

    /// The answer over a new connection.
    pub(crate) async fn first<S>(
        self: &Arc<Self>,
        stream: S,
        request: Request<Sent>,
        patience: Duration,
    ) -> Result<Response<Reply>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if !self.is_looked_after.swap(true, Ordering::Relaxed) {
            tokio::spawn(look_after(Arc::downgrade(self)));
        }
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        self.counts.opened.inc();
        Line { sender, kept: Arc::clone(self) }.ask(request, patience).await
    }

    /// Nothing is kept from now on, and what is idle is closed. A request that went [`Kept::again`] does not wait any more.
    pub(crate) fn end(&self) {
        let mut idle = self.idle();
        self.ended.cancel();
        idle.clear();
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    fn take(&self, now: Instant) -> Option<SendRequest<Sent>> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.may_be_used(now));
        // one whose request is still on its way, though it is answered, is not ready
        let at = idle.iter().rposition(|idle| idle.sender.is_ready())?;
        Some(idle.remove(at).sender)
    }

    fn put(&self, sender: SendRequest<Sent>, now: Instant) {
        let mut idle = self.idle();
        if self.is_ended() || sender.is_closed() {
            return;
        }
        if idle.len() >= IDLE_CONNECTIONS_MAX {
            idle.remove(0);
        }
        idle.push(Idle { sender, since: now });
    }

    /// Closes what has been idle for too long.
    fn look(&self, now: Instant) {
        self.idle().retain(|idle| idle.may_be_used(now));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn may_be_used(&self, now: Instant) -> bool {
        !self.sender.is_closed() && now.saturating_duration_since(self.since) < IDLE_TIME_MAX
    }
}

impl Line {
    async fn ask(mut self, request: Request<Sent>, patience: Duration) -> Result<Response<Reply>, Failure> {
        match timeout(patience, self.sender.send_request(request)).await {
            Ok(response) => Ok(response?.map(|body| Reply::over(body, self))),
            Err(_) => Err(Failure::Slow(patience)),
        }
    }

    /// The request and its answer have passed, both whole.
    fn keep(self) {
        self.kept.put(self.sender, Clock.now());
    }
}

async fn look_after(kept: Weak<Kept>) {
    loop {
        sleep(IDLE_LOOK_EVERY).await;
        match kept.upgrade() {
            Some(kept) if !kept.is_ended() => kept.look(Clock.now()),
            _ => return,
        }
    }
}

/// By the id of the shard, with the address that they lead to.
#[derive(Debug)]
pub(crate) struct Keeps<A> {
    counts: KeptCounts,
    shards: Mutex<BTreeMap<String, (A, Arc<Kept>)>>,
}

impl<A: Clone + PartialEq> Keeps<A> {
    pub(crate) fn new(counts: KeptCounts) -> Self {
        Self { counts, shards: Mutex::default() }
    }

    pub(crate) fn of(&self, shard: &str, address: &A) -> Arc<Kept> {
        let mut shards = self.shards();
        if let Some((known, kept)) = shards.get(shard) {
            if known == address {
                return Arc::clone(kept);
            }
            kept.end();
        }
        let kept = Kept::new(&self.counts);
        shards.insert(shard.to_owned(), (address.clone(), Arc::clone(&kept)));
        kept
    }

    /// The shard is down: a request that is held by a connection that was used before is let go.
    pub(crate) fn end(&self, shard: &str) {
        if let Some((_, kept)) = self.shards().remove(shard) {
            kept.end();
        }
    }

    /// Ends those to shards that are no longer there.
    pub(crate) fn retain(&self, is_there: impl Fn(&str, &A) -> bool) {
        self.shards().retain(|shard, (address, kept)| {
            let is_there = is_there(shard, address);
            if !is_there {
                kept.end();
            }
            is_there
        });
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<String, (A, Arc<Kept>)>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

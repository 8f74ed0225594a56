//! Finding the shard that has the meeting now, and a WebSocket to it.

use axum::http::StatusCode;
use service::clock::Clock;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::pace::Turn;
use super::wire::Wire;
use crate::answer::Visit;
use crate::ask::{Question, once};
use crate::limits::{FRAME_OF_SHARD_BYTES_MAX, STEADY_TIME, TRY_PAUSE, TRY_PAUSE_MAX, WAITING_TIME_MAX};
use crate::proxy;
use crate::steer::Target;

/// A way to a shard, and the right to resume there.
pub(super) struct Way {
    pub(super) wire: Wire<TcpStream>,
    pub(super) target: Target,
    pub(super) turn: Turn,
}

/// The shard refuses for good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// How often it was tried in a row, and until when.
#[derive(Debug)]
pub(super) struct Patience {
    until: Instant,
    tries: u32,
}

impl Patience {
    /// The link broke. `last` is the resume before, if there was one: where that did not last, this is no new beginning, and
    /// nobody is in a hurry. Who was resumed has as much time as before.
    pub(super) fn begin(last: Option<&Resumed>, now: Instant) -> Self {
        let tries =
            last.filter(|last| now.saturating_duration_since(last.at) < STEADY_TIME).map(|last| last.tries);
        Self { until: now + WAITING_TIME_MAX, tries: tries.unwrap_or(0) }
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// It has led to something.
    pub(super) fn end(self, now: Instant) -> Resumed {
        Resumed { at: now, tries: self.tries }
    }

    /// Nothing before the first try: a meeting that has moved is waiting for its clients.
    fn pause(&mut self) -> Duration {
        let pause = match self.tries {
            0 => Duration::ZERO,
            tries => (TRY_PAUSE * 2_u32.saturating_pow(tries.min(8) - 1)).min(TRY_PAUSE_MAX),
        };
        self.tries += 1;
        pause
    }
}

/// A resume that has succeeded: when, and how often it had been tried.
#[derive(Debug)]
pub(super) struct Resumed {
    at: Instant,
    tries: u32,
}

/// Tries until there is one; whoever has waited long enough drops it.
pub(super) async fn find(
    visit: &Visit,
    question: &Question,
    patience: &mut Patience,
) -> Result<Way, Refused> {
    let shared = &visit.shared;
    loop {
        sleep(patience.pause()).await;
        let left = patience.until().saturating_duration_since(Clock.now());
        let Ok(target) = shared.steer.shard(question.meeting(), left.max(TRY_PAUSE)).await else { continue };
        let turn = shared.pace.turn(&target.id).await;
        if target.cut.is_cancelled() {
            continue;
        }
        match once(question, &target).await {
            Ok(mut response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let upgraded = hyper::upgrade::on(&mut response).await;
                if let Some(side) = upgraded.ok().and_then(proxy::side::<TcpStream>) {
                    let wire =
                        Wire::new(side, Role::Client, FRAME_OF_SHARD_BYTES_MAX).await.telling(&target.sign);
                    return Ok(Way { wire, target, turn });
                }
            }
            Ok(response) if response.status() == StatusCode::MISDIRECTED_REQUEST => {
                shared.steer.misdirected(question.meeting());
            }
            Ok(response) if response.status().is_client_error() => return Err(Refused),
            Ok(response) => tracing::debug!(status = %response.status(), "a shard is not ready for a stream"),
            Err(failure) => {
                tracing::debug!(%failure, "a shard cannot be asked to resume a stream");
                shared.steer.doubt(&target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_is_at_once_and_the_others_are_not_many() {
        let now = Clock.now();
        let mut patience = Patience::begin(None, now);
        let pauses: Vec<u128> = (0..7).map(|_| patience.pause().as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 500, 500]);
        assert_eq!(patience.until(), now + WAITING_TIME_MAX);
    }

    #[test]
    fn a_link_that_does_not_last_is_no_new_beginning() {
        let now = Clock.now();
        let mut patience = Patience::begin(None, now);
        patience.pause();
        let resumed = patience.end(now);
        let later = now + Duration::from_millis(999);
        let mut again = Patience::begin(Some(&resumed), later);
        assert_eq!((again.until(), again.pause()), (later + WAITING_TIME_MAX, TRY_PAUSE));
        let resumed = again.end(later);
        let mut fresh = Patience::begin(Some(&resumed), later + STEADY_TIME);
        assert_eq!(fresh.pause(), Duration::ZERO);
    }
}

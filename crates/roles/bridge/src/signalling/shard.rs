//! One shard: the bridge logs in to it again and again, for as long as it is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Signalling;
use super::login::{self, LoginError};
use super::session::{Ended, Session};
use crate::bridge::Bridge;
use crate::limits::{LOGIN_MAX, RETRY_MAX, RETRY_MIN, RETRY_PASSWORD};

/// Where a shard is. One that was started anew is another target at the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) started: u64,
}

/// Whom the bridge is told to be with; `None`: nobody knows that shard any more.
pub(super) type Wanted = watch::Receiver<Option<Target>>;

/// Connects to the shard called `name` until the bridge ends or nobody knows the shard any more. A stream that lives is
/// left alone: that a registry does not name its shard for a while says nothing about it.
pub(super) async fn keep(bridge: Arc<Bridge>, name: String, mut wanted: Wanted) {
    let mut wait = RETRY_MIN;
    let mut last = String::new();
    loop {
        let Some(target) = *wanted.borrow_and_update() else { break };
        let (ended, entered) = stay(&bridge, &name, target, &mut wanted).await;
        if entered {
            wait = RETRY_MIN;
        }
        let state = state_after(&ended);
        bridge.note(&name, state);
        let pause = match (state, &ended) {
            (_, Ended::Told) => break,
            (_, Ended::Moved) => continue,
            (Signalling::PasswordRefused, _) => RETRY_PASSWORD,
            _ => jittered(wait),
        };
        let reason = ended.to_string();
        report(&name, state, &reason, reason != last || entered);
        last = reason;
        tokio::select! {
            () = bridge.stop().cancelled() => break,
            Ok(()) = wanted.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
    bridge.forget(&name);
}

/// One connection, and whether it came as far as the brewery.
async fn stay(bridge: &Bridge, name: &str, target: Target, wanted: &mut Wanted) -> (Ended, bool) {
    let login = tokio::select! {
        () = bridge.stop().cancelled() => return (Ended::Told, false),
        () = moved(wanted, target) => return (Ended::Moved, false),
        login = timeout(LOGIN_MAX, login::log_in(bridge.config(), target.address)) => login,
    };
    match login {
        Ok(Ok(stream)) => {
            let mut session = Session::new(bridge, name, stream);
            let ended = tokio::select! {
                ended = session.run() => ended,
                () = moved(wanted, target) => Ended::Moved,
            };
            (ended, session.has_entered())
        }
        Ok(Err(e)) => (e.into(), false),
        Err(_) => (LoginError::Protocol("the shard does not answer".to_owned()).into(), false),
    }
}

/// Until the shard is known to be elsewhere, or to have been started anew.
async fn moved(wanted: &mut Wanted, from: Target) {
    let elsewhere = |now: &Option<Target>| now.is_some_and(|now| now != from);
    if wanted.wait_for(elsewhere).await.is_err() {
        // nobody will tell any more
        std::future::pending::<()>().await;
    }
}

fn state_after(ended: &Ended) -> Signalling {
    match ended {
        Ended::Login(LoginError::Password(_)) => Signalling::PasswordRefused,
        Ended::Refused(_) => Signalling::BreweryRefused,
        Ended::Told | Ended::Moved | Ended::Login(_) | Ended::Expelled(_) | Ended::Stream(_) => {
            Signalling::Away
        }
    }
}

/// The same reason again and again is said once.
fn report(shard: &str, state: Signalling, reason: &str, news: bool) {
    if state == Signalling::PasswordRefused {
        tracing::error!(shard, reason, "no signalling: correct the bridge's user or password");
    } else if news {
        tracing::warn!(shard, reason, "no signalling, tried again and again; conferences go on");
    } else {
        tracing::debug!(shard, reason, "no signalling");
    }
}

/// Half to all of it: a fleet that lost its shard does not come back in one blow.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

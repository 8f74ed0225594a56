//! The control stream: the bridge is a client of the shard and an occupant of the brewery.
//!
//! Losing the stream costs no conference anything. The bridge connects again by itself and goes on answering where
//! it was; requests whose answer could not be sent are the focus's to repeat.

mod brewery;
mod iq;
mod login;
mod session;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::time::timeout;

use self::login::LoginError;
use self::session::{Ended, Session};
use crate::bridge::Bridge;
use crate::limits::{LOGIN_MAX, RETRY_MAX, RETRY_MIN, RETRY_PASSWORD};

/// How far the bridge is with its shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signalling {
    /// not connected, or on the way
    #[default]
    Away,
    /// in the brewery, seen by focuses
    Entered,
    /// the shard refuses user and password; tried again slowly
    PasswordRefused,
    /// the brewery does not take the bridge in: another occupant has its nick, or it may not enter
    BreweryRefused,
}

/// Connects again and again until the bridge ends.
pub(crate) async fn run(bridge: Arc<Bridge>) {
    let mut wait = RETRY_MIN;
    loop {
        let (ended, entered) = stay(&bridge).await;
        if entered {
            wait = RETRY_MIN;
        }
        let state = match &ended {
            Ended::Told => return bridge.note(Signalling::Away),
            Ended::Login(LoginError::Password(_)) => Signalling::PasswordRefused,
            Ended::Refused(_) => Signalling::BreweryRefused,
            Ended::Login(_) | Ended::Expelled(_) | Ended::Stream(_) => Signalling::Away,
        };
        bridge.note(state);
        let pause = if state == Signalling::PasswordRefused { RETRY_PASSWORD } else { jittered(wait) };
        if state == Signalling::PasswordRefused {
            tracing::error!(reason = %ended, retry_in = ?pause, "no signalling: correct the bridge's user or password");
        } else {
            tracing::warn!(reason = %ended, retry_in = ?pause, "no signalling; conferences go on");
        }
        tokio::select! {
            () = bridge.stop().cancelled() => return bridge.note(Signalling::Away),
            () = tokio::time::sleep(pause) => {}
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// One connection, and whether it came as far as the brewery.
async fn stay(bridge: &Bridge) -> (Ended, bool) {
    let login = tokio::select! {
        () = bridge.stop().cancelled() => return (Ended::Told, false),
        login = timeout(LOGIN_MAX, login::log_in(bridge.config())) => login,
    };
    match login {
        Ok(Ok(stream)) => {
            let mut session = Session::new(bridge, stream);
            let ended = session.run().await;
            (ended, session.has_entered())
        }
        Ok(Err(e)) => (e.into(), false),
        Err(_) => (LoginError::Protocol("the shard does not answer".to_owned()).into(), false),
    }
}

/// Half to all of it: a fleet that lost its shard does not come back in one blow.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}

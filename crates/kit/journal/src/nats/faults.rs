//! What the engine's errors mean to whoever waits for an answer.

use std::error::Error as _;
use std::fmt::Display;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{ConnectError, ConnectErrorKind};

use crate::Error;

/// Why a fenced message was not confirmed.
pub(super) enum Refusal {
    /// Something else stands there: it was refused for good.
    Fenced,
    /// It may have been stored or not.
    Uncertain(Error),
}

pub(super) fn unavailable(error: impl Display) -> Error {
    Error::Unavailable(error.to_string())
}

pub(super) fn published(error: &PublishError) -> Refusal {
    if error.kind() == PublishErrorKind::WrongLastSequence {
        return Refusal::Fenced;
    }
    let source = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    Refusal::Uncertain(source.map_or_else(|| unavailable(error), answered))
}

/// What the engine itself said.
pub(super) fn answered(error: &jetstream::Error) -> Error {
    const FULL: [ErrorCode; 5] = [
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::MEMORY_RESOURCES_EXCEEDED,
        ErrorCode::STREAM_STORE_FAILED,
    ];
    const OFF: [ErrorCode; 2] =
        [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
    let code = error.error_code();
    if FULL.contains(&code) {
        Error::Full(format!("NATS says: {error}"))
    } else if OFF.contains(&code) {
        Error::Unusable(
            "JetStream is off; start nats-server with -js, or turn it on for the account".to_owned(),
        )
    } else {
        unavailable(error)
    }
}

pub(super) fn refused(urls: &str, error: &ConnectError) -> Error {
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            Error::Unusable(format!("NATS at {urls} refuses the login; check its user, password or token"))
        }
        ConnectErrorKind::Tls => Error::Unusable(format!("TLS with NATS at {urls} fails: {error}")),
        ConnectErrorKind::ServerParse => Error::Unusable(format!("{urls} is no address of NATS: {error}")),
        _ => Error::Unavailable(format!("NATS at {urls}: {error}")),
    }
}

//! Asking a shard how it is.

use std::io;
use std::sync::Arc;

use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use placement::stock::Check;
use tokio::time::timeout;

use super::dial::Way;
use super::helm::Helm;
use crate::proxy::{Failure, exchange};

impl Helm {
    /// One check, and the machine is told what came of it.
    pub(super) async fn check(self: Arc<Self>, shard: String) {
        let check = match self.way(&shard) {
            Some(way) => self.ask(&way).await,
            None => Check::Hard,
        };
        if check != Check::Good {
            self.counts.heartbeat_failed(&shard);
            tracing::debug!(shard, ?check, "a check failed");
        }
        if !self.ended.is_cancelled() {
            self.step(|balancer, now| balancer.handle_check(&shard, check, now));
        }
    }

    async fn ask(&self, way: &Way) -> Check {
        let patience = self.settings.patience.timeout;
        // Whoever cannot be connected to is gone, and whoever is slow to answer is only slow.
        let stream = match timeout(patience, self.dialer.dial(way)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_of_this_machine(&error) => {
                tracing::warn!(%error, "this machine cannot ask a shard how it is");
                return Check::Soft;
            }
            Ok(Err(_)) | Err(_) => return Check::Hard,
        };
        let request = Request::get(&self.settings.check_path)
            .header(header::HOST, way.authority())
            .header(header::USER_AGENT, "althing")
            .body(Empty::<Bytes>::new());
        match request {
            Ok(request) => meaning(&exchange(stream, request, patience).await),
            Err(_) => Check::Hard,
        }
    }
}

/// No file descriptor, port or memory left here: that says nothing of the shard, and must not cost it its rooms.
fn is_of_this_machine(error: &io::Error) -> bool {
    // ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS of Linux; the standard library names two of them
    const OURS: [i32; 5] = [12, 23, 24, 99, 105];
    error.raw_os_error().is_some_and(|number| OURS.contains(&number))
}

fn meaning(answer: &Result<Response<Incoming>, Failure>) -> Check {
    match answer {
        Ok(response) => of_status(response.status()),
        Err(Failure::Slow(_)) => Check::Soft,
        Err(Failure::Dead(_) | Failure::Broken(_) | Failure::Cut | Failure::Query) => Check::Hard,
    }
}

/// A stock focus answers 503 while it starts and while it ends.
fn of_status(status: StatusCode) -> Check {
    match status {
        status if status.is_success() => Check::Good,
        StatusCode::SERVICE_UNAVAILABLE => Check::Soft,
        _ => Check::Hard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means() {
        let check = |status, expected| assert_eq!(of_status(status), expected, "{status}");
        check(StatusCode::OK, Check::Good);
        check(StatusCode::NO_CONTENT, Check::Good);
        check(StatusCode::SERVICE_UNAVAILABLE, Check::Soft);
        check(StatusCode::INTERNAL_SERVER_ERROR, Check::Hard);
        check(StatusCode::BAD_GATEWAY, Check::Hard);
        check(StatusCode::NOT_FOUND, Check::Hard);
        check(StatusCode::FOUND, Check::Hard);
        assert_eq!(meaning(&Err(Failure::Slow(std::time::Duration::ZERO))), Check::Soft);
        assert_eq!(meaning(&Err(Failure::Cut)), Check::Hard);
        assert!(is_of_this_machine(&io::Error::from_raw_os_error(24)));
        assert!(!is_of_this_machine(&io::ErrorKind::ConnectionRefused.into()));
    }
}

//! A request to the shard of its room, and the answer back. Both stream.

use std::sync::Arc;

use axum::http::header::{HeaderName, HeaderValue, REFERER};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use placement::stock::Use;
use service::clock::Clock;
use tokio::time::sleep;

use super::flow::Flow;
use super::helm::{Helm, Target};
use super::outgoing::{Outgoing, handshake, plain};
use super::request::{BadRoom, Wish, wish};
use crate::answer::{Body, Visit, sentence, wants_websocket};
use crate::kept::Reply;
use crate::limits::{
    ROOM_BYTES_MAX, STOCK_ANSWER_TIME_MAX, STOCK_WAITING_TIME_MAX, TRY_PAUSE, WAYS_TO_A_BRIDGE_MAX,
};
use crate::metrics::{Asked, Kind, Refusal};
use crate::proxy::{self, Failure, exchange};
use crate::stream::Stream;

pub(crate) async fn answer(visit: &Visit, helm: &Arc<Helm>, request: Request<Incoming>) -> Response<Body> {
    let referer = request.headers().get(REFERER).and_then(|value| value.to_str().ok());
    let wish = wish(request.uri().path(), request.uri().query().unwrap_or_default(), referer);
    let asked = Asked { target: kind(&request, &wish) };
    visit.shared.counts.requests.get_or_create(&asked).inc();
    match wish {
        Ok(Wish::Room { room, purpose }) => to_room(visit, helm, request, &room, purpose, asked).await,
        Ok(Wish::Bridge(bridge)) => to_bridge(visit, helm, request, &bridge, asked).await,
        Err(BadRoom) => own(sentence(
            StatusCode::BAD_REQUEST,
            &format!("the query must say ?room=NAME, in at most {ROOM_BYTES_MAX} bytes of UTF-8"),
        )),
    }
}

fn kind(request: &Request<Incoming>, wish: &Result<Wish, BadRoom>) -> Kind {
    let path = request.uri().path();
    match wish {
        Ok(Wish::Bridge(_)) => Kind::Colibri,
        _ if path.ends_with("/xmpp-websocket") => Kind::Xmpp,
        _ if path.ends_with("/conference-request/v1") => Kind::ConferenceRequest,
        _ if path.ends_with("/config.js") => Kind::Config,
        Ok(Wish::Room { room, purpose: Use::Look }) if !room.is_empty() && !path.contains('.') => Kind::Page,
        _ => Kind::Other,
    }
}

/// The room's shard is asked; another one where nothing of the request can have reached the first, or does no harm twice.
async fn to_room(
    visit: &Visit,
    helm: &Arc<Helm>,
    request: Request<Incoming>,
    room: &str,
    purpose: Use,
    asked: Asked,
) -> Response<Body> {
    let start = Clock.now();
    let outgoing = match Outgoing::of(visit, request).await {
        Ok(outgoing) => outgoing,
        Err(refusal) => return own(refusal),
    };
    loop {
        let left = STOCK_WAITING_TIME_MAX.saturating_sub(Clock.now().saturating_duration_since(start));
        let Some(target) = helm.shard(room, purpose, left.max(TRY_PAUSE)).await else { return nobody(visit) };
        if let Some(answered) = over_kept(&target, &outgoing).await {
            return passed(visit, helm, answered, target);
        }
        if !target.kept.is_ended() {
            match helm.dialer.dial(&target.way).await {
                Ok(stream) => return through(visit, helm, outgoing, target, stream, asked).await,
                Err(error) => {
                    helm.doubt(&target.id);
                    if left.is_zero() {
                        return own(proxy::failed(visit, &Failure::Dead(error)));
                    }
                }
            }
        }
        drop(target);
        sleep(TRY_PAUSE).await;
    }
}

/// `None`: it goes over a new connection.
async fn over_kept(target: &Target, outgoing: &Outgoing) -> Option<Result<Response<Reply>, Failure>> {
    let Outgoing::Whole(whole) = outgoing else { return None };
    tokio::select! {
        biased;
        () = target.cut.cancelled() => Some(Err(Failure::Cut)),
        answered = target.kept.again(|| whole.request(), STOCK_ANSWER_TIME_MAX) => answered,
    }
}

/// Over a connection that is new.
async fn through(
    visit: &Visit,
    helm: &Arc<Helm>,
    outgoing: Outgoing,
    target: Target,
    stream: Stream,
    asked: Asked,
) -> Response<Body> {
    let request = match outgoing {
        Outgoing::Upgrade(request) => return upgraded(visit, helm, request, target, stream, asked).await,
        Outgoing::Whole(whole) => whole.request(),
        Outgoing::Once(request) => plain(visit, request),
    };
    let first = async { target.kept.first(stream, request?, STOCK_ANSWER_TIME_MAX).await };
    let answered = tokio::select! {
        answered = first => answered,
        () = target.cut.cancelled() => Err(Failure::Cut),
    };
    passed(visit, helm, answered, target)
}

async fn upgraded(
    visit: &Visit,
    helm: &Arc<Helm>,
    mut request: Request<Incoming>,
    target: Target,
    stream: Stream,
    asked: Asked,
) -> Response<Body> {
    let client = hyper::upgrade::on(&mut request);
    let Ok(outgoing) = handshake(visit, &request) else { return own(proxy::failed(visit, &Failure::Query)) };
    let answered = tokio::select! {
        answered = exchange(stream, outgoing, STOCK_ANSWER_TIME_MAX) => answered,
        () = target.cut.cancelled() => Err(Failure::Cut),
    };
    match answered {
        Ok(mut response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tell(helm, response.headers_mut(), &target.id);
            let answer = proxy::switched(&response);
            let shard = hyper::upgrade::on(&mut response);
            let visit = visit.clone();
            tokio::spawn(async move {
                // the room is in use for as long
                let target = target;
                proxy::run::<Stream>(visit, client, shard, asked, target.cut.cancelled()).await;
            });
            own(answer)
        }
        answered => passed(visit, helm, answered.map(|answer| answer.map(Reply::alone)), target),
    }
}

/// What the shard said, as the client gets it.
fn passed(
    visit: &Visit,
    helm: &Arc<Helm>,
    answered: Result<Response<Reply>, Failure>,
    target: Target,
) -> Response<Body> {
    match answered {
        Ok(mut response) => {
            tell(helm, response.headers_mut(), &target.id);
            streamed(response, target)
        }
        Err(failure) => {
            if !matches!(failure, Failure::Query) {
                helm.doubt(&target.id);
            }
            own(proxy::failed(visit, &failure))
        }
    }
}

/// A bridge is known to the web server of its own shard: one after the other is asked for it.
async fn to_bridge(
    visit: &Visit,
    helm: &Arc<Helm>,
    mut request: Request<Incoming>,
    bridge: &str,
    asked: Asked,
) -> Response<Body> {
    if !wants_websocket(&request) {
        return own(sentence(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket"));
    }
    // from then on it is known who lives
    drop(helm.shard("", Use::Look, STOCK_WAITING_TIME_MAX).await);
    let mut refused = None;
    for (shard, way) in helm.towards(bridge).into_iter().take(WAYS_TO_A_BRIDGE_MAX) {
        let Ok(stream) = helm.dialer.dial(&way).await else { continue };
        let Ok(outgoing) = handshake(visit, &request) else { break };
        let Ok(mut response) = exchange(stream, outgoing, STOCK_ANSWER_TIME_MAX).await else { continue };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            helm.learn(bridge, &shard);
            let ends = (hyper::upgrade::on(&mut request), hyper::upgrade::on(&mut response));
            let run = proxy::run::<Stream>(visit.clone(), ends.0, ends.1, asked, std::future::pending());
            tokio::spawn(run);
            return own(proxy::switched(&response));
        }
        refused = Some(response);
    }
    match refused {
        Some(response) => own(proxy::passed_on(visit, response).await),
        None => nobody(visit),
    }
}

fn streamed(response: Response<Reply>, target: Target) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    proxy::leave_connection(&mut parts.headers);
    // this side's own version of HTTP
    parts.version = axum::http::Version::default();
    Response::from_parts(parts, Either::Right(Flow::new(body, target)))
}

/// COMPAT: a client that its Prosody told another name leaves the meeting; so only where the operator wants it.
fn tell(helm: &Helm, headers: &mut HeaderMap, shard: &str) {
    if helm.settings.tell_shard
        && let Ok(name) = HeaderValue::from_str(shard)
    {
        headers.entry(HeaderName::from_static("x-jitsi-shard")).or_insert(name);
    }
}

fn nobody(visit: &Visit) -> Response<Body> {
    visit.shared.counts.refuse(Refusal::Upstream);
    own(proxy::later(sentence(
        StatusCode::SERVICE_UNAVAILABLE,
        "no shard can take the room now; try again in a moment",
    )))
}

fn own(answer: crate::answer::Answer) -> Response<Body> {
    answer.map(Either::Left)
}

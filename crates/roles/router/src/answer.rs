//! One request, one answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST,
    HeaderName, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use service::config::{Limits, PublicUrl};
use service::shutdown::Shutdown;

use crate::gate::Place;
use crate::limits::{ROOM_BYTES_MAX, TENANT_BYTES_MAX};
use crate::metrics::{Asked, Counts};
use crate::query::{NoRoom, check_room, meeting, with_tenant};
use crate::route::{BadPath, Route, Target};
use crate::splice::Pace;
use crate::steer::Steer;
use crate::stock::{Flow, Helm};
use crate::{Site, ask, files, proxy, stock};

pub(crate) type Answer = Response<Full<Bytes>>;

/// Ours, or one of a stock shard as it comes.
pub(crate) type Body = Either<Full<Bytes>, Flow>;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) site: Site,
    pub(crate) steer: Steer,
    /// who steers where `steer` does not
    pub(crate) stock: Option<Arc<Helm>>,
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    pub(crate) pace: Pace,
    pub(crate) shutdown: Shutdown,
    pub(crate) is_tls: bool,
}

impl Shared {
    /// Nothing behind this router is watched any more.
    pub(crate) fn end(&self) {
        self.steer.end();
        if let Some(helm) = &self.stock {
            helm.end();
        }
    }
}

/// A connection, as its requests see it.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: SocketAddr,
    pub(crate) place: Arc<Place>,
}

pub(crate) async fn answer(visit: Visit, request: Request<Incoming>) -> Response<Body> {
    visit.place.settle();
    match visit.shared.stock.clone() {
        Some(helm) => stock::answer(&visit, &helm, request).await,
        None => own(visit, request).await.map(Either::Left),
    }
}

/// From what is here, or a shard or bridge of ours.
async fn own(visit: Visit, request: Request<Incoming>) -> Answer {
    let shared = visit.shared.clone();
    let uri = request.uri().clone();
    let mut answer = match Route::of(uri.path(), files::exists) {
        Ok(route) => {
            shared.counts.requests.get_or_create(&Asked::from(&route.target)).inc();
            routed(&visit, request, route, uri.query().unwrap_or_default()).await
        }
        Err(bad) => bad_path(bad),
    };
    decorate(answer.headers_mut(), shared.site.shard_name.as_deref());
    answer
}

/// A status with a sentence for people.
pub(crate) fn sentence(status: StatusCode, text: &str) -> Answer {
    let mut answer = with_type("text/plain; charset=utf-8", format!("{text}\n"));
    *answer.status_mut() = status;
    answer
}

/// Whether the client wants a WebSocket (RFC 6455 section 4.1).
pub(crate) fn wants_websocket(request: &Request<Incoming>) -> bool {
    let upgrade = request.headers().get(axum::http::header::UPGRADE).and_then(|value| value.to_str().ok());
    *request.method() == Method::GET
        && upgrade.is_some_and(|value| value.split(',').any(|p| p.trim().eq_ignore_ascii_case("websocket")))
}

async fn routed(visit: &Visit, request: Request<Incoming>, route: Route<'_>, query: &str) -> Answer {
    let allowed: &[Method] = match route.target {
        Target::ConferenceRequest => &[Method::POST, Method::OPTIONS],
        _ => &[Method::GET, Method::HEAD, Method::OPTIONS],
    };
    if !allowed.contains(request.method()) {
        return wrong_method(allowed);
    }
    if *request.method() == Method::OPTIONS {
        return preflight();
    }
    let tenant = route.tenant.as_deref();
    match route.target {
        Target::Page => files::page(request.headers()),
        Target::File(path) => files::file(request.headers(), path),
        Target::Config => config(&visit.shared, &request, tenant),
        Target::Unlock => sentence(StatusCode::OK, "OK"),
        Target::Xmpp | Target::ConferenceRequest => {
            to_shard(visit, request, &route.target, query, tenant).await
        }
        Target::Colibri { bridge, path } => to_bridge(visit, request, bridge, path, query).await,
        Target::Bosh => {
            sentence(StatusCode::NOT_FOUND, "there is no BOSH here: use the WebSocket at /xmpp-websocket")
        }
        Target::Nothing => {
            sentence(StatusCode::NOT_FOUND, "there is nothing here; a room is /ROOM or /TENANT/ROOM")
        }
    }
}

async fn to_shard(
    visit: &Visit,
    request: Request<Incoming>,
    target: &Target<'_>,
    query: &str,
    tenant: Option<&str>,
) -> Answer {
    match check_room(query) {
        Ok(()) => {}
        Err(NoRoom::Missing) => return sentence(StatusCode::BAD_REQUEST, "the query must say ?room=NAME"),
        Err(NoRoom::Invalid) => {
            let text =
                format!("the query must say ?room=NAME once, in at most {ROOM_BYTES_MAX} bytes of UTF-8");
            return sentence(StatusCode::BAD_REQUEST, &text);
        }
    }
    let query = with_tenant(query, tenant);
    let Some(meeting) = meeting(&query) else {
        return sentence(StatusCode::BAD_REQUEST, "the room's name has characters that no room may have");
    };
    match target {
        Target::ConferenceRequest => {
            ask::pass(visit, request, meeting, format!("/conference-request/v1?{query}")).await
        }
        _ if wants_websocket(&request) => {
            let path = format!("/xmpp-websocket?{query}");
            ask::upgrade(visit, request, meeting, path, Asked::from(target)).await
        }
        // The keep-alive of a client that has no other URL for it: only the headers matter.
        _ => sentence(StatusCode::OK, "OK"),
    }
}

async fn to_bridge(
    visit: &Visit,
    request: Request<Incoming>,
    bridge: &str,
    path: &str,
    query: &str,
) -> Answer {
    let Some(addr) = visit.shared.steer.bridge(bridge) else {
        return sentence(StatusCode::NOT_FOUND, "there is no such bridge");
    };
    if !wants_websocket(&request) {
        return sentence(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket");
    }
    let asked = Asked::from(&Target::Colibri { bridge, path });
    proxy::upgrade(visit, request, addr, &format!("/{path}?{query}"), asked).await
}

fn config(shared: &Shared, request: &Request<Incoming>, tenant: Option<&str>) -> Answer {
    let mut answer = with_type(
        "text/javascript; charset=utf-8",
        shared.site.script(tenant, here(shared, request).as_ref()),
    );
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer.headers_mut().append(VARY, HeaderValue::from_static("Host, X-Forwarded-Proto"));
    answer
}

/// The address that this request came to, as its headers tell it.
fn here(shared: &Shared, request: &Request<Incoming>) -> Option<PublicUrl> {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let forwarded = text(HeaderName::from_static("x-forwarded-proto"));
    let scheme = forwarded.unwrap_or(if shared.is_tls { "https" } else { "http" });
    PublicUrl::parse(&format!("{scheme}://{}", text(HOST)?)).ok()
}

fn bad_path(bad: BadPath) -> Answer {
    let (what, max) = match bad {
        BadPath::Room => ("a room", ROOM_BYTES_MAX),
        BadPath::Tenant => ("a tenant", TENANT_BYTES_MAX),
    };
    let text = format!(
        "{what} needs a name of at most {max} bytes of UTF-8, without control characters or brackets"
    );
    sentence(StatusCode::BAD_REQUEST, &text)
}

fn wrong_method(allowed: &[Method]) -> Answer {
    let list = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let mut answer = sentence(StatusCode::METHOD_NOT_ALLOWED, &format!("this path is for {list}"));
    if let Ok(value) = HeaderValue::from_str(&list) {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

/// The answer to a browser that asks before it asks (Fetch, "CORS-preflight request").
fn preflight() -> Answer {
    let mut answer = sentence(StatusCode::OK, "OK");
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    answer
}

/// What every answer carries. No answer depends on a cookie, so any page may ask.
fn decorate(headers: &mut HeaderMap, shard_name: Option<&str>) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Content-Type, X-Jitsi-Shard"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // COMPAT: a client that was told a shard leaves the meeting when it reads another one here.
    if let Some(Ok(name)) = shard_name.map(HeaderValue::from_str) {
        headers.insert(HeaderName::from_static("x-jitsi-shard"), name);
    }
}

fn with_type(kind: &'static str, text: String) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

//! Web servers of stock shards that do what a scenario wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use futures_util::{SinkExt as _, StreamExt as _};
use router::{StockState, Upstreams};
use service::config::{PublicUrl, Stock, StockShard, StockTls, Tls};
use service::trust::Trust;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::fronts::{alone, settings};
use crate::support::{self, SOON, any_port, config, open, request};
use crate::{state, until};

/// Larger than any buffer on the way.
const BIG: usize = 3 << 20;

struct Web {
    id: &'static str,
    /// what a check is answered
    health: AtomicU16,
}

async fn start(id: &'static str) -> (Arc<Web>, StockShard) {
    let web = Arc::new(Web { id, health: AtomicU16::new(200) });
    let routes = axum::Router::new()
        .route("/http-bind", any(answer))
        .route("/guild/http-bind", any(answer))
        .route("/libs/big.js", get(async || "x".repeat(BIG)))
        .route("/colibri-ws/{bridge}/conf/ep", any(channel))
        .route("/{room}", any(answer))
        .route("/health", get(async |State(web): State<Arc<Web>>| status(&web)))
        .with_state(web.clone());
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let shard = shard(id, &format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async { axum::serve(listener, routes).await });
    (web, shard)
}

pub(crate) fn shard(id: &str, url: &str) -> StockShard {
    StockShard { id: id.to_owned(), url: PublicUrl::parse(url).unwrap(), is_backup: false }
}

fn status(web: &Web) -> StatusCode {
    StatusCode::from_u16(web.health.load(Ordering::Relaxed)).unwrap()
}

/// What the shard sees of a request.
async fn answer(State(web): State<Arc<Web>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let said = {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        format!("{} {} {}", parts.uri, header("host"), header("x-forwarded-for"))
    };
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    ([("x-jitsi-shard", format!("own-{}", web.id))], format!("{said} {}", body.len())).into_response()
}

/// Each shard has one bridge, that is called as it is.
async fn channel(
    State(web): State<Arc<Web>>,
    Path(bridge): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if bridge != format!("jvb-{}", web.id) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message @ Message::Text(_))) = socket.recv().await {
            let _ = socket.send(message).await;
        }
    })
}

pub(crate) fn with_health(shards: Vec<StockShard>) -> Stock {
    Stock { check_path: "/health".to_owned(), ..settings(shards) }
}

#[tokio::test]
async fn requests_pass_as_they_are_and_answers_stream() {
    let (_web, shard) = start("a").await;
    let router = alone(with_health(vec![shard])).await;
    let long = "y".repeat(300 << 10);
    let answer = request(&router, "POST", "/guild/http-bind?room=A%20b&x=%2F", "", &long).await;
    assert_eq!(answer.body, "/guild/http-bind?room=A%20b&x=%2F meet.example 127.0.0.1 307200");
    assert_eq!(answer.header("x-jitsi-shard"), Some("own-a"), "what the shard says is true");
    let answer = support::get(&router, "/libs/big.js").await;
    assert_eq!((answer.status, answer.body.len()), (200, BIG));
    let rooms = router.stock().unwrap().rooms();
    assert_eq!(rooms, [("[guild]a%20b".to_owned(), "a".to_owned(), 0)]);
    assert_eq!(support::get(&router, "/Standup").await.status, 200);
    assert_eq!(router.stock().unwrap().rooms().len(), 1, "a page pins nothing");
}

#[tokio::test]
async fn a_bridge_is_found_behind_whichever_shard_it_is() {
    let ((_a, a), (_b, b)) = (start("a").await, start("b").await);
    let router = alone(with_health(vec![a, b])).await;
    for bridge in ["jvb-a", "jvb-b", "jvb-b"] {
        let mut socket = open(&router, &format!("/colibri-ws/{bridge}/conf/ep?pwd=x")).await.unwrap();
        socket.send(tungstenite::Message::text("hello")).await.unwrap();
        let echo = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(echo.into_text().unwrap(), "hello");
    }
    assert!(open(&router, "/colibri-ws/jvb-c/conf/ep").await.is_err());
}

#[tokio::test]
async fn a_shard_that_is_not_ready_keeps_its_rooms_until_grace_is_over() {
    let ((web_a, a), (web_b, b)) = (start("a").await, start("b").await);
    let router = alone(with_health(vec![a.clone(), b.clone()])).await;
    let ask = async |router, room: &str| {
        let answer = support::get(router, &format!("/http-bind?room={room}")).await;
        answer.header("x-jitsi-shard").map(str::to_owned)
    };
    let first = ask(&router, "standup").await.unwrap();
    let (id, weak) = if first == "own-a" { ("a", &web_a) } else { ("b", &web_b) };
    weak.health.store(503, Ordering::Relaxed);
    until("it is weak", || state(&router, id) == StockState::Draining).await;
    assert_eq!(ask(&router, "standup").await, Some(first.clone()));
    for n in 0..6 {
        assert_ne!(ask(&router, &format!("new-{n}")).await, Some(first.clone()));
    }

    let mut impatient = with_health(vec![a, b]);
    impatient.patience.grace = std::time::Duration::ZERO;
    weak.health.store(200, Ordering::Relaxed);
    let router = alone(impatient).await;
    assert_eq!(ask(&router, "standup").await, Some(first.clone()));
    weak.health.store(503, Ordering::Relaxed);
    until("it is down", || state(&router, id) == StockState::Down).await;
    assert_ne!(ask(&router, "standup").await, Some(first));
}

#[tokio::test]
async fn a_shard_behind_tls_is_who_it_says_it_is() {
    let data = tempfile::tempdir().unwrap();
    let (_web, behind) = start("a").await;
    // one of our own routers has a certificate of its own making
    let tls = Tls::SelfSigned { names: vec!["meet.example".to_owned()] };
    let upstreams = Upstreams::Stock { shards: Box::new(with_health(vec![behind])), cluster: None };
    let front = support::start(router::Config { tls, data: data.path().into(), ..config(upstreams) }).await;
    let url = format!("https://localhost:{}", address(&front).port());
    let with = async |tls| {
        let shards = Stock { tls, ..with_health(vec![shard("t", &url)]) };
        alone(shards).await
    };
    let ca = data.path().join("tls").join("cert.pem");
    let named = Some("meet.example".to_owned());
    for tls in [
        StockTls { trust: Trust::Known(Some(ca.clone())), name: named },
        StockTls { trust: Trust::Anybody, name: None },
    ] {
        let router = with(tls).await;
        let answer = support::get(&router, "/http-bind?room=standup").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.ends_with("127.0.0.1, 127.0.0.1 0"), "{answer:?}");
    }
    let (other_name, stranger) = tokio::join!(
        with(StockTls { trust: Trust::Known(Some(ca)), name: Some("other.example".to_owned()) }),
        with(StockTls { trust: Trust::Known(None), name: Some("meet.example".to_owned()) }),
    );
    let path = "/http-bind?room=standup";
    let (other_name, stranger) = tokio::join!(support::get(&other_name, path), support::get(&stranger, path));
    assert_eq!((other_name.status, stranger.status), (503, 503));
}

fn address(router: &router::Running) -> SocketAddr {
    router.addr()
}

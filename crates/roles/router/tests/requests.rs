//! Requests that are no WebSockets: pages, configuration, keep-alives, the conference request.

mod support;

use service::config::PublicUrl;
use support::{config, dead, get, request, start, upstreams, whole, with_shard};

#[tokio::test]
async fn every_room_has_the_same_page() {
    let router = whole().await;
    let start_page = get(&router, "/").await;
    assert_eq!(start_page.status, 200);
    assert_eq!(start_page.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["/Standup", "/guild/standup", "/%C3%9Cbung", "/standup?lang=de"] {
        assert_eq!(get(&router, path).await.body, start_page.body, "{path}");
    }
}

#[tokio::test]
async fn a_page_tells_browsers_to_be_careful() {
    let page = get(&whole().await, "/standup").await;
    for (name, part) in [
        ("content-security-policy", "default-src 'self'"),
        ("permissions-policy", "camera=(self)"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache"),
    ] {
        assert!(
            page.header(name).is_some_and(|value| value.contains(part)),
            "{name}: {:?}",
            page.header(name)
        );
    }
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() {
    let router = whole().await;
    let tag = get(&router, "/").await.header("etag").unwrap().to_owned();
    let again = request(&router, "GET", "/", &format!("If-None-Match: {tag}\r\n"), "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[tokio::test]
async fn what_does_not_exist_is_told_in_a_sentence() {
    let router = whole().await;
    let check = async |path: &str, status: u16, part: &str| {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(part), "{path}: {}", answer.body);
    };
    check("/assets/none.js", 404, "no such file").await;
    check("/favicon.ico.map/a/b", 404, "a room is").await;
    check("/http-bind?room=a", 404, "xmpp-websocket").await;
    check("/colibri-ws/bridge-1/conf/ep", 426, "WebSocket").await;
    check("/colibri-ws/bridge-9/conf/ep", 404, "no such bridge").await;
    check(&format!("/{}", "x".repeat(600)), 400, "255 bytes").await;
    check("/%00", 400, "control characters").await;
    check("/%5Bguild%5D/room", 400, "brackets").await;
    check("/xmpp-websocket", 400, "?room=NAME").await;
    check(&format!("/xmpp-websocket?room={}", "x".repeat(600)), 400, "255 bytes").await;
}

#[tokio::test]
async fn a_keep_alive_is_answered_here() {
    let mut config = config(with_shard(dead().await).await);
    config.site.shard_name = Some("main".to_owned());
    let router = start(config).await;
    for path in
        ["/xmpp-websocket?room=a", "/guild/xmpp-websocket?room=a", "/_unlock?room=a", "/guild/_unlock"]
    {
        let answer = get(&router, path).await;
        assert_eq!((answer.status, answer.header("x-jitsi-shard")), (200, Some("main")), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert!(answer.header("access-control-expose-headers").unwrap().contains("X-Jitsi-Shard"), "{path}");
    }
}

#[tokio::test]
async fn without_a_configured_shard_none_is_told() {
    assert_eq!(get(&whole().await, "/_unlock").await.header("x-jitsi-shard"), None);
}

#[tokio::test]
async fn the_configuration_names_the_address_that_was_asked() {
    let router = whole().await;
    let script = get(&router, "/guild/config.js?room=standup").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(
        script.body.contains("\"websocket\": \"ws://meet.example/guild/xmpp-websocket\""),
        "{}",
        script.body
    );

    let behind_tls = request(&router, "GET", "/config.js", "X-Forwarded-Proto: https\r\n", "").await;
    assert!(behind_tls.body.contains("\"wss://meet.example/xmpp-websocket\""), "{}", behind_tls.body);
}

#[tokio::test]
async fn the_configuration_names_the_public_address() {
    let mut config = config(upstreams().await);
    config.site.public_url = Some(PublicUrl::parse("https://people.example").unwrap());
    let script = get(&start(config).await, "/config.js").await.body;
    assert!(script.contains("\"websocket\": \"wss://people.example/xmpp-websocket\""), "{script}");
    assert!(!script.contains("meet.example"), "{script}");
}

#[tokio::test]
async fn a_conference_request_passes_whole() {
    let router = whole().await;
    let json = "Content-Type: application/json\r\n";
    let check = async |path: &str, seen: &str| {
        let answer = request(&router, "POST", path, json, "{\"room\":1}").await;
        let expected = format!("POST {seen} application/json {{\"room\":1}}");
        assert_eq!((answer.status, &answer.body), (403, &expected));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-secret"), None);
    };
    check("/conference-request/v1?room=a", "/conference-request/v1?room=a").await;
    check("/guild/conference-request/v1?room=a", "/conference-request/v1?prefix=guild&room=a").await;
}

#[tokio::test]
async fn a_browser_may_ask_before_it_asks() {
    let answer = request(&whole().await, "OPTIONS", "/conference-request/v1?room=a", "", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("access-control-allow-headers").unwrap().contains("Content-Type"));
}

#[tokio::test]
async fn methods_are_those_of_the_path() {
    let router = whole().await;
    let get_it = get(&router, "/conference-request/v1?room=a").await;
    assert_eq!((get_it.status, get_it.header("allow")), (405, Some("POST, OPTIONS")));
    assert_eq!(request(&router, "DELETE", "/standup", "", "").await.status, 405);
    assert_eq!(request(&router, "POST", "/xmpp-websocket?room=a", "", "x").await.status, 405);
}

#[tokio::test]
async fn a_dead_shard_is_told_in_a_sentence() {
    let router = start(config(with_shard(dead().await).await)).await;
    let answer = request(&router, "POST", "/conference-request/v1?room=a", "", "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert!(answer.body.contains("try again"), "{}", answer.body);
}

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::metrics::gauge::Gauge;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn nodes_have_the_shape_of_the_contract() {
    let admin = admin(Some(Arc::new(One))).await;
    let expected = json!([{
        "id": "shard-1", "role": "shard", "pid": 4711, "address": "127.0.0.1:5280", "state": "draining",
        "load": 0.125, "meetings": 1, "participants": 2, "admin": "127.0.0.1:8002",
    }]);
    check(&admin, "GET", "/api/v1/nodes", 200, &expected).await;
}

#[tokio::test]
async fn meetings_have_the_shape_of_the_contract() {
    let admin = admin(Some(Arc::new(One))).await;
    let summary = json!({
        "room": "[guild]standup", "shard": "shard-1", "bridges": ["bridge-1"], "participants": 1,
        "since": "2026-11-20T14:05:09.120Z", "unprotected": false,
    });
    check(&admin, "GET", "/api/v1/meetings", 200, &json!([summary])).await;

    let mut detail = summary;
    detail["occupants"] = json!([{
        "nick": "a1b2c3d4", "display_name": "Ada", "moderator": true, "connected": false, "bridge": null,
        "joined": "1970-01-01T00:00:00.000Z",
    }]);
    check(&admin, "GET", "/api/v1/meetings/%5Bguild%5DStandup", 200, &detail).await;
}

#[tokio::test]
async fn who_is_missing_in_the_list_is_named_in_a_header() {
    let admin = admin(Some(Arc::new(One))).await;
    let text = exchange(&admin, "GET", "/api/v1/meetings").await;
    assert!(text.to_lowercase().contains("x-althing-unanswered: shard-2\r\n"), "{text}");
}

#[tokio::test]
async fn a_drain_and_a_move_are_begun() {
    let admin = admin(Some(Arc::new(One))).await;
    let started = json!({"started": true});
    check(&admin, "POST", "/api/v1/nodes/shard-1/drain", 202, &started).await;
    check(&admin, "POST", "/api/v1/meetings/%5Bguild%5DStandup/move", 202, &started).await;
    check(&admin, "POST", "/api/v1/meetings/%5Bguild%5DStandup/move?to=shard-2", 202, &started).await;
    check(&admin, "GET", "/api/v1/aside", 200, &json!(["broken"])).await;
    let no = json!({"error": "shard-9 does not answer"});
    check(&admin, "POST", "/api/v1/nodes/shard-9/drain", 502, &no).await;
    let (status, body) = request(&admin, "POST", "/api/v1/meetings/a/move?to=shard-1").await;
    assert_eq!(status, 409, "{body}");
    assert_eq!(request(&admin, "GET", "/api/v1/nodes/shard-1/drain").await.0, 405);
}

#[tokio::test]
async fn errors_are_json_with_a_sentence() {
    let with_fleet = admin(Some(Arc::new(One))).await;
    let check_error = async |admin: &Running, method: &str, path: &str, status: u16, part: &str| {
        let (got, body) = request(admin, method, path).await;
        assert_eq!(got, status, "{method} {path}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["error"].as_str().unwrap().contains(part), "{body}");
    };
    check_error(&with_fleet, "GET", "/api/v1/meetings/nowhere", 404, "\"nowhere\"").await;
    check_error(&with_fleet, "POST", "/api/v1/nodes/shard-1/undrain", 409, "start it anew").await;
    check_error(&with_fleet, "GET", "/nothing", 404, "no such path").await;
    check_error(&with_fleet, "POST", "/api/v1/nodes", 405, "GET").await;
    check_error(&admin(None).await, "GET", "/api/v1/nodes", 404, "no such path").await;
}

#[tokio::test]
async fn health_and_readiness_are_two_things() {
    let is_ready = Arc::new(AtomicBool::new(false));
    let asked = is_ready.clone();
    let ready: Ready = Arc::new(move || match asked.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err("the bridge has not logged in".to_owned()),
    });
    let admin = serve_on_any_port(routes(Metrics::new(), ready, None)).await;

    assert_eq!(request(&admin, "GET", "/healthz").await.0, 200);
    check(&admin, "GET", "/readyz", 503, &json!({"error": "the bridge has not logged in"})).await;
    is_ready.store(true, Ordering::Relaxed);
    assert_eq!(request(&admin, "GET", "/readyz").await.0, 200);
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let metrics = Metrics::new();
    let open: Gauge = metrics.register("meetings", "Meetings that are going on", Gauge::default());
    open.set(7);
    let admin = serve_on_any_port(routes(metrics, Arc::new(|| Ok(())), None)).await;
    let (status, body) = request(&admin, "GET", "/metrics").await;
    assert_eq!(status, 200);
    assert!(body.lines().any(|line| line == "meetings 7"), "{body}");
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let first = admin(None).await;
    let error = serve(first.addr(), Router::new(), Shutdown::new()).await.unwrap_err();
    assert!(error.to_string().contains(&first.addr().to_string()), "{error}");
}

/// A cluster of one shard with one meeting.
struct One;

impl Fleet for One {
    fn nodes(&self) -> Answer<'_, Vec<Node>> {
        let node = Node {
            id: "shard-1".to_owned(),
            role: "shard".to_owned(),
            pid: 4711,
            address: "127.0.0.1:5280".parse().unwrap(),
            state: NodeState::Draining,
            load: 0.125,
            meetings: 1,
            participants: 2,
            bridges: None,
            unseen_by: Vec::new(),
            region: None,
            admin: Some("127.0.0.1:8002".parse().unwrap()),
        };
        Box::pin(async { vec![node] })
    }

    fn meetings(&self) -> Answer<'_, Meetings> {
        Box::pin(async { Meetings { meetings: vec![standup()], unanswered: vec!["shard-2".to_owned()] } })
    }

    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>> {
        let found = if room == "[guild]standup" {
            Ok(standup())
        } else {
            Err(Refused::Unknown(format!("there is no meeting in room {room:?}")))
        };
        Box::pin(async { found })
    }

    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>> {
        Box::pin(async { Ok(vec!["broken".to_owned()]) })
    }

    fn drain(&self, node: &str) -> Answer<'_, Result<(), Refused>> {
        let done = match node {
            "shard-1" => Ok(()),
            _ => Err(Refused::Unanswered(format!("{node} does not answer"))),
        };
        Box::pin(async { done })
    }

    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        let done = match (room, to) {
            ("[guild]standup", None | Some("shard-2")) => Ok(()),
            _ => Err(Refused::Conflict(format!("{room} cannot go to {to:?}"))),
        };
        Box::pin(async { done })
    }
}

fn standup() -> MeetingDetail {
    let meeting = Meeting {
        room: "[guild]standup".to_owned(),
        shard: "shard-1".to_owned(),
        bridges: vec!["bridge-1".to_owned()],
        participants: 1,
        since: Some(rfc3339(1_795_183_509_120)),
        unprotected: false,
    };
    let occupant = Occupant {
        nick: "a1b2c3d4".to_owned(),
        display_name: Some("Ada".to_owned()),
        moderator: true,
        connected: false,
        bridge: None,
        joined: rfc3339(0),
    };
    MeetingDetail { meeting, occupants: vec![occupant] }
}

async fn admin(fleet: Option<Arc<dyn Fleet>>) -> Running {
    serve_on_any_port(routes(Metrics::new(), Arc::new(|| Ok(())), fleet)).await
}

async fn serve_on_any_port(routes: Router) -> Running {
    serve("127.0.0.1:0".parse().unwrap(), routes, Shutdown::new()).await.unwrap()
}

async fn check(admin: &Running, method: &str, path: &str, status: u16, expected: &Value) {
    let (got, body) = request(admin, method, path).await;
    assert_eq!(got, status, "{method} {path}: {body}");
    assert_eq!(&serde_json::from_str::<Value>(&body).unwrap(), expected, "{method} {path}");
}

/// Status and body.
async fn request(admin: &Running, method: &str, path: &str) -> (u16, String) {
    let text = exchange(admin, method, path).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn exchange(admin: &Running, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(admin.addr()).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

//! The bridge channel, over SCTP and over WebSockets.

use std::time::Duration;

use serde_json::{Value, json};
use sfu::{Fact, SocketId};

use crate::wire::World;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn messages_go_to_one_or_to_all_others_and_the_sender_cannot_lie() {
    let mut world = World::with(&["a", "b", "c"]);
    world.client("a").say(json!(
        {"colibriClass": "EndpointMessage", "to": "b", "from": "c", "msgPayload": {"n": 1}}
    ));
    world.client("a").say(json!({"colibriClass": "EndpointMessage", "to": "", "msgPayload": {"n": 2}}));
    world.run(SECOND);
    check_got(&world, "a", &[]);
    check_got(&world, "b", &[1, 2]);
    check_got(&world, "c", &[2]);
}

#[test]
fn messages_to_nobody_and_nonsense_are_counted() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").say(json!({"colibriClass": "EndpointMessage", "to": "nobody", "msgPayload": {}}));
    world.client("a").say(json!([1, 2, 3]));
    world
        .client("a")
        .say(json!({"colibriClass": "SourceVideoTypeMessage", "sourceName": "x", "videoType": "?"}));
    world.client("a").say(json!({"colibriClass": "SomethingNew"}));
    world.run(SECOND);
    assert_eq!(world.count(Fact::MessageRefused), 3);
}

#[test]
fn a_flood_is_cut_off() {
    let mut world = World::with(&["a", "b"]);
    for _ in 0..10 {
        for _ in 0..100 {
            world
                .client("a")
                .say(json!({"colibriClass": "EndpointMessage", "to": "b", "msgPayload": {"n": 0}}));
        }
        world.run(SECOND / 10);
    }
    world.run(SECOND);
    let arrived =
        world.clients["b"].messages.iter().filter(|m| m["colibriClass"] == "EndpointMessage").count();
    assert!((200..=300).contains(&arrived), "{arrived} of 1000");
    assert_eq!(world.count(Fact::MessageRefused), 1000 - arrived);
}

#[test]
fn what_a_client_missed_while_it_did_not_read_is_said_again() {
    let mut world = World::with(&["a", "b"]);
    world.want("a", "b-v0", 180);
    world.run(SECOND);
    world.client("b").deaf = true;
    let long = "x".repeat(30_000);
    for _ in 0..8 {
        world
            .client("a")
            .say(json!({"colibriClass": "EndpointMessage", "to": "b", "msgPayload": {"long": long}}));
        world.run(SECOND / 2);
    }
    assert!(world.count(Fact::MessageRefused) > 0, "its buffer is full");
    world.want("a", "b-v0", 720);
    world.run(SECOND);
    world.client("b").deaf = false;
    world.until("b is told", |w| {
        w.clients["b"].told("SenderSourceConstraints").is_some_and(|told| told["maxHeight"] == 720)
    });
    let refused = world.count(Fact::MessageRefused);
    world.client("b").messages.clear();
    world.run(5 * SECOND);
    assert_eq!(world.count(Fact::MessageRefused), refused);
    assert!(world.clients["b"].told("SenderSourceConstraints").is_none(), "once is enough");
}

#[test]
fn statistics_are_passed_on_with_their_sender() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").say(json!({"colibriClass": "EndpointStats", "jvbRTT": 20}));
    world.run(SECOND);
    let told = world.clients["b"].told("EndpointStats").expect("told");
    assert_eq!((&told["from"], &told["jvbRTT"]), (&json!("a"), &json!(20)));
    assert!(world.clients["a"].told("EndpointStats").is_none());
}

#[test]
fn the_dominant_speaker_is_announced_with_those_before() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world.run(2 * SECOND);
    world.client("a").talks = Some(-127);
    world.client("b").talks = Some(-25);
    world.run(3 * SECOND);
    let told = world.clients["a"].told("DominantSpeakerEndpointChangeEvent").expect("told");
    assert_eq!(told["dominantSpeakerEndpoint"], "b");
    assert_eq!(told["previousSpeakers"], json!(["a"]));
    assert_eq!(world.count(Fact::SpeakerChanged), 2);
}

#[test]
fn audio_is_heard_as_subscribed() {
    let mut world = World::with(&["a", "b", "c"]);
    world.clients.values_mut().for_each(|c| c.talks = Some(-30));
    world.client("c").say(json!(
        {"colibriClass": "ReceiverAudioSubscription", "all": true, "include": [], "exclude": ["a-a0"]}
    ));
    world.run(SECOND);
    world.client("c").heard.clear();
    world.run(SECOND);
    let (a, b) = (world.clients["a"].audio_ssrc(), world.clients["b"].audio_ssrc());
    assert!(world.clients["c"].stream(a).is_empty());
    assert!(!world.clients["c"].stream(b).is_empty());
}

#[test]
fn a_websocket_serves_the_endpoint_whose_password_it_knows() {
    let mut world = World::new();
    let url = web_socket_of(&mut world, "a");
    let [.., conference, endpoint] = url.path.split('/').collect::<Vec<_>>()[..] else {
        panic!("{}", url.path)
    };
    let (now, one, two) = (world.now, SocketId(1), SocketId(2));
    for (conference, endpoint, password) in [
        ("0", endpoint, &*url.password),
        (conference, "b", &url.password),
        (conference, endpoint, "no"),
        ("", "", ""),
    ] {
        assert!(!world.sfu.handle_websocket(now, one, conference, endpoint, password));
    }
    assert!(world.sfu.handle_websocket(now, one, conference, endpoint, &url.password));
    world.run(SECOND);
    check_said(&world, one, &["ServerHello", "ForwardedSources"]);
    assert!(world.sfu.handle_websocket(now, two, conference, endpoint, &url.password));
    world.run(SECOND);
    assert_eq!(world.closed, [(one, 1000)]);
    world.sfu.handle_websocket_closed(one);
    world.sfu.handle_websocket_message(world.now, two, r#"{"colibriClass":"ClientHello"}"#);
    world.run(SECOND);
    check_said(&world, two, &["ServerHello", "ForwardedSources", "ServerHello"]);
    world.expire("a");
    assert_eq!(world.closed, [(one, 1000), (two, 1001)]);
    world.sfu.handle_websocket_message(world.now, two, r#"{"colibriClass":"ClientHello"}"#);
    world.sfu.handle_websocket_closed(two);
}

#[test]
fn constraints_over_a_websocket_move_video() {
    let mut world = World::with(&["a"]);
    let answer = world.create("b");
    let url = parse_url(
        &answer.endpoints[0]
            .transport
            .as_ref()
            .expect("created")
            .ice
            .as_ref()
            .expect("described")
            .web_sockets[0],
    );
    let description = world.client("b").description();
    world.connect("b", description);
    world.until("b is connected", |w| w.clients["b"].connected);
    let [.., conference, endpoint] = url.path.split('/').collect::<Vec<_>>()[..] else {
        panic!("{}", url.path)
    };
    assert!(world.sfu.handle_websocket(world.now, SocketId(7), conference, endpoint, &url.password));
    let text =
        json!({"colibriClass": "ReceiverVideoConstraints", "constraints": {"a-v0": {"maxHeight": 720}}});
    world.sfu.handle_websocket_message(world.now, SocketId(7), &text.to_string());
    world.run(2 * SECOND);
    let ssrc = world.clients["a"].camera.as_ref().expect("films").ssrcs[0].0;
    assert_eq!(world.clients["b"].stream(ssrc).last().expect("sees a").encoding(), 2);
    let forwarded = world.texts.iter().rev().find(|(_, text)| text["colibriClass"] == "ForwardedSources");
    assert_eq!(
        forwarded.map(|(to, text)| (*to, &text["forwardedSources"])),
        Some((SocketId(7), &json!(["a-v0"])))
    );
}

struct Url {
    path: String,
    password: String,
}

fn web_socket_of(world: &mut World, id: &str) -> Url {
    let answer = world.create(id);
    let transport = answer.endpoints[0].transport.as_ref().expect("created");
    parse_url(&transport.ice.as_ref().expect("described").web_sockets[0])
}

fn parse_url(url: &str) -> Url {
    let rest = url.strip_prefix("wss://meet.example/colibri-ws/bridge-1/").expect("the configured base");
    let (path, password) = rest.split_once("?pwd=").expect("with a password");
    Url { path: path.to_owned(), password: password.to_owned() }
}

#[track_caller]
fn check_got(world: &World, id: &str, expected: &[u64]) {
    let messages = world.clients[id].messages.iter().filter(|m| m["colibriClass"] == "EndpointMessage");
    let got: Vec<_> =
        messages.inspect(|m| assert_eq!(m["from"], "a")).map(|m| m["msgPayload"]["n"].as_u64()).collect();
    assert_eq!(got, expected.iter().copied().map(Some).collect::<Vec<_>>());
}

#[track_caller]
fn check_said(world: &World, socket: SocketId, classes: &[&str]) {
    let said: Vec<_> =
        world.texts.iter().filter(|(to, _)| *to == socket).map(|(_, text)| &text["colibriClass"]).collect();
    assert_eq!(said, classes.iter().map(|c| Value::from(*c)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

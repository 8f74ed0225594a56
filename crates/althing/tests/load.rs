//! Simulated participants against a real server, and against none.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use support::{althing, check_fails, command, path, printed};

#[test]
fn everybody_gets_in_and_hears_everybody() {
    let server = Server::start();
    let file = server.data.path().join("load.json");
    let size =
        ["--rooms", "3", "--participants", "4", "--join-rate", "20", "--duration", "3s", "--seed", "7"];
    let talk = ["--chat", "2", "--probe", "100ms", "--json", &path(&file)];
    let limits = ["--fail-if", "joined<12", "--fail-if", "reloads>0", "--fail-if", "chat.lost>0"];
    let table = printed(&althing(&[&["load", "--url", &server.url][..], &size, &talk, &limits].concat()));
    assert!(table.starts_with("joined   12 of 12 page loads of 12 participants\n"), "{table}");
    assert!(table.contains(" 0 lost, 0 doubled, 0 out of order\n"), "{table}");

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(json["figures"]["chat.said"].as_f64().unwrap() >= 24.0, "{json}");
    let joins = json["distributions_us"]["join"].as_array().unwrap();
    assert_eq!(joins.iter().map(|class| class[1].as_u64().unwrap()).sum::<u64>(), 12);
}

#[test]
fn everybody_sees_and_hears_everybody() {
    let server = Server::start();
    let file = server.data.path().join("load.json");
    let size = ["--rooms", "2", "--participants", "3", "--join-rate", "20", "--duration", "4s"];
    let media = ["--media", "video", "--video", "180", "--json", &path(&file)];
    // of three in a room, each is sent the voice and the picture of two
    let whole =
        ["--fail-if", "media.streams<24", "--fail-if", "media.missing>0", "--fail-if", "media.failures>0"];
    // a machine that is too busy is late, and loses nothing: its sockets hold seconds of this
    let good =
        ["--fail-if", "media.loss>0.02", "--fail-if", "media.doubled>0", "--fail-if", "media.keys.asked<1"];
    let table =
        printed(&althing(&[&["load", "--url", &server.url][..], &size, &media, &whole, &good].concat()));
    assert!(table.contains("\nmedia    6 sessions, 0 failed; 24 streams received, 0 missing"), "{table}");
    assert!(table.contains("\nvideo    180p 100 %"), "{table}");

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let figure = |name: &str| json["figures"][name].as_f64().unwrap();
    // a second of sound on each stream at least, and a key frame first and once more for whoever came later
    assert!(figure("media.received") > 24.0 * 50.0, "{json}");
    assert!(figure("media.keys.sent") > 6.0, "{json}");
}

#[test]
fn the_bridge_channel_may_be_a_websocket() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let address = format!("http://{free}");
    let server = Server::start_at(&free, &["--public-url", &address]);
    let size = ["--rooms", "1", "--participants", "3", "--join-rate", "20", "--duration", "4s"];
    let media = ["--media", "video", "--video", "simulcast", "--receive", "180"];
    let channel = ["--bridge-channel", "websocket", "--fail-if", "media.websockets<3"];
    let good = ["--fail-if", "media.websockets.lost>0", "--fail-if", "media.streams<12"];
    let table =
        printed(&althing(&[&["load", "--url", &server.url][..], &size, &media, &channel, &good].concat()));
    // what is asked for is what is seen
    assert!(table.contains("\nvideo    180p 100 %"), "{table}");
    assert!(table.contains("\nchannels 3 WebSockets to bridges opened, 0 lost\n"), "{table}");
    let without = ["--media", "video", "--fail-if", "media.websockets>0"];
    printed(&althing(&[&["load", "--url", &server.url][..], &size, &without].concat()));
}

#[test]
fn a_signal_calls_the_roll_and_everybody_answers() {
    let server = Server::start();
    let file = server.data.path().join("load.json");
    let size = ["--rooms", "2", "--participants", "2", "--duration", "1h", "--json", &path(&file)];
    let mut load = command(&[&["load", "--url", &server.url][..], &size].concat());
    let mut load = load.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(load.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("4 of 4 in")), "it ends before everybody is in");
    let pid = load.id().to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, pid.as_str()]).status().unwrap().success());
    signal("-USR1");
    assert!(lines.any(|line| line.starts_with("roll call 1: 4 of 4 answered")), "nobody answers");
    signal("-INT");
    lines.for_each(drop);
    assert!(load.wait().unwrap().success());
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for room in ["load-1", "load-2"] {
        let told = &json["calls"][0]["rooms"][room];
        assert_eq!((told["answered"].as_array().unwrap().len(), &told["silent"]), (2, &0.into()), "{json}");
    }
}

#[test]
fn everybody_who_is_cut_off_comes_back() {
    let server = Server::start();
    let storm = ["--profile", "reconnectstorm", "--rooms", "2", "--participants", "4", "--cut-at", "4s"];
    let bounds =
        ["--duration", "14s", "--chat", "2", "--fail-if", "resumes<8", "--fail-if", "resume.p95>30s"];
    let table = printed(&althing(&[&["load", "--url", &server.url][..], &storm, &bounds].concat()));
    assert!(table.contains("streams  8 broke, 8 resumed, 0 reloads\n"), "{table}");
}

#[test]
fn profiles_are_listed_and_printed_and_read() {
    let list = printed(&althing(&["load", "--list-profiles"]));
    assert!(list.contains("\nreconnectstorm  signalling  "), "{list}");
    let text = printed(&althing(&["load", "--show-profile", "churn"]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, format!("{text}colour = 'red'\n")).unwrap();
    let line = format!("line {}", text.lines().count() + 1);
    let output = althing(&["load", "--url", "http://127.0.0.1:1", "--profile", &path(&file)]);
    check_fails(&output, &[&line, "colour"]);
}

#[test]
fn a_server_that_drops_people_half_way_is_told_with_the_first_cause() {
    let mut server = Server::start();
    let mut load = command(&["load", "--url", &server.url, "--participants", "2", "--duration", "60s"]);
    let mut load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(load.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(shown.any(|line| line.contains("2 of 2 in")), "they get in");
    server.child.kill().unwrap();
    // nobody is left to wait for: long before the minute is over
    assert!(shown.any(|line| line.contains("the first in trouble: three attempts to resume failed")));
    let output = load.wait_with_output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("reload   2: three attempts to resume failed: first the connection breaks"),
        "{table}"
    );
    assert!(table.contains("         try: nobody listens there"), "{table}");
}

#[test]
fn a_threshold_that_is_crossed_is_a_failure() {
    let server = Server::start();
    let size = ["--rooms", "1", "--participants", "1", "--duration", "0s", "--fail-if", "join.max>0ms"];
    let output = althing(&[&["load", "--url", &server.url][..], &size].concat());
    check_fails(&output, &["the run fails: join.max>0ms"]);
}

#[test]
fn a_server_that_is_not_there_is_told_as_such() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    check_fails(&althing(&["load", "--url", &url]), &[&url, "is refused: nobody listens there"]);
    let told = ["--domain", "meet.example", "--websocket", "ws://127.0.0.1:1/", "--duration", "0s"];
    let output = althing(&[&["load", "--url", &url][..], &told].concat());
    check_fails(&output, &["nobody got in: the connection is refused, connecting"]);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start_with(&["--tls-self-signed"]);
    check_fails(&althing(&["load", "--url", &server.url]), &["has no TLS", "certificate", "--insecure"]);
    let one = ["--participants", "1", "--duration", "0s", "--insecure", "--fail-if", "joined<1"];
    printed(&althing(&[&["load", "--url", &server.url][..], &one].concat()));
}

#[test]
fn a_token_goes_where_the_client_puts_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let mut heads = Vec::new();
        while let Some(head) = asked(&listener) {
            let is_last = head.starts_with("GET /xmpp-websocket");
            heads.push(head);
            if is_last {
                break;
            }
        }
        heads
    });
    let url = format!("http://{host}");
    let size = ["--participants", "1", "--duration", "0s"];
    let told = ["--domain", "meet.example", "--token", "x.y.z"];
    let focus = format!("{url}/conference-request/v1");
    let output = althing(&[&["load", "--url", &url, "--focus", &focus][..], &size, &told].concat());
    check_fails(&output, &["nobody got in"]);
    let heads = served.join().unwrap();
    let asked =
        heads.iter().find(|head| head.starts_with("POST /conference-request/v1?room=load-1 ")).unwrap();
    assert!(asked.contains("\r\nauthorization: Bearer x.y.z\r\n"), "{asked}");
    let stream = heads.last().unwrap();
    assert!(stream.starts_with("GET /xmpp-websocket?room=load-1&token=x.y.z "), "{stream}");
}

/// The head of the next request to a server that says yes to whatever is no WebSocket.
fn asked(listener: &std::net::TcpListener) -> Option<String> {
    let (stream, _) = listener.accept().ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|bytes| *bytes > 0)?;
    }
    if !head.starts_with("GET /xmpp-websocket") {
        let body = "{\"ready\":true}";
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        reader.into_inner().write_all(answer.as_bytes()).ok()?;
    }
    Some(head)
}

/// `althing up` on free ports, ended when it is dropped.
struct Server {
    child: Child,
    url: String,
    data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", flags)
    }

    fn start_at(http: &str, flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let free = ["up", "--http", http, "--admin", "127.0.0.1:0", "--media-port", "0", "--data"];
        let mut command = command(&[&free[..], &[&path(data.path())], flags].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let start = "Althing is up. Open ";
        let line = lines.find(|line| line.starts_with(start)).expect("it comes up");
        let url = line[start.len()..].split_whitespace().next().unwrap().trim_end_matches('/').to_owned();
        Self { child, url, data }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Negotiations as conversations: what the client says, and what it hears.
//!
//! A line that begins with `C` is said by the client, a line with `S` is heard (`...` stands for anything), `>` is
//! how the negotiation ends.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmpp::c2s::{Access, Accounts, Ends, Framing, Negotiation, Step};
use xmpp::tcp::Reader;

const OPEN: &str = r#"C <open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="meet.example" version="1.0"/>"#;
const OPENED: &str =
    r#"S <open xmlns="urn:ietf:params:xml:ns:xmpp-framing" from="meet.example" id="..." version="1.0"/>"#;
const MECHANISMS: &str = r#"S <stream:features xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>"#;
const AUTH: &str = r#"C <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>"#;
const SUCCESS: &str = r#"S <success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#;
const RESOURCE: &str = r#"S <stream:features xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><sm xmlns="urn:xmpp:sm:3"/></stream:features>"#;
const BIND: &str = r#"C <iq type="set" id="_bind_auth_2" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>"#;
const CLOSED: &str = r#"S <close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#;

const LOGIN: [&str; 5] = [OPEN, OPENED, MECHANISMS, AUTH, SUCCESS];
const READY: [&str; 8] = [OPEN, OPENED, MECHANISMS, AUTH, SUCCESS, OPEN, OPENED, RESOURCE];

#[test]
fn a_guest_binds() {
    check(&READY, &[BIND, "> bind _bind_auth_2 as guest"]);
}

#[test]
fn a_guest_resumes_and_hears_nothing_before_it() {
    let resume = r#"C <resume xmlns="urn:xmpp:sm:3" h="12" previd="TOKEN_-1"/>"#;
    check(&READY, &[resume, "> resume TOKEN_-1 at 12"]);
}

#[test]
fn a_resume_without_sense_leaves_the_bind() {
    let failed = r#"S <failed xmlns="urn:xmpp:sm:3"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></failed>"#;
    for attributes in
        ["", "h='1'", "previd='x'", "h='-1' previd='x'", "h='4294967296' previd='x'", "h='1' previd=''"]
    {
        let resume = format!("C <resume xmlns='urn:xmpp:sm:3' {attributes}/>");
        check(&READY, &[&resume, failed, BIND, "> bind _bind_auth_2 as guest"]);
    }
}

#[test]
fn a_client_may_leave_at_any_point() {
    let close = r#"C <close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#;
    for steps in [&READY[..0], &READY[..3], &READY[..5], &READY[..]] {
        check(steps, &[close, CLOSED, "> refused"]);
    }
}

#[test]
fn another_host_is_unknown() {
    let open = OPEN.replace("meet.example", "other.example");
    check(&[], &[&open, OPENED, &stream_error("host-unknown"), CLOSED, "> refused"]);
}

#[test]
fn another_version_is_not_spoken() {
    let open = OPEN.replace("1.0", "0.9");
    check(&[], &[&open, OPENED, &stream_error("unsupported-version"), CLOSED, "> refused"]);
}

#[test]
fn steps_in_the_wrong_order_end_the_stream() {
    let refused = stream_error("not-authorized");
    let resume = r#"C <resume xmlns="urn:xmpp:sm:3" h="0" previd="x"/>"#;
    let message = "C <message xmlns='jabber:client'/>";
    for early in [AUTH, BIND, resume, message] {
        check(&[], &[early, OPENED, &refused, CLOSED, "> refused"]);
    }
    for early in [OPEN, BIND, resume, message] {
        check(&LOGIN[..3], &[early, &refused, CLOSED, "> refused"]);
    }
    for early in [AUTH, BIND, resume, message] {
        check(&LOGIN, &[early, &refused, CLOSED, "> refused"]);
    }
    for early in [OPEN, AUTH, message, "C <enable xmlns='urn:xmpp:sm:3'/>"] {
        let refused = if early == AUTH { stream_error("unsupported-stanza-type") } else { refused.clone() };
        check(&READY, &[early, &refused, CLOSED, "> refused"]);
    }
}

#[test]
fn a_bind_request_needs_its_form() {
    let refused = stream_error("not-authorized");
    for bind in [
        BIND.replace("set", "get"),
        BIND.replace(" id=\"_bind_auth_2\"", ""),
        BIND.replace("_bind_auth_2", &"x".repeat(2000)),
        BIND.replace("xmpp-bind", "xmpp-session"),
    ] {
        check(&READY, &[&bind, &refused, CLOSED, "> refused"]);
    }
}

#[test]
fn a_mechanism_that_was_not_offered_is_refused_and_tried_again() {
    let plain = r#"C <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">AGEAYg==</auth>"#;
    let failure = r#"S <failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><invalid-mechanism/><text>...</text></failure>"#;
    check(&LOGIN[..3], &[plain, failure, AUTH, SUCCESS]);
    let enough = stream_error("policy-violation");
    check(&LOGIN[..3], &[plain, failure, plain, failure, plain, failure, &enough, CLOSED, "> refused"]);
}

#[test]
fn bad_frames_end_the_stream() {
    let deep = format!("C <a xmlns='b'>{}", "<a>".repeat(1000));
    let big = format!("C <a xmlns='b'>{}</a>", "x".repeat(300_000));
    for (frame, condition) in [
        ("C hello", "not-well-formed"),
        ("C <open/>", "invalid-namespace"),
        ("C <!DOCTYPE a><a xmlns='b'/>", "not-well-formed"),
        (&deep, "policy-violation"),
        (&big, "policy-violation"),
    ] {
        check(&LOGIN[..3], &[frame, &stream_error(condition), CLOSED, "> refused"]);
    }
}

#[test]
fn whoever_was_refused_is_not_heard_again() {
    let mut negotiation = guest();
    negotiation.handle_frame("hello");
    for frame in [OPEN, AUTH, BIND] {
        assert_eq!(negotiation.handle_frame(&frame[2..]), []);
    }
}

#[test]
fn an_account_logs_in_with_plain() {
    let refused = r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/>"#;
    for (message, expected) in [
        ("\0jvb\0secret", "<success"),
        ("jvb@auth.example\0jvb\0secret", "<success"),
        ("\0jvb\0wrong", refused),
        ("\0jvb\0", refused),
        ("\0nobody\0secret", refused),
        (
            "root@auth.example\0jvb\0secret",
            "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><invalid-authzid/>",
        ),
        ("jvb", "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><malformed-request/>"),
        ("\0jvb\0secret\0more", "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><malformed-request/>"),
    ] {
        let auth = auth("PLAIN", &STANDARD.encode(message));
        let heard = tcp(&[&auth]);
        assert!(heard.last().unwrap().starts_with(expected), "{message:?}: {heard:?}");
    }
}

#[test]
fn what_is_no_base64_is_refused() {
    let broken = "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><incorrect-encoding/>";
    for text in ["%%%", "/w==", &"A".repeat(4096)] {
        let heard = tcp(&[&auth("PLAIN", text)]);
        assert!(heard.last().unwrap().starts_with(broken), "{text}: {heard:?}");
    }
}

#[test]
fn an_account_gets_the_resource_it_asks_for() {
    let plain = auth("PLAIN", &STANDARD.encode("\0jvb\0secret"));
    let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bridge-1</resource></bind></iq>";
    let heard = tcp(&[&plain, HEADER, bind]);
    assert!(!heard.iter().any(|text| text.contains("urn:xmpp:sm:3")), "accounts resume nothing: {heard:?}");
    assert_eq!(heard.last().unwrap(), "> bind b as jvb at bridge-1");
}

#[test]
fn accounts_do_not_resume() {
    let plain = auth("PLAIN", &STANDARD.encode("\0jvb\0secret"));
    let heard = tcp(&[&plain, HEADER, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>"]);
    assert!(heard.contains(&stream_error("not-authorized")[2..].to_owned()), "{heard:?}");
}

#[test]
fn a_wrong_scram_proof_is_refused() {
    let first = auth("SCRAM-SHA-1", &STANDARD.encode("n,,n=jvb,r=abc"));
    let heard = tcp(&[&first]);
    let challenge = heard.last().unwrap();
    let text = challenge.split(['<', '>']).nth(2).unwrap();
    let challenge = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let nonce = challenge.split(',').next().unwrap().strip_prefix("r=").unwrap().to_owned();
    assert!(nonce.starts_with("abc") && nonce.len() > 20, "{challenge}");
    let proof = STANDARD.encode([0; 20]);
    for (response, condition) in [
        (format!("c=biws,r={nonce},p={proof}"), "not-authorized"),
        (format!("c=biws,r=other,p={proof}"), "not-authorized"),
        (format!("c=eSws,r={nonce},p={proof}"), "not-authorized"),
        (format!("c=biws,r={nonce}"), "malformed-request"),
        (format!("c=biws,r={nonce},p=short"), "malformed-request"),
    ] {
        let response = STANDARD.encode(response);
        let response = format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>");
        let heard = tcp(&[&first, &response]);
        assert!(heard.last().unwrap().contains(&format!("<{condition}/>")), "{heard:?}");
    }
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                      to='auth.example' version='1.0'>";

fn auth(mechanism: &str, text: &str) -> String {
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{text}</auth>")
}

fn stream_error(condition: &str) -> String {
    format!(
        "S <stream:error xmlns:stream=\"http://etherx.jabber.org/streams\"><{condition} \
         xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>"
    )
}

fn guest() -> Negotiation {
    Negotiation::new(Framing::WebSocket, "meet.example", Access::Guests, [7; 16])
}

/// Runs a conversation over a WebSocket, in two parts.
fn check(before: &[&str], lines: &[&str]) {
    let mut negotiation = guest();
    let mut heard = Vec::new().into_iter();
    for line in before.iter().chain(lines) {
        if let Some(said) = line.strip_prefix("C ") {
            assert_eq!(heard.next(), None::<String>, "before {line}");
            heard = negotiation.handle_frame(said).iter().map(told).collect::<Vec<_>>().into_iter();
        } else {
            let got = heard.next().unwrap_or_else(|| panic!("nothing, where {line} was expected"));
            assert!(fits(line.strip_prefix("S ").unwrap_or(line), &got), "expected {line}\n     got {got}");
        }
    }
    assert_eq!(heard.next(), None, "after the conversation");
}

/// What a client hears over TCP after the first header; each text is one read of the socket.
fn tcp(said: &[&str]) -> Vec<String> {
    let accounts = Accounts::new([3; 16], [("jvb".to_owned(), "secret".to_owned())]);
    let access = Access::Accounts(Arc::new(accounts));
    let mut negotiation = Negotiation::new(Framing::Tcp, "auth.example", access, [7; 16]);
    let mut reader = Reader::new();
    let mut heard = Vec::new();
    for text in std::iter::once(&HEADER).chain(said) {
        reader.push(text.as_bytes());
        while let Some(said) = reader.next().expect("the stream is well-formed") {
            for step in negotiation.handle_said(&said) {
                match step {
                    Step::Restart => reader.restart(),
                    other => heard.push(told(&other)),
                }
            }
        }
    }
    heard
}

fn told(step: &Step) -> String {
    match step {
        Step::Send(text) => text.clone(),
        Step::Restart => "> restart".to_owned(),
        Step::Ends(Ends::Bind { user, iq_id, resource }) => {
            let user = user.as_deref().unwrap_or("guest");
            let at = resource.as_ref().map(|r| format!(" at {r}")).unwrap_or_default();
            format!("> bind {iq_id} as {user}{at}")
        }
        Step::Ends(Ends::Resume { previd, h, told }) if h == told => format!("> resume {previd} at {h}"),
        Step::Ends(Ends::Resume { previd, h, told }) => format!("> resume {previd} at {h} of {told}"),
        Step::Ends(Ends::Refused) => "> refused".to_owned(),
    }
}

/// `...` in the pattern stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once("...") {
        None => pattern == text,
        Some((head, tail)) => text.starts_with(head) && text.ends_with(tail),
    }
}

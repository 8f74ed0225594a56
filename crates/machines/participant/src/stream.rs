//! A stream over a WebSocket (RFC 7395), from its first header to a resource or to the stream that it takes up.

use xmpp::stanza::Kind;
use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::failure::{Failure, Stage};

/// The dialogue on one socket. Feed it until it gives [`Step::Bound`] or [`Step::Resumed`], or fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Negotiation {
    domain: String,
    goal: Goal,
    expects: Expects,
    /// the server has told all of itself before the resource: nobody asks it for that
    pushed: bool,
}

/// What it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Resource,
    /// the stream with this token, of which `h` stanzas are taken
    Resume {
        token: String,
        h: u64,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Expects {
    Open,
    Mechanisms,
    Success,
    SecondOpen,
    Features,
    /// the answer to the bind request; what the features said of the steps after it
    Resource {
        session: bool,
        sm: bool,
    },
    Session {
        jid: String,
        sm: bool,
    },
    Resumed,
}

/// What comes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Send(String),
    Bound(Bound),
    /// the server has taken `h` stanzas
    Resumed {
        h: u64,
    },
}

/// A resource, and what is known of the server by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) jid: String,
    /// streams can be managed (XEP-0198)
    pub(crate) sm: bool,
    /// COMPAT: where the server has pushed the address of room metadata, a client asks for nothing else
    pub(crate) pushed: bool,
}

/// Why it came to nothing, and whether another socket may have better luck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// this attempt is over
    Attempt(Failure),
    /// the client gives its stream up
    Fatal(Failure),
}

impl Negotiation {
    /// With the first frame to send.
    pub(crate) fn new(domain: &str, goal: Goal) -> (Self, String) {
        let negotiation = Self { domain: domain.to_owned(), goal, expects: Expects::Open, pushed: false };
        let open = negotiation.open();
        (negotiation, open)
    }

    pub(crate) fn handle(&mut self, frame: &Element) -> Result<Step, Refusal> {
        if frame.is("error", ns::STREAM) {
            return Err(self.stream_error(frame));
        }
        if frame.is("close", ns::FRAMING) {
            let closed = Failure::Closed(crate::Closing::Stream, self.stage());
            return Err(Refusal::Attempt(closed));
        }
        match &self.expects {
            Expects::Open => self.handle_open(frame, Expects::Mechanisms),
            Expects::Mechanisms => self.handle_mechanisms(frame),
            Expects::Success => self.handle_success(frame),
            Expects::SecondOpen => self.handle_open(frame, Expects::Features),
            Expects::Features => self.handle_features(frame),
            Expects::Resource { session, sm } => self.handle_resource(frame, *session, *sm),
            Expects::Session { jid, sm } => Ok(match is_answer(frame, SESSION_ID) {
                true => Step::Bound(Bound { jid: jid.clone(), sm: *sm, pushed: self.pushed }),
                false => Step::Nothing,
            }),
            Expects::Resumed => handle_resumed(frame),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.expects {
            _ if matches!(self.goal, Goal::Resume { .. }) => Stage::Resuming,
            Expects::Open | Expects::Mechanisms => Stage::Opening,
            Expects::Success | Expects::SecondOpen => Stage::LoggingIn,
            Expects::Features | Expects::Resource { .. } | Expects::Session { .. } => Stage::Binding,
            Expects::Resumed => Stage::Resuming,
        }
    }

    /// COMPAT: a client whose socket is closed with a handshake before this does not notice.
    pub(crate) fn has_features(&self) -> bool {
        !matches!(self.expects, Expects::Open | Expects::Mechanisms)
    }

    fn open(&self) -> String {
        let open = elem("open", ns::FRAMING).attr("to", &self.domain).attr("version", "1.0");
        to_text(&open.build())
    }

    fn handle_open(&mut self, frame: &Element, next: Expects) -> Result<Step, Refusal> {
        if !frame.is("open", ns::FRAMING) || frame.attr("version") != Some("1.0") {
            return Err(Refusal::Attempt(Failure::NoStream("it does not begin with an open element")));
        }
        self.expects = next;
        Ok(Step::Nothing)
    }

    fn handle_mechanisms(&mut self, frame: &Element) -> Result<Step, Refusal> {
        let mechanisms = frame.get_child("mechanisms", ns::SASL);
        let mut offered = mechanisms.iter().flat_map(|mechanisms| mechanisms.children());
        if !frame.is("features", ns::STREAM) || !offered.any(|one| one.text() == "ANONYMOUS") {
            let text = "the server offers no login for guests (SASL ANONYMOUS)";
            return Err(Refusal::Attempt(Failure::NoStream(text)));
        }
        self.expects = Expects::Success;
        Ok(Step::Send(to_text(&elem("auth", ns::SASL).attr("mechanism", "ANONYMOUS").build())))
    }

    fn handle_success(&mut self, frame: &Element) -> Result<Step, Refusal> {
        if frame.is("success", ns::SASL) {
            self.expects = Expects::SecondOpen;
            return Ok(Step::Send(self.open()));
        }
        if frame.is("failure", ns::SASL) {
            return Err(Refusal::Fatal(Failure::Login(condition(frame))));
        }
        Ok(Step::Nothing)
    }

    fn handle_features(&mut self, frame: &Element) -> Result<Step, Refusal> {
        if !frame.is("features", ns::STREAM) {
            return Ok(Step::Nothing);
        }
        if !frame.has_child("bind", ns::BIND) {
            return Err(Refusal::Fatal(Failure::NoStream("the server gives no resources")));
        }
        let sm = frame.has_child("sm", ns::SM);
        match &self.goal {
            Goal::Resource => {
                self.expects = Expects::Resource { session: frame.has_child("session", ns::SESSION), sm };
                Ok(Step::Send(request(BIND_ID, elem("bind", ns::BIND).build())))
            }
            Goal::Resume { token, h } => {
                let resume =
                    elem("resume", ns::SM).attr("h", h.to_string()).attr("previd", token.as_str()).build();
                self.expects = Expects::Resumed;
                Ok(Step::Send(to_text(&resume)))
            }
        }
    }

    fn handle_resource(&mut self, frame: &Element, session: bool, sm: bool) -> Result<Step, Refusal> {
        if Kind::of(frame) == Some(Kind::Message) {
            self.pushed |= names_room_metadata(frame);
            return Ok(Step::Nothing);
        }
        if !is_answer(frame, BIND_ID) {
            return Ok(Step::Nothing);
        }
        let jid = frame.get_child("bind", ns::BIND).and_then(|bind| bind.get_child("jid", ns::BIND));
        let Some(jid) = jid.map(Element::text).filter(|jid| !jid.is_empty()) else {
            return Err(Refusal::Fatal(Failure::Login(format!(
                "no resource, {}",
                crate::iq::error_of(frame)
            ))));
        };
        if !session {
            return Ok(Step::Bound(Bound { jid, sm, pushed: self.pushed }));
        }
        self.expects = Expects::Session { jid, sm };
        Ok(Step::Send(request(SESSION_ID, elem("session", ns::SESSION).build())))
    }

    /// COMPAT: the first thing on a socket makes the client try again; later it is the end.
    fn stream_error(&self, error: &Element) -> Refusal {
        let failure = Failure::StreamError(condition(error));
        if self.expects == Expects::Open { Refusal::Attempt(failure) } else { Refusal::Fatal(failure) }
    }
}

/// The name of the first child, which is the condition of a stream error, a SASL failure or a refused resume.
pub(crate) fn condition(error: &Element) -> String {
    error.children().next().map_or("no reason is given", Element::name).to_owned()
}

const BIND_ID: &str = "_bind_auth_2";
const SESSION_ID: &str = "_session_auth_2";

fn handle_resumed(frame: &Element) -> Result<Step, Refusal> {
    if frame.is("failed", ns::SM) {
        return Err(Refusal::Fatal(Failure::ResumeRefused(condition(frame))));
    }
    if !frame.is("resumed", ns::SM) {
        return Ok(Step::Nothing);
    }
    let h = frame.attr("h").and_then(|h| h.parse().ok());
    let unreadable = Refusal::Fatal(Failure::Acknowledgement("the answer to a resume has no number"));
    h.map(|h| Step::Resumed { h }).ok_or(unreadable)
}

fn request(id: &'static str, payload: Element) -> String {
    to_text(&elem("iq", ns::CLIENT).attr("type", "set").attr("id", id).child(payload).build())
}

fn is_answer(frame: &Element, id: &str) -> bool {
    Kind::of(frame) == Some(Kind::Iq)
        && frame.attr("id") == Some(id)
        && matches!(frame.attr("type"), Some("result" | "error"))
}

fn names_room_metadata(message: &Element) -> bool {
    let query = message.get_child("query", ns::DISCO_INFO);
    let mut identities = query.iter().flat_map(|query| query.children());
    identities.any(|child| child.name() == "identity" && child.attr("type") == Some("room_metadata"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: &str = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></f:features>";
    const MECHANISMS: &str = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
        <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms></f:features>";
    const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' id='s'/>";
    const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='_bind_auth_2'>\
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>";

    fn resume() -> Goal {
        Goal::Resume { token: "T".to_owned(), h: 7 }
    }

    /// Everything but the last frame only moves it on.
    fn check(goal: Goal, frames: &[&str]) -> Result<Step, Refusal> {
        let (mut negotiation, first) = Negotiation::new("meet.example", goal);
        assert!(first.starts_with("<open "), "{first}");
        let mut last = Ok(Step::Nothing);
        for frame in frames {
            assert!(last.is_ok(), "{last:?} before {frame}");
            last = negotiation.handle(&xmpp::frame::parse(frame).unwrap());
        }
        last
    }

    fn attempt(failure: Failure) -> Result<Step, Refusal> {
        Err(Refusal::Attempt(failure))
    }

    #[test]
    fn it_comes_to_a_resource() {
        let bound = Step::Bound(Bound { jid: "a@b/c".to_owned(), sm: true, pushed: false });
        let way = [OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES, BOUND];
        assert_eq!(check(Goal::Resource, &way), Ok(bound));
        assert!(
            matches!(check(Goal::Resource, &way[..2]), Ok(Step::Send(auth)) if auth.contains("ANONYMOUS"))
        );
    }

    #[test]
    fn what_is_pushed_before_the_resource_is_noticed() {
        let push = "<message xmlns='jabber:client'><query xmlns='http://jabber.org/protocol/disco#info'>\
            <identity category='component' type='room_metadata' name='m'/></query></message>";
        let way = [OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES, push, BOUND];
        assert!(matches!(check(Goal::Resource, &way), Ok(Step::Bound(Bound { pushed: true, .. }))));
    }

    #[test]
    fn a_session_is_asked_for_where_there_is_one() {
        let features = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
            <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></f:features>";
        let way = [OPEN, MECHANISMS, SUCCESS, OPEN, features, BOUND];
        assert!(matches!(check(Goal::Resource, &way), Ok(Step::Send(iq)) if iq.contains("_session_auth_2")));
        let done = [&way[..], &["<iq xmlns='jabber:client' type='result' id='_session_auth_2'/>"]].concat();
        assert!(matches!(check(Goal::Resource, &done), Ok(Step::Bound(Bound { sm: false, .. }))));
    }

    #[test]
    fn it_takes_a_stream_up() {
        let way = [OPEN, MECHANISMS, SUCCESS, OPEN, FEATURES];
        let asks = "<resume xmlns=\"urn:xmpp:sm:3\" h=\"7\" previd=\"T\"/>";
        assert_eq!(check(resume(), &way), Ok(Step::Send(asks.to_owned())));
        let resumed = [&way[..], &["<resumed xmlns='urn:xmpp:sm:3' h='3' previd='T'/>"]].concat();
        assert_eq!(check(resume(), &resumed), Ok(Step::Resumed { h: 3 }));
        let failed = "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
        let refused = Failure::ResumeRefused("item-not-found".to_owned());
        assert_eq!(check(resume(), &[&way[..], &[failed]].concat()), Err(Refusal::Fatal(refused)));
    }

    #[test]
    fn a_stream_error_is_the_end_unless_it_comes_first() {
        let error = "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
            <system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>";
        let failure = Failure::StreamError("system-shutdown".to_owned());
        assert_eq!(check(resume(), &[error]), attempt(failure.clone()));
        assert_eq!(check(resume(), &[OPEN, error]), Err(Refusal::Fatal(failure)));
    }

    #[test]
    fn what_is_no_stream_is_told() {
        let plain = MECHANISMS.replace("ANONYMOUS", "PLAIN");
        let no_guests = Failure::NoStream("the server offers no login for guests (SASL ANONYMOUS)");
        assert_eq!(check(Goal::Resource, &[OPEN, &plain]), attempt(no_guests));
        let no_open = Failure::NoStream("it does not begin with an open element");
        assert_eq!(check(Goal::Resource, &[SUCCESS]), attempt(no_open));
        let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/></failure>";
        let refused = Err(Refusal::Fatal(Failure::Login("not-allowed".to_owned())));
        assert_eq!(check(Goal::Resource, &[OPEN, MECHANISMS, failure]), refused);
        let close = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
        let closed = Failure::Closed(crate::Closing::Stream, Stage::Opening);
        assert_eq!(check(Goal::Resource, &[close]), attempt(closed));
    }
}

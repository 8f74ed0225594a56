//! The steps of a negotiation, one state after the other.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::accounts::Accounts;
use super::scram::{self, Challenged, Refused};
use super::text::{self, Features, Framing};
use super::{FAILURES_MAX, FIELD_BYTES_MAX};
use crate::tcp::Said;
use crate::{Element, frame, ns, sm, stanza, text::to_text};

/// Who may come in.
#[derive(Clone, Debug)]
pub enum Access {
    /// SASL ANONYMOUS: everybody, with streams that can be resumed
    Guests,
    /// SCRAM-SHA-1 and PLAIN
    Accounts(Arc<Accounts>),
}

/// What to do about something that a client said, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Send(String),
    /// The next bytes begin a new stream (TCP only).
    Restart,
    /// The negotiation is over.
    Ends(Ends),
}

/// How a negotiation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The client wants a resource; `user` is `None` for a guest, `resource` where it leaves the name to us.
    Bind { user: Option<String>, iq_id: String, resource: Option<String> },
    /// The client wants its former stream back, having got `h` stanzas of it (XEP-0198 section 5). It may have been sent
    /// up to `told`, where somebody between the two said so, and no more than `h` otherwise.
    Resume { previd: String, h: u32, told: u32 },
    /// The connection is dropped once everything is sent.
    ///
    /// COMPAT: on a WebSocket without a closing handshake; a Jitsi client that resumes hangs for ever after a clean
    /// close before it got features.
    Refused,
}

/// One client's way to a resource. Feed it until it gives [`Step::Ends`]; afterwards it has nothing to say.
#[derive(Debug)]
pub struct Negotiation {
    framing: Framing,
    domain: String,
    access: Access,
    /// random, unguessable: stream ids and nonces are made of it
    nonce: String,
    failures: u32,
    state: State,
}

enum State {
    /// awaits the first stream header
    Connected,
    /// awaits `<auth/>`
    Mechanisms,
    /// awaits `<response/>`
    Challenged(Box<Challenged>),
    /// awaits the second stream header; `None`: a guest
    Authenticated {
        user: Option<String>,
    },
    /// awaits a bind request or `<resume/>`
    Resource {
        user: Option<String>,
    },
    Over,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connected => "Connected",
            Self::Mechanisms => "Mechanisms",
            Self::Challenged(_) => "Challenged",
            Self::Authenticated { .. } => "Authenticated",
            Self::Resource { .. } => "Resource",
            Self::Over => "Over",
        })
    }
}

impl Negotiation {
    /// `seed` is random. `domain` is what clients must address.
    pub fn new(framing: Framing, domain: &str, access: Access, seed: [u8; 16]) -> Self {
        let nonce = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { framing, domain: domain.to_owned(), access, nonce, failures: 0, state: State::Connected }
    }

    /// Takes a WebSocket text frame.
    pub fn handle_frame(&mut self, frame: &str) -> Vec<Step> {
        match frame::parse(frame) {
            Ok(element) if element.is("open", ns::FRAMING) => {
                self.handle_open(element.attr("to"), element.attr("version"))
            }
            Ok(element) if element.is("close", ns::FRAMING) => self.goodbye(),
            Ok(element) => self.handle_element(&element),
            Err(error) => self.stream_error(error.condition()),
        }
    }

    /// Takes what a TCP stream said.
    pub fn handle_said(&mut self, said: &Said) -> Vec<Step> {
        match said {
            Said::Open(header) => self.handle_open(header.to.as_deref(), header.version.as_deref()),
            Said::Element(element) => self.handle_element(element),
            Said::Close => self.goodbye(),
        }
    }

    /// Gives up, with a stream error: during a negotiation that harms nobody.
    pub fn stream_error(&mut self, condition: &'static str) -> Vec<Step> {
        let before_open = matches!(self.state, State::Connected);
        self.state = State::Over;
        let open = before_open.then(|| Step::Send(self.framing.open(&self.domain, &self.nonce)));
        let error = self.framing.error(condition).map(Step::Send);
        open.into_iter().chain(error).chain([Step::Ends(Ends::Refused)]).collect()
    }

    fn goodbye(&mut self) -> Vec<Step> {
        self.state = State::Over;
        vec![Step::Send(self.framing.close()), Step::Ends(Ends::Refused)]
    }

    fn handle_open(&mut self, to: Option<&str>, version: Option<&str>) -> Vec<Step> {
        if to.is_some_and(|to| to != self.domain) {
            return self.stream_error("host-unknown");
        }
        if version != Some("1.0") {
            return self.stream_error("unsupported-version");
        }
        let features = match std::mem::replace(&mut self.state, State::Over) {
            State::Connected => {
                self.state = State::Mechanisms;
                Features::Mechanisms(self.mechanisms())
            }
            State::Authenticated { user } => {
                let resumable = user.is_none();
                self.state = State::Resource { user };
                Features::Resource { resumable }
            }
            State::Mechanisms | State::Challenged(_) | State::Resource { .. } => {
                return self.stream_error("not-authorized");
            }
            State::Over => return Vec::new(),
        };
        let id = format!("{}{}", self.nonce, if matches!(self.state, State::Mechanisms) { "a" } else { "b" });
        vec![Step::Send(self.framing.open(&self.domain, &id)), Step::Send(text::features(features))]
    }

    fn handle_element(&mut self, element: &Element) -> Vec<Step> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Mechanisms if element.is("auth", ns::SASL) => self.handle_auth(element),
            State::Mechanisms if element.is("abort", ns::SASL) => self.failure("aborted", "aborted"),
            State::Challenged(challenged) if element.is("response", ns::SASL) => {
                self.handle_response(*challenged, element)
            }
            State::Challenged(_) if element.is("abort", ns::SASL) => self.failure("aborted", "aborted"),
            State::Resource { user } => self.handle_resource(user, element),
            early @ (State::Connected
            | State::Mechanisms
            | State::Challenged(_)
            | State::Authenticated { .. }) => {
                // RFC 6120 section 4.9.3.12: nothing else is said before a resource is bound
                self.state = early;
                self.stream_error("not-authorized")
            }
            State::Over => Vec::new(),
        }
    }

    fn mechanisms(&self) -> &'static [&'static str] {
        match self.access {
            Access::Guests => &["ANONYMOUS"],
            Access::Accounts(_) => &["SCRAM-SHA-1", "PLAIN"],
        }
    }

    fn handle_auth(&mut self, auth: &Element) -> Vec<Step> {
        let Some(message) = decode(&auth.text()) else {
            return self.failure("incorrect-encoding", "the message is no base64 of UTF-8");
        };
        match (auth.attr("mechanism"), self.access.clone()) {
            (Some("ANONYMOUS"), Access::Guests) => self.success(None, ""),
            (Some("PLAIN"), Access::Accounts(accounts)) => match plain(&accounts, &self.domain, &message) {
                Ok(user) => self.success(Some(user), ""),
                Err(refused) => self.refuse(refused),
            },
            (Some("SCRAM-SHA-1"), Access::Accounts(accounts)) => {
                match scram::start(&accounts, &self.domain, &self.nonce, &message) {
                    Ok((challenged, challenge)) => {
                        self.state = State::Challenged(Box::new(challenged));
                        vec![Step::Send(text::challenge(STANDARD.encode(challenge)))]
                    }
                    Err(refused) => self.refuse(refused),
                }
            }
            _ => self.failure("invalid-mechanism", "choose one of the mechanisms that were offered"),
        }
    }

    fn handle_response(&mut self, challenged: Challenged, response: &Element) -> Vec<Step> {
        let Some(message) = decode(&response.text()) else {
            return self.failure("incorrect-encoding", "the message is no base64 of UTF-8");
        };
        match challenged.finish(&message) {
            Ok((user, verifier)) => self.success(Some(user), &verifier),
            Err(refused) => self.refuse(refused),
        }
    }

    fn success(&mut self, user: Option<String>, message: &str) -> Vec<Step> {
        self.state = State::Authenticated { user };
        let restart = matches!(self.framing, Framing::Tcp).then_some(Step::Restart);
        [Step::Send(text::success(STANDARD.encode(message)))].into_iter().chain(restart).collect()
    }

    fn refuse(&mut self, refused: Refused) -> Vec<Step> {
        match refused {
            Refused::MalformedRequest => {
                self.failure("malformed-request", "the message is not of this mechanism")
            }
            Refused::InvalidAuthzid => self.failure("invalid-authzid", "nobody may act for another account"),
            Refused::NotAuthorized => self.failure("not-authorized", "user name or password is wrong"),
        }
    }

    fn failure(&mut self, condition: &'static str, message: &str) -> Vec<Step> {
        self.failures += 1;
        let failure = Step::Send(text::failure(condition, message));
        if self.failures < FAILURES_MAX {
            self.state = State::Mechanisms;
            return vec![failure];
        }
        let mut steps = vec![failure];
        steps.extend(self.stream_error("policy-violation"));
        steps
    }

    /// `self.state` is `Over`: both ways on leave it so.
    fn handle_resource(&mut self, user: Option<String>, element: &Element) -> Vec<Step> {
        if let Some((iq_id, resource)) = bind_request(element) {
            return vec![Step::Ends(Ends::Bind { user, iq_id, resource })];
        }
        if user.is_none() && element.is("resume", ns::SM) {
            return self.handle_resume(element);
        }
        if stanza::Kind::of(element).is_none() && !element.has_ns(ns::SM) {
            return self.stream_error("unsupported-stanza-type");
        }
        self.stream_error("not-authorized")
    }

    fn handle_resume(&mut self, resume: &Element) -> Vec<Step> {
        let previd = resume.attr("previd").filter(|id| !id.is_empty() && id.len() <= FIELD_BYTES_MAX);
        let h = resume.attr("h").and_then(|h| h.parse().ok());
        if let (Some(previd), Some(h)) = (previd, h) {
            let told = resume.attr("told").and_then(|told| told.parse().ok()).unwrap_or(h);
            return vec![Step::Ends(Ends::Resume { previd: previd.to_owned(), h, told })];
        }
        // the client may still bind (XEP-0198 section 5)
        self.state = State::Resource { user: None };
        vec![Step::Send(to_text(&sm::failed("bad-request")))]
    }
}

/// Id and wanted resource of a bind request (RFC 6120 section 7.6, 7.7).
fn bind_request(iq: &Element) -> Option<(String, Option<String>)> {
    if !iq.is("iq", ns::CLIENT) || iq.attr("type") != Some("set") {
        return None;
    }
    let bind = iq.get_child("bind", ns::BIND)?;
    let id = iq.attr("id").filter(|id| !id.is_empty() && id.len() <= FIELD_BYTES_MAX)?;
    let resource = bind.get_child("resource", ns::BIND).map(Element::text);
    let resource = resource.filter(|name| !name.is_empty() && name.len() <= FIELD_BYTES_MAX);
    Some((id.to_owned(), resource))
}

/// RFC 4616.
fn plain(accounts: &Accounts, domain: &str, message: &str) -> Result<String, Refused> {
    let fields: Vec<&str> = message.split('\0').collect();
    let &[authzid, user, password] = fields.as_slice() else { return Err(Refused::MalformedRequest) };
    if !authzid.is_empty() && authzid != format!("{user}@{domain}") {
        return Err(Refused::InvalidAuthzid);
    }
    if accounts.knows(user, password) { Ok(user.to_owned()) } else { Err(Refused::NotAuthorized) }
}

/// The text of a SASL element; `=` stands for an empty one (RFC 6120 section 6.4.2).
fn decode(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text == "=" {
        return Some(String::new());
    }
    if text.len() > FIELD_BYTES_MAX * 2 {
        return None;
    }
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

//! The core: what phase it is in, what comes in and goes out. Everything else is in the file of its feature.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use xmpp::stanza::Kind;
use xmpp::{Element, disco, elem, frame, ns};

use crate::bridge_channel::BridgeChannel;
use crate::call::Call;
use crate::chat::{Author, Chat};
use crate::failure::{Closing, Failure, Stage};
use crate::focus::Focus;
use crate::iq::{Iqs, Purpose};
use crate::output::{End, Fact, Output};
use crate::ping::Ping;
use crate::probe::Probe;
use crate::request::Request;
use crate::restart::Restart;
use crate::resume::Resume;
use crate::rng::Draws;
use crate::room::Room;
use crate::settings::{Invitation, Settings, Transport};
use crate::silence::Silence;
use crate::sm::{self, Sm};
use crate::stream::{Bound, Goal, Negotiation, Refusal, Step};
use crate::{Time, limits};

/// See the crate's documentation. After each `handle_*` and each verb: `poll_output` until `None`, then `poll_timeout`.
#[derive(Clone, Debug)]
pub struct Participant {
    pub(crate) settings: Arc<Settings>,
    pub(crate) author: Author,
    pub(crate) draws: Draws,
    pub(crate) began: Time,
    pub(crate) phase: Phase,
    /// full JID, once there is a resource
    pub(crate) jid: String,
    outputs: VecDeque<Output>,
    /// nothing new is begun
    finishing: bool,
    pub(crate) request: Request,
    pub(crate) sm: Sm,
    pub(crate) resume: Resume,
    pub(crate) ping: Ping,
    pub(crate) iqs: Iqs,
    pub(crate) room: Room,
    pub(crate) focus: Focus,
    pub(crate) restart: Restart,
    pub(crate) channel: BridgeChannel,
    pub(crate) chat: Chat,
    pub(crate) probe: Probe,
    pub(crate) call: Call,
    pub(crate) silence: Silence,
}

#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// for the conference, over HTTP
    Asking,
    /// to ask again
    Waiting {
        until: Time,
    },
    Connecting,
    Negotiating(Negotiation),
    /// the socket was closed in a way that the client does not notice
    Hanging,
    /// the stream has a resource, and nothing is sent before it is managed
    Enabling {
        pushed: bool,
    },
    Established,
    /// the stream is lost; the next attempt to take it up is at `until`
    Away {
        until: Time,
    },
    Over {
        at: Time,
        end: End,
    },
}

impl Participant {
    /// Begins at once: there is something to poll. `seed` may be the same for all, `author` tells them apart.
    pub fn new(settings: Arc<Settings>, author: Author, seed: u64, now: Time) -> Self {
        let stream = u64::from(author.participant) << 32 | u64::from(author.attendance);
        let mut draws = Draws::new(seed, stream);
        let (iqs, request) = (Iqs::new(&mut draws), Request::new(draws.hex(32)));
        let mut participant = Self {
            settings,
            author,
            draws,
            began: now,
            phase: Phase::Connecting,
            jid: String::new(),
            outputs: VecDeque::new(),
            finishing: false,
            request,
            sm: Sm::default(),
            resume: Resume::default(),
            ping: Ping::default(),
            iqs,
            room: Room::default(),
            focus: Focus::default(),
            restart: Restart::default(),
            channel: BridgeChannel::default(),
            chat: Chat::default(),
            probe: Probe::default(),
            call: Call::default(),
            silence: Silence::default(),
        };
        match participant.settings.invitation {
            Invitation::Http => participant.request_over_http(),
            Invitation::Iq(_) | Invitation::None => participant.out(Output::Connect { previd: None }),
        }
        participant
    }

    /// The socket of [`Output::Connect`] is open.
    pub fn handle_connected(&mut self, _now: Time) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        let goal = match &self.sm.token {
            Some(token) => Goal::Resume { token: token.clone(), h: self.sm.received },
            None => Goal::Resource,
        };
        let (negotiation, open) = Negotiation::new(&self.settings.domain, goal);
        self.phase = Phase::Negotiating(negotiation);
        self.out(Output::Send(open));
    }

    /// The socket is gone, or there was none to be had. Not to be told of a socket that [`Output::Drop`] or
    /// [`Output::Close`] has ended.
    pub fn handle_closed(&mut self, now: Time, how: Closing) {
        match &self.phase {
            Phase::Negotiating(negotiation)
                if matches!(how, Closing::Clean(_)) && !negotiation.has_features() =>
            {
                self.phase = Phase::Hanging;
            }
            Phase::Connecting | Phase::Negotiating(_) | Phase::Enabling { .. } | Phase::Established => {
                self.lose(now, how);
            }
            Phase::Asking
            | Phase::Waiting { .. }
            | Phase::Hanging
            | Phase::Away { .. }
            | Phase::Over { .. } => {}
        }
    }

    /// A text frame.
    pub fn handle_frame(&mut self, now: Time, text: &str) {
        if self.is_over() {
            return;
        }
        self.ping.hear(now);
        self.silence.hear(now);
        if matches!(self.phase, Phase::Established) && sm::is_request(text) {
            return self.answer_request();
        }
        match frame::parse(text) {
            Ok(element) => self.handle_element(now, &element),
            Err(error) => self.give_up(now, Failure::NotXml(error.to_string())),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.check_request(now);
        self.check_resume(now);
        if matches!(self.phase, Phase::Established) {
            self.check_iqs(now);
        }
        if matches!(self.phase, Phase::Established) {
            self.check_ping(now);
            self.check_probe(now);
            self.check_restart(now);
            self.check_ack_request(now);
        }
        self.check_chat(now);
        if !self.is_over() {
            self.check_channel(now);
        }
    }

    /// Says nothing new any more, and waits for the answers to what it said.
    pub fn finish(&mut self, _now: Time) {
        // whoever has left was not there for the end
        if self.is_over() {
            return;
        }
        self.finishing = true;
        self.chat.stop();
        self.probe.stop();
    }

    /// Goes, as somebody who closes the page.
    pub fn leave(&mut self, now: Time) {
        match self.phase {
            Phase::Over { .. } => return,
            Phase::Established => self.say_goodbye(now),
            Phase::Connecting | Phase::Negotiating(_) | Phase::Enabling { .. } => self.out(Output::Drop),
            Phase::Asking | Phase::Waiting { .. } | Phase::Hanging | Phase::Away { .. } => {}
        }
        self.end(now, End::Left);
    }

    /// Goes at the end of a run: whoever is not in the room by now has failed.
    pub fn conclude(&mut self, now: Time) {
        match self.stage() {
            Stage::Joined => self.leave(now),
            _ if matches!(self.phase, Phase::Hanging) => self.give_up(now, Failure::Hangs),
            stage => self.give_up(now, Failure::Unanswered(stage)),
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        let channel = self.channel.deadline().filter(|_| !self.is_over());
        self.phase_deadline().into_iter().chain(channel).min()
    }

    fn phase_deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Away { until } => Some(self.chat.deadline().map_or(*until, |chat| chat.min(*until))),
            Phase::Established => self.established_deadline(),
            Phase::Connecting | Phase::Negotiating(_) | Phase::Enabling { .. } => self.chat.deadline(),
            Phase::Asking | Phase::Hanging | Phase::Over { .. } => None,
        }
    }

    /// How long the page counts down before it loads anew, where it ended in a reload.
    pub fn reload_delay(&mut self) -> Time {
        self.draws.time(limits::RELOAD_COUNTDOWN_MIN, limits::RELOAD_COUNTDOWN_SPREAD)
    }

    pub fn author(&self) -> Author {
        self.author
    }

    /// In the room, and the stream stands.
    pub fn is_joined(&self) -> bool {
        self.room.joined.is_some() && matches!(self.phase, Phase::Established)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// After [`finish`](Self::finish): every line of its own has come back, and every probe. Whoever is over, or never
    /// got into the room, is quiet.
    pub fn is_quiet(&self) -> bool {
        let silent = self.chat.is_quiet(self.author) && self.probe.is_quiet();
        self.is_over() || self.room.joined.is_none() || (self.is_joined() && silent)
    }

    /// Nicks of everybody in the room, this one and the focus included.
    pub fn occupants(&self) -> &BTreeSet<String> {
        self.room.occupants()
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing
    }

    pub(crate) fn out(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn tell(&mut self, fact: Fact) {
        self.out(Output::Fact(fact));
    }

    /// Sends a stanza: it counts.
    pub(crate) fn send(&mut self, now: Time, stanza: String) {
        if let Err(failure) = self.sm.push(now, &stanza) {
            return self.give_up(now, failure);
        }
        self.out(Output::Send(stanza));
    }

    /// Sends what does not count.
    pub(crate) fn send_nonza(&mut self, text: String) {
        self.out(Output::Send(text));
    }

    /// What the page answers with a reload.
    pub(crate) fn give_up(&mut self, now: Time, failure: Failure) {
        if self.is_over() {
            return;
        }
        self.out(Output::Drop);
        let joined = self.room.joined.is_some();
        self.end(now, if joined { End::Reload(failure) } else { End::Failed(failure) });
    }

    pub(crate) fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Asking | Phase::Waiting { .. } => Stage::Asking,
            Phase::Negotiating(negotiation) => negotiation.stage(),
            Phase::Connecting | Phase::Hanging | Phase::Away { .. } if self.sm.token.is_some() => {
                Stage::Resuming
            }
            Phase::Connecting | Phase::Away { .. } => Stage::Connecting,
            Phase::Hanging => Stage::Opening,
            Phase::Enabling { .. } => Stage::Enabling,
            Phase::Established | Phase::Over { .. } if self.room.joined.is_some() => Stage::Joined,
            Phase::Established | Phase::Over { .. } if self.room.asked => Stage::Joining,
            Phase::Established | Phase::Over { .. } => Stage::AskingFocus,
        }
    }

    fn end(&mut self, now: Time, end: End) {
        self.end_channel();
        self.phase = Phase::Over { at: now, end: end.clone() };
        self.tell(Fact::Over(end));
    }

    fn handle_element(&mut self, now: Time, element: &Element) {
        match &mut self.phase {
            Phase::Negotiating(negotiation) => {
                let step = negotiation.handle(element);
                self.handle_step(now, step);
            }
            Phase::Enabling { pushed } if element.has_ns(ns::SM) => {
                let pushed = *pushed;
                self.handle_enabled(now, element, pushed);
            }
            Phase::Established => self.handle_established(now, element),
            Phase::Enabling { .. }
            | Phase::Asking
            | Phase::Waiting { .. }
            | Phase::Connecting
            | Phase::Hanging
            | Phase::Away { .. }
            | Phase::Over { .. } => {}
        }
    }

    fn handle_step(&mut self, now: Time, step: Result<Step, Refusal>) {
        match step {
            Ok(Step::Nothing) => {}
            Ok(Step::Send(text)) => self.send_nonza(text),
            Ok(Step::Bound(bound)) => self.handle_bound(now, bound),
            Ok(Step::Resumed { h }) => self.handle_resumed(now, h),
            Err(Refusal::Attempt(failure)) if self.sm.token.is_some() => {
                self.out(Output::Drop);
                let how = match failure {
                    Failure::Closed(how, _) => how,
                    _ => Closing::Stream,
                };
                self.lose(now, how);
            }
            Err(Refusal::Attempt(failure) | Refusal::Fatal(failure)) => self.give_up(now, failure),
        }
    }

    fn handle_bound(&mut self, now: Time, bound: Bound) {
        self.room.name(&bound.jid);
        self.jid = bound.jid;
        if bound.sm && self.settings.transport == Transport::WebSocket {
            self.phase = Phase::Enabling { pushed: bound.pushed };
            self.send_nonza(sm::enable());
        } else {
            self.handle_stream(now, bound.pushed);
        }
    }

    fn handle_enabled(&mut self, now: Time, answer: &Element, pushed: bool) {
        match answer.name() {
            "enabled" => {
                self.sm.enable(answer);
                self.handle_stream(now, pushed);
            }
            "failed" => {
                self.give_up(now, Failure::NoStream("the server offers streams that it does not manage"))
            }
            _ => {}
        }
    }

    /// The stream stands for the first time.
    fn handle_stream(&mut self, now: Time, pushed: bool) {
        self.phase = Phase::Established;
        self.ping.start(now);
        if !pushed {
            let domain = self.settings.domain.clone();
            let services = elem("services", ns::EXTDISCO).build();
            self.ask(now, &domain, "get", services, Purpose::Discovery);
            self.ask(now, &domain, "get", disco::info(None, []), Purpose::Discovery);
        }
        self.request_over_xmpp(now);
    }

    fn handle_established(&mut self, now: Time, element: &Element) {
        if element.is("error", ns::STREAM) {
            let condition = crate::stream::condition(element);
            return self.give_up(now, Failure::StreamError(condition));
        }
        if element.is("close", ns::FRAMING) {
            self.out(Output::Drop);
            return self.lose(now, Closing::Stream);
        }
        match (element.name(), element.ns().as_str()) {
            ("a", ns::SM) => self.handle_ack(now, element),
            ("r", ns::SM) => self.answer_request(),
            _ => self.handle_stanza(now, element),
        }
    }

    fn handle_stanza(&mut self, now: Time, stanza: &Element) {
        let Some(kind) = Kind::of(stanza) else { return };
        self.sm.count_received();
        match kind {
            Kind::Presence => self.handle_presence(now, stanza),
            Kind::Message => self.handle_message(now, stanza),
            Kind::Iq => self.handle_iq(now, stanza),
        }
    }

    fn established_deadline(&self) -> Option<Time> {
        let all = [
            self.iqs.deadline(),
            self.ping.deadline(),
            self.probe.deadline(),
            self.restart.deadline(),
            self.sm.deadline(),
            self.request.deadline(),
            self.chat.deadline(),
        ];
        all.into_iter().flatten().min()
    }
}

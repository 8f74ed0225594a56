//! One stay in the brewery: from the entry to the end of the stream.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use service::clock::Clock;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_xmpp::xmlstream::ReadError;
use xmpp::stanza::Kind;
use xmpp::{Element, elem, ns, ping};

use super::Signalling;
use super::brewery::{self, Condition, Stay};
use super::iq::{self, Asked};
use super::login::{LoginError, Stream};
use crate::bridge::Bridge;
use crate::limits::{
    FAREWELL_MAX, HEALTH_INTERVAL, LOGIN_MAX, PONG_MAX, PRESENCE_INTERVAL, REQUESTS_OUTSTANDING_MAX,
    REQUESTS_WAITING_MAX,
};
use crate::media::{self, Answer, Command, Door, Room};

/// Why a stay is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the bridge ends")]
    Told,
    #[error("the shard is elsewhere now, or was started anew")]
    Moved,
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("the brewery does not take the bridge in: {0}")]
    Refused(String),
    #[error("the brewery put the bridge out: {0}")]
    Expelled(String),
    #[error("the stream to the shard ended: {0}")]
    Stream(String),
}

/// A logged-in stream and what waits for an answer on it.
pub(super) struct Session<'a> {
    bridge: &'a Bridge,
    /// whose stream it is
    shard: &'a str,
    stream: Stream,
    entered: bool,
    /// what its presence said last
    told_well: bool,
    answers: mpsc::Receiver<Answer>,
    answers_in: mpsc::Sender<Answer>,
    /// the heads of the requests that media threads are working on, by ticket
    heads: BTreeMap<u64, Element>,
    tickets: u64,
    /// requests that no media thread has yet
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    door: Door,
    command: Command,
    ticket: u64,
    head: Element,
}

impl<'a> Session<'a> {
    pub(super) fn new(bridge: &'a Bridge, shard: &'a str, stream: Stream) -> Self {
        let (answers_in, answers) = mpsc::channel(REQUESTS_OUTSTANDING_MAX);
        Self {
            bridge,
            shard,
            stream,
            entered: false,
            told_well: true,
            answers,
            answers_in,
            heads: BTreeMap::new(),
            tickets: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Enters the brewery and serves until something ends it.
    pub(super) async fn run(&mut self) -> Ended {
        let mut draining = self.bridge.draining();
        let mut tick = interval(PRESENCE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut health = interval(HEALTH_INTERVAL);
        health.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.bridge.stop();
        let patience = tokio::time::sleep(LOGIN_MAX);
        tokio::pin!(patience);
        let mut result = self.tell_presence(true).await;
        while result.is_ok() {
            let may_read = self.waiting.len() < REQUESTS_WAITING_MAX;
            let may_ask = self.heads.len() < REQUESTS_OUTSTANDING_MAX;
            result = tokio::select! {
                () = stop.cancelled() => Err(self.say_goodbye().await),
                item = self.stream.next(), if may_read => self.read(item).await,
                Some(answer) = self.answers.recv() => self.answer(answer).await,
                taken = room(&self.waiting), if may_ask && !self.waiting.is_empty() => self.hand_over(taken).await,
                _ = tick.tick() => self.tell_presence(false).await,
                _ = health.tick(), if self.told_well != self.is_well() => self.tell_presence(false).await,
                Ok(()) = draining.changed() => self.tell_presence(false).await,
                () = &mut patience, if !self.entered => Err(Ended::Refused("it does not answer".to_owned())),
            };
        }
        result.err().unwrap_or(Ended::Told)
    }

    /// Whether the brewery ever took the bridge in.
    pub(super) fn has_entered(&self) -> bool {
        self.entered
    }

    async fn read(&mut self, item: Option<Result<Element, ReadError>>) -> Result<(), Ended> {
        match item {
            Some(Ok(stanza)) => self.stanza(&stanza).await,
            Some(Err(ReadError::SoftTimeout)) => self.probe().await,
            Some(Err(ReadError::ParseError(e))) => {
                tracing::warn!(error = %e, "the shard sent something that cannot be read");
                Ok(())
            }
            Some(Err(ReadError::StreamFooterReceived)) | None => {
                Err(Ended::Stream("closed by the shard".to_owned()))
            }
            Some(Err(ReadError::HardError(e))) => Err(Ended::Stream(e.to_string())),
        }
    }

    async fn stanza(&mut self, stanza: &Element) -> Result<(), Ended> {
        match Kind::of(stanza) {
            Some(Kind::Iq) => self.request(stanza).await,
            Some(Kind::Presence) => self.presence(stanza),
            Some(Kind::Message) => Ok(()),
            None if stanza.is("error", ns::STREAM) => {
                let condition = stanza.children().next().map_or("no condition", Element::name);
                Err(Ended::Stream(format!("stream error {condition}")))
            }
            None => Ok(()),
        }
    }

    fn presence(&mut self, stanza: &Element) -> Result<(), Ended> {
        match brewery::stay(self.bridge.config(), stanza) {
            Some(Stay::Entered) => {
                if !self.entered {
                    tracing::info!(shard = self.shard, "the bridge is in the brewery");
                }
                self.entered = true;
                self.bridge.note(self.shard, Signalling::Entered);
                Ok(())
            }
            Some(Stay::Refused(reason)) if self.entered => Err(Ended::Expelled(reason)),
            Some(Stay::Refused(reason)) => Err(Ended::Refused(reason)),
            None => Ok(()),
        }
    }

    async fn request(&mut self, iq: &Element) -> Result<(), Ended> {
        match iq::read(iq) {
            Asked::Modify(request) => {
                self.tickets += 1;
                let door = self.bridge.doors().of_meeting(&request.meeting_id).clone();
                let command = Command::Request {
                    ticket: self.tickets,
                    request: Box::new(request),
                    answers: self.answers_in.clone(),
                };
                let head = iq::head(iq);
                self.waiting.push_back(Waiting { door, command, ticket: self.tickets, head });
                Ok(())
            }
            Asked::Health => {
                let answer = iq::health(iq, self.bridge.doors().ailment(Clock.now()));
                self.say(&answer).await
            }
            Asked::Answered(answer) => self.say(&answer).await,
            Asked::Nothing => Ok(()),
        }
    }

    /// The request that has waited longest goes to its media thread, which has room for it, or has ended.
    async fn hand_over(&mut self, room: Result<Room, media::Ended>) -> Result<(), Ended> {
        let Some(Waiting { command, ticket, head, .. }) = self.waiting.pop_front() else { return Ok(()) };
        match room {
            Ok(room) => {
                room.ask(command);
                self.heads.insert(ticket, head);
                Ok(())
            }
            Err(media::Ended) => {
                let text = "the media thread of this conference takes no requests";
                let refusal = colibri::Refusal::new(colibri::Condition::InternalServerError, text);
                self.say(&iq::modified(&head, Err(refusal))).await
            }
        }
    }

    async fn answer(&mut self, answer: Answer) -> Result<(), Ended> {
        let Some(head) = self.heads.remove(&answer.ticket) else { return Ok(()) };
        if let Err(refusal) = &answer.result {
            tracing::debug!(condition = refusal.condition.as_str(), text = refusal.text, "request refused");
        }
        self.say(&iq::modified(&head, answer.result)).await
    }

    fn is_well(&self) -> bool {
        self.bridge.doors().ailment(Clock.now()).is_none()
    }

    async fn tell_presence(&mut self, entering: bool) -> Result<(), Ended> {
        self.told_well = self.is_well();
        let presence = {
            let vitals = self.bridge.vitals();
            let condition =
                Condition { vitals: &vitals, draining: self.bridge.is_draining(), healthy: self.told_well };
            brewery::presence(self.bridge.config(), condition, entering)
        };
        self.say(&presence).await
    }

    /// The server has been silent: any answer will do.
    async fn probe(&mut self) -> Result<(), Ended> {
        let probe = elem("iq", ns::CLIENT)
            .attr("type", "get")
            .attr("id", "alive")
            .attr("to", self.bridge.config().domain.as_str())
            .child(ping::ping())
            .build();
        self.say(&probe).await
    }

    async fn say(&mut self, stanza: &Element) -> Result<(), Ended> {
        self.say_within(stanza, PONG_MAX).await
    }

    async fn say_within(&mut self, stanza: &Element, limit: Duration) -> Result<(), Ended> {
        match timeout(limit, self.stream.send(stanza)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(Ended::Stream(e.to_string())),
            Err(_) => Err(Ended::Stream("the shard does not read".to_owned())),
        }
    }

    async fn say_goodbye(&mut self) -> Ended {
        let farewell = brewery::farewell(self.bridge.config());
        if self.say_within(&farewell, FAREWELL_MAX).await.is_ok() {
            // the server ends the stream by itself if this takes too long
            let _ = timeout(FAREWELL_MAX, self.stream.shutdown()).await;
        }
        Ended::Told
    }
}

/// Until the media thread of the request that has waited longest has room for it.
async fn room(waiting: &VecDeque<Waiting>) -> Result<Room, media::Ended> {
    match waiting.front() {
        Some(first) => first.door.room().await,
        None => std::future::pending().await,
    }
}

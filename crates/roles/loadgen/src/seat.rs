//! One participant, from its join to its leave: what its machine wants is done, page loads after a reload included.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use hyper::{Method, Uri};
use participant::{Author, Closing, End, Fact, Output, Participant, Settings, Time, bosh};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use crate::bosh::Bosh;
use crate::channel::{self, Channel};
use crate::dial::Dialer;
use crate::http;
use crate::media::Desk;
use crate::run::{Now, Stage};
use crate::tally::Tally;
use crate::target::{Addresses, FocusAt};
use crate::transport::Transport;
use crate::websocket::WebSocket;

/// What everybody shares.
pub(crate) struct Hall {
    pub(crate) dialer: Rc<Dialer>,
    pub(crate) addresses: Addresses,
    pub(crate) now: Now,
    pub(crate) seed: u64,
    pub(crate) tally: RefCell<Tally>,
    /// where there are media
    pub(crate) desk: RefCell<Option<Desk>>,
    /// roll calls so far
    pub(crate) calls: watch::Sender<u32>,
}

impl Hall {
    fn with_desk(&self, act: impl FnOnce(&Desk)) {
        if let Some(desk) = &*self.desk.borrow() {
            act(desk);
        }
    }
}

/// A participant of the plan.
pub(crate) struct Guest {
    pub(crate) settings: Arc<Settings>,
    /// name of the room
    pub(crate) room: String,
    pub(crate) author: Author,
}

/// An answer that a participant waits for.
enum Arrived {
    Answer(Result<(u16, String), Closing>),
    Transport(Result<Transport, Closing>),
}

struct Seat {
    hall: Rc<Hall>,
    room: String,
    participant: Participant,
    transport: Option<Transport>,
    waiting: Option<Pin<Box<dyn Future<Output = Arrived>>>>,
    channel: Channel,
    /// of its media connections
    failures: Option<UnboundedReceiver<()>>,
}

/// Sits until it is over: by the stage of the whole run, or when the sender of `leave` is dropped.
pub(crate) async fn sit(
    hall: Rc<Hall>,
    mut guest: Guest,
    mut stage: watch::Receiver<Stage>,
    mut leave: watch::Receiver<()>,
    quiet: Rc<RefCell<u64>>,
) {
    loop {
        let reload = attend(&hall, &guest, &mut stage, &mut leave, &quiet).await;
        let Some(delay) = reload.filter(|_| *stage.borrow() == Stage::Running) else { return };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = stage.wait_for(|stage| *stage != Stage::Running) => return,
            () = left(&mut leave) => return,
        }
        guest.author.attendance += 1;
    }
}

/// One page load; gives the time until the next where it ends in a reload.
async fn attend(
    hall: &Rc<Hall>,
    guest: &Guest,
    stage: &mut watch::Receiver<Stage>,
    leave: &mut watch::Receiver<()>,
    quiet: &Rc<RefCell<u64>>,
) -> Option<Time> {
    hall.tally.borrow_mut().begin();
    let participant = Participant::new(Arc::clone(&guest.settings), guest.author, hall.seed, hall.now.get());
    let mut seat = Seat {
        hall: Rc::clone(hall),
        room: guest.room.clone(),
        participant,
        transport: None,
        waiting: None,
        channel: Channel::None,
        failures: None,
    };
    if let Some((desk, media)) = hall.desk.borrow().as_ref().zip(guest.settings.media.as_ref()) {
        seat.failures = Some(desk.enter(guest.author, media));
    }
    let mut is_quiet = false;
    let mut calls = hall.calls.subscribe();
    while !seat.participant.is_over() {
        seat.obey().await;
        if seat.participant.is_over() {
            break;
        }
        tokio::select! {
            biased;
            changed = stage.changed() => {
                seat.enter(changed.map_or(Stage::Over, |()| *stage.borrow_and_update()));
            }
            cut = leave.changed() => match cut {
                Ok(()) => seat.cut(),
                Err(_) => seat.participant.leave(hall.now.get()),
            },
            _ = calls.changed() => seat.call(),
            () = seat.next() => {}
        }
        if !is_quiet && *stage.borrow() == Stage::Finishing && seat.participant.is_quiet() {
            is_quiet = true;
            *quiet.borrow_mut() += 1;
        }
    }
    seat.obey().await;
    hall.with_desk(|desk| desk.leave(guest.author));
    let record = seat.participant.record(hall.now.get());
    let reloads = matches!(record.end, Some(End::Reload(_)));
    hall.tally.borrow_mut().end(record);
    reloads.then(|| seat.participant.reload_delay())
}

impl Seat {
    /// The connection breaks, and nobody is told but the participant. Over BOSH not even that: requests are repeated.
    fn cut(&mut self) {
        if let Some(Transport::Bosh(bosh)) = &mut self.transport {
            return bosh.cut();
        }
        (self.transport, self.waiting) = (None, None);
        self.participant.handle_closed(self.hall.now.get(), Closing::Cut);
    }

    fn enter(&mut self, stage: Stage) {
        let now = self.hall.now.get();
        match stage {
            Stage::Running => {}
            Stage::Finishing => self.participant.finish(now),
            Stage::Over => self.participant.conclude(now),
        }
    }

    fn call(&mut self) {
        if self.participant.call(self.hall.now.get()) {
            let participant = self.participant.author().participant;
            self.hall.tally.borrow_mut().rolls.call(participant, &self.room);
        }
    }

    fn note(&self, fact: &Fact) {
        let mut tally = self.hall.tally.borrow_mut();
        tally.note(self.hall.now.get(), &self.room, fact);
        tally.rolls.note(self.participant.author().participant, self.hall.now.get(), fact);
    }

    /// The next thing that happens to the participant. To be dropped at will: nothing is taken and lost.
    async fn next(&mut self) {
        let deadline = self.participant.poll_timeout().map(|at| self.hall.now.at(at));
        tokio::select! {
            heard = or_never(self.transport.as_mut().map(Transport::hear)) => self.hear(heard),
            arrived = or_never(self.waiting.as_mut()) => {
                self.waiting = None;
                self.arrive(arrived);
            }
            event = self.channel.next() => self.hear_channel(event),
            Some(()) = or_never(self.failures.as_mut().map(UnboundedReceiver::recv)) => {
                self.participant.handle_media_failed(self.hall.now.get());
            }
            () = or_never(deadline.map(tokio::time::sleep_until)) => {
                self.participant.handle_timeout(self.hall.now.get());
            }
        }
    }

    fn hear(&mut self, heard: Result<String, Closing>) {
        let now = self.hall.now.get();
        match heard {
            Ok(text) => self.participant.handle_frame(now, &text),
            Err(how) => {
                self.transport = None;
                self.participant.handle_closed(now, how);
            }
        }
    }

    fn hear_channel(&mut self, event: channel::Event) {
        let now = self.hall.now.get();
        match event {
            channel::Event::Open => self.participant.handle_channel_open(now),
            channel::Event::Heard(text) => self.participant.handle_channel_text(now, &text),
            channel::Event::Closed(how) => self.participant.handle_channel_closed(now, &how),
        }
    }

    fn arrive(&mut self, arrived: Arrived) {
        let now = self.hall.now.get();
        match arrived {
            Arrived::Answer(Ok((status, body))) => self.participant.handle_answer(now, Ok((status, &body))),
            Arrived::Answer(Err(how)) => self.participant.handle_answer(now, Err(how)),
            Arrived::Transport(Ok(transport)) => {
                self.transport = Some(transport);
                self.participant.handle_connected(now);
            }
            Arrived::Transport(Err(how)) => self.participant.handle_closed(now, how),
        }
    }

    async fn obey(&mut self) {
        while let Some(output) = self.participant.poll_output() {
            match output {
                Output::Request(body) => self.waiting = Some(self.request(body)),
                Output::Connect { previd } => self.waiting = Some(self.connect(previd.as_deref())),
                Output::Send(text) => self.write(async |transport| transport.say(text).await).await,
                Output::Drop => (self.transport, self.waiting) = (None, None),
                Output::Close => {
                    if let Some(transport) = self.transport.take() {
                        transport.close().await;
                    }
                }
                Output::OpenChannel(url) => {
                    self.channel = Channel::open(Rc::clone(&self.hall.dialer), url);
                }
                Output::SayOnChannel(text) => {
                    if let Err(how) = self.channel.say(text).await {
                        self.participant.handle_channel_closed(self.hall.now.get(), &how);
                    }
                }
                Output::CloseChannel => self.channel.close(),
                Output::Media(command) => {
                    self.hall.with_desk(|desk| desk.tell(self.participant.author(), command))
                }
                Output::Fact(fact) => self.note(&fact),
            }
        }
        self.write(async |transport| transport.flush().await).await;
        // a failed write may have more to say; it sends nothing
        while let Some(Output::Fact(fact)) = self.participant.poll_output() {
            self.note(&fact);
        }
    }

    async fn write(&mut self, write: impl AsyncFnOnce(&mut Transport) -> Result<(), Closing>) {
        let Some(transport) = &mut self.transport else { return };
        if let Err(how) = write(transport).await {
            self.transport = None;
            self.participant.handle_closed(self.hall.now.get(), how);
        }
    }

    fn request(&self, body: String) -> Pin<Box<dyn Future<Output = Arrived>>> {
        let (hall, room) = (Rc::clone(&self.hall), self.room.clone());
        Box::pin(async move {
            let FocusAt::Http(url) = &hall.addresses.focus else {
                return Arrived::Answer(Err(Closing::Unreachable("it has no address".to_owned())));
            };
            let answer = match with_query(url, &[("room", &room)]) {
                Ok(url) => {
                    let token = hall.addresses.token.as_deref();
                    http::ask(&hall.dialer, &url, Method::POST, token, body).await
                }
                Err(how) => Err(how),
            };
            Arrived::Answer(answer)
        })
    }

    fn connect(&self, previd: Option<&str>) -> Pin<Box<dyn Future<Output = Arrived>>> {
        let hall = Rc::clone(&self.hall);
        let told = [("token", hall.addresses.token.as_deref()), ("previd", previd)];
        let told = told.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: Vec<_> = [("room", self.room.as_str())].into_iter().chain(told).collect();
        let url = with_query(&hall.addresses.stream.to_string(), &query);
        let (transport, author) = (hall.addresses.transport, self.participant.author());
        Box::pin(async move {
            let url = match url {
                Ok(url) => url,
                Err(how) => return Arrived::Transport(Err(how)),
            };
            Arrived::Transport(match transport {
                participant::Transport::WebSocket => {
                    let opened = WebSocket::open(&hall.dialer, &url, Some("xmpp")).await;
                    opened.map(|socket| Transport::WebSocket(Box::new(socket)))
                }
                participant::Transport::Bosh => {
                    let machine = bosh::Bosh::new(&hall.addresses.domain, author, hall.seed);
                    let bosh = Bosh::open(Rc::clone(&hall.dialer), url, hall.now, machine);
                    Ok(Transport::Bosh(Box::new(bosh)))
                }
            })
        })
    }
}

/// Waits until somebody is sent away; whoever loads a page has no connection to cut.
pub(crate) async fn left(leave: &mut watch::Receiver<()>) {
    while leave.changed().await.is_ok() {}
}

/// Waits for what there is; for ever where there is nothing.
async fn or_never<T>(awaited: Option<impl Future<Output = T>>) -> T {
    match awaited {
        Some(awaited) => awaited.await,
        None => std::future::pending().await,
    }
}

fn with_query(url: &str, query: &[(&str, &str)]) -> Result<Uri, Closing> {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}{}", pairs.join("&"));
    url.parse().map_err(|_| Closing::Unreachable(format!("{url} is no address")))
}

/// For any part of a URL.
pub(crate) fn encode(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_added() {
        let url = |url, query: &[_]| with_query(url, query).unwrap().to_string();
        assert_eq!(
            url("ws://a.example/x", &[("room", "r 1"), ("previd", "a+b")]),
            "ws://a.example/x?room=r%201&previd=a%2Bb"
        );
        assert_eq!(url("ws://a.example/x?y=1", &[("room", "r")]), "ws://a.example/x?y=1&room=r");
    }
}

//! A router: the shell of `placement::steering` and `xmpp::splice`, modelled.
//!
//! Here is what it does about shards and places, in `streams` what it does for its clients.

mod streams;

use std::collections::BTreeMap;

use journal::Error;
use placement::steering::{Action, Beat, Place, Placed, Read, Steering};

use crate::engine::announced;
use crate::limits::{ADOPTION_PAUSE, ADOPTION_TRIES};
use crate::mutation::Mutation;
use crate::node::{Answer, Ask, Cx, Event, MS, Micros, News, Node, Question, Reply, Request};
use streams::Streams;

#[derive(Debug)]
enum Timer {
    Steering,
    /// a heartbeat was not answered
    Beat {
        ask: Ask,
    },
    Adopt {
        meeting: String,
        shard: String,
        tries: u32,
    },
    /// a stream looks for its shard again
    Seek {
        stream: u64,
    },
    /// ... and has no more time for it
    Late {
        stream: u64,
        seeking: u64,
    },
    /// its link does not come up
    Dial {
        wire: u64,
    },
}

#[derive(Debug)]
enum Asked {
    Place { meeting: String },
    Read { meeting: String },
    Beat { shard: String },
    Adopt { meeting: String, shard: String, tries: u32 },
}

#[derive(Debug)]
pub(crate) struct Router {
    steering: Steering,
    asked: BTreeMap<Ask, Asked>,
    timers: BTreeMap<u64, Timer>,
    timer: Option<Micros>,
    places: BTreeMap<String, Place>,
    streams: Streams,
}

impl Router {
    pub(crate) fn new(me: Node) -> Self {
        Self {
            steering: Steering::new(&me.to_string(), None),
            asked: BTreeMap::new(),
            timers: BTreeMap::new(),
            timer: None,
            places: BTreeMap::new(),
            streams: Streams::default(),
        }
    }

    /// Where it believes a meeting to be.
    pub(crate) fn place(&self, meeting: &str) -> Option<&str> {
        self.steering.place(meeting).map(|place| place.shard.as_str())
    }

    pub(crate) fn handle(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Started | Event::Asked { .. } => {}
            Event::Opened { wire, hello } => self.opened(cx, wire, hello),
            Event::Said { wire, item } => self.said(cx, wire, item),
            Event::Broken { wire } => self.broken(cx, wire),
            Event::Replied { ask, reply } => self.replied(cx, ask, &reply),
            Event::Answered { ask, answer } => self.answered(cx, ask, answer),
            Event::Heard(news) => self.heard(cx, news),
            Event::Timer(key) => {
                if let Some(timer) = self.timers.remove(&key) {
                    self.timeout(cx, timer);
                }
            }
        }
        self.steer(cx);
        self.steering.check_invariants();
    }

    fn timer(&mut self, cx: &mut Cx<'_>, after: Micros, timer: Timer) {
        let key = cx.id();
        self.timers.insert(key, timer);
        cx.timer(after, key);
    }

    fn timeout(&mut self, cx: &mut Cx<'_>, timer: Timer) {
        match timer {
            Timer::Steering => {
                self.timer = None;
                self.steering.handle_timeout(cx.now_ms());
            }
            Timer::Beat { ask } => {
                if let Some(Asked::Beat { shard }) = self.asked.remove(&ask) {
                    self.steering.handle_heartbeat(&shard, Beat::Missed, cx.now_ms());
                }
            }
            Timer::Adopt { meeting, shard, tries } => self.adopt(cx, meeting, shard, tries),
            Timer::Seek { stream } => self.seek(cx, stream),
            Timer::Late { stream, seeking } => self.late(cx, stream, seeking),
            Timer::Dial { wire } => self.dial_is_late(cx, wire),
        }
    }

    fn heard(&mut self, cx: &mut Cx<'_>, news: News) {
        let is_deaf = cx.mutation == Some(Mutation::DeafRouter) && cx.me == Node::Router(0);
        match news {
            News::Place { .. } if is_deaf => {}
            News::Place { meeting, place: Some(place) } => {
                let place = Place { shard: place.shard, revision: place.revision };
                self.places.insert(meeting.clone(), place.clone());
                self.steering.handle_place(&meeting, place, cx.now_ms());
            }
            News::Place { meeting, place: None } => {
                self.places.remove(&meeting);
                self.steering.handle_vacated(&meeting, cx.now_ms());
            }
            News::Nodes(nodes) => {
                self.steering.handle_nodes(announced(&nodes), cx.now_ms());
            }
        }
    }

    fn replied(&mut self, cx: &mut Cx<'_>, ask: Ask, reply: &Reply) {
        match (self.asked.remove(&ask), reply) {
            (Some(Asked::Beat { shard }), reply) => {
                let beat = match reply {
                    Reply::Fine { draining } => Beat::Answered { draining: *draining },
                    _ => Beat::Refused,
                };
                self.steering.handle_heartbeat(&shard, beat, cx.now_ms());
            }
            (Some(Asked::Adopt { meeting, .. }), Reply::Misdirected) => {
                self.steering.handle_misdirected(&meeting, cx.now_ms());
            }
            (Some(Asked::Adopt { meeting, shard, tries }), Reply::Refused | Reply::Unavailable)
                if tries < ADOPTION_TRIES =>
            {
                self.timer(cx, ADOPTION_PAUSE, Timer::Adopt { meeting, shard, tries: tries + 1 });
            }
            _ => {}
        }
    }

    fn answered(&mut self, cx: &mut Cx<'_>, ask: Ask, answer: Answer) {
        let now = cx.now_ms();
        let place = |place: journal::Place| Place { shard: place.shard, revision: place.revision };
        match (self.asked.remove(&ask), answer) {
            (Some(Asked::Place { meeting }), answer) => {
                let placed = match answer {
                    Answer::Revision(Ok(revision)) => Placed::Won(revision),
                    Answer::Revision(Err(Error::Placed { place: found, .. })) => {
                        Placed::Lost(found.map(place))
                    }
                    _ => Placed::Away,
                };
                self.steering.handle_placed(&meeting, placed, now);
            }
            (Some(Asked::Read { meeting }), answer) => {
                let read = match answer {
                    Answer::Place(Ok(found)) => Read::Place(found.map(place)),
                    _ => Read::Away,
                };
                self.steering.handle_read(&meeting, read, now);
            }
            _ => {}
        }
    }

    /// Obeys the machine until it wants nothing more.
    fn steer(&mut self, cx: &mut Cx<'_>) {
        while let Some(action) = self.steering.poll_action() {
            match action {
                Action::Probe { shard, patience_ms } => self.probe(cx, shard, patience_ms),
                Action::Place { meeting, shard, expected } => {
                    let ask = cx.request(Request::Place { meeting: meeting.clone(), shard, expected });
                    self.asked.insert(ask, Asked::Place { meeting });
                }
                Action::Read { meeting } => {
                    let ask = cx.request(Request::Placed { meeting: meeting.clone() });
                    self.asked.insert(ask, Asked::Read { meeting });
                }
                Action::Adopt { meeting, shard } => self.adopt(cx, meeting, shard, 1),
                Action::Tell { want, shard } => self.told(cx, want, &shard),
                Action::Cut { meeting } => self.cut(cx, |stream| stream.room == meeting),
                Action::Down { shard } => self.down(cx, &shard),
            }
        }
        let Some(due) = self.steering.poll_timeout().map(|ms| ms * MS) else { return };
        if self.timer.is_none_or(|timer| due < timer) {
            self.timer = Some(due);
            self.timer(cx, due.saturating_sub(cx.now).max(1), Timer::Steering);
        }
    }

    fn probe(&mut self, cx: &mut Cx<'_>, shard: String, patience_ms: u64) {
        let Some(node) = Node::shard(&shard) else { return };
        let ask = cx.ask(node, Question::Heartbeat);
        self.asked.insert(ask, Asked::Beat { shard });
        self.timer(cx, patience_ms * MS, Timer::Beat { ask });
    }

    fn adopt(&mut self, cx: &mut Cx<'_>, meeting: String, shard: String, tries: u32) {
        let Some(node) = Node::shard(&shard) else { return };
        let ask = cx.ask(node, Question::Adopt { meeting: meeting.clone() });
        self.asked.insert(ask, Asked::Adopt { meeting, shard, tries });
    }

    /// Nothing that it says after this passes, and every meeting on it is looked at.
    fn down(&mut self, cx: &mut Cx<'_>, shard: &str) {
        let node = Node::shard(shard);
        self.cut(cx, |stream| stream.shard == node);
        let on: Vec<_> = self.places.iter().filter(|(_, place)| place.shard == shard).collect();
        for (meeting, place) in on {
            self.steering.handle_place(meeting, place.clone(), cx.now_ms());
        }
    }
}

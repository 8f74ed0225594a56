//! The bridges: their streams around the brewery, and what meetings want of them.

mod stream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use meeting::{BridgeId, Reach};
use placement::Bridge;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use xmpp::Element;
use xmpp::jid::{BareJid, FullJid};
use xmpp::text::to_text;

use crate::brewery::{AskId, Brewery, Out, StreamId};
use crate::limits::STREAM_OUTBOX_MAX;
use crate::metrics::Counts;

pub(crate) use stream::{Door, listen};

/// How each bridge can be reached.
pub(crate) type View = BTreeMap<String, Reach>;

/// The answer of a bridge to request `id` of a meeting.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) bridge: BridgeId,
    pub(crate) id: u64,
    pub(crate) answer: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Fleet {
    state: Mutex<State>,
    view: watch::Sender<Arc<View>>,
    counts: Counts,
}

#[derive(Debug)]
struct State {
    brewery: Brewery,
    wires: BTreeMap<StreamId, Wire>,
    waiting: BTreeMap<AskId, Waiting>,
    /// the newest number given to a stream or a request
    last: u64,
}

/// The way to a stream's socket.
#[derive(Debug)]
struct Wire {
    texts: mpsc::Sender<String>,
    gone: CancellationToken,
}

/// A meeting that waits for an answer.
#[derive(Debug)]
struct Waiting {
    bridge: BridgeId,
    id: u64,
    answers: mpsc::UnboundedSender<Answered>,
}

impl Fleet {
    pub(crate) fn new(domain: &str, brewery: BareJid, salt: String, counts: Counts) -> Self {
        let state = State {
            brewery: Brewery::new(domain, brewery, salt),
            wires: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last: 0,
        };
        Self { state: Mutex::new(state), view: watch::Sender::default(), counts }
    }

    /// Changes whenever a bridge comes, goes or wants to go.
    pub(crate) fn view(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    pub(crate) fn bridges(&self) -> Vec<Bridge> {
        self.state().brewery.bridges().cloned().collect()
    }

    /// The bridge for a meeting, other than those in `avoid`.
    pub(crate) fn pick(&self, avoid: &[BridgeId]) -> Option<BridgeId> {
        let mut state = self.state();
        let avoid: Vec<_> = avoid.iter().map(|bridge| bridge.0.as_str()).collect();
        let picked = placement::pick_bridge(state.brewery.bridges(), &avoid)?.id.clone();
        state.brewery.placed(&picked);
        Some(BridgeId(picked))
    }

    /// Sends a request; its answer comes to `answers`, unless [`Fleet::forget`] is called with the number before.
    /// Requests to one bridge leave in the order of the calls. The caller bounds what it has waiting.
    pub(crate) fn ask(
        &self,
        bridge: &BridgeId,
        id: u64,
        payload: Element,
        answers: &mpsc::UnboundedSender<Answered>,
    ) -> AskId {
        let mut state = self.state();
        let ask = state.next();
        let waiting = Waiting { bridge: bridge.clone(), id, answers: answers.clone() };
        state.waiting.insert(ask, waiting);
        let out = state.brewery.ask(ask, &bridge.0, payload);
        state.obey(vec![out]);
        ask
    }

    /// The meeting does not wait for it any more.
    pub(crate) fn forget(&self, ask: AskId) {
        let mut state = self.state();
        state.waiting.remove(&ask);
        state.brewery.forget(ask);
    }

    /// A stream has logged in; gives its number and what is to be written to it.
    fn bound(&self, jid: FullJid, gone: CancellationToken) -> (StreamId, mpsc::Receiver<String>) {
        let (texts, receiver) = mpsc::channel(STREAM_OUTBOX_MAX);
        let id = self.change(|state| {
            let id = state.next();
            state.wires.insert(id, Wire { texts, gone });
            (state.brewery.handle_bound(id, jid), id)
        });
        (id, receiver)
    }

    fn handle(&self, stream: StreamId, stanza: &Element) {
        self.change(|state| (state.brewery.handle(stream, stanza), ()));
    }

    fn gone(&self, stream: StreamId) {
        self.change(|state| {
            // whoever says farewell is not there any more
            if state.brewery.is_there(stream) {
                self.counts.bridges_lost.inc();
            }
            let out = state.brewery.handle_gone(stream);
            state.wires.remove(&stream);
            (out, ())
        });
    }

    fn ping(&self, stream: StreamId) {
        self.change(|state| (vec![state.brewery.ping(stream)], ()));
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> (Vec<Out>, T)) -> T {
        let mut state = self.state();
        let (out, result) = work(&mut state);
        state.obey(out);
        let reach = state.brewery.reach();
        // under the lock, so that views follow each other in the order of what they show
        self.view.send_if_modified(|view| {
            let changed = **view != reach;
            if changed {
                self.counts.bridges.set(i64::try_from(reach.len()).unwrap_or(i64::MAX));
                *view = Arc::new(reach);
            }
            changed
        });
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn obey(&mut self, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Send { to, stanza } => self.write(to, to_text(&stanza)),
                Out::Drop { stream } => {
                    if let Some(wire) = self.wires.remove(&stream) {
                        wire.gone.cancel();
                    }
                }
                Out::Answered { ask, answer } => {
                    if let Some(Waiting { bridge, id, answers }) = self.waiting.remove(&ask) {
                        // a meeting that is over does not listen
                        let _ = answers.send(Answered { bridge, id, answer: answer.as_ref().map(to_text) });
                    }
                }
            }
        }
    }

    fn write(&mut self, to: StreamId, text: String) {
        let Some(wire) = self.wires.get(&to) else { return };
        if wire.texts.try_send(text).is_err() {
            wire.gone.cancel();
        }
    }
}

//! The clients' streams: each has a splice, and a way to find the next shard when its own breaks.

use std::collections::BTreeMap;

use placement::steering::Want;
use xmpp::splice::{Action, Splice};

use super::{Router, Timer};
use crate::fact::Fact;
use crate::limits::{DIAL_TIME, TRY_PAUSE, WAITING_TIME};
use crate::node::{Cx, Hello, Item, Node, Wire};

#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: BTreeMap<u64, Stream>,
    clients: BTreeMap<Wire, u64>,
    links: BTreeMap<Wire, u64>,
    wants: BTreeMap<Want, u64>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) room: String,
    client: Wire,
    /// whose meeting it holds
    pub(super) shard: Option<Node>,
    link: Option<Wire>,
    /// from the first shard's 101 on
    splice: Option<Splice<String>>,
    /// of this number, while it looks for a shard
    seeking: Option<u64>,
    want: Option<Want>,
    tries: u32,
    /// of the client, while the splice takes nothing
    held: Vec<String>,
}

impl Router {
    pub(super) fn opened(&mut self, cx: &mut Cx<'_>, wire: Wire, hello: Hello) {
        let Hello::Stream { room } = hello else { return };
        let id = cx.id();
        let stream = Stream {
            room,
            client: wire,
            shard: None,
            link: None,
            splice: None,
            seeking: None,
            want: None,
            tries: 0,
            held: Vec::new(),
        };
        self.streams.streams.insert(id, stream);
        self.streams.clients.insert(wire, id);
        self.look_for_shard(cx, id);
    }

    fn look_for_shard(&mut self, cx: &mut Cx<'_>, id: u64) {
        let seeking = cx.id();
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        if stream.seeking.is_none() {
            (stream.seeking, stream.tries) = (Some(seeking), 0);
            self.timer(cx, WAITING_TIME, Timer::Late { stream: id, seeking });
        }
        self.seek(cx, id);
    }

    pub(super) fn seek(&mut self, cx: &mut Cx<'_>, id: u64) {
        let want = cx.id();
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        if stream.link.is_some() || stream.want.is_some() {
            return;
        }
        stream.want = Some(want);
        stream.tries += 1;
        let room = stream.room.clone();
        self.streams.wants.insert(want, id);
        self.steering.handle_want(&room, want, cx.now_ms());
    }

    fn try_again(&mut self, cx: &mut Cx<'_>, id: u64) {
        let Some(stream) = self.streams.streams.get(&id) else { return };
        let pause = (TRY_PAUSE << stream.tries.min(8).saturating_sub(1)).min(10 * TRY_PAUSE);
        self.timer(cx, pause, Timer::Seek { stream: id });
    }

    pub(super) fn told(&mut self, cx: &mut Cx<'_>, want: Want, shard: &str) {
        let (Some(id), Some(node)) = (self.streams.wants.remove(&want), Node::shard(shard)) else { return };
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        stream.want = None;
        let room = stream.room.clone();
        let former = stream.shard.replace(node);
        let wire = cx.open(node, Hello::Stream { room: room.clone() });
        stream.link = Some(wire);
        self.streams.links.insert(wire, id);
        if former.is_some() {
            // held until now: the meeting was never without a client here
            self.steering.handle_left(&room, cx.now_ms());
        }
        self.timer(cx, DIAL_TIME, Timer::Dial { wire });
    }

    pub(super) fn said(&mut self, cx: &mut Cx<'_>, wire: Wire, item: Item) {
        if let Some(id) = self.streams.clients.get(&wire).copied() {
            let Some(stream) = self.streams.streams.get_mut(&id) else { return };
            let Item::Text(text) = item else { return };
            match &mut stream.splice {
                Some(splice) if stream.held.is_empty() && splice.takes_client() => splice.handle_client(text),
                _ => stream.held.push(text),
            }
            self.obey(cx, id);
        } else if let Some(id) = self.streams.links.get(&wire).copied() {
            self.link_said(cx, id, wire, item);
        }
    }

    fn link_said(&mut self, cx: &mut Cx<'_>, id: u64, wire: Wire, item: Item) {
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        match item {
            Item::Accepted => match &mut stream.splice {
                Some(splice) => splice.handle_connected(),
                None => {
                    (stream.splice, stream.seeking) = (Some(Splice::new()), None);
                    cx.send(stream.client, Item::Accepted);
                }
            },
            Item::Text(text) => {
                if let Some(splice) = &mut stream.splice {
                    splice.handle_server(text);
                }
            }
            refusal => {
                let room = stream.room.clone();
                stream.link = None;
                self.streams.links.remove(&wire);
                cx.drop(wire);
                if matches!(refusal, Item::Misdirected) {
                    self.steering.handle_misdirected(&room, cx.now_ms());
                }
                return self.try_again(cx, id);
            }
        }
        self.obey(cx, id);
    }

    pub(super) fn broken(&mut self, cx: &mut Cx<'_>, wire: Wire) {
        if let Some(id) = self.streams.clients.get(&wire).copied() {
            let stays = self.streams.streams.get(&id).and_then(|stream| stream.splice.as_ref());
            if stays.is_some_and(|splice| splice.has_left() && !splice.is_live()) {
                return;
            }
            self.finish(cx, id);
        } else if let Some(id) = self.streams.links.get(&wire).copied() {
            if let Some(Node::Shard(_)) = self.streams.streams.get(&id).and_then(|stream| stream.shard) {
                let shard = self.streams.streams[&id].shard.map(|node| node.to_string());
                self.steering.handle_doubt(&shard.unwrap_or_default(), cx.now_ms());
            }
            self.unlink(cx, id, wire);
        }
    }

    pub(super) fn dial_is_late(&mut self, cx: &mut Cx<'_>, wire: Wire) {
        let Some(id) = self.streams.links.get(&wire).copied() else { return };
        let Some(stream) = self.streams.streams.get(&id) else { return };
        if stream.seeking.is_some() {
            cx.drop(wire);
            self.unlink(cx, id, wire);
        }
    }

    /// The link is gone.
    fn unlink(&mut self, cx: &mut Cx<'_>, id: u64, wire: Wire) {
        self.streams.links.remove(&wire);
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        stream.link = None;
        if let Some(splice) = &mut stream.splice {
            splice.handle_broken();
        }
        let was_seeking = stream.seeking.is_some();
        self.obey(cx, id);
        if was_seeking {
            self.try_again(cx, id);
        } else {
            self.look_for_shard(cx, id);
        }
    }

    pub(super) fn cut(&mut self, cx: &mut Cx<'_>, which: impl Fn(&Stream) -> bool) {
        let cut: Vec<_> = self.streams.streams.iter().filter(|(_, stream)| which(stream)).collect();
        let cut: Vec<_> = cut.into_iter().filter_map(|(id, stream)| Some((*id, stream.link?))).collect();
        for (id, wire) in cut {
            cx.drop(wire);
            self.unlink(cx, id, wire);
        }
    }

    pub(super) fn late(&mut self, cx: &mut Cx<'_>, id: u64, seeking: u64) {
        if self.streams.streams.get(&id).is_some_and(|stream| stream.seeking == Some(seeking)) {
            cx.fact(Fact::Note(format!("{} has waited long enough for a shard", cx.me)));
            self.finish(cx, id);
        }
    }

    fn obey(&mut self, cx: &mut Cx<'_>, id: u64) {
        loop {
            let Some(stream) = self.streams.streams.get_mut(&id) else { return };
            let Some(splice) = &mut stream.splice else { return };
            while !stream.held.is_empty() && splice.takes_client() {
                splice.handle_client(stream.held.remove(0));
            }
            let Some(action) = splice.poll_action() else { return };
            match action {
                Action::ToServer(text) => {
                    if let Some(link) = stream.link {
                        cx.text(link, text);
                    }
                }
                Action::ToClient(text) => cx.text(stream.client, text),
                Action::Resumed => {
                    stream.seeking = None;
                    cx.fact(Fact::Respliced);
                }
                Action::Drop(reason) => {
                    cx.fact(Fact::Note(format!("{} drops a client: {reason}", cx.me)));
                    return self.finish(cx, id);
                }
            }
        }
    }

    /// Both sockets are dropped.
    fn finish(&mut self, cx: &mut Cx<'_>, id: u64) {
        let Some(stream) = self.streams.streams.remove(&id) else { return };
        self.streams.clients.remove(&stream.client);
        cx.drop(stream.client);
        if let Some(link) = stream.link {
            self.streams.links.remove(&link);
            cx.drop(link);
        }
        if let Some(want) = stream.want {
            self.streams.wants.remove(&want);
            self.steering.handle_given_up(want, cx.now_ms());
        }
        if stream.shard.is_some() {
            self.steering.handle_left(&stream.room, cx.now_ms());
        }
    }
}

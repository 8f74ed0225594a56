//! Real bridge machines, the peers of the participants, and the wire between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use colibri::ConferenceModify;
use meeting::BridgeId;
use participant::media::{Camera, Codec, Command, Delay, Identity, Peer, Record, Settings, Voice, Way};
use participant::{Author, Closing, Time};
use sfu::{Config, Event, Sfu, SocketId};

/// One way.
pub(crate) const LATENCY: Duration = Duration::from_millis(5);
const RUN: u32 = 7;

#[derive(Default)]
pub(crate) struct Bridges {
    epoch: Option<Instant>,
    sfus: BTreeMap<String, (SocketAddr, Sfu)>,
    peers: BTreeMap<u32, (SocketAddr, Peer)>,
    sockets: u16,
    wire: VecDeque<(Time, SocketAddr, SocketAddr, Vec<u8>)>,
    media: u64,
    /// of the media datagrams each so manieth is lost on the way; 0: none
    pub(crate) lose_every: u64,
    pub(crate) delays: Vec<Delay>,
    /// nothing goes from or to this address any more
    cut: Option<SocketAddr>,
    /// bridge channels over WebSockets: of whom, and with which bridge
    channels: BTreeMap<u64, (u32, String)>,
    last_channel: u64,
    /// what they say, and how they end
    heard: Vec<(u32, Result<String, Closing>)>,
}

impl Bridges {
    /// The settings of somebody who sends and sees everything.
    pub(crate) fn settings(&mut self) -> Settings {
        let epoch = self.epoch();
        Settings {
            identity: Identity::new(epoch),
            epoch,
            run: RUN,
            camera: Some(Camera { codec: Codec::Vp8, heights: vec![360], bitrate_bps: None }),
            voice: Some(Voice::Silent),
            height_max: 720,
            channel: Way::DataChannel,
        }
    }

    fn epoch(&mut self) -> Instant {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs an instant to start from")]
        *self.epoch.get_or_insert_with(Instant::now)
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.epoch();
        let number = self.sfus.len() as u8 + 1;
        let address = SocketAddr::from(([10, 0, 1, number], 10_000));
        let base = Some(format!("wss://{name}/colibri-ws/{name}"));
        let config =
            Config { worker: 0, candidates: vec![address], websocket_base: base, seed: [number; 32] };
        self.sfus.insert(name.to_owned(), (address, Sfu::new(config)));
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.sfus.remove(name);
    }

    pub(crate) fn pick(&self, avoid: &[BridgeId]) -> Option<BridgeId> {
        let names = self.sfus.keys().map(|name| BridgeId(name.clone()));
        names.into_iter().find(|bridge| !avoid.contains(bridge))
    }

    pub(crate) fn ask(&mut self, now: Time, bridge: &BridgeId, text: &str) -> Option<String> {
        let at = self.epoch() + now;
        let (_, sfu) = self.sfus.get_mut(&bridge.0)?;
        let request = ConferenceModify::from_text(text).expect("the focus writes well");
        let answer = sfu.handle_request(at, &request);
        self.settle(now);
        Some(answer.map_or_else(|refusal| refusal.to_text(), |modified| modified.to_text()))
    }

    pub(crate) fn seat(&mut self, author: Author, settings: &Arc<Settings>) {
        let peer = Peer::new(Arc::clone(settings), author, 7);
        self.peers.insert(author.participant, (SocketAddr::from(([10, 0, 0, 1], 1)), peer));
    }

    pub(crate) fn tell(&mut self, now: Time, number: u32, command: Command) {
        let (local, peer) = self.peers.get_mut(&number).expect("it has media");
        match command {
            Command::Begin(session) => {
                self.sockets += 1;
                *local = SocketAddr::from(([10, 0, 0, number as u8 + 1], 40_000 + self.sockets));
                peer.begin(now, session, *local);
            }
            Command::Expect(sources) => peer.expect(now, &sources),
            Command::Forget(sources) => peer.forget(now, &sources),
            Command::Left(endpoint) => peer.handle_left(now, &endpoint),
            Command::Limit { source, height } => peer.limit(&source, height),
            Command::End => peer.end(now),
        }
        self.settle(now);
    }

    /// A WebSocket to `wss://BRIDGE/colibri-ws/BRIDGE/CONFERENCE/ENDPOINT?pwd=SECRET`; `false`: the bridge refuses it.
    pub(crate) fn open_channel(&mut self, now: Time, number: u32, url: &str) -> bool {
        let at = self.epoch() + now;
        let parts: Vec<&str> = url.split(['/', '?']).collect();
        let [_, _, name, _, _, conference, endpoint, password] = parts[..] else { panic!("{url}") };
        let password = password.strip_prefix("pwd=").expect("a password");
        self.close_channel(number);
        let Some((_, sfu)) = self.sfus.get_mut(name) else { return false };
        self.last_channel += 1;
        let socket = SocketId(self.last_channel);
        let is_open = sfu.handle_websocket(at, socket, conference, endpoint, password);
        if is_open {
            self.channels.insert(socket.0, (number, name.to_owned()));
        }
        is_open
    }

    pub(crate) fn say_on_channel(&mut self, now: Time, number: u32, text: &str) {
        let at = self.epoch() + now;
        let Some((socket, name)) = self.channel_of(number) else { return };
        if let Some((_, sfu)) = self.sfus.get_mut(&name) {
            sfu.handle_websocket_message(at, SocketId(socket), text);
        }
        self.settle(now);
    }

    /// `false`: there is none.
    pub(crate) fn close_channel(&mut self, number: u32) -> bool {
        let Some((socket, name)) = self.channel_of(number) else { return false };
        self.channels.remove(&socket);
        if let Some((_, sfu)) = self.sfus.get_mut(&name) {
            sfu.handle_websocket_closed(SocketId(socket));
        }
        true
    }

    fn channel_of(&self, number: u32) -> Option<(u64, String)> {
        let (socket, (_, name)) = self.channels.iter().find(|(_, (of, _))| *of == number)?;
        Some((*socket, name.clone()))
    }

    /// What the bridges said over WebSockets since the last time.
    pub(crate) fn heard(&mut self) -> Vec<(u32, Result<String, Closing>)> {
        std::mem::take(&mut self.heard)
    }

    fn event(&mut self, event: Event) {
        let (socket, heard) = match event {
            Event::WebSocketSend { socket, text } => (socket, Ok(text)),
            Event::WebSocketClose { socket, code, .. } => (socket, Err(Closing::Clean(code))),
            Event::Fact(_) => return,
        };
        if let Some((number, _)) = self.channels.get(&socket.0) {
            self.heard.push((*number, heard.clone()));
        }
        if heard.is_err() {
            self.channels.remove(&socket.0);
        }
    }

    /// The path of the present session's socket breaks for good; another one may be had.
    pub(crate) fn cut(&mut self, number: u32) {
        self.cut = self.peers.get(&number).map(|(local, _)| *local);
    }

    pub(crate) fn peer(&mut self, number: u32) -> &mut Peer {
        &mut self.peers.get_mut(&number).expect("it has media").1
    }

    pub(crate) fn record(&mut self, now: Time, number: u32) -> Record {
        self.peer(number).record(now)
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let epoch = self.epoch?;
        let peers = self.peers.values().filter_map(|(_, peer)| peer.poll_timeout());
        let sfus = self.sfus.values().filter_map(|(_, sfu)| sfu.poll_timeout());
        let sfus = sfus.map(|at| at.saturating_duration_since(epoch));
        peers.chain(sfus).chain(self.wire.front().map(|(due, ..)| *due)).min()
    }

    /// Everything that is due at `now`; gives whose connections have failed.
    pub(crate) fn advance(&mut self, now: Time) -> Vec<u32> {
        let Some(epoch) = self.epoch else { return vec![] };
        while self.wire.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, from, to, payload)) = self.wire.pop_front() else { break };
            if let Some((address, sfu)) = self.sfus.values_mut().find(|(address, _)| *address == to) {
                sfu.handle_datagram(epoch + now, from, *address, &payload);
            } else if let Some((_, peer)) = self.peers.values_mut().find(|(address, _)| *address == to) {
                peer.handle_datagram(now, from, &payload);
            }
        }
        for (_, sfu) in self.sfus.values_mut() {
            if sfu.poll_timeout().is_some_and(|at| at <= epoch + now) {
                sfu.handle_timeout(epoch + now);
            }
        }
        for (_, peer) in self.peers.values_mut() {
            if peer.poll_timeout().is_some_and(|at| at <= now) {
                peer.handle_timeout(now);
            }
        }
        self.settle(now);
        let failed =
            self.peers.iter_mut().filter_map(|(number, (_, peer))| peer.poll_failure().then_some(*number));
        failed.collect()
    }

    /// Puts on the wire whatever anybody wants to send.
    fn settle(&mut self, now: Time) {
        let (mut sent, mut events) = (Vec::new(), Vec::new());
        for (_, sfu) in self.sfus.values_mut() {
            events.extend(std::iter::from_fn(|| sfu.poll_event()));
            while let Some(transmit) = sfu.poll_transmit() {
                sent.push((transmit.source, transmit.destination, transmit.payload));
            }
        }
        for (local, peer) in self.peers.values_mut() {
            while let Some(transmit) = peer.poll_transmit() {
                sent.push((*local, transmit.destination, transmit.payload));
            }
            self.delays.extend(peer.delays());
        }
        events.into_iter().for_each(|event| self.event(event));
        for (from, to, payload) in sent {
            if self.cut.is_some_and(|cut| [from, to].contains(&cut)) {
                continue;
            }
            // RTP and not RTCP (RFC 5761 section 4)
            self.media += u64::from(payload[0] >= 128 && !(192..=223).contains(&payload[1]));
            let is_lost =
                payload[0] >= 128 && self.lose_every > 0 && self.media.is_multiple_of(self.lose_every);
            if !is_lost {
                self.wire.push_back((now + LATENCY, from, to, payload));
            }
        }
    }
}

//! Shards that share an engine, a router before them, and guests who chat through it: roles as they are, in one process.
#![allow(dead_code, clippy::unwrap_used, reason = "each scenario uses a part of it; a panic is the finding")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use journal::{Journal, Memory, Places as _, Registry as _};
use router::Upstreams;
use service::config::{Limits, Tls, Web};
use service::metrics::Metrics;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longer than anything here takes, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const DOMAIN: &str = "meet.example";
const ROOM: &str = "standup";

pub(crate) struct World {
    pub(crate) engine: Memory,
    pub(crate) router: router::Running,
    pub(crate) metrics: Metrics,
    shards: Vec<(String, shard::Running)>,
}

impl World {
    pub(crate) async fn of(shards: &[&str]) -> Self {
        let (engine, metrics) = (Memory::new(), Metrics::new());
        let cluster = router::Cluster {
            id: "router-1".to_owned(),
            registry: Arc::new(engine.clone()),
            places: Arc::new(engine.clone()),
            region: None,
            admin: None,
        };
        let router = router::start(config(Upstreams::Cluster(cluster)), &metrics).await.unwrap();
        let mut world = Self { engine, router, metrics, shards: Vec::new() };
        for id in shards {
            world.add(id).await;
        }
        world
    }

    pub(crate) async fn add(&mut self, id: &str) {
        self.add_with(id, Arc::new(self.engine.clone())).await;
    }

    /// A shard with a journal of its own has lost everything.
    pub(crate) async fn add_with(&mut self, id: &str, journal: Arc<dyn Journal>) {
        let cluster = shard::Cluster {
            registry: Arc::new(self.engine.clone()),
            places: Arc::new(self.engine.clone()),
            region: None,
            admin: None,
        };
        let much = 1 << 30;
        let ingress = shard::Ingress {
            bytes_per_second: much,
            bytes_burst: much,
            stanzas_per_second: much,
            stanzas_burst: much,
        };
        let config = shard::Config {
            name: id.to_owned(),
            cluster: Some(cluster),
            limits: shard::Limits { ingress, ..shard::Limits::default() },
            ..shard::Config::for_domain(DOMAIN)
        };
        let running = shard::start(config, journal, &Metrics::new()).await.unwrap();
        self.shards.push((id.to_owned(), running));
        let known = async { self.engine.nodes().wait_for(|nodes| nodes.contains_key(id)).await.map(drop) };
        tokio::time::timeout(PATIENCE, known).await.unwrap().unwrap();
    }

    /// The shard that has the meeting.
    pub(crate) fn owner(&self) -> String {
        self.engine.known(ROOM).unwrap().shard
    }

    pub(crate) fn shard(&self, id: &str) -> &shard::Running {
        self.shards.iter().find(|(name, _)| name == id).map(|(_, shard)| shard).unwrap()
    }

    /// As kill -9 does it, as far as that can be within a process.
    pub(crate) async fn kill(&mut self, id: &str) {
        let at = self.shards.iter().position(|(name, _)| name == id).unwrap();
        self.shards.remove(at).1.kill().await;
    }

    /// How many streams the router has counted with this result.
    pub(crate) fn resumes(&self, result: &str) -> u64 {
        let text = self.metrics.exposition();
        let start = format!("router_resumes_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// A guest in the room.
    pub(crate) async fn guest(&self) -> Guest {
        let mut guest = Guest::connect(self, "").await;
        guest.say("<iq type='set' id='b' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>").await;
        guest.jid = between(&guest.hear().await, "<jid>", "</jid>").to_owned();
        guest.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
        guest.token = between(&guest.hear().await, " id=\"", "\"").to_owned();
        guest.heard = 0;
        guest.join().await;
        guest
    }
}

/// A client that answers what it must, and counts.
pub(crate) struct Guest {
    socket: WebSocketStream<TcpStream>,
    pub(crate) token: String,
    jid: String,
    /// stanzas
    pub(crate) heard: u32,
    pub(crate) lines: Vec<String>,
    ended: Option<Error>,
}

impl Guest {
    /// Logged in; `query` begins with `&` or is empty.
    pub(crate) async fn connect(world: &World, query: &str) -> Self {
        let stream = TcpStream::connect(world.router.addr()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://meet.example/xmpp-websocket?room={ROOM}{query}");
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "xmpp".parse().unwrap());
        let (socket, _) = client_async(request, stream).await.unwrap();
        let mut guest = Self {
            socket,
            token: String::new(),
            jid: String::new(),
            heard: 0,
            lines: Vec::new(),
            ended: None,
        };
        let open = format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{DOMAIN}' version='1.0'/>");
        guest.say(&open).await;
        guest.hear_until("<stream:features").await;
        guest.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await;
        guest.hear_until("<success").await;
        guest.say(&open).await;
        guest.hear_until("<stream:features").await;
        guest
    }

    /// The same client on another socket, with what it had heard before; gives the `h` of the answer.
    pub(crate) async fn resume(world: &World, before: Self) -> Result<(Self, u32), String> {
        let Self { token, jid, heard, lines, socket, .. } = before;
        drop(socket);
        let fresh = Self::connect(world, &format!("&previd={token}")).await;
        let mut guest = Self { token, jid, heard, lines, ..fresh };
        guest.say(&format!("<resume xmlns='urn:xmpp:sm:3' h='{heard}' previd='{}'/>", guest.token)).await;
        let answer = guest.hear().await;
        if !answer.starts_with("<resumed") {
            return Err(answer);
        }
        let taken = between(&answer, " h=\"", "\"").parse().unwrap();
        Ok((guest, taken))
    }

    async fn join(&mut self) {
        let nick = self.nick().to_owned();
        self.say(&format!(
            "<presence xmlns='jabber:client' to='{ROOM}@conference.{DOMAIN}/{nick}'>\
             <x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ))
        .await;
        self.hear_until("code=\"110\"").await;
    }

    fn nick(&self) -> &str {
        &self.jid[..8]
    }

    pub(crate) async fn say(&mut self, text: &str) {
        if let Err(error) = self.socket.send(Message::text(text)).await {
            panic!("{}: the socket is broken: {error}", self.jid);
        }
    }

    /// Says a line to the room.
    pub(crate) async fn chat(&mut self, line: &str) {
        let text = format!(
            "<message type='groupchat' to='{ROOM}@conference.{DOMAIN}' xmlns='jabber:client'><body>{line}</body></message>"
        );
        self.say(&text).await;
    }

    /// Says so many lines, each when it has heard the one before, and tells how many it has said.
    pub(crate) async fn chats(mut self, name: usize, count: usize, said: watch::Sender<usize>) -> Self {
        for n in 0..count {
            let line = format!("{name}-{n}");
            self.chat(&line).await;
            if n % 3 == 0 {
                self.say("<r xmlns='urn:xmpp:sm:3'/>").await;
            }
            self.hear_until(&format!(">{line}<")).await;
            said.send_replace(n + 1);
        }
        self
    }

    /// The next frame. The end of the socket is a failure.
    pub(crate) async fn hear(&mut self) -> String {
        let heard = tokio::time::timeout(PATIENCE, self.next()).await;
        let heard = heard.unwrap_or_else(|_| panic!("{} hears nothing; {:?}", self.jid, self.lines));
        heard.unwrap_or_else(|| panic!("{}: the socket has ended: {:?}", self.jid, self.ended))
    }

    pub(crate) async fn hear_until(&mut self, part: &str) -> String {
        loop {
            let text = self.hear().await;
            if text.contains(part) {
                return text;
            }
        }
    }

    /// Until so many lines were heard.
    pub(crate) async fn hear_lines(&mut self, count: usize) {
        while self.lines.len() < count {
            self.hear().await;
        }
    }

    /// Reads to the end of the socket, which must come without a close frame.
    pub(crate) async fn check_dropped(mut self) {
        while tokio::time::timeout(PATIENCE, self.next()).await.unwrap().is_some() {}
        assert!(!matches!(self.ended, Some(Error::AlreadyClosed)), "a close frame came");
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.note(&text).await;
                    return Some(text.to_string());
                }
                Some(Ok(Message::Close(_))) => {
                    self.ended = Some(Error::AlreadyClosed);
                    return None;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.ended = Some(error);
                    return None;
                }
                None => return None,
            }
        }
    }

    async fn note(&mut self, text: &str) {
        if text.starts_with("<r ") {
            let ack = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.heard);
            // it may have ended by now, which the next read tells
            let _ = self.socket.send(Message::text(ack)).await;
        } else if ["<iq", "<presence", "<message"].iter().any(|name| text.starts_with(name)) {
            self.heard += 1;
        } else if !self.token.is_empty() && !text.starts_with("<a ") && !text.starts_with("<resumed") {
            assert!(self.lines.is_empty(), "{} sees {text}", self.jid);
        }
        if text.starts_with("<message") && text.contains("<body>") {
            self.lines.push(between(text, "<body>", "</body>").to_owned());
        }
    }
}

fn config(upstreams: Upstreams) -> router::Config {
    router::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Tls::Off,
        data: "unused".into(),
        site: router::Site {
            public_url: None,
            domain: DOMAIN.to_owned(),
            muc_domain: format!("conference.{DOMAIN}"),
            focus_domain: format!("focus.{DOMAIN}"),
            auth_domain: format!("auth.{DOMAIN}"),
            shard_name: None,
            region: None,
            web: Web {
                p2p: true,
                p2p_stun_servers: Vec::new(),
                start_audio_muted: None,
                start_video_muted: None,
            },
        },
        upstreams,
        limits: Limits {
            occupants: 500,
            connections: 1_000,
            half_open: 500,
            header_time: Duration::from_secs(30),
            header_size: 8 << 10,
            body_size: 4 << 10,
        },
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {text}")).0
}

//! A shard as far as a bridge sees it: a c2s listener with one account and one brewery.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_xmpp::parsers::bind::BindFeature;
use tokio_xmpp::parsers::stream_features::StreamFeatures;
use tokio_xmpp::xmlstream::{AcceptedStream, StreamHeader, Timeouts, XmlStream, accept_stream};
use xmpp::{Element, elem, muc, ns};

pub(crate) const DOMAIN: &str = "auth.meet.example";
pub(crate) const BREWERY: &str = "jvbbrewery@internal.auth.meet.example";
pub(crate) const PASSWORD: &str = "secret";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

type Tcp = BufStream<TcpStream>;

pub(crate) struct Shard {
    listener: TcpListener,
}

impl Shard {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A shard where another one was.
    pub(crate) async fn at(address: SocketAddr) -> Self {
        Self { listener: TcpListener::bind(address).await.unwrap() }
    }

    /// The next connection, whatever it wants.
    pub(crate) async fn connection(&self) -> TcpStream {
        within("a connection", self.listener.accept()).await.unwrap().0
    }

    /// Lets the next bridge log in.
    pub(crate) async fn login(&self) -> Link {
        let (stream, auth) = self.authenticate().await;
        let expected = format!("\0jvb\0{PASSWORD}");
        assert_eq!(decode_base64(&auth.text()), expected.as_bytes());
        let accepted =
            within("a new stream", stream.accept_reset(&elem("success", ns::SASL).build())).await.unwrap();
        let features = StreamFeatures { bind: Some(BindFeature { required: false }), ..Default::default() };
        let mut link = Link { stream: open(accepted, &features).await, nick: String::new() };
        link.bind().await;
        link
    }

    /// Lets the next bridge log in and into the brewery.
    pub(crate) async fn enter(&self) -> Link {
        let mut link = self.login().await;
        link.admit().await;
        link
    }

    /// Refuses the password of the next bridge.
    pub(crate) async fn refuse(&self) {
        let (mut stream, _) = self.authenticate().await;
        let failure = elem("failure", ns::SASL).child(elem("not-authorized", ns::SASL)).build();
        stream.send(&failure).await.unwrap();
    }

    /// As far as `<auth/>`.
    async fn authenticate(&self) -> (XmlStream<Tcp, Element>, Element) {
        let tcp = BufStream::new(self.connection().await);
        let accepted = within("a stream", accept_stream(tcp, ns::CLIENT, Timeouts::tight())).await.unwrap();
        let features = StreamFeatures { sasl_mechanisms: ["PLAIN".to_owned()].into(), ..Default::default() };
        let mut stream = open(accepted, &features).await;
        let auth = within("auth", stream.next()).await.unwrap().unwrap();
        assert!(auth.is("auth", ns::SASL), "{auth:?}");
        (stream, auth)
    }
}

async fn open(accepted: AcceptedStream<Tcp>, features: &StreamFeatures) -> XmlStream<Tcp, Element> {
    assert_eq!(accepted.header().to.as_deref(), Some(DOMAIN));
    let header = StreamHeader { from: Some(Cow::Borrowed(DOMAIN)), to: None, id: Some(Cow::Borrowed("1")) };
    accepted.send_header(header).await.unwrap().send_features(features).await.unwrap()
}

/// The stream of a bridge that is logged in.
pub(crate) struct Link {
    stream: XmlStream<Tcp, Element>,
    nick: String,
}

impl Link {
    pub(crate) async fn send(&mut self, stanza: &Element) {
        self.stream.send(stanza).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Element {
        within("a stanza", self.stream.next()).await.expect("the bridge went away").unwrap()
    }

    /// The next stanza of this kind; others are passed over.
    pub(crate) async fn next_of(&mut self, name: &str) -> Element {
        loop {
            let stanza = self.next().await;
            if stanza.name() == name {
                return stanza;
            }
        }
    }

    /// A request of the focus, and its answer.
    pub(crate) async fn ask(&mut self, kind: &str, payload: Element) -> Element {
        self.post(kind, "ask", payload).await;
        let answer = self.next_of("iq").await;
        assert_eq!(answer.attr("id"), Some("ask"), "{answer:?}");
        assert_eq!(answer.attr("to"), Some(format!("{BREWERY}/focus").as_str()));
        assert_eq!(answer.attr("from"), None);
        answer
    }

    /// A request of the focus; the answer is not waited for.
    pub(crate) async fn post(&mut self, kind: &str, id: &str, payload: Element) {
        let request = elem("iq", ns::CLIENT)
            .attr("type", kind)
            .attr("id", id)
            .attr("from", format!("{BREWERY}/focus"))
            .attr("to", format!("jvb@{DOMAIN}/{}", self.nick))
            .child(payload)
            .build();
        self.send(&request).await;
    }

    /// Waits for the entry into the brewery and grants it; the presence that asked.
    pub(crate) async fn admit(&mut self) -> Element {
        let presence = self.next_of("presence").await;
        assert!(presence.has_child("x", ns::MUC), "no entry: {presence:?}");
        assert_eq!(presence.attr("to"), Some(format!("{BREWERY}/{}", self.nick).as_str()));
        let own = elem("presence", ns::CLIENT)
            .attr("from", format!("{BREWERY}/{}", self.nick))
            .child(muc::user(None, &[110]))
            .build();
        self.send(&own).await;
        presence
    }

    /// Until the bridge has hung up.
    pub(crate) async fn closed(&mut self) {
        while let Some(Ok(_)) = within("the end of the stream", self.stream.next()).await {}
    }

    async fn bind(&mut self) {
        let request = self.next_of("iq").await;
        let bind = request.get_child("bind", ns::BIND).expect("a bind request");
        self.nick = bind.get_child("resource", ns::BIND).unwrap().text();
        let jid = elem("jid", ns::BIND).text(format!("jvb@{DOMAIN}/{}", self.nick));
        let result = xmpp::stanza::result(&request).child(elem("bind", ns::BIND).child(jid)).build();
        self.send(&result).await;
    }
}

/// A value of the stats in a presence.
pub(crate) fn stat(presence: &Element, name: &str) -> Option<String> {
    let stats = presence.get_child("stats", "http://jitsi.org/protocol/colibri")?;
    let stat = stats.children().find(|stat| stat.attr("name") == Some(name))?;
    stat.attr("value").map(str::to_owned)
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

/// RFC 4648 section 4, for what is known to be valid.
fn decode_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets: Vec<_> = text.bytes().filter_map(|b| DIGITS.iter().position(|digit| *digit == b)).collect();
    let bits =
        |chunk: &[usize]| chunk.iter().fold(0, |bits, sextet| bits << 6 | sextet) << (6 * (4 - chunk.len()));
    sextets.chunks(4).flat_map(|chunk| bits(chunk).to_be_bytes()[5..5 + chunk.len() - 1].to_vec()).collect()
}

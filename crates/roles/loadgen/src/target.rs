//! Where the parts of the server are.

use anyhow::{Context as _, bail};
use hyper::{Method, Uri};

use participant::Transport;
use participant::media::Way;

use crate::advice::on_closing;
use crate::config_js::{is_false, is_true, text_of};
use crate::dial::{Dialer, Place};
use crate::http;

/// What a person told; what is `None` follows from the server's `config.js`, or from the address.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `https://meet.example`
    pub url: String,
    /// what the stream is addressed to
    pub domain: Option<String>,
    /// the service whose rooms are joined
    pub muc: Option<String>,
    /// `wss://meet.example/xmpp-websocket`
    pub websocket: Option<String>,
    /// `https://meet.example/http-bind`; in place of a WebSocket
    pub bosh: Option<String>,
    /// which of the two it is, where none is told
    pub transport: Option<Transport>,
    pub focus: Option<FocusAt>,
    /// the bridge channel, where the bridge offers both
    pub channel: Option<Way>,
    /// a JSON Web Token that lets people in
    pub token: Option<String>,
}

/// How the focus is asked into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FocusAt {
    /// with a POST to this address
    Http(String),
    /// with an IQ to this address
    Iq(String),
    /// there is none
    Nowhere,
}

/// All of it, known.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) domain: String,
    pub(crate) muc: String,
    pub(crate) transport: Transport,
    /// where it is
    pub(crate) stream: Uri,
    pub(crate) focus: FocusAt,
    pub(crate) channel: Way,
    pub(crate) token: Option<String>,
}

impl Target {
    /// Asks the server for its `config.js`, unless there is nothing left to learn from it.
    ///
    /// # Errors
    /// With what to do: nobody is there, the certificate is not trusted, the addresses are none.
    pub(crate) async fn find(&self, dialer: &Dialer) -> anyhow::Result<Addresses> {
        let url: Uri = self.url.parse().with_context(|| format!("{:?} is no URL", self.url))?;
        Place::of(&url).with_context(|| format!("{:?} is no http:// or https:// URL", self.url))?;
        if self.domain.is_some() && (self.websocket.is_some() || self.bosh.is_some()) {
            return self.addresses(&url, "");
        }
        let base = self.url.trim_end_matches('/');
        let address = format!("{base}/config.js");
        let answer = http::ask(dialer, &address.parse()?, Method::GET, None, String::new()).await;
        match answer {
            Ok((200, script)) => self.addresses(&url, &script),
            Ok((status, _)) if self.domain.is_none() => bail!(
                "{address} is answered with HTTP status {status}; if this is no Jitsi Meet installation but an XMPP \
                 server, tell its --domain (and --muc, --websocket or --bosh)"
            ),
            Ok(_) => self.addresses(&url, ""),
            Err(closing) => {
                let advice = on_closing(&closing).map(|advice| format!(": {advice}"));
                bail!("the connection to {base} {closing}{}", advice.unwrap_or_default())
            }
        }
    }

    fn addresses(&self, url: &Uri, script: &str) -> anyhow::Result<Addresses> {
        let told = |told: &Option<String>, key| told.clone().or_else(|| text_of(script, key));
        let host = url.host().unwrap_or_default();
        let domain = told(&self.domain, "domain").unwrap_or_else(|| host.to_owned());
        let muc = told(&self.muc, "muc").unwrap_or_else(|| format!("conference.{domain}"));
        let (transport, stream) = self.stream(url, script)?;
        let focus = match &self.focus {
            Some(focus) => focus.clone(),
            None => focus_of(script, &domain),
        };
        let channel = self.channel.unwrap_or_else(|| channel_of(script));
        let token = self.token.clone();
        Ok(Addresses { domain, muc, transport, stream, focus, channel, token })
    }

    /// As the client chooses: a WebSocket before BOSH, unless the script would have it otherwise.
    fn stream(&self, url: &Uri, script: &str) -> anyhow::Result<(Transport, Uri)> {
        let told = self.websocket.clone().map(|address| (Transport::WebSocket, address));
        let told = told.or_else(|| self.bosh.clone().map(|address| (Transport::Bosh, address)));
        let named = |transport| Some((transport, text_of(script, key(transport))?));
        let (first, second) = match is_true(script, "preferBosh") {
            true => (Transport::Bosh, Transport::WebSocket),
            false => (Transport::WebSocket, Transport::Bosh),
        };
        let named = || match self.transport {
            Some(wanted) => named(wanted),
            None => named(first).or_else(|| named(second)),
        };
        let guess = || {
            let transport = self.transport.unwrap_or_default();
            (transport, guess(transport, url))
        };
        let (transport, address) = told.or_else(named).unwrap_or_else(guess);
        let address = absolute(&address, url);
        let stream: Uri = address.parse().with_context(|| format!("{address:?} is no URL"))?;
        let fits = match transport {
            Transport::WebSocket => ["ws", "wss"],
            Transport::Bosh => ["http", "https"],
        };
        if Place::of(&stream).is_none() || !fits.contains(&stream.scheme_str().unwrap_or_default()) {
            bail!("{stream} is no {}:// or {}:// URL", fits[0], fits[1]);
        }
        Ok((transport, stream))
    }
}

/// In `config.js`.
fn key(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "websocket",
        Transport::Bosh => "bosh",
    }
}

fn guess(transport: Transport, url: &Uri) -> String {
    let is_secure = url.scheme_str() == Some("https");
    let authority = url.authority().map(ToString::to_string).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let (scheme, name) = match (transport, is_secure) {
        (Transport::WebSocket, true) => ("wss", "xmpp-websocket"),
        (Transport::WebSocket, false) => ("ws", "xmpp-websocket"),
        (Transport::Bosh, true) => ("https", "http-bind"),
        (Transport::Bosh, false) => ("http", "http-bind"),
    };
    format!("{scheme}://{authority}{path}/{name}")
}

/// COMPAT: BOSH is named by `//host/path` and by `/path`, too.
fn absolute(address: &str, url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    if address.starts_with("//") {
        return format!("{scheme}:{address}");
    }
    match url.authority().filter(|_| address.starts_with('/')) {
        Some(authority) => format!("{scheme}://{authority}{address}"),
        None => address.to_owned(),
    }
}

/// COMPAT: older clients know `openBridgeChannel`, newer ones `preferSctp`.
fn channel_of(script: &str) -> Way {
    let told = text_of(script, "openBridgeChannel").is_some_and(|told| told == "websocket");
    if told || is_false(script, "preferSctp") { Way::WebSocket } else { Way::DataChannel }
}

fn focus_of(script: &str, domain: &str) -> FocusAt {
    match text_of(script, "conferenceRequestUrl") {
        Some(url) => FocusAt::Http(url),
        None if script.is_empty() => FocusAt::Nowhere,
        None => FocusAt::Iq(text_of(script, "focus").unwrap_or_else(|| format!("focus.{domain}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(target: &Target, script: &str) -> Addresses {
        target.addresses(&target.url.parse().unwrap(), script).unwrap()
    }

    fn stream(addresses: &Addresses) -> (Transport, String) {
        (addresses.transport, addresses.stream.to_string())
    }

    fn at(url: &str) -> Target {
        Target { url: url.to_owned(), ..Target::default() }
    }

    #[test]
    fn everything_follows_from_a_full_script() {
        let script = "domain: 'd.example',\nmuc: 'muc.d.example',\nwebsocket: 'wss://w.example/ws',\n\
                      conferenceRequestUrl: 'https://r.example/conference-request/v1'";
        let found = found(&at("https://meet.example"), script);
        assert_eq!((found.domain.as_str(), found.muc.as_str()), ("d.example", "muc.d.example"));
        assert_eq!(stream(&found), (Transport::WebSocket, "wss://w.example/ws".to_owned()));
        assert_eq!(found.focus, FocusAt::Http("https://r.example/conference-request/v1".to_owned()));
    }

    #[test]
    fn the_rest_is_guessed_from_the_address() {
        let found = found(&at("http://127.0.0.1:5280"), "x");
        assert_eq!((found.domain.as_str(), found.muc.as_str()), ("127.0.0.1", "conference.127.0.0.1"));
        assert_eq!(stream(&found).1, "ws://127.0.0.1:5280/xmpp-websocket");
        assert_eq!(found.focus, FocusAt::Iq("focus.127.0.0.1".to_owned()));
    }

    #[test]
    fn what_is_told_wins_and_without_a_script_there_is_no_focus() {
        let told = Target { domain: Some("localhost".to_owned()), ..at("https://meet.example/sub/") };
        let addresses = found(&told, "");
        assert_eq!((addresses.domain.as_str(), addresses.focus), ("localhost", FocusAt::Nowhere));
        assert_eq!(addresses.stream.to_string(), "wss://meet.example/sub/xmpp-websocket");
        assert_eq!(found(&told, "domain: 'other'").domain, "localhost");
    }

    #[test]
    fn the_transport_is_the_one_that_a_client_would_take() {
        let check = |target: Target, script: &str, transport, address: &str| {
            let found = found(&target, script);
            assert_eq!(stream(&found), (transport, address.to_owned()), "{target:?} of {script}");
        };
        let (meet, bosh) = (|| at("https://meet.example/sub"), Transport::Bosh);
        // as the Debian package has it
        let debian =
            "bosh: 'https://meet.example/' + subdir + 'http-bind',\n// websocket: 'wss://meet.example/ws',";
        check(meet(), debian, bosh, "https://meet.example/http-bind");
        check(meet(), "bosh: '//b.example/bind'", bosh, "https://b.example/bind");
        check(meet(), "config.bosh = '/bind';", bosh, "https://meet.example/bind");
        let both = "bosh: '/bind',\nwebsocket: 'wss://meet.example/ws'";
        check(meet(), both, Transport::WebSocket, "wss://meet.example/ws");
        check(meet(), &format!("{both},\npreferBosh: true"), bosh, "https://meet.example/bind");
        let wanted = |transport| Target { transport: Some(transport), ..meet() };
        check(wanted(bosh), both, bosh, "https://meet.example/bind");
        check(wanted(bosh), "websocket: 'wss://a/b'", bosh, "https://meet.example/sub/http-bind");
        check(
            wanted(Transport::WebSocket),
            "bosh: '/b'",
            Transport::WebSocket,
            "wss://meet.example/sub/xmpp-websocket",
        );
        let told = Target { bosh: Some("http://127.0.0.1:5280/http-bind".to_owned()), ..meet() };
        check(told, both, bosh, "http://127.0.0.1:5280/http-bind");
    }

    #[test]
    fn the_bridge_channel_is_the_one_that_a_client_would_take() {
        for (script, channel) in [
            ("x", Way::DataChannel),
            ("bridgeChannel: { preferSctp: true }", Way::DataChannel),
            ("bridgeChannel: { preferSctp: false }", Way::WebSocket),
            ("// preferSctp: false", Way::DataChannel),
            ("config.bridgeChannel.preferSctp = false;", Way::WebSocket),
            ("openBridgeChannel: 'websocket',", Way::WebSocket),
        ] {
            assert_eq!(found(&at("https://meet.example"), script).channel, channel, "{script}");
        }
        let told = Target { channel: Some(Way::DataChannel), ..at("https://meet.example") };
        assert_eq!(found(&told, "preferSctp: false").channel, Way::DataChannel);
    }

    #[test]
    fn an_address_of_the_other_kind_is_refused() {
        for target in [
            Target { bosh: Some("wss://meet.example/ws".to_owned()), ..at("https://meet.example") },
            Target { websocket: Some("https://meet.example/ws".to_owned()), ..at("https://meet.example") },
        ] {
            let error = target.addresses(&target.url.parse().unwrap(), "").unwrap_err().to_string();
            assert!(error.contains("is no "), "{error}");
        }
    }
}

//! Where the parts of the server are.

use anyhow::{Context as _, bail};
use hyper::{Method, Uri};

use crate::advice::on_closing;
use crate::config_js::text_of;
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
    pub focus: Option<FocusAt>,
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
    pub(crate) websocket: Uri,
    pub(crate) focus: FocusAt,
}

impl Target {
    /// Asks the server for its `config.js`, unless there is nothing left to learn from it.
    ///
    /// # Errors
    /// With what to do: nobody is there, the certificate is not trusted, the addresses are none.
    pub(crate) async fn find(&self, dialer: &Dialer) -> anyhow::Result<Addresses> {
        let url: Uri = self.url.parse().with_context(|| format!("{:?} is no URL", self.url))?;
        Place::of(&url).with_context(|| format!("{:?} is no http:// or https:// URL", self.url))?;
        if self.domain.is_some() && self.websocket.is_some() {
            return self.addresses(&url, "");
        }
        let base = self.url.trim_end_matches('/');
        let address = format!("{base}/config.js");
        let answer = http::ask(dialer, &address.parse()?, Method::GET, String::new()).await;
        match answer {
            Ok((200, script)) => self.addresses(&url, &script),
            Ok((status, _)) if self.domain.is_none() => bail!(
                "{address} is answered with HTTP status {status}; if this is no Jitsi Meet installation but an XMPP \
                 server, tell its --domain (and --muc, --websocket)"
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
        let scheme = if url.scheme_str() == Some("https") { "wss" } else { "ws" };
        let authority = url.authority().map(ToString::to_string).unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        let guess = format!("{scheme}://{authority}{path}/xmpp-websocket");
        let websocket = told(&self.websocket, "websocket").unwrap_or(guess);
        let websocket: Uri = websocket.parse().with_context(|| format!("{websocket:?} is no URL"))?;
        Place::of(&websocket).with_context(|| format!("{websocket} is no ws:// or wss:// URL"))?;
        let focus = match &self.focus {
            Some(focus) => focus.clone(),
            None => focus_of(script, &domain),
        };
        Ok(Addresses { domain, muc, websocket, focus })
    }
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

    fn at(url: &str) -> Target {
        Target { url: url.to_owned(), ..Target::default() }
    }

    #[test]
    fn everything_follows_from_a_full_script() {
        let script = "domain: 'd.example',\nmuc: 'muc.d.example',\nwebsocket: 'wss://w.example/ws',\n\
                      conferenceRequestUrl: 'https://r.example/conference-request/v1'";
        let found = found(&at("https://meet.example"), script);
        assert_eq!((found.domain.as_str(), found.muc.as_str()), ("d.example", "muc.d.example"));
        assert_eq!(found.websocket.to_string(), "wss://w.example/ws");
        assert_eq!(found.focus, FocusAt::Http("https://r.example/conference-request/v1".to_owned()));
    }

    #[test]
    fn the_rest_is_guessed_from_the_address() {
        let found = found(&at("http://127.0.0.1:5280"), "x");
        assert_eq!((found.domain.as_str(), found.muc.as_str()), ("127.0.0.1", "conference.127.0.0.1"));
        assert_eq!(found.websocket.to_string(), "ws://127.0.0.1:5280/xmpp-websocket");
        assert_eq!(found.focus, FocusAt::Iq("focus.127.0.0.1".to_owned()));
    }

    #[test]
    fn what_is_told_wins_and_without_a_script_there_is_no_focus() {
        let told = Target { domain: Some("localhost".to_owned()), ..at("https://meet.example/sub/") };
        let addresses = found(&told, "");
        assert_eq!((addresses.domain.as_str(), addresses.focus), ("localhost", FocusAt::Nowhere));
        assert_eq!(addresses.websocket.to_string(), "wss://meet.example/sub/xmpp-websocket");
        assert_eq!(found(&told, "domain: 'other'").domain, "localhost");
    }
}

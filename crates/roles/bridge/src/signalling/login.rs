//! From nothing to a bound XMPP stream (RFC 6120): connect, SASL, bind.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use sasl::common::Credentials;
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_xmpp::error::AuthError;
use tokio_xmpp::parsers::sasl::DefinedCondition;
use tokio_xmpp::xmlstream::{
    InitiatingStream, ReadError, StreamHeader, Timeouts, XmlStream, XmppStream, initiate_stream,
};
use xmpp::{Element, elem, ns};

use crate::config::Config;
use crate::limits::{CONNECT_MAX, PONG_MAX, SILENCE_MAX};

type Tcp = BufStream<TcpStream>;

/// A stream of stanzas, as elements.
pub(super) type Stream = XmlStream<Tcp, Element>;

const BIND_ID: &str = "bind";

#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    #[error("the shard cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// only the operator can help
    #[error("the shard refuses user and password of the bridge: {0}")]
    Password(String),
    #[error("the shard offers no way to log in without TLS that this bridge knows (SCRAM or PLAIN)")]
    NoMechanism,
    #[error("the login failed: {0}")]
    Protocol(String),
}

impl LoginError {
    fn protocol(e: impl ToString) -> Self {
        Self::Protocol(e.to_string())
    }
}

impl From<tokio_xmpp::Error> for LoginError {
    fn from(e: tokio_xmpp::Error) -> Self {
        match e {
            tokio_xmpp::Error::Auth(AuthError::NoMechanism) => Self::NoMechanism,
            tokio_xmpp::Error::Auth(AuthError::Fail(DefinedCondition::TemporaryAuthFailure)) => {
                Self::protocol(e)
            }
            tokio_xmpp::Error::Auth(AuthError::Fail(condition)) => Self::Password(format!("{condition:?}")),
            // SCRAM: the server knows another password
            tokio_xmpp::Error::Auth(AuthError::Sasl(e)) => Self::Password(e.to_string()),
            other => Self::protocol(other),
        }
    }
}

/// Logs in to a shard as `user@domain/id`.
pub(super) async fn log_in(config: &Config, shard: SocketAddr) -> Result<Stream, LoginError> {
    let tcp = timeout(CONNECT_MAX, TcpStream::connect(shard)).await.map_err(io::Error::from).flatten();
    let tcp = tcp.map_err(LoginError::Unreachable)?;
    tcp.set_nodelay(true).map_err(LoginError::Unreachable)?;
    let timeouts = Timeouts { read_timeout: SILENCE_MAX, response_timeout: PONG_MAX };
    let pending = initiate_stream(BufStream::new(tcp), ns::CLIENT, header(config), timeouts)
        .await
        .map_err(LoginError::protocol)?;
    let (features, stream): (_, XmppStream<Tcp>) =
        pending.recv_features().await.map_err(LoginError::protocol)?;
    let credentials =
        Credentials::default().with_username(config.user.as_str()).with_password(config.password.as_str());
    let stream = tokio_xmpp::client_login(stream, features.sasl_mechanisms, credentials).await?;
    bind(restart(stream, config).await?, &config.id).await
}

fn header(config: &Config) -> StreamHeader<'_> {
    StreamHeader { to: Some(Cow::Borrowed(&config.domain)), from: None, id: None }
}

async fn restart(stream: InitiatingStream<Tcp>, config: &Config) -> Result<Stream, LoginError> {
    let pending = stream.send_header(header(config)).await.map_err(LoginError::protocol)?;
    let (_, stream) = pending.recv_features().await.map_err(LoginError::protocol)?;
    Ok(stream)
}

/// RFC 6120 section 7.
async fn bind(mut stream: Stream, resource: &str) -> Result<Stream, LoginError> {
    let request = elem("iq", ns::CLIENT)
        .attr("type", "set")
        .attr("id", BIND_ID)
        .child(elem("bind", ns::BIND).child(elem("resource", ns::BIND).text(resource)))
        .build();
    stream.send(&request).await.map_err(LoginError::protocol)?;
    loop {
        let answer = match stream.next().await {
            Some(Ok(element)) => element,
            Some(Err(ReadError::SoftTimeout)) => continue,
            Some(Err(e)) => return Err(LoginError::protocol(e)),
            None => return Err(LoginError::protocol("the stream ended")),
        };
        if !answer.is("iq", ns::CLIENT) || answer.attr("id") != Some(BIND_ID) {
            continue;
        }
        return match answer.attr("type") {
            Some("result") => Ok(stream),
            _ => Err(LoginError::Protocol(format!("the shard refuses the resource {resource}"))),
        };
    }
}

//! Sockets, with and without TLS.

use hyper::Uri;
use participant::Closing;
use rustls_pki_types::ServerName;
use service::trust::Trust;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::limits::CONNECT_TIME_MAX;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    host: String,
    port: u16,
    tls: bool,
}

impl Place {
    /// `None`: the scheme is none that is spoken here, or there is no host.
    pub(crate) fn of(url: &Uri) -> Option<Self> {
        let tls = match url.scheme_str()? {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return None,
        };
        let host = url.host()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls })
    }
}

/// Connects.
pub(crate) struct Dialer {
    tls: TlsConnector,
}

impl Dialer {
    /// # Errors
    /// The file of certificates cannot be read or has none.
    pub(crate) fn new(trust: &Trust) -> anyhow::Result<Self> {
        Ok(Self { tls: trust.connector()? })
    }

    pub(crate) async fn dial(&self, url: &Uri) -> Result<Box<dyn Stream>, Closing> {
        let place = Place::of(url).ok_or_else(|| Closing::Unreachable(format!("{url} is no address")))?;
        timeout(CONNECT_TIME_MAX, self.connect(&place)).await.unwrap_or(Err(Closing::TimedOut))
    }

    async fn connect(&self, place: &Place) -> Result<Box<dyn Stream>, Closing> {
        let stream =
            TcpStream::connect((place.host.as_str(), place.port)).await.map_err(|e| no_socket(&e))?;
        // a frame that waits for others would be measured
        let _ = stream.set_nodelay(true);
        if !place.tls {
            return Ok(Box::new(stream));
        }
        let name =
            ServerName::try_from(place.host.clone()).map_err(|error| Closing::Tls(error.to_string()))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| Closing::Tls(error.to_string()))?;
        Ok(Box::new(stream))
    }
}

fn no_socket(error: &std::io::Error) -> Closing {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Closing::Refused,
        std::io::ErrorKind::TimedOut => Closing::TimedOut,
        _ => Closing::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_port_of_its_scheme() {
        let place = |url: &str| Place::of(&url.parse().unwrap()).map(|p| (p.host, p.port, p.tls));
        assert_eq!(place("wss://meet.example/x"), Some(("meet.example".to_owned(), 443, true)));
        assert_eq!(place("http://[::1]:8000"), Some(("::1".to_owned(), 8000, false)));
        assert_eq!(place("ftp://meet.example"), None);
        assert_eq!(place("/config.js"), None);
    }
}

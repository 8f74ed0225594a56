//! New connections to a shard: for a request where none was kept, for each WebSocket, and for each check.

use std::io;
use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use rustls_pki_types::ServerName;
use service::config::{PublicUrl, Stock};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::limits::CONNECT_TIME_MAX;
use crate::stream::Stream;

/// How a shard is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// a name or an address
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    /// `None`: this machine's resolver tells
    pub(super) ip: Option<IpAddr>,
}

impl Way {
    pub(super) fn of(url: &PublicUrl) -> Self {
        let host = url.host().to_owned();
        Self { ip: host.parse().ok(), port: url.port(), is_tls: url.is_secure(), host }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.ip.map(|ip| SocketAddr::new(ip, self.port))
    }

    /// For a `Host` header.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let is_usual = self.port == if self.is_tls { 443 } else { 80 };
        if is_usual { host } else { format!("{host}:{}", self.port) }
    }
}

pub(super) struct Dialer {
    tls: Option<TlsConnector>,
    /// in certificates, where it is not the host
    name: Option<String>,
}

impl Dialer {
    /// # Errors
    /// The file with the authority's certificate cannot be read.
    pub(super) fn new(settings: &Stock) -> anyhow::Result<Self> {
        let is_tls = settings.shards.iter().any(|shard| shard.url.is_secure())
            || settings.dns.as_ref().is_some_and(|dns| dns.is_tls);
        let tls = if is_tls { Some(settings.tls.trust.connector().context("stock.tls-ca")?) } else { None };
        Ok(Self { tls, name: settings.tls.name.clone() })
    }

    /// A connection, perhaps in TLS, within [`CONNECT_TIME_MAX`].
    pub(super) async fn dial(&self, way: &Way) -> io::Result<Stream> {
        timeout(CONNECT_TIME_MAX, self.connect(way)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn connect(&self, way: &Way) -> io::Result<Stream> {
        let stream = match way.address() {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect((way.host.as_str(), way.port)).await?,
        };
        stream.set_nodelay(true)?;
        let Some(tls) = self.tls.as_ref().filter(|_| way.is_tls) else { return Ok(Stream::Plain(stream)) };
        let name = self.name.as_ref().unwrap_or(&way.host).clone();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(tls.connect(name, stream).await?.into())))
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_way() {
        let check = |url: &str, authority: &str, address: Option<&str>| {
            let way = Way::of(&PublicUrl::parse(url).unwrap());
            assert_eq!(way.authority(), authority);
            assert_eq!(way.address(), address.map(|address| address.parse().unwrap()));
        };
        check("http://10.0.0.1", "10.0.0.1", Some("10.0.0.1:80"));
        check("https://shard-a.example:8443", "shard-a.example:8443", None);
        check("https://[2001:db8::1]", "[2001:db8::1]", Some("[2001:db8::1]:443"));
    }
}

//! Sockets, with and without TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use hyper::Uri;
use participant::Closing;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::credulous::Credulous;
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

/// Whose certificate is good enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// of whoever this machine trusts, and of those in this PEM file
    Known(Option<PathBuf>),
    /// of anybody
    Anybody,
}

/// Connects.
pub(crate) struct Dialer {
    tls: TlsConnector,
}

impl Dialer {
    /// # Errors
    /// The file of certificates cannot be read or has none.
    pub(crate) fn new(trust: &Trust) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = match trust {
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
                .with_no_client_auth(),
            Trust::Known(ca) => builder.with_root_certificates(roots(ca.as_deref())?).with_no_client_auth(),
        };
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
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

fn roots(ca: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca {
        let named = || format!("no certificates in {}", file.display());
        let certificates = CertificateDer::pem_file_iter(file).with_context(named)?;
        let certificates = certificates.collect::<Result<Vec<_>, _>>().with_context(named)?;
        anyhow::ensure!(roots.add_parsable_certificates(certificates).0 > 0, named());
    }
    Ok(roots)
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

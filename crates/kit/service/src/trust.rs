//! Whose certificates are good enough, for whoever connects with TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// of whoever this machine trusts, and of those in this PEM file
    Known(Option<PathBuf>),
    /// of anybody: what HAProxy's `verify none` does
    Anybody,
}

impl Trust {
    /// # Errors
    /// The file cannot be read or has no certificate.
    pub fn connector(&self) -> anyhow::Result<TlsConnector> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = match self {
            Self::Known(file) => builder.with_root_certificates(roots(file.as_deref())?),
            Self::Anybody => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Credulous::of(&provider)))
            }
        };
        Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
    }
}

fn roots(file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let named = || format!("no certificates in {}", file.display());
        let certificates = CertificateDer::pem_file_iter(file).with_context(named)?;
        let certificates = certificates.collect::<Result<Vec<_>, _>>().with_context(named)?;
        anyhow::ensure!(!certificates.is_empty(), named());
        for certificate in certificates {
            roots.add(certificate).with_context(named)?;
        }
    }
    Ok(roots)
}

/// Whoever has the key of the certificate that it shows is believed to be whoever was asked for.
#[derive(Debug)]
struct Credulous(WebPkiSupportedAlgorithms);

impl Credulous {
    fn of(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_its_name() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        for file in [empty.path(), Path::new("/nowhere/ca.pem")] {
            let refused = Trust::Known(Some(file.to_owned())).connector().map(drop).unwrap_err();
            assert_eq!(refused.to_string(), format!("no certificates in {}", file.display()));
        }
        assert!(Trust::Known(None).connector().is_ok() && Trust::Anybody.connector().is_ok());
    }
}

//! The certificate that participants show, and the cryptography behind it.

use std::sync::Arc;
use std::time::Instant;

use str0m::Rtc;
use str0m::config::DtlsCert;
use str0m::crypto::CryptoProvider;

/// Made once for a run: no bridge compares the certificates of its clients.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) crypto: Arc<CryptoProvider>,
    pub(super) certificate: DtlsCert,
    fingerprint: String,
}

impl Identity {
    /// A new one, from the operating system's randomness. `now` is any moment.
    pub fn new(now: Instant) -> Self {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate();
        let certificate = certificate.expect("the built-in provider makes certificates");
        let builder = Rtc::builder().set_crypto_provider(Arc::clone(&crypto));
        let mut rtc = builder.set_dtls_cert(certificate.clone()).build(now);
        let digest = rtc.direct_api().local_dtls_fingerprint().bytes.clone();
        let octets: Vec<String> = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        Self { crypto, certificate, fingerprint: octets.join(":") }
    }

    /// Of the certificate, sha-256: colon-separated hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

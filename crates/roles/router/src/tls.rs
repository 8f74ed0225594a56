//! Certificates: given as files, or made once and kept in the data directory.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use service::config::Tls;
use tokio_rustls::TlsAcceptor;

/// `None`: no TLS.
pub(crate) fn acceptor(tls: &Tls, data: &Path) -> anyhow::Result<Option<TlsAcceptor>> {
    match tls {
        Tls::Off => Ok(None),
        Tls::Files { cert, key } => from_files(cert, key).map(Some),
        Tls::SelfSigned { names } => {
            let folder = data.join("tls");
            self_signed(&folder, names)
                .with_context(|| format!("no certificate can be kept in {}", folder.display()))?;
            from_files(&folder.join(CERT), &folder.join(KEY)).map(Some)
        }
    }
}

const CERT: &str = "cert.pem";
const KEY: &str = "key.pem";
/// what the certificate is for, one name a line
const NAMES: &str = "names";

fn from_files(cert: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("the certificate {} cannot be read as PEM", cert.display()))?;
    ensure!(!chain.is_empty(), "there is no certificate in {}", cert.display());
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("the key {} cannot be read as PEM", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("no TLS version can be offered")?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| {
            format!("the key {} does not fit the certificate {}", key.display(), cert.display())
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes a certificate unless there is one for these names: a browser that was told to trust it shall not be asked
/// again at every start.
fn self_signed(folder: &Path, names: &[String]) -> anyhow::Result<()> {
    let wanted = names.join("\n");
    let is_kept = fs::read_to_string(folder.join(NAMES)).is_ok_and(|kept| kept == wanted)
        && folder.join(CERT).exists()
        && folder.join(KEY).exists();
    if is_kept {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(names).context("the names fit no certificate")?;
    fs::create_dir_all(folder)?;
    // The names come last: without them the rest is made anew.
    let _ = fs::remove_file(folder.join(NAMES));
    write_private(&folder.join(KEY), &made.signing_key.serialize_pem())?;
    fs::write(folder.join(CERT), made.cert.pem())?;
    fs::write(folder.join(NAMES), wanted)?;
    tracing::info!(folder = %folder.display(), "made a certificate that no authority has signed");
    Ok(())
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_made_once_and_anew_for_other_names() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("tls");
        let made_for = |list: &[&str]| {
            acceptor(&Tls::SelfSigned { names: names(list) }, data.path()).unwrap().unwrap();
            fs::read_to_string(folder.join(CERT)).unwrap()
        };
        let first = made_for(&["localhost", "127.0.0.1"]);
        assert_eq!(made_for(&["localhost", "127.0.0.1"]), first);
        assert_ne!(made_for(&["localhost", "10.0.0.1"]), first);
    }

    #[test]
    fn nobody_else_reads_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        acceptor(&Tls::SelfSigned { names: names(&["localhost"]) }, data.path()).unwrap();
        let mode = fs::metadata(data.path().join("tls").join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_wrong_with_the_files_is_told() {
        let data = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| data.path().join(name));
        for folder in &folders {
            self_signed(folder, &names(&["localhost"])).unwrap();
        }
        let empty = data.path().join("empty");
        fs::write(&empty, "").unwrap();
        let check = |cert: &Path, key: &Path, part: &str| {
            let error = from_files(cert, key).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        };
        let (cert, key) = (folders[0].join(CERT), folders[0].join(KEY));
        assert!(from_files(&cert, &key).is_ok());
        check(&data.path().join("none"), &key, "none cannot be read");
        check(&empty, &key, "there is no certificate");
        check(&cert, &empty, "empty cannot be read");
        check(&cert, &folders[1].join(KEY), "does not fit");
    }
}

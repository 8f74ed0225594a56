//! TLS with a certificate of our own.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use router::Running;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use service::config::Tls;
use support::{SOON, config, parse, start, upstreams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

#[tokio::test]
async fn browsers_that_trust_the_certificate_come_in() {
    let (_data, connector, router) = with_tls().await;
    let mut stream = connect(&connector, &router, "localhost").await.unwrap();
    stream
        .write_all(b"GET /config.js HTTP/1.1\r\nHost: localhost:8443\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let script = parse(&text);
    assert_eq!(script.status, 200);
    assert!(script.body.contains("\"wss://localhost:8443/xmpp-websocket\""), "{}", script.body);
}

#[tokio::test]
async fn the_certificate_is_for_the_addresses_too_and_for_nothing_else() {
    let (_data, connector, router) = with_tls().await;
    assert!(connect(&connector, &router, "127.0.0.1").await.is_ok());
    assert!(connect(&connector, &router, "evil.example").await.is_err());
}

#[tokio::test]
async fn a_websocket_passes_through_tls() {
    let (_data, connector, router) = with_tls().await;
    let stream = connect(&connector, &router, "localhost").await.unwrap();
    let (mut socket, _) =
        client_async("wss://localhost/colibri-ws/bridge-1/conf/ep?pwd=x", stream).await.unwrap();
    match socket.next().await {
        Some(Ok(Message::Text(text))) => assert_eq!(text.as_str(), "/colibri-ws/bridge-1/conf/ep?pwd=x"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stream_passes_through_tls() {
    let (_data, connector, router) = with_tls().await;
    let stream = connect(&connector, &router, "localhost").await.unwrap();
    let mut request = "wss://localhost/xmpp-websocket?room=standup".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "xmpp".parse().unwrap());
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    socket.next().await.unwrap().unwrap();
    for bytes in [1, 1_000, 200_000] {
        let text = "x".repeat(bytes);
        socket.send(Message::text(text.as_str())).await.unwrap();
        match timeout(SOON, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(echo))) => assert_eq!(echo.as_str(), text),
            other => panic!("{bytes}: {other:?}"),
        }
    }
}

/// A router with TLS, and a client that trusts its certificate.
async fn with_tls() -> (tempfile::TempDir, TlsConnector, Running) {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(upstreams().await);
    config.tls = Tls::SelfSigned { names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()] };
    config.data = data.path().to_owned();
    let router = start(config).await;
    let cert = CertificateDer::from_pem_file(data.path().join("tls/cert.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (data, TlsConnector::from(Arc::new(client)), router)
}

async fn connect(to: &TlsConnector, router: &Running, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(router.addr()).await.unwrap();
    to.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

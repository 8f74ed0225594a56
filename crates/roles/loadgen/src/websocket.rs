//! The WebSocket of a stream (RFC 7395), or of a bridge channel.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::Uri;
use participant::Closing;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::dial::{Dialer, Stream};
use crate::limits::{
    CLOSE_TIME_MAX, CONNECT_TIME_MAX, FRAME_BYTES_MAX, READ_BYTES, WRITE_BYTES, WRITE_TIME_MAX,
};

/// No status code came with the closing handshake (RFC 6455 section 7.1.5).
const NO_CODE: u16 = 1005;

pub(crate) struct WebSocket(WebSocketStream<Box<dyn Stream>>);

impl WebSocket {
    /// `protocol`: what it is to carry (RFC 6455 section 1.9).
    pub(crate) async fn open(
        dialer: &Dialer,
        url: &Uri,
        protocol: Option<&'static str>,
    ) -> Result<Self, Closing> {
        let stream = dialer.dial(url).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let mut request = url.into_client_request().map_err(|e| Closing::Unreachable(e.to_string()))?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        match timeout(CONNECT_TIME_MAX, opened).await {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(Error::Http(answer))) => Err(Closing::Status(answer.status().as_u16())),
            Ok(Err(_)) => Err(Closing::Broken),
            Err(_) => Err(Closing::TimedOut),
        }
    }

    /// The next text; or how it ended.
    pub(crate) async fn hear(&mut self) -> Result<String, Closing> {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(close))) => {
                    Err(Closing::Clean(close.map_or(NO_CODE, |close| close.code.into())))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Err(Closing::Broken),
            };
        }
    }

    /// Takes a text; it leaves with [`flush`](Self::flush), or before.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Closing> {
        in_time(self.0.feed(Message::text(text))).await
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Closing> {
        in_time(self.0.flush()).await
    }

    /// With the closing handshake.
    pub(crate) async fn close(mut self) {
        let closing = async {
            let _ = self.0.close(None).await;
            while let Some(Ok(_)) = self.0.next().await {}
        };
        let _ = timeout(CLOSE_TIME_MAX, closing).await;
    }
}

async fn in_time(writing: impl Future<Output = Result<(), Error>>) -> Result<(), Closing> {
    match timeout(WRITE_TIME_MAX, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Closing::Broken),
        Err(_) => Err(Closing::TimedOut),
    }
}

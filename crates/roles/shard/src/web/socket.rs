//! One client's WebSocket: negotiated, then a pump between the socket and the meeting.
//!
//! COMPAT: a socket is let go of without a closing handshake unless both sides said goodbye. A Jitsi client hangs for
//! ever when a resume attempt is closed cleanly before it got features, and takes up its stream after every other
//! kind of end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use meeting::{Close, ConnId, Input};
use service::clock::Clock;
use tokio_util::sync::CancellationToken;
use xmpp::c2s::{Access, Ends, Framing, Negotiation, Step};
use xmpp::limits::STANZA_BYTES_MAX;
use xmpp::sm;
use xmpp::text::to_text;

use super::ingress::Meter;
use super::listen::Seat;
use super::negotiations::Place;
use crate::Shard;
use crate::config::Ingress;
use crate::limits::{CLOSE_TIME, PING_AFTER, SILENCE_MAX, WRITE_TIME};
use crate::meetings::{Inbox, Meetings, Message};
use crate::outbox::{Letter, Letters, outbox};
use crate::room::RoomKey;
use crate::seed::seed;

/// Serves an upgraded socket to its end. `place` is one of those that negotiate, `seat` one of all that are open.
pub(super) async fn serve(shard: Arc<Shard>, room: RoomKey, socket: WebSocket, place: Place, seat: Seat) {
    let _seat = seat;
    let _running = shard.tasks.token();
    tokio::select! {
        () = shard.stop.cancelled() => {}
        () = shard.drain.cancelled() => {}
        () = stream(&shard, &room, socket, place) => {}
    }
}

async fn stream(shard: &Arc<Shard>, room: &RoomKey, mut socket: WebSocket, place: Place) {
    shard.counts.negotiations.inc();
    let time = shard.config.limits.negotiation_time;
    let wish = tokio::select! {
        () = place.lost() => None,
        ended = tokio::time::timeout(time, negotiate(shard, room, &mut socket)) => ended.ok().flatten(),
    };
    shard.counts.negotiations.dec();
    drop(place);
    let Some(wish) = wish else { return };
    let conn = ConnId(shard.connections.fetch_add(1, Ordering::Relaxed));
    let input = match wish {
        Wish::Bind { iq_id } => Input::Bind { conn, iq_id },
        Wish::Resume { previd, h, told } => Input::Resume { conn, previd, h, told },
    };
    let gone = CancellationToken::new();
    let (outbox, letters) = outbox(gone.clone());
    let attach = Message::Attach { conn, outbox, input };
    let Ok(inbox) = Meetings::deliver(shard, room, attach).await else { return };
    pump(shard, conn, &inbox, socket, letters, gone).await;
    // a meeting that has let go of the connection does not hear it
    let _ = inbox.send(Message::Conn { conn, input: Input::Dropped { conn } }).await;
}

enum Wish {
    Bind { iq_id: String },
    Resume { previd: String, h: u32, told: u32 },
}

/// `None` where the client left or was refused.
async fn negotiate(shard: &Shard, room: &RoomKey, socket: &mut WebSocket) -> Option<Wish> {
    let domain = &shard.config.settings.domain;
    let mut negotiation = Negotiation::new(Framing::WebSocket, domain, Access::Guests, seed());
    loop {
        let steps = match socket.recv().await?.ok()? {
            Frame::Text(text) if text.len() > STANZA_BYTES_MAX => {
                let (mut sink, mut stream) = socket.split();
                let _ = tokio::time::timeout(CLOSE_TIME, say_close(&mut sink, &mut stream, close_code::SIZE))
                    .await;
                return None;
            }
            Frame::Text(text) => negotiation.handle_frame(&text),
            Frame::Binary(_) => negotiation.stream_error("bad-format"),
            Frame::Ping(_) | Frame::Pong(_) => continue,
            Frame::Close(_) => return None,
        };
        for step in steps {
            match step {
                Step::Send(text) => socket.send(Frame::text(text)).await.ok()?,
                Step::Restart => {}
                Step::Ends(Ends::Bind { iq_id, .. }) => return Some(Wish::Bind { iq_id }),
                Step::Ends(Ends::Resume { previd, h, told })
                    if shard.meetings.has(room.as_str()) || shard.config.cluster.is_some() =>
                {
                    return Some(Wish::Resume { previd, h, told });
                }
                Step::Ends(Ends::Resume { .. }) => {
                    // a meeting that does not run has no streams: none is started to say so
                    socket.send(Frame::text(to_text(&sm::failed("item-not-found")))).await.ok()?;
                    shard.counts.count(meeting::Fact::ResumeRefused);
                    return None;
                }
                Step::Ends(Ends::Refused) => return None,
            }
        }
    }
}

/// Why the pump stops.
enum Ended {
    /// The socket is broken, silent, or not read.
    Dropped,
    /// The client sent what no client may send: this close code says what.
    Refused(u16),
    /// The meeting is done with the connection.
    Told(Close),
}

async fn pump(
    shard: &Shard,
    conn: ConnId,
    inbox: &Inbox,
    socket: WebSocket,
    letters: Letters,
    gone: CancellationToken,
) {
    let (mut sink, mut stream) = socket.split();
    let ended = tokio::select! {
        () = gone.cancelled() => {
            shard.counts.connections_overflowed.inc();
            Ended::Dropped
        }
        // while the meeting is busy nothing more is read; the other direction goes on
        ended = read(conn, inbox, &mut stream, shard.config.limits.ingress) => ended,
        ended = write(&mut sink, letters) => ended,
    };
    let close = async {
        match ended {
            Ended::Dropped | Ended::Told(Close::Silently) => {}
            Ended::Refused(code) => say_close(&mut sink, &mut stream, code).await,
            Ended::Told(Close::Goodbye) => {
                let _ = sink.send(Frame::text(Framing::WebSocket.close())).await;
                say_close(&mut sink, &mut stream, close_code::NORMAL).await;
            }
        }
    };
    // whoever does not take the goodbye in this time does without
    let _ = tokio::time::timeout(CLOSE_TIME, close).await;
}

async fn read(conn: ConnId, inbox: &Inbox, stream: &mut SplitStream<WebSocket>, ingress: Ingress) -> Ended {
    let mut meter = Meter::new(ingress, Clock.now());
    let mut pause = Duration::ZERO;
    loop {
        // who is too fast waits in its own socket; the other direction goes on
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE_MAX, stream.next()).await else {
            return Ended::Dropped;
        };
        let text = match frame {
            Frame::Text(text) if text.len() > STANZA_BYTES_MAX => return Ended::Refused(close_code::SIZE),
            Frame::Text(text) => text,
            Frame::Binary(_) => return Ended::Refused(close_code::UNSUPPORTED),
            Frame::Ping(_) | Frame::Pong(_) => {
                pause = meter.read("", Clock.now());
                continue;
            }
            // without a <close/> before it the client may come back
            Frame::Close(_) => return Ended::Dropped,
        };
        pause = meter.read(&text, Clock.now());
        if text.trim().is_empty() {
            continue;
        }
        let input = Input::Received { conn, text: text.as_str().to_owned() };
        if inbox.send(Message::Conn { conn, input }).await.is_err() {
            return Ended::Dropped;
        }
    }
}

async fn write(sink: &mut SplitSink<WebSocket, Frame>, mut letters: Letters) -> Ended {
    let mut ping = Clock.now() + PING_AFTER;
    loop {
        let letter = tokio::select! {
            letter = letters.next() => letter,
            () = tokio::time::sleep_until(ping.into()) => {
                ping = Clock.now() + PING_AFTER;
                if put(sink, Frame::Ping(Default::default())).await.is_err() || flush(sink).await.is_err() {
                    return Ended::Dropped;
                }
                continue;
            }
        };
        let mut next = letter;
        // what waits already leaves in one write
        while let Some(letter) = next {
            match letter {
                Letter::Text(text) => {
                    if put(sink, Frame::text(text)).await.is_err() {
                        return Ended::Dropped;
                    }
                }
                Letter::Close(how) => {
                    let flushed = flush(sink).await;
                    return if flushed.is_ok() { Ended::Told(how) } else { Ended::Dropped };
                }
            }
            next = letters.waiting();
        }
        if flush(sink).await.is_err() || letters.is_over() {
            return Ended::Dropped;
        }
    }
}

/// The client does not read, or is gone.
struct Stuck;

async fn put(sink: &mut SplitSink<WebSocket, Frame>, frame: Frame) -> Result<(), Stuck> {
    within(sink.feed(frame)).await
}

async fn flush(sink: &mut SplitSink<WebSocket, Frame>) -> Result<(), Stuck> {
    within(sink.flush()).await
}

async fn within(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Stuck> {
    match tokio::time::timeout(WRITE_TIME, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Stuck),
    }
}

/// A closing handshake. What the client still sends is read and thrown away: a socket closed with unread bytes takes
/// the close frame with it.
async fn say_close<S, E>(sink: &mut S, stream: &mut (impl Stream<Item = Result<Frame, E>> + Unpin), code: u16)
where
    S: Sink<Frame> + Unpin,
{
    let frame = CloseFrame { code, reason: Utf8Bytes::default() };
    if sink.send(Frame::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}

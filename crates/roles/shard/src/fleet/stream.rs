//! Streams of accounts over TCP (RFC 6120), without TLS: for bridges on loopback or a private network.

use std::sync::Arc;

use anyhow::Context as _;
use service::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use xmpp::c2s::{self, Access, Accounts, Ends, Framing, Negotiation, Step};
use xmpp::jid::FullJid;
use xmpp::tcp::{Reader, Said};
use xmpp::text::to_text;

use super::Fleet;
use crate::limits::{LATE_MIN, LOGIN_TIME, STREAM_PING_AFTER, STREAM_PONG_TIME, STREAMS_MAX, WRITE_TIME};
use crate::seed::seed;

/// Who may log in where.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) domain: String,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) stop: CancellationToken,
}

/// Takes streams until it is stopped.
pub(crate) async fn listen(listener: TcpListener, door: Door) {
    let door = Arc::new(door);
    let places = Arc::new(Semaphore::new(STREAMS_MAX));
    loop {
        let accepted = tokio::select! {
            () = door.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // out of descriptors, most likely: accepting again at once would only spin
            tokio::time::sleep(crate::limits::RETRY_FIRST).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let gone = door.stop.child_token();
            tokio::select! {
                () = gone.cancelled() => {}
                ended = serve(&door, socket, &gone) => if let Err(error) = ended {
                    tracing::debug!(%error, "a stream has ended");
                },
            }
            drop(place);
        });
    }
}

async fn serve(door: &Door, socket: TcpStream, gone: &CancellationToken) -> anyhow::Result<()> {
    socket.set_nodelay(true).context("set_nodelay")?;
    let (mut input, mut output) = socket.into_split();
    let mut reader = Reader::new();
    let login = log_in(door, &mut reader, &mut input, &mut output);
    let Some(login) = tokio::time::timeout(LOGIN_TIME, login).await.context("the login took too long")??
    else {
        return Ok(());
    };
    tracing::debug!(user = %login.jid, "logged in");
    let (id, texts) = door.fleet.bound(login.jid, gone.clone());
    // whatever ends this task, the fleet learns of it
    let _guard = Leave { fleet: &door.fleet, id };
    output.write_all(login.bound.as_bytes()).await?;
    tokio::select! {
        read = read(door, id, &mut reader, &mut input) => read,
        wrote = write(texts, &mut output) => wrote,
    }
}

struct Leave<'a> {
    fleet: &'a Fleet,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.fleet.gone(self.id);
    }
}

struct Login {
    jid: FullJid,
    /// the answer to the bind request
    bound: String,
}

/// `None` where the client was refused or left.
async fn log_in(
    door: &Door,
    reader: &mut Reader,
    input: &mut OwnedReadHalf,
    output: &mut OwnedWriteHalf,
) -> anyhow::Result<Option<Login>> {
    let access = Access::Accounts(Arc::clone(&door.accounts));
    let mut negotiation = Negotiation::new(Framing::Tcp, &door.domain, access, seed());
    loop {
        let steps = match reader.next() {
            Ok(Some(said)) => negotiation.handle_said(&said),
            Ok(None) => {
                if !more(reader, input).await? {
                    return Ok(None);
                }
                continue;
            }
            Err(error) => negotiation.stream_error(error.condition()),
        };
        for step in steps {
            match step {
                Step::Send(text) => output.write_all(text.as_bytes()).await?,
                Step::Restart => reader.restart(),
                Step::Ends(Ends::Bind { user, iq_id, resource }) => {
                    return login(door, user, &iq_id, resource).map(Some);
                }
                Step::Ends(Ends::Resume { .. } | Ends::Refused) => return Ok(None),
            }
        }
    }
}

fn login(door: &Door, user: Option<String>, iq_id: &str, resource: Option<String>) -> anyhow::Result<Login> {
    let user = user.context("accounts have names")?;
    let resource = resource.unwrap_or_else(|| crate::hex(&seed::<8>()));
    let jid =
        FullJid::new(&format!("{user}@{}/{resource}", door.domain)).context("no address for this login")?;
    let bound = to_text(&c2s::bound(iq_id, jid.as_str()));
    Ok(Login { jid, bound })
}

async fn read(door: &Door, id: u64, reader: &mut Reader, input: &mut OwnedReadHalf) -> anyhow::Result<()> {
    // Where this process stood still, the time that it lost is not the bridge's: it is asked again.
    let mut pinged = false;
    loop {
        match reader.next().context("what it says is no stream")? {
            Some(Said::Element(stanza)) => door.fleet.handle(id, &stanza),
            Some(Said::Open(_) | Said::Close) => return Ok(()),
            None => {
                let patience = if pinged { STREAM_PONG_TIME } else { STREAM_PING_AFTER };
                let until = Clock.now() + patience;
                match tokio::time::timeout(patience, more(reader, input)).await {
                    Ok(Ok(true)) => pinged = false,
                    Ok(Ok(false)) => return Ok(()),
                    Ok(Err(error)) => return Err(error),
                    Err(_) if pinged && Clock.now() < until + LATE_MIN => {
                        anyhow::bail!("it has not answered a ping for {patience:?}")
                    }
                    Err(_) => {
                        pinged = true;
                        door.fleet.ping(id);
                    }
                }
            }
        }
    }
}

async fn write(mut texts: mpsc::Receiver<String>, output: &mut OwnedWriteHalf) -> anyhow::Result<()> {
    while let Some(text) = texts.recv().await {
        let wrote = output.write_all(text.as_bytes());
        tokio::time::timeout(WRITE_TIME, wrote).await.context("it does not read")??;
    }
    Ok(())
}

/// Reads what has arrived; `false` at the end of the stream. Nothing is lost when it is dropped while it waits.
async fn more(reader: &mut Reader, input: &mut OwnedReadHalf) -> anyhow::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    let length = input.read(&mut buffer).await?;
    reader.push(&buffer[..length]);
    Ok(length > 0)
}

//! One room: who publishes, who watches, and in which order.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use loadgen::Measurement;
use participant::Author;
use participant::media::{Command, RemoteSource};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::api::Session;
use crate::half::Half;
use crate::sdp;

const ROOM: u64 = 1;
/// Between two who come, as `althing load` lets twenty in a second.
const JOIN_INTERVAL: Duration = Duration::from_millis(50);
/// Attendances, one for each media connection.
const PUBLISHES: u32 = 0;
const WATCHES: u32 = 1;

struct Person {
    measurement: Rc<Measurement>,
    number: u32,
    session: Session,
    came: Duration,
}

/// Everybody, once all media connections stand: first all publish, then all watch all the others, so that nobody has to
/// negotiate twice. What is given back ends with the first who falls out.
pub(crate) async fn enter(
    url: &str,
    measurement: &Rc<Measurement>,
    participants: u32,
    senders: u32,
) -> anyhow::Result<JoinSet<anyhow::Error>> {
    create(url, senders).await?;
    let mut people = Vec::new();
    for number in 0..participants {
        let (measurement, session) = (Rc::clone(measurement), Session::open(url).await?);
        let came = measurement.elapsed();
        people.push(Person { measurement, number, session, came });
    }
    let publishing = all(people, move |person| Box::pin(person.publish_if(senders)));
    let watching = all(publishing.await?, move |person| Box::pin(person.watch(senders)));
    let mut seats = JoinSet::new();
    for person in watching.await? {
        seats.spawn_local(person.session.attend());
    }
    Ok(seats)
}

async fn create(url: &str, publishers: u32) -> anyhow::Result<()> {
    let mut session = Session::open(url).await?;
    let handle = session.attach().await?;
    // no bound on bit rates, and what Janus does by itself otherwise
    let room = json!({
        "request": "create",
        "room": ROOM,
        "publishers": publishers,
        "audiocodec": "opus",
        "videocodec": "vp8",
    });
    session.message(handle, room, None).await?;
    Ok(())
}

type Acting = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Person>>>>;

/// One after the other begins, and nobody waits for the one before.
async fn all(people: Vec<Person>, act: impl Fn(Person) -> Acting) -> anyhow::Result<Vec<Person>> {
    let mut acting = JoinSet::new();
    for person in people {
        acting.spawn_local(act(person));
        tokio::time::sleep(JOIN_INTERVAL).await;
    }
    let mut done = Vec::new();
    while let Some(person) = acting.join_next().await {
        done.push(person??);
    }
    Ok(done)
}

/// What Janus calls whoever publishes.
fn feed(number: u32) -> u64 {
    u64::from(number) + 1
}

impl Person {
    async fn publish_if(mut self, senders: u32) -> anyhow::Result<Self> {
        if self.number < senders {
            self.publish().await.with_context(|| format!("participant {} publishes", self.number))?;
        }
        Ok(self)
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let author = Author { participant: self.number, attendance: PUBLISHES };
        let own = Half::new(author, self.measurement.fingerprint());
        let handle = self.session.attach().await?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": ROOM, "id": feed(self.number) });
        self.session.message(handle, join, None).await?;
        let offer = Some(("offer", own.offer()));
        let answer = self.session.message(handle, json!({ "request": "publish" }), offer).await?;
        let remote = sdp::read(&answer.jsep.context("Janus answers without SDP")?)?;
        self.measurement.enter(author, true);
        self.measurement.tell(author, Command::Begin(Box::new(own.publishing(&remote))));
        self.session.trickle_completed(handle).await?;
        self.session.connected(handle).await
    }

    /// Everybody else who publishes, over one connection.
    async fn watch(mut self, senders: u32) -> anyhow::Result<Self> {
        let others = (0..senders).filter(|number| *number != self.number);
        let streams: Vec<Value> = others.map(|number| json!({ "feed": feed(number) })).collect();
        if !streams.is_empty() {
            self.subscribe(streams).await.with_context(|| format!("participant {} watches", self.number))?;
        }
        self.measurement.joined(self.measurement.elapsed().saturating_sub(self.came));
        Ok(self)
    }

    async fn subscribe(&mut self, streams: Vec<Value>) -> anyhow::Result<()> {
        let author = Author { participant: self.number, attendance: WATCHES };
        let own = Half::new(author, self.measurement.fingerprint());
        let handle = self.session.attach().await?;
        let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams });
        let attached = self.session.message(handle, join, None).await?;
        let remote = sdp::read(&attached.jsep.context("Janus attaches without SDP")?)?;
        let sources = sources(&remote, &owners(&attached.data));
        self.measurement.enter(author, false);
        self.measurement.tell(author, Command::Begin(Box::new(own.watching(&remote, sources))));
        let answer = Some(("answer", own.answer(&remote)));
        self.session.message(handle, json!({ "request": "start" }), answer).await?;
        self.session.trickle_completed(handle).await?;
        self.session.connected(handle).await
    }
}

/// Who is seen and heard where: feeds by the mid of their section.
fn owners(attached: &Value) -> BTreeMap<String, u64> {
    let streams = attached["streams"].as_array().into_iter().flatten();
    streams
        .filter_map(|stream| Some((stream["mid"].as_str()?.to_owned(), stream["feed_id"].as_u64()?)))
        .collect()
}

fn sources(remote: &sdp::Remote, owners: &BTreeMap<String, u64>) -> Vec<RemoteSource> {
    let source = |section: &sdp::Section| {
        let owner = owners.get(&section.mid)?;
        Some(RemoteSource {
            kind: section.kind,
            name: format!("{owner}-{}", section.kind.as_str()),
            owner: owner.to_string(),
            ssrc: section.ssrc?,
            rtx: section.rtx,
        })
    };
    remote.sections.iter().filter_map(source).collect()
}

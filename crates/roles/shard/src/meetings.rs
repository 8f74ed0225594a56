//! The meetings that this shard owns, each behind the inbox of its task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use meeting::{ConnId, Input, Summary};
use tokio::sync::{mpsc, oneshot};

use crate::Shard;
use crate::limits::INBOX_MAX;
use crate::outbox::Outbox;
use crate::owner;
use crate::room::RoomKey;

/// What a meeting's task is told. All of it is bounded by [`INBOX_MAX`]: who comes next waits.
#[derive(Debug)]
pub(crate) enum Message {
    /// A connection that belongs to the meeting from now on, with its bind or resume request.
    Attach {
        conn: ConnId,
        outbox: Outbox,
        input: Input,
    },
    /// From a connection that was attached.
    Conn {
        conn: ConnId,
        input: Input,
    },
    /// A conference request, and where its status and body go.
    Request {
        body: String,
        answer: oneshot::Sender<(u16, String)>,
    },
    Summary(oneshot::Sender<Summary>),
}

pub(crate) type Inbox = mpsc::Sender<Message>;

/// The shard has as many meetings as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this server has no place for another meeting; try again later")]
pub(crate) struct Full;

#[derive(Debug, Default)]
pub(crate) struct Meetings {
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    /// by room
    tasks: BTreeMap<String, Task>,
    started: u64,
}

#[derive(Debug)]
struct Task {
    inbox: Inbox,
    number: u64,
}

/// Which of the tasks that a room ever had; tells an old one that it was replaced.
pub(crate) type TaskNumber = u64;

impl Meetings {
    /// Hands `message` to the meeting, which is started if it does not run; gives its inbox, for what follows.
    pub(crate) async fn deliver(shard: &Arc<Shard>, room: &RoomKey, message: Message) -> Result<Inbox, Full> {
        let mut message = message;
        loop {
            let inbox = shard.meetings.start(shard, room.as_str())?;
            match inbox.send(message).await {
                Ok(()) => return Ok(inbox),
                // it ended at this moment: the next one takes it
                Err(mpsc::error::SendError(returned)) => message = returned,
            }
        }
    }

    /// Does this meeting run?
    pub(crate) fn has(&self, room: &RoomKey) -> bool {
        self.running().tasks.get(room.as_str()).is_some_and(|task| !task.inbox.is_closed())
    }

    /// The inbox of a meeting, which is started if it does not run: replayed where the journal has it.
    pub(crate) fn start(&self, shard: &Arc<Shard>, room: &str) -> Result<Inbox, Full> {
        let mut running = self.running();
        if let Some(task) = running.tasks.get(room).filter(|task| !task.inbox.is_closed()) {
            return Ok(task.inbox.clone());
        }
        if running.tasks.len() >= shard.config.limits.meetings_max {
            return Err(Full);
        }
        running.started += 1;
        let number = running.started;
        let (inbox, messages) = mpsc::channel(INBOX_MAX);
        running.tasks.insert(room.to_owned(), Task { inbox: inbox.clone(), number });
        shard.counts.meetings.set(i64::try_from(running.tasks.len()).unwrap_or(i64::MAX));
        shard.tasks.spawn(owner::run(Arc::clone(shard), room.to_owned(), number, messages));
        Ok(inbox)
    }

    /// A task ends: from here on the room is started anew.
    pub(crate) fn ended(&self, shard: &Shard, room: &str, number: TaskNumber) {
        let mut running = self.running();
        if running.tasks.get(room).is_some_and(|task| task.number == number) {
            running.tasks.remove(room);
        }
        shard.counts.meetings.set(i64::try_from(running.tasks.len()).unwrap_or(i64::MAX));
    }

    /// Every meeting that runs, with what it tells of itself.
    pub(crate) async fn summaries(&self) -> Vec<(String, Summary)> {
        let inboxes: Vec<_> =
            self.running().tasks.iter().map(|(room, task)| (room.clone(), task.inbox.clone())).collect();
        let mut summaries = Vec::with_capacity(inboxes.len());
        for (room, inbox) in inboxes {
            let (sender, answer) = oneshot::channel();
            if inbox.send(Message::Summary(sender)).await.is_ok()
                && let Ok(summary) = answer.await
            {
                summaries.push((room, summary));
            }
        }
        summaries
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
            let (inbox, busy) = shard.meetings.put(shard, room.as_str(), message)?;
            let Some(returned) = busy else { return Ok(inbox) };
            match inbox.send(returned).await {
                Ok(()) => return Ok(inbox),
                // it ended at this moment: the next one takes it
                Err(mpsc::error::SendError(returned)) => message = returned,
            }
        }
    }

    /// Puts the message into the inbox under the lock under which a meeting ends, so that none ends with it. Gives it
    /// back where the inbox is full.
    fn put(
        &self,
        shard: &Arc<Shard>,
        room: &str,
        message: Message,
    ) -> Result<(Inbox, Option<Message>), Full> {
        let mut running = self.running();
        let inbox = running.start(shard, room)?;
        let busy = match inbox.try_send(message) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(message) | mpsc::error::TrySendError::Closed(message)) => {
                Some(message)
            }
        };
        Ok((inbox, busy))
    }

    /// Does this meeting run?
    pub(crate) fn has(&self, room: &RoomKey) -> bool {
        self.running().tasks.get(room.as_str()).is_some_and(|task| !task.inbox.is_closed())
    }

    /// Starts a meeting if it does not run: replayed where the journal has it.
    pub(crate) fn start(&self, shard: &Arc<Shard>, room: &str) -> Result<(), Full> {
        self.running().start(shard, room).map(drop)
    }

    /// A task whose meeting is over ends, unless somebody has come meanwhile: then it gives `false`.
    pub(crate) fn end(&self, room: &str, number: TaskNumber, messages: &mut mpsc::Receiver<Message>) -> bool {
        let mut running = self.running();
        if !messages.is_empty() {
            return false;
        }
        messages.close();
        running.remove(room, number);
        true
    }

    /// A task has ended for another reason: from here on the room is started anew.
    pub(crate) fn ended(&self, shard: &Shard, room: &str, number: TaskNumber) {
        let mut running = self.running();
        running.remove(room, number);
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

impl Running {
    fn start(&mut self, shard: &Arc<Shard>, room: &str) -> Result<Inbox, Full> {
        if let Some(task) = self.tasks.get(room).filter(|task| !task.inbox.is_closed()) {
            return Ok(task.inbox.clone());
        }
        if self.tasks.len() >= shard.config.limits.meetings_max {
            return Err(Full);
        }
        self.started += 1;
        let number = self.started;
        let (inbox, messages) = mpsc::channel(INBOX_MAX);
        self.tasks.insert(room.to_owned(), Task { inbox: inbox.clone(), number });
        shard.counts.meetings.set(i64::try_from(self.tasks.len()).unwrap_or(i64::MAX));
        shard.tasks.spawn(owner::run(Arc::clone(shard), room.to_owned(), number, messages));
        Ok(inbox)
    }

    fn remove(&mut self, room: &str, number: TaskNumber) {
        if self.tasks.get(room).is_some_and(|task| task.number == number) {
            self.tasks.remove(room);
        }
    }
}

//! The meetings that this shard owns, each behind the inbox of its task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use meeting::{ConnId, Input, Summary};
use tokio::sync::{mpsc, oneshot};

use crate::Shard;
use crate::limits::{INBOX_MAX, MEETING_ANSWER_TIME};
use crate::outbox::Outbox;
use crate::owner::{self, Opened};
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
    /// Another shard has it from now on.
    LetGo,
    /// The engine may have lost the meeting.
    Look,
}

pub(crate) type Inbox = mpsc::Sender<Message>;

/// The shard has as many meetings as it may have, or as many without an occupant.
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
    /// those without an occupant
    empty: usize,
    started: u64,
}

#[derive(Debug)]
struct Task {
    inbox: Inbox,
    number: TaskNumber,
    occupied: bool,
    /// its journal does not answer
    unprotected: bool,
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
        let asks = matches!(message, Message::Request { .. });
        if asks && !running.has(room) && running.empty >= shard.config.limits.empty_meetings_max {
            return Err(Full);
        }
        let inbox = running.start(shard, room, None)?;
        let busy = match inbox.try_send(message) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(message) | mpsc::error::TrySendError::Closed(message)) => {
                Some(message)
            }
        };
        Ok((inbox, busy))
    }

    /// Does this meeting run?
    pub(crate) fn has(&self, room: &str) -> bool {
        self.running().has(room)
    }

    /// Those that run, in the order of their names.
    pub(crate) fn rooms(&self) -> Vec<String> {
        self.running().tasks.keys().cloned().collect()
    }

    /// Another shard has the meeting: its task writes it down and ends.
    pub(crate) fn let_go(&self, room: &str) {
        self.tell(room, Message::LetGo);
    }

    /// The engine may have lost the meeting: its task finds out.
    pub(crate) fn look(&self, room: &str) {
        self.tell(room, Message::Look);
    }

    fn tell(&self, room: &str, message: Message) {
        let Some(inbox) = self.running().tasks.get(room).map(|task| task.inbox.clone()) else { return };
        if let Err(mpsc::error::TrySendError::Full(message)) = inbox.try_send(message) {
            // it is busy; it hears of it behind what waits
            tokio::spawn(async move { inbox.send(message).await });
        }
    }

    /// Takes a meeting over, unless it runs here already.
    pub(crate) fn adopt(shard: &Arc<Shard>, room: &str) -> Result<(), Full> {
        shard.meetings.replay(shard, room).map(drop)
    }

    /// Starts a meeting that the journal has; what comes back tells that it was replayed.
    pub(crate) fn replay(&self, shard: &Arc<Shard>, room: &str) -> Result<oneshot::Receiver<Opened>, Full> {
        let (opened, answer) = oneshot::channel();
        self.running().start(shard, room, Some(opened)).map(|_| answer)
    }

    /// A task tells whether somebody is in its room.
    pub(crate) fn occupied(&self, room: &str, number: TaskNumber, occupied: bool) {
        let mut running = self.running();
        let task = running.tasks.get_mut(room).filter(|task| task.number == number);
        if let Some(task) = task
            && std::mem::replace(&mut task.occupied, occupied) != occupied
        {
            running.empty = if occupied { running.empty - 1 } else { running.empty + 1 };
        }
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

    /// Every meeting that runs, with what it tells of itself; one that does not answer in time is there without.
    pub(crate) async fn summaries(&self) -> Vec<(String, Summary)> {
        let asked: Vec<_> = {
            let running = self.running();
            let tasks = running.tasks.iter();
            tasks.map(|(room, task)| summary(room.clone(), task.inbox.clone(), task.unprotected)).collect()
        };
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Whether the journal answers the meeting.
    pub(crate) fn unprotected(&self, room: &str, number: TaskNumber, unprotected: bool) {
        if let Some(task) = self.running().tasks.get_mut(room).filter(|task| task.number == number) {
            task.unprotected = unprotected;
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn has(&self, room: &str) -> bool {
        self.tasks.get(room).is_some_and(|task| !task.inbox.is_closed())
    }

    fn start(
        &mut self,
        shard: &Arc<Shard>,
        room: &str,
        opened: Option<oneshot::Sender<Opened>>,
    ) -> Result<Inbox, Full> {
        if let Some(task) = self.tasks.get(room).filter(|task| !task.inbox.is_closed()) {
            return Ok(task.inbox.clone());
        }
        if self.tasks.len() >= shard.config.limits.meetings_max {
            return Err(Full);
        }
        self.started += 1;
        let number = self.started;
        let (inbox, messages) = mpsc::channel(INBOX_MAX);
        // one that is replayed had somebody in it, until it says otherwise
        let occupied = opened.is_some();
        self.insert(room, Task { inbox: inbox.clone(), number, occupied, unprotected: false });
        shard.counts.meetings.set(i64::try_from(self.tasks.len()).unwrap_or(i64::MAX));
        shard.tasks.spawn(owner::run(Arc::clone(shard), room.to_owned(), number, messages, opened));
        Ok(inbox)
    }

    fn insert(&mut self, room: &str, task: Task) {
        self.empty += usize::from(!task.occupied);
        if let Some(old) = self.tasks.insert(room.to_owned(), task) {
            self.empty -= usize::from(!old.occupied);
        }
    }

    fn remove(&mut self, room: &str, number: TaskNumber) {
        if self.tasks.get(room).is_some_and(|task| task.number == number)
            && let Some(task) = self.tasks.remove(room)
        {
            self.empty -= usize::from(!task.occupied);
        }
    }
}

/// `None` where it has just ended.
async fn summary(room: String, inbox: Inbox, unprotected: bool) -> Option<(String, Summary)> {
    let ask = async {
        let (sender, answer) = oneshot::channel();
        inbox.send(Message::Summary(sender)).await.ok()?;
        answer.await.ok()
    };
    match tokio::time::timeout(MEETING_ANSWER_TIME, ask).await {
        Ok(summary) => summary.map(|summary| (room, Summary { unprotected, ..summary })),
        Err(_) => Some((room, Summary { unprotected, ..Summary::default() })),
    }
}

//! Lines of chat, as each client is shown them.

use super::{Check, Log, breach};
use crate::fact::{Breach, Invariant};

/// How things stood when a line was shown that was not durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsure {
    /// of the room
    takeovers: u64,
    /// of the listener, by itself
    resumes: u64,
}

impl Check {
    /// Lines of one author come in order, each once, from the first that was said in the listener's presence on. Of what
    /// was said before there is only so much; who joins once more, as his join was lost, hears it as such.
    pub(super) fn hear(&mut self, client: usize, from: &str, line: u64) -> Result<(), Breach> {
        let author = self.people.values().find(|person| person.nick == from);
        let author = author.map(|author| (author.joined, author.first));
        let Some(listener) = self.people.get_mut(&client) else { return Ok(()) };
        let Some(log) = self.logs.get(&listener.room) else { return Ok(()) };
        let key = (from.to_owned(), line);
        let durable = log.lines.get(&key).copied();
        let last = listener.heard.get(from).copied();
        if last.is_some_and(|last| line <= last) {
            let unsure = listener.unsure.remove(&key);
            if unsure.is_some_and(|unsure| unsure.excuses(log, durable, listener.resumes)) {
                return Ok(());
            }
        }
        if durable.is_none() {
            let unsure = Unsure { takeovers: log.takeovers, resumes: listener.resumes };
            listener.unsure.insert(key, unsure);
        }
        let expected = match listener.heard.insert(from.to_owned(), line) {
            Some(last) => Some(last + 1),
            None if listener.joined.is_none() => None,
            None => author.filter(|(joined, _)| *joined > listener.joined).and_then(|(_, first)| first),
        };
        match expected {
            Some(expected) if expected != line => {
                let what = format!("client-{client} hears line {line} of {from}, expected was {expected}");
                Err(breach(Invariant::ExactlyOnce, what))
            }
            _ => Ok(()),
        }
    }
}

impl Unsure {
    /// A line may be shown again where three things have failed together: the engine, so that it was shown before it was
    /// durable; its owner, with which it was lost; and the router, so that nobody knew that it had been shown.
    fn excuses(self, log: &Log, durable: Option<u64>, resumes: u64) -> bool {
        durable.unwrap_or(log.takeovers) > self.takeovers && resumes > self.resumes
    }
}

impl Log {
    /// What is sent to a client is durable now.
    pub(super) fn note_line(&mut self, text: &str) {
        let from =
            text.split_once(" from=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(from, _)| from);
        let body = text.split_once("<body>").and_then(|(_, rest)| rest.split_once('<')).map(|(body, _)| body);
        let nick = from.and_then(|from| from.rsplit_once('/')).map(|(_, nick)| nick.to_owned());
        if let (Some(nick), Some(line)) = (nick, body.and_then(|body| body.parse().ok())) {
            self.lines.entry((nick, line)).or_insert(self.takeovers);
        }
    }
}

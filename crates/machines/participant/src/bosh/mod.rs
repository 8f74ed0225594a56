//! A stream over HTTP (XEP-0124, XEP-0206), as Strophe holds it: what lib-jitsi-meet speaks where it is given no WebSocket.
//!
//! It stands between a [`Participant`](crate::Participant), which speaks as on a WebSocket (RFC 7395), and a shell that
//! does nothing but POST. In come the participant's frames, answers, and that time has passed; out go bodies, frames
//! for the participant, and how the session ended. `<open/>` makes the session, and a new stream after the login;
//! `<close/>` ends it together with everything that was not said yet.
//!
//! Two requests are on their way at most: one that the server holds until it has something to say, and one that says
//! something. What is said waits a moment for more of it. A request that fails is repeated with its number, three
//! times, later and later; a session that the server has forgotten is over, since there is nothing to take it up with.
//!
//! COMPAT: answers are taken in the order in which they come, as Strophe takes them; the XEP would have that of the
//! requests.

mod post;

use std::collections::VecDeque;

use xmpp::bosh::{Answer, Post as Body};
use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::failure::Closing;
use crate::limits::{
    BOSH_ERRORS_MAX, BOSH_HOLD, BOSH_LOOK_INTERVAL, BOSH_POSTS_MAX, BOSH_UNSENT_MAX, BOSH_WAIT, BOSH_WAIT_MIN,
};
use crate::rng::Draws;
use crate::{Author, Time};
use post::Post;

/// What tells these draws from those of the participant itself.
const STREAM: u64 = 1 << 62;

/// To be obeyed in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// POST this; the answer is [`Bosh::handle_answer`]. One of the same number that is still on its way is let go.
    Post { rid: u64, body: String },
    /// For [`Participant::handle_frame`](crate::Participant::handle_frame).
    Frame(String),
    /// The session is over, and nothing more comes: let go of every request, and tell the participant.
    Closed(Closing),
}

/// See the module. After each `handle_*` and [`say`](Self::say): `poll_output` until `None`, then `poll_timeout`.
#[derive(Clone, Debug)]
pub struct Bosh {
    domain: String,
    /// of the next request
    rid: u64,
    sid: Option<String>,
    /// for so long the server holds a request
    wait: Time,
    /// numbers of requests on their way may not be further apart
    window: u64,
    /// on their way, oldest first
    posts: Vec<Post>,
    /// stanzas of no request yet
    unsent: Vec<String>,
    restart: bool,
    /// whose answer begins a stream
    opening: Option<u64>,
    /// failed requests in a row
    errors: u32,
    /// the last look at what is to be sent, or the last thing that was said
    looked: Time,
    look_at: Option<Time>,
    stage: Stage,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// the last request is on its way
    Ending,
    Over,
}

impl Bosh {
    /// Nothing happens before the first `<open/>`. `seed` may be the same for all, `author` tells them apart.
    pub fn new(domain: &str, author: Author, seed: u64) -> Self {
        let stream = STREAM | u64::from(author.participant) << 32 | u64::from(author.attendance);
        Self {
            domain: domain.to_owned(),
            rid: Draws::new(seed, stream).number().into(),
            sid: None,
            wait: BOSH_WAIT,
            window: BOSH_POSTS_MAX as u64,
            posts: Vec::new(),
            unsent: Vec::new(),
            restart: false,
            opening: None,
            errors: 0,
            looked: Time::ZERO,
            look_at: None,
            stage: Stage::Open,
            outputs: VecDeque::new(),
        }
    }

    /// A frame of the participant.
    pub fn say(&mut self, now: Time, text: String) {
        if self.stage != Stage::Open {
            return;
        }
        if text.starts_with("<open ") {
            return self.open(now);
        }
        if text.starts_with("<close ") {
            return self.end(now);
        }
        if self.unsent.len() >= BOSH_UNSENT_MAX {
            return self.close(Closing::Silent);
        }
        self.unsent.push(text);
        self.check(now);
        self.look_soon(now);
    }

    /// The status and the body that a request was answered with, or why there is no answer. One of a request that is not
    /// on its way is let be.
    pub fn handle_answer(&mut self, now: Time, rid: u64, answer: Result<(u16, &str), Closing>) {
        let Some(index) = self.posts.iter().position(|post| post.is_awaited(rid)) else { return };
        if self.stage != Stage::Open {
            return self.close(Closing::Stream);
        }
        match answer {
            Ok((200, body)) => self.take(now, index, body),
            Ok((status @ 500.., _)) => self.fail(now, index, Closing::Status(status)),
            // COMPAT: of the others the client understands none, and those of 4xx are the end to it
            Ok((status, _)) => self.close(Closing::Status(status)),
            Err(why) => self.fail(now, index, why),
        }
        self.look_later(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        for post in &mut self.posts {
            let due = post.due(now);
            self.outputs.extend(due);
        }
        if self.look_at.is_some_and(|at| at <= now) {
            self.look(now);
        }
        if self.posts.first().is_some_and(|post| post.is_overdue(now, self.wait)) {
            self.check(now);
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.stage == Stage::Over {
            return None;
        }
        let overdue = self.posts.first().and_then(|post| post.deadline(self.wait));
        let again = self.posts.iter().filter_map(Post::again_at);
        again.chain(overdue).chain(self.look_at).min()
    }

    /// Numbers of the requests that are on their way.
    pub fn awaited(&self) -> impl Iterator<Item = u64> {
        self.posts.iter().filter_map(Post::awaited)
    }

    /// COMPAT: the session is made at once, its second stream as anything else that is said.
    fn open(&mut self, now: Time) {
        if self.sid.is_some() {
            self.restart = true;
            return self.look_soon(now);
        }
        if self.posts.is_empty() {
            self.opening = Some(self.rid);
            let (to, domain) = (self.domain.clone(), BOSH_WAIT.as_secs());
            self.post(now, &Body::Create { to: &to, wait: domain, hold: BOSH_HOLD });
        }
    }

    /// COMPAT: as a page that is closed, which does not wait for what else is on its way.
    fn end(&mut self, now: Time) {
        if self.sid.is_none() {
            return self.close(Closing::Stream);
        }
        self.posts.clear();
        let last = std::mem::take(&mut self.unsent);
        self.post(now, &Body::Terminate(&last));
        self.stage = Stage::Ending;
        self.look_at = None;
    }

    /// Sends what there is, and a poll where nothing else is on its way.
    fn look(&mut self, now: Time) {
        (self.looked, self.look_at) = (now, None);
        if self.posts.len() >= BOSH_POSTS_MAX || self.stage != Stage::Open {
            return;
        }
        if std::mem::take(&mut self.restart) {
            self.opening = Some(self.rid);
            let to = self.domain.clone();
            self.post(now, &Body::Restart { to: &to });
        } else if !self.unsent.is_empty() || (self.posts.is_empty() && self.sid.is_some()) {
            let stanzas = std::mem::take(&mut self.unsent);
            self.post(now, &Body::Stanzas(&stanzas));
        }
    }

    /// COMPAT: whatever is said sets the timer anew.
    fn look_soon(&mut self, now: Time) {
        self.looked = now;
        self.look_at = Some(now + BOSH_LOOK_INTERVAL);
    }

    /// With the next tick of the timer, if there is anything to send.
    fn look_later(&mut self, now: Time) {
        let idle = self.posts.is_empty() && self.sid.is_some();
        let full = self.posts.len() >= BOSH_POSTS_MAX;
        let waiting = self.restart || !self.unsent.is_empty();
        if self.stage != Stage::Open || self.look_at.is_some() || full || !(idle || waiting) {
            return;
        }
        let passed = now.saturating_sub(self.looked).as_millis() / BOSH_LOOK_INTERVAL.as_millis();
        let ticks = u32::try_from(passed).unwrap_or(u32::MAX - 1) + 1;
        self.look_at = Some(self.looked + BOSH_LOOK_INTERVAL * ticks);
    }

    fn post(&mut self, now: Time, body: &Body<'_>) {
        let text = body.to_text(self.rid, self.sid.as_deref());
        self.posts.push(Post::new(self.rid, text));
        self.rid += 1;
        self.check(now);
    }

    fn take(&mut self, now: Time, index: usize, body: &str) {
        let rid = self.posts.remove(index).rid();
        self.errors = 0;
        let answer = match Answer::parse(body) {
            Ok(answer) => answer,
            Err(error) => return self.close(Closing::NoBody(error.to_string())),
        };
        if let Some(first) = self.posts.first_mut() {
            // the server should have answered that one before
            if index > 0 || first.is_overdue(now, self.wait) {
                first.suspect(now);
            }
        }
        self.check(now);
        self.read(rid, answer);
    }

    fn read(&mut self, rid: u64, answer: Answer) {
        if let Some(condition) = answer.terminate {
            return self.close(Closing::Terminated(reason(condition, &answer.stanzas)));
        }
        if self.sid.is_none() {
            let Some(sid) = answer.sid else {
                return self.close(Closing::NoBody("it names no session".to_owned()));
            };
            self.sid = Some(sid);
            self.wait =
                answer.wait.map_or(self.wait, |wait| Time::from_secs(wait).clamp(BOSH_WAIT_MIN, BOSH_WAIT));
            self.window = answer.requests.unwrap_or(self.window);
        }
        if self.opening == Some(rid) {
            self.opening = None;
            let open = elem("open", ns::FRAMING).attr("version", "1.0").attr("from", &self.domain);
            self.outputs.push_back(Output::Frame(to_text(&open.build())));
        }
        self.outputs.extend(answer.stanzas.iter().map(|stanza| Output::Frame(to_text(stanza))));
    }

    /// COMPAT: a request that has failed for the last time is forgotten, with what it said, and the session goes on until
    /// one more fails.
    fn fail(&mut self, now: Time, index: usize, why: Closing) {
        self.errors += 1;
        if self.errors > BOSH_ERRORS_MAX {
            return self.close(Closing::Retried(Box::new(why)));
        }
        if !self.posts[index].is_last() {
            self.posts[index].fail(why);
            return self.check(now);
        }
        self.posts.remove(index);
        if self.sid.is_none() {
            self.close(Closing::Retried(Box::new(why)));
        }
    }

    /// Sends requests that were not sent yet, have failed, or were not answered in time. COMPAT: whoever says something while the last
    /// repetition is on its way, or is still to come, gives the session up.
    fn check(&mut self, now: Time) {
        let window = match &self.posts[..] {
            [first, second, ..] if second.rid() - first.rid() >= self.window => 1,
            posts => posts.len(),
        };
        let last = self.posts.iter().take(window).find(|post| post.is_last());
        if let Some(post) = last {
            let why = post.failure().unwrap_or(Closing::TimedOut);
            return self.close(Closing::Retried(Box::new(why)));
        }
        for post in self.posts.iter_mut().take(window).filter(|post| post.is_lost(now, self.wait)) {
            self.outputs.extend(post.send(now, self.wait));
        }
    }

    fn close(&mut self, how: Closing) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            self.posts.clear();
            self.outputs.push_back(Output::Closed(how));
        }
    }
}

/// A stream error has a condition of its own (XEP-0124 section 17.2).
fn reason(condition: String, stanzas: &[Element]) -> String {
    let error = stanzas.iter().find(|stanza| stanza.is("error", ns::STREAM));
    match error {
        Some(error) => format!("{condition}, {}", crate::stream::condition(error)),
        None if condition.is_empty() => "no reason is given".to_owned(),
        None => condition,
    }
}

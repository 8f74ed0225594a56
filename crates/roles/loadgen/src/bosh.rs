//! A stream over HTTP: the requests of one [`participant::bosh::Bosh`], on connections that stay.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Uri;
use participant::Closing;
use participant::bosh::{self, Output};
use tokio::time::timeout;

use crate::dial::Dialer;
use crate::http::{Line, post};
use crate::limits::{CLOSE_TIME_MAX, LINES_MAX};
use crate::run::Now;

pub(crate) struct Bosh {
    dialer: Rc<Dialer>,
    url: Uri,
    now: Now,
    machine: bosh::Bosh,
    /// by number
    posts: Vec<Posting>,
    /// connections that no request is on
    lines: Vec<Line>,
    frames: VecDeque<String>,
    closed: Option<Closing>,
}

type Posting = (u64, Pin<Box<dyn Future<Output = Posted>>>);
type Posted = Result<(u16, String, Line), Closing>;

impl Bosh {
    /// There is nothing to wait for: the first request is made with the first frame.
    pub(crate) fn open(dialer: Rc<Dialer>, url: Uri, now: Now, machine: bosh::Bosh) -> Self {
        Self {
            dialer,
            url,
            now,
            machine,
            posts: Vec::new(),
            lines: Vec::new(),
            frames: VecDeque::new(),
            closed: None,
        }
    }

    /// The next frame; or how it ended. To be dropped at will.
    pub(crate) async fn hear(&mut self) -> Result<String, Closing> {
        loop {
            self.obey();
            if let Some(frame) = self.frames.pop_front() {
                return Ok(frame);
            }
            if let Some(how) = &self.closed {
                return Err(how.clone());
            }
            let deadline = self.machine.poll_timeout().map(|at| self.now.at(at));
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                (rid, posted) = answered(&mut self.posts) => self.take(rid, posted),
                () = due => self.machine.handle_timeout(self.now.get()),
            }
        }
    }

    /// Takes a frame; it leaves when the machine says so.
    pub(crate) fn say(&mut self, text: String) {
        self.machine.say(self.now.get(), text);
        self.obey();
    }

    /// Every connection breaks; the session may outlive it.
    pub(crate) fn cut(&mut self) {
        self.lines.clear();
        self.posts.clear();
        for rid in self.machine.awaited().collect::<Vec<_>>() {
            self.machine.handle_answer(self.now.get(), rid, Err(Closing::Cut));
        }
    }

    /// Waits a moment for the answer to the last request.
    pub(crate) async fn close(mut self) {
        let _ = timeout(CLOSE_TIME_MAX, async { while self.hear().await.is_ok() {} }).await;
    }

    fn take(&mut self, rid: u64, posted: Posted) {
        let now = self.now.get();
        match posted {
            Ok((status, body, line)) => {
                if self.lines.len() < LINES_MAX {
                    self.lines.push(line);
                }
                self.machine.handle_answer(now, rid, Ok((status, &body)));
            }
            Err(why) => self.machine.handle_answer(now, rid, Err(why)),
        }
    }

    fn obey(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Post { rid, body } => self.post(rid, body),
                Output::Frame(frame) => self.frames.push_back(frame),
                Output::Closed(how) => {
                    self.posts.clear();
                    self.closed = Some(how);
                }
            }
        }
    }

    fn post(&mut self, rid: u64, body: String) {
        self.posts.retain(|(other, _)| *other != rid);
        let (dialer, url, line) = (Rc::clone(&self.dialer), self.url.clone(), self.lines.pop());
        let posted = async move { post(&dialer, &url, line, Bytes::from(body)).await };
        self.posts.push((rid, Box::pin(posted)));
    }
}

/// The first of them to be answered, which is taken out.
async fn answered(posts: &mut Vec<Posting>) -> (u64, Posted) {
    let poll = |context: &mut Context<'_>| {
        let ready =
            posts.iter_mut().enumerate().find_map(|(index, (_, post))| match post.as_mut().poll(context) {
                Poll::Ready(posted) => Some((index, posted)),
                Poll::Pending => None,
            });
        match ready {
            Some((index, posted)) => Poll::Ready((posts.remove(index).0, posted)),
            None => Poll::Pending,
        }
    };
    std::future::poll_fn(poll).await
}

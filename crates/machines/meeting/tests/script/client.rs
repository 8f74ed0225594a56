//! A client of a conversation: its connections, what came for it, its counter.

use std::collections::VecDeque;

use meeting::{Close, ConnId};
use xmpp::stanza::Kind;
use xmpp::{Element, frame, ns};

use super::matching;

pub(super) struct Client {
    pub(super) conn: ConnId,
    former: Vec<ConnId>,
    pub(super) jid: String,
    pub(super) nick: String,
    pub(super) token: Option<String>,
    /// as XEP-0198 counts
    pub(super) counted: u32,
    pub(super) got: VecDeque<String>,
    pub(super) closed: Vec<(ConnId, Close)>,
    connected: bool,
}

impl Client {
    pub(super) fn new(conn: ConnId) -> Self {
        Self {
            conn,
            former: Vec::new(),
            jid: String::new(),
            nick: String::new(),
            token: None,
            counted: 0,
            got: VecDeque::new(),
            closed: Vec::new(),
            connected: true,
        }
    }

    pub(super) fn receive(&mut self, text: String) {
        assert!(self.connected, "sent to a lost connection: {text}");
        let element = frame::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let kind = Kind::of(&element);
        if self.token.is_some() && kind.is_some() {
            self.counted += 1;
        }
        let request = kind == Some(Kind::Iq) && xmpp::stanza::is_request(&element);
        let passed_over = if request {
            element.attr("from") == Some("demo@conference.meet.example/focus")
        } else {
            element.is("r", ns::SM)
        };
        if !passed_over {
            self.got.push_back(text);
        }
    }

    pub(super) fn bound(&mut self) -> Result<(), String> {
        let iq = self.next()?;
        let jid = iq
            .get_child("bind", ns::BIND)
            .and_then(|bind| bind.get_child("jid", ns::BIND))
            .map(Element::text);
        self.jid = jid.ok_or("no resource")?;
        self.nick = self.jid[..8].to_owned();
        Ok(())
    }

    pub(super) fn enabled(&mut self) -> Result<(), String> {
        let enabled = self.next()?;
        if !enabled.is("enabled", ns::SM) || enabled.attr("resume") != Some("true") {
            return Err("not enabled".to_owned());
        }
        self.token = enabled.attr("id").map(str::to_owned);
        Ok(())
    }

    pub(super) fn joined(&mut self) -> Result<(), String> {
        loop {
            let stanza = self.next()?;
            if stanza.attr("type") == Some("error") {
                return Err(xmpp::text::to_text(&stanza));
            }
            if stanza.has_child("subject", ns::CLIENT) {
                return Ok(());
            }
        }
    }

    pub(super) fn get(&mut self, pattern: &str) -> Result<(), String> {
        let pattern = frame::parse(&matching::with_namespace(pattern)).map_err(|error| error.to_string())?;
        let text = self.got.pop_front().ok_or("it got nothing")?;
        let got = frame::parse(&text).map_err(|error| error.to_string())?;
        matching::check(&pattern, &got).map_err(|why| format!("{why}\nit got {text}"))
    }

    pub(super) fn nothing(&self) -> Result<(), String> {
        match self.got.front() {
            Some(text) => Err(format!("it got {text}")),
            None => Ok(()),
        }
    }

    pub(super) fn lose(&mut self) {
        self.connected = false;
    }

    pub(super) fn reconnect(&mut self, conn: ConnId) {
        self.former.push(std::mem::replace(&mut self.conn, conn));
        self.connected = true;
    }

    pub(super) fn knows(&self, conn: ConnId) -> bool {
        self.conn == conn || self.former.contains(&conn)
    }

    pub(super) fn is_closed(&mut self, how: Close) -> Result<(), String> {
        let conn = self.former.last().copied().unwrap_or(self.conn);
        let index = self.closed.iter().position(|closed| *closed == (conn, how));
        let index = index.ok_or(format!("it is not: {:?}", self.closed))?;
        self.closed.remove(index);
        Ok(())
    }

    pub(super) fn is_let_go(&mut self) -> Result<(), String> {
        match self.closed.pop() {
            Some((conn, Close::Silently)) if conn == self.conn => Ok(()),
            other => Err(format!("it is not: {other:?}")),
        }
    }

    fn next(&mut self) -> Result<Element, String> {
        let text = self.got.pop_front().ok_or("it got nothing")?;
        frame::parse(&text).map_err(|error| error.to_string())
    }
}

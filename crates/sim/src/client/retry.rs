//! How the client notices that its connection is dead, and how often it tries to get it back.

use xmpp::ns;

use super::{Client, PING, PONG, RETRY, Stage};
use crate::limits::{ATTEMPTS_MAX, PING_FAILURES_MAX, PING_INTERVAL, PING_TIMEOUT};
use crate::node::{Cx, MS};

impl Client {
    /// `strophe.ping.ts`: skipped where anything arrived since the last look.
    pub(super) fn ping(&mut self, cx: &mut Cx<'_>) {
        self.timer(cx, PING_INTERVAL, PING);
        if std::mem::take(&mut self.heard_since) || self.pinged.is_some() {
            return;
        }
        let id = self.id();
        let to = self.domain();
        let ping = format!(
            r#"<iq type="get" to="{to}" id="{id}" xmlns="jabber:client"><ping xmlns="{}"/></iq>"#,
            ns::PING
        );
        self.pinged = Some(id);
        self.say(cx, ping, None);
        self.timer(cx, PING_TIMEOUT, PONG);
    }

    /// The time for a pong is over.
    pub(super) fn miss(&mut self, cx: &mut Cx<'_>) {
        if self.pinged.take().is_none() {
            return;
        }
        self.ping_failures += 1;
        if self.ping_failures >= PING_FAILURES_MAX {
            if let Some(wire) = self.wire.take() {
                cx.drop(wire);
            }
            self.lose(cx);
        }
    }

    pub(super) fn answered(&mut self, id: &str) {
        if self.pinged.as_deref() == Some(id) {
            (self.pinged, self.ping_failures) = (None, 0);
        }
    }

    /// The attempt is given up: nobody took the connection.
    pub(super) fn abandon(&mut self, cx: &mut Cx<'_>) {
        if let Some(wire) = self.wire.take() {
            cx.drop(wire);
        }
        self.lose(cx);
    }

    /// The connection is lost, or an attempt has failed (`ResumeTask.ts`).
    pub(super) fn lose(&mut self, cx: &mut Cx<'_>) {
        if self.stage == Stage::Off {
            return;
        }
        self.turn += 1;
        if self.token.is_none() {
            return self.reload(cx, "no stream yet");
        }
        self.lost_at.get_or_insert(cx.now);
        let was_attempt = self.stage != Stage::Up;
        self.stage = Stage::Waiting;
        if was_attempt && self.attempts >= ATTEMPTS_MAX {
            return self.reload(cx, "three attempts have failed");
        }
        self.attempts += 1;
        let n = self.attempts;
        let (low, high) = (u64::from(n) * 1_500, 3_u64.pow(n) * 1_000);
        let wait = cx.chance.between(low, high) * MS;
        self.timer(cx, wait, RETRY);
    }
}

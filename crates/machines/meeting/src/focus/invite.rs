//! Who is invited, and when: joins and leaves, what a client can, being alone.

use xmpp::{disco, elem, ns};

use super::bridge::Host;
use super::iq::send;
use super::limits::{DISCO_MS, LONELY_MS, PARTICIPANTS_MIN};
use super::participant::{Disco, Features, Participant, Stage};
use super::{Cx, Focus, Out};
use crate::entry::Millis;

impl Focus {
    /// An occupant is in the room. With a second one, everybody not invited is.
    pub(crate) fn handle_joined(&mut self, cx: &mut Cx<'_>, nick: &str, stats_id: Option<&str>) {
        if self.participants.contains_key(nick) {
            self.handle_left(cx, nick);
        }
        let iq = format!("focus-{}", self.next_id());
        let query = disco::info(None, []);
        send(cx, nick, elem("iq", ns::CLIENT).attr("type", "get").attr("id", &iq).child(query).build());
        let disco = Disco::Asked { iq, until: cx.now + DISCO_MS };
        self.participants.insert(nick.to_owned(), Participant::new(stats_id, disco));
        self.pump(cx);
    }

    /// An occupant has left the room for good.
    pub(crate) fn handle_left(&mut self, cx: &mut Cx<'_>, nick: &str) {
        if !self.participants.contains_key(nick) {
            return;
        }
        self.release(cx, nick);
        let Some(gone) = self.participants.remove(nick) else { return };
        self.withdraw_sources(cx, nick, &gone.sources);
        if self.participants.is_empty() {
            self.meeting_ended(cx);
        } else if self.participants.len() < PARTICIPANTS_MIN && self.participants.values().any(has_media) {
            self.lonely_at.get_or_insert(cx.now + LONELY_MS);
        }
        self.pump(cx);
    }

    /// The meeting is over: nothing of it stays on a bridge.
    pub(crate) fn meeting_ended(&mut self, cx: &mut Cx<'_>) {
        self.expire_conference(cx);
        self.leave_bridge(cx);
        for participant in self.participants.values_mut() {
            participant.on_bridge = false;
            participant.stage = Stage::Over;
        }
        self.lonely_at = None;
        self.meeting_id = None;
    }

    /// Does what can be done now to get media to everybody who should have it.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        if self.participants.len() < PARTICIPANTS_MIN {
            return;
        }
        self.lonely_at = None;
        for participant in
            self.participants.values_mut().filter(|participant| participant.stage == Stage::Idle)
        {
            participant.stage = Stage::Wanted;
        }
        if !self.participants.values().any(Participant::is_waiting) {
            return;
        }
        match &self.host {
            Host::Nowhere => self.pick_bridge(cx),
            Host::Picking | Host::Waiting { .. } => {}
            Host::On(_) => self.allocate_waiting(cx),
        }
    }

    /// Clients that do not tell what they can are taken at their least.
    pub(super) fn give_up_discos(&mut self, cx: &mut Cx<'_>) {
        let mut silent = false;
        for participant in self.participants.values_mut() {
            if participant.disco.until().is_some_and(|until| until <= cx.now) {
                participant.disco = Disco::Known(Features::UNTOLD);
                silent = true;
            }
        }
        if silent {
            self.pump(cx);
        }
    }

    /// The one left alone loses its session; it will be invited again with the next who joins.
    pub(super) fn end_loneliness(&mut self, cx: &mut Cx<'_>) {
        if self.lonely_at.is_none_or(|at| at > cx.now) {
            return;
        }
        self.lonely_at = None;
        let alone: Vec<String> = self.participants.keys().cloned().collect();
        for nick in alone {
            self.send_terminate(cx, &nick, "expired", "Idle session timeout");
            self.release(cx, &nick);
            let Some(participant) = self.participants.get_mut(&nick) else { continue };
            participant.sources = Default::default();
            if participant.stage != Stage::Over {
                participant.stage = Stage::Idle;
            }
        }
        self.leave_bridge(cx);
    }

    /// Has no bridge any more.
    pub(super) fn leave_bridge(&mut self, cx: &mut Cx<'_>) {
        if matches!(std::mem::take(&mut self.host), Host::On(_)) {
            cx.out.push(Out::Properties);
        }
    }
}

impl Disco {
    pub(super) fn until(&self) -> Option<Millis> {
        match self {
            Self::Asked { until, .. } => Some(*until),
            Self::Known(_) => None,
        }
    }
}

fn has_media(participant: &Participant) -> bool {
    participant.on_bridge || participant.stage != Stage::Idle
}

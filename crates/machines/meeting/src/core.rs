//! The state of a meeting that has an owner, and where each input goes.

use serde::{Deserialize, Serialize};

use crate::address::room_jid;
use crate::effect::Effect;
use crate::entry::{Input, Millis};
use crate::focus::{Cx, Focus, Out};
use crate::room::Room;
use crate::session::{Ears, Sessions};
use crate::settings::Settings;
use crate::turn::Turn;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    /// the bare JID of the room
    pub(crate) room_jid: String,
    pub(crate) sessions: Sessions,
    pub(crate) room: Room,
    pub(crate) focus: Focus,
    /// somebody asked for the conference and may join until then
    pub(crate) awaited_until: Option<Millis>,
    /// the latest time that an entry told
    pub(crate) clock: Millis,
}

impl Core {
    pub(crate) fn new(name: &str, settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            room_jid: room_jid(name, settings),
            sessions: Sessions::default(),
            room: Room::default(),
            focus: Focus::default(),
            awaited_until: None,
            clock: 0,
        }
    }

    /// `name` is the meeting's, see [`room_jid`].
    pub(crate) fn handle(&mut self, turn: &mut Turn, name: &str, input: &Input) {
        self.clock = turn.now;
        match input {
            Input::Owner { settings, .. } => self.handle_owner(turn, name, settings),
            Input::Bind { conn, iq_id } => self.handle_bind(turn, *conn, iq_id),
            Input::Resume { conn, previd, h, told } => {
                self.handle_resume(turn, *conn, previd, Ears { h: *h, told: *told })
            }
            Input::Received { conn, text } => self.handle_received(turn, *conn, text),
            Input::Dropped { conn } => self.handle_dropped(turn, *conn),
            Input::Closed { conn } => self.handle_closed(turn, *conn),
            Input::ConferenceRequest { request, body } => {
                self.handle_conference_request(turn, *request, body)
            }
            Input::Tick => self.handle_tick(turn),
            Input::BridgePicked { bridge } => {
                self.with_focus(turn, |focus, cx| focus.handle_bridge_picked(cx, bridge.clone()));
            }
            Input::BridgeAnswered { bridge, id, answer } => {
                self.with_focus(turn, |focus, cx| {
                    focus.handle_bridge_answered(cx, bridge, *id, answer.as_deref())
                });
            }
            Input::BridgeUp { bridge } => {
                self.with_focus(turn, |focus, cx| focus.handle_bridge_up(cx, bridge))
            }
            Input::BridgeLost { bridge } => {
                self.with_focus(turn, |focus, cx| focus.handle_bridge_lost(cx, bridge))
            }
        }
        self.end_doomed(turn);
    }

    /// Lets the focus act, then obeys it in its own order: the answer to an IQ is out before what it causes.
    pub(crate) fn with_focus(&mut self, turn: &mut Turn, act: impl FnOnce(&mut Focus, &mut Cx<'_>)) {
        let mut out = Vec::new();
        let mut cx = Cx {
            now: turn.now,
            rng: &mut turn.rng,
            settings: &self.settings,
            room: &self.room_jid,
            meeting_id: self.room.meeting_id(),
            out: &mut out,
        };
        act(&mut self.focus, &mut cx);
        for out in out {
            match out {
                Out::ToOccupant { nick, stanza } => self.send_from_focus(turn, &nick, stanza),
                Out::PickBridge { avoid } => turn.effects.push(Effect::PickBridge { avoid }),
                Out::AskBridge { bridge, id, text } => {
                    turn.effects.push(Effect::AskBridge { bridge, id, text })
                }
                Out::Properties => self.broadcast_focus(turn),
                Out::Fact(fact) => turn.fact(fact),
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        [self.sessions.next_expiry(), self.awaited_until, self.focus.deadline()].into_iter().flatten().min()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.awaited_until.is_none() && self.focus.is_idle()
    }

    /// Every connection of the former owner is gone; sessions that cannot be resumed are gone with them.
    fn handle_owner(&mut self, turn: &mut Turn, name: &str, settings: &Settings) {
        self.room_jid = room_jid(name, settings);
        self.settings = settings.clone();
        self.drop_all(turn);
        self.sessions.relieve(turn.now.saturating_add(self.settings.hibernation_ms));
        self.with_focus(turn, |focus, cx| focus.handle_owner_changed(cx));
    }

    fn handle_tick(&mut self, turn: &mut Turn) {
        self.expire_sessions(turn);
        if self.awaited_until.is_some_and(|until| until <= turn.now) {
            self.awaited_until = None;
        }
        self.with_focus(turn, |focus, cx| focus.handle_tick(cx));
    }
}

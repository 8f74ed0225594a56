//! Who has which Jingle session on which bridge. So far it answers every request with an error.

use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use xmpp::stanza_error::Condition;
use xmpp::{Element, stanza};

use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};
use crate::settings::Settings;

#[expect(dead_code, reason = "the focus is not here yet")]
pub(crate) struct Cx<'a> {
    pub(crate) now: Millis,
    pub(crate) rng: &'a mut ChaCha20Rng,
    pub(crate) settings: &'a Settings,
    pub(crate) room: &'a str,
    pub(crate) out: &'a mut Vec<Out>,
}

#[expect(dead_code, reason = "the focus is not here yet")]
pub(crate) enum Out {
    ToOccupant { nick: String, stanza: Element },
    PickBridge { avoid: Vec<BridgeId> },
    AskBridge { bridge: BridgeId, id: u64, text: String },
    Properties,
    Fact(Fact),
}

#[expect(dead_code, reason = "the focus is not here yet")]
pub(crate) struct Asker {
    pub(crate) nick: String,
    pub(crate) moderator: bool,
    pub(crate) jid: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Focus {}

impl Focus {
    pub(crate) fn handle_joined(&mut self, _cx: &mut Cx<'_>, _nick: &str, _stats_id: Option<&str>) {}
    pub(crate) fn handle_left(&mut self, _cx: &mut Cx<'_>, _nick: &str) {}
    pub(crate) fn handle_iq(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element) {
        let stanza = stanza::error(iq, &Condition::ServiceUnavailable.into());
        cx.out.push(Out::ToOccupant { nick: from.nick.clone(), stanza });
    }
    pub(crate) fn handle_iq_answer(&mut self, _cx: &mut Cx<'_>, _nick: &str, _iq: &Element) {}
    pub(crate) fn handle_bridge_picked(&mut self, _cx: &mut Cx<'_>, _bridge: Option<BridgeId>) {}
    pub(crate) fn handle_bridge_answered(
        &mut self,
        _cx: &mut Cx<'_>,
        _b: &BridgeId,
        _id: u64,
        _answer: Option<&str>,
    ) {
    }
    pub(crate) fn handle_bridge_up(&mut self, _cx: &mut Cx<'_>, _bridge: &BridgeId) {}
    pub(crate) fn handle_bridge_lost(&mut self, _cx: &mut Cx<'_>, _bridge: &BridgeId) {}
    pub(crate) fn handle_owner_changed(&mut self, _cx: &mut Cx<'_>) {}
    pub(crate) fn handle_tick(&mut self, _cx: &mut Cx<'_>) {}
    pub(crate) fn meeting_ended(&mut self, _cx: &mut Cx<'_>) {}
    pub(crate) fn deadline(&self) -> Option<Millis> {
        None
    }
    pub(crate) fn presence_children(&self) -> Vec<Element> {
        Vec::new()
    }
    pub(crate) fn bridges(&self) -> Vec<BridgeId> {
        Vec::new()
    }
    pub(crate) fn bridge_of(&self, _nick: &str) -> Option<&BridgeId> {
        None
    }
    pub(crate) fn is_idle(&self) -> bool {
        true
    }
}

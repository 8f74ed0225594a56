//! What happens when a bridge refuses.
//!
//! A conflict is never answered with the end of the conference: whoever made it may be talking on it.

use colibri::{Answer, Condition, Reason, Refusal};

use super::bridge::Conference;
use super::participant::Stage;
use super::{Cx, Focus, Out};
use crate::effect::Fact;

impl Focus {
    pub(super) fn handle_allocation_refused(&mut self, cx: &mut Cx<'_>, nick: &str, refusal: &Refusal) {
        cx.out.push(Out::Fact(Fact::BridgeRefused));
        let Some(bridge) = self.host.bridge_mut() else { return };
        let creating = bridge.conference == Conference::Creating;
        match (refusal.condition, refusal.reason) {
            (_, Some(Reason::ConferenceNotFound)) => self.restart_conference(cx),
            (Condition::Conflict, _) => {
                bridge.conference = Conference::Present;
                if !creating {
                    self.expire_endpoints(cx, vec![nick.to_owned()]);
                }
                if let Some(participant) = self.participants.get_mut(nick) {
                    participant.stage = Stage::Wanted;
                    participant.on_bridge = false;
                }
                self.pump(cx);
            }
            (Condition::BadRequest | Condition::FeatureNotImplemented | Condition::ItemNotFound, _) => {
                if creating {
                    bridge.conference = Conference::Absent;
                }
                if let Some(participant) = self.participants.get_mut(nick) {
                    participant.on_bridge = false;
                    participant.stage = Stage::Over;
                }
                self.pump(cx);
            }
            (
                Condition::ServiceUnavailable
                | Condition::InternalServerError
                | Condition::ResourceConstraint,
                _,
            ) => {
                self.fail_bridge(cx);
            }
        }
    }

    pub(super) fn handle_update_refused(&mut self, cx: &mut Cx<'_>, nick: &str, refusal: &Refusal) {
        cx.out.push(Out::Fact(Fact::BridgeRefused));
        match (refusal.condition, refusal.reason) {
            (_, Some(Reason::ConferenceNotFound)) => self.restart_conference(cx),
            (_, Some(Reason::UnknownEndpoint)) => {
                let unknown = refusal.endpoint.as_deref().unwrap_or(nick).to_owned();
                if let Some(participant) = self.participants.get_mut(&unknown) {
                    participant.on_bridge = false;
                }
                self.re_invite(cx, &unknown);
            }
            (Condition::Conflict, _) => {}
            // one participant's fault costs one participant: the stock focus would interrupt everybody
            (Condition::BadRequest | Condition::FeatureNotImplemented | Condition::ItemNotFound, _) => {
                self.re_invite(cx, nick);
            }
            (
                Condition::ServiceUnavailable
                | Condition::InternalServerError
                | Condition::ResourceConstraint,
                _,
            ) => {
                self.fail_bridge(cx);
            }
        }
    }

    /// Unknown endpoints are as good as expired ones; an unknown conference is news.
    pub(super) fn handle_expired(&mut self, cx: &mut Cx<'_>, answer: &Answer) {
        match answer {
            Answer::Refused(Refusal { reason: Some(Reason::ConferenceNotFound), .. }) => {
                self.restart_conference(cx)
            }
            Answer::Refused(_) | Answer::Modified(_) => {}
        }
    }
}

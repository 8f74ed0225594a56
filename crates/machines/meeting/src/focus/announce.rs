//! source-add and source-remove of a client.

use xmpp::Element;
use xmpp::stanza_error::{Condition, StanzaError};

use super::accept::{read_sources, refuse_malformed};
use super::iq::{answer, refuse, unknown_session};
use super::sources::SourceSet;
use super::validate::{self, Invalid};
use super::{Asker, Cx, Focus};

impl Focus {
    pub(super) fn handle_source_add(
        &mut self,
        cx: &mut Cx<'_>,
        from: &Asker,
        iq: &Element,
        jingle: &Element,
    ) {
        let Some(added) = self.announced(cx, from, iq, jingle) else { return };
        let full = self.validated_with(&from.nick, added);
        self.announce(cx, from, iq, full);
    }

    pub(super) fn handle_source_remove(
        &mut self,
        cx: &mut Cx<'_>,
        from: &Asker,
        iq: &Element,
        jingle: &Element,
    ) {
        let Some(removed) = self.announced(cx, from, iq, jingle) else { return };
        let Some(participant) = self.participants.get(&from.nick) else { return };
        let left = validate::removed(&participant.sources, &removed);
        self.announce(cx, from, iq, left);
    }

    /// The participant's sources with `added`, if they may be. Nobody may use a feedback source of the bridge.
    pub(super) fn validated_with(&self, nick: &str, added: SourceSet) -> Result<SourceSet, Invalid> {
        let Some(participant) = self.participants.get(nick) else { return Ok(SourceSet::default()) };
        let others =
            self.participants.iter().filter(|(other, _)| *other != nick).map(|(_, other)| &other.sources);
        let feedback = self.host.bridge().map(|bridge| &bridge.feedback);
        validate::added(nick, &participant.sources, added, others.chain(feedback))
    }

    /// The sources in the IQ; answers itself where there are none to be had.
    fn announced(&self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, jingle: &Element) -> Option<SourceSet> {
        if self.session(&from.nick, jingle).is_none_or(|session| !session.accepted) {
            refuse(cx, from, iq, unknown_session());
            return None;
        }
        match read_sources(jingle) {
            Ok(signalled) => Some(SourceSet::from_signalled(&from.nick, &signalled)),
            Err(malformed) => {
                refuse_malformed(cx, from, iq, &malformed);
                None
            }
        }
    }

    fn announce(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, full: Result<SourceSet, Invalid>) {
        match full {
            Err(invalid) => refuse(cx, from, iq, invalid),
            Ok(full) => {
                answer(cx, from, iq, None);
                self.change_sources(cx, &from.nick, full);
                self.update_bridge(cx, &from.nick);
            }
        }
    }
}

impl From<Invalid> for StanzaError {
    fn from(invalid: Invalid) -> Self {
        let condition = match invalid {
            Invalid::TooMany => Condition::ResourceConstraint,
            Invalid::Zero
            | Invalid::SsrcInUse
            | Invalid::Name
            | Invalid::MsidInUse
            | Invalid::MsidTooLong
            | Invalid::NotAnnounced
            | Invalid::GroupSize
            | Invalid::NoSharedMsid
            | Invalid::MsidOfTwoGroups
            | Invalid::Unknown => Condition::BadRequest,
        };
        Self::new(condition, invalid.to_string())
    }
}

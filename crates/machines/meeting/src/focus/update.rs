//! What the bridge is told of an endpoint that it has: the client's transport and its sources.

use colibri::{Answer, ConferenceModify, Endpoint, Transport};
use xmpp::jingle::ice::IceUdp;

use super::bridge::Asked;
use super::participant::Participant;
use super::{Cx, Focus};

impl Focus {
    /// Tells the bridge what the participant sends, and its transport if it does not know it. One request at a time:
    /// changes that come while it is under way go together into the next.
    pub(super) fn update_bridge(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let up = self.host.is_up();
        let Some(participant) = self.participants.get_mut(nick).filter(|p| p.has_accepted()) else { return };
        let mut endpoint = Endpoint {
            id: nick.to_owned(),
            stats_id: participant.stats_id.clone(),
            sources: Some(participant.sources.to_colibri()),
            ..Endpoint::default()
        };
        let Some(session) = participant.session_mut() else { return };
        if session.update.is_some() || !up {
            session.update_due = true;
            return;
        }
        if std::mem::take(&mut session.transport_due) {
            let ice = session.transport.as_deref().and_then(read_transport);
            endpoint.transport = ice.map(|ice| Transport { ice: Some(ice), ..Transport::default() });
            endpoint.initial_last_n = session.initial_last_n;
        }
        session.update_due = false;
        let request = ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() };
        let id = self.ask(cx, Some(Asked::Update { nick: nick.to_owned() }), request);
        if let Some(session) = self.participants.get_mut(nick).and_then(Participant::session_mut) {
            session.update = id;
        }
    }

    /// Candidates of the client that came after its accept.
    pub(super) fn forward_candidates(&mut self, cx: &mut Cx<'_>, nick: &str, ice: IceUdp) {
        let transport = Some(Transport { ice: Some(ice), ..Transport::default() });
        let endpoint = Endpoint { id: nick.to_owned(), transport, ..Endpoint::default() };
        if self.host.is_up() {
            self.ask(cx, None, ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() });
        }
    }

    pub(super) fn handle_update(&mut self, cx: &mut Cx<'_>, nick: &str, id: u64, answer: Answer) {
        let Some(session) = self.participants.get_mut(nick).and_then(Participant::session_mut) else {
            return;
        };
        if session.update != Some(id) {
            return;
        }
        session.update = None;
        let due = session.update_due;
        match answer {
            Answer::Refused(refusal) => self.handle_update_refused(cx, nick, &refusal),
            Answer::Modified(_) => {
                self.failures = 0;
                if due {
                    self.update_bridge(cx, nick);
                }
            }
        }
    }
}

fn read_transport(text: &str) -> Option<IceUdp> {
    IceUdp::from_element(&xmpp::frame::parse(text).ok()?).ok()
}

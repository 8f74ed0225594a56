//! What the focus knows of one participant.

use serde::{Deserialize, Serialize};
use xmpp::Element;

use super::limits::{FEATURES_MAX, RESTART_DISTANCE_MS, RESTART_WINDOW_MS, RESTARTS_MAX};
use super::propagate::Delta;
use super::sources::SourceSet;
use crate::entry::Millis;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Participant {
    pub(super) stats_id: Option<String>,
    pub(super) disco: Disco,
    pub(super) stage: Stage,
    /// an endpoint for it was asked for and not expired since: it may be on the bridge
    pub(super) on_bridge: bool,
    /// what it sends, in an accepted session
    pub(super) sources: SourceSet,
    /// allocations since a session was last accepted
    pub(super) attempts: u32,
    /// it had a session before
    pub(super) invited: bool,
    /// new sessions that its client asked for
    pub(super) restarts: Restarts,
    /// new sessions that the focus gave it unasked: they cost the client none of its own
    pub(super) re_invites: Restarts,
    /// sid of the last session that the focus ended: the client may be about to end it too
    pub(super) ended: Option<String>,
}

impl Participant {
    pub(super) fn new(stats_id: Option<&str>, disco: Disco) -> Self {
        Self {
            stats_id: stats_id.map(str::to_owned),
            disco,
            stage: Stage::Idle,
            on_bridge: false,
            sources: SourceSet::default(),
            attempts: 0,
            invited: false,
            restarts: Restarts::default(),
            re_invites: Restarts::default(),
            ended: None,
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        match &self.stage {
            Stage::Live(session) => Some(session),
            Stage::Idle | Stage::Wanted | Stage::Allocating { .. } | Stage::Over | Stage::Paused { .. } => {
                None
            }
        }
    }

    pub(super) fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.stage {
            Stage::Live(session) => Some(session),
            Stage::Idle | Stage::Wanted | Stage::Allocating { .. } | Stage::Over | Stage::Paused { .. } => {
                None
            }
        }
    }

    pub(super) fn paused_until(&self) -> Option<Millis> {
        match &self.stage {
            Stage::Paused { until } => Some(*until),
            Stage::Idle | Stage::Wanted | Stage::Allocating { .. } | Stage::Live(_) | Stage::Over => None,
        }
    }

    /// It has a session whose accept was answered.
    pub(super) fn has_accepted(&self) -> bool {
        self.session().is_some_and(|session| session.accepted)
    }

    /// It shall get an endpoint and its features are known.
    pub(super) fn is_waiting(&self) -> bool {
        self.stage == Stage::Wanted && self.features().is_some()
    }

    pub(super) fn features(&self) -> Option<Features> {
        match self.disco {
            Disco::Known(features) => Some(features),
            Disco::Asked { .. } => None,
        }
    }
}

/// From an endpoint that is not there yet to a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// not invited: alone, or alone before
    Idle,
    /// shall have an endpoint as soon as there is a bridge
    Wanted,
    /// the bridge was asked for an endpoint
    Allocating { request: u64 },
    /// a session was offered
    Live(Session),
    /// the session ended for good, by the client or because it cannot be: no media until it joins again
    Over,
    /// its sessions failed too often lately: wanted again then
    Paused { until: Millis },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) sid: String,
    /// `bridge-session@id`, told to the client and repeated by it
    pub(super) bridge_session: String,
    /// id of the IQ with the offer
    pub(super) offer_iq: Option<String>,
    pub(super) accepted: bool,
    /// the client's `<transport/>`, as the bridge was told
    pub(super) transport: Option<String>,
    /// the bridge does not know `transport` yet
    pub(super) transport_due: bool,
    pub(super) initial_last_n: Option<i32>,
    /// an update of the bridge that is not answered yet
    pub(super) update: Option<u64>,
    /// the sources changed after that update
    pub(super) update_due: bool,
    /// what to tell of others' sources, once the session is accepted
    pub(super) queue: Delta,
}

/// Whether the client's features are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Disco {
    Asked { iq: String, until: Millis },
    Known(Features),
}

/// What of a client's disco#info decides its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Features {
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) data: bool,
    pub(super) rtx: bool,
    pub(super) tcc: bool,
    pub(super) remb: bool,
    /// it leaves it to the server to take a departed member's sources away
    pub(super) rewriting: bool,
}

impl Features {
    /// Of a client that does not tell.
    pub(super) const UNTOLD: Self =
        Self { audio: true, video: true, data: true, rtx: false, tcc: false, remb: false, rewriting: false };

    /// Reads the answer to a disco#info query; an error or an answer without features tells nothing.
    pub(super) fn from_answer(iq: &Element) -> Self {
        let query = iq.get_child("query", xmpp::ns::DISCO_INFO).filter(|_| iq.attr("type") == Some("result"));
        let vars: Vec<&str> = query
            .into_iter()
            .flat_map(|query| query.children().filter(|child| child.name() == "feature"))
            .take(FEATURES_MAX)
            .filter_map(|feature| feature.attr("var"))
            .collect();
        if vars.is_empty() {
            return Self::UNTOLD;
        }
        let has = |var: &str| vars.contains(&var);
        Self {
            audio: has("urn:xmpp:jingle:apps:rtp:audio"),
            video: has("urn:xmpp:jingle:apps:rtp:video"),
            data: has("urn:xmpp:jingle:transports:dtls-sctp:1"),
            rtx: has("urn:ietf:rfc:4588"),
            tcc: has("http://jitsi.org/tcc"),
            remb: has("http://jitsi.org/remb"),
            rewriting: has("http://jitsi.org/ssrc-rewriting-1"),
        }
    }
}

/// When a new session was allowed lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Restarts(Vec<Millis>);

impl Restarts {
    /// Takes note of one more, or says no.
    pub(super) fn allow(&mut self, now: Millis) -> bool {
        self.0.retain(|at| now.saturating_sub(*at) < RESTART_WINDOW_MS);
        let distant = self.0.last().is_none_or(|last| now.saturating_sub(*last) >= RESTART_DISTANCE_MS);
        let allowed = distant && self.0.len() < RESTARTS_MAX;
        if allowed {
            self.0.push(now);
        }
        allowed
    }

    /// When the next one will be allowed.
    pub(super) fn free_at(&self, now: Millis) -> Millis {
        let distant = self.0.last().map(|last| last + RESTART_DISTANCE_MS);
        let oldest = self.0.len().checked_sub(RESTARTS_MAX).and_then(|at| self.0.get(at));
        let few = oldest.map(|at| at + RESTART_WINDOW_MS);
        [distant, few].into_iter().flatten().fold(now, Millis::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_rationed() {
        let mut restarts = Restarts::default();
        assert!(restarts.allow(1_000));
        assert!(!restarts.allow(5_999), "too soon");
        for n in 1..5 {
            assert!(restarts.allow(1_000 + n * 5_000));
        }
        assert!(!restarts.allow(30_000), "five in a minute");
        assert_eq!(restarts.free_at(30_000), 61_000);
        assert!(restarts.allow(61_001), "the first is a minute ago");
        assert_eq!(restarts.free_at(61_002), 66_001);
        assert_eq!(Restarts::default().free_at(7), 7);
    }

    #[test]
    fn features_are_read_from_an_answer_only() {
        let answer = |kind: &str, children: &str| {
            let xml = format!(
                "<iq xmlns='jabber:client' type='{kind}'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'>{children}</query></iq>"
            );
            Features::from_answer(&xml.parse().expect("XML of the test"))
        };
        let audio = "<feature var='urn:xmpp:jingle:apps:rtp:audio'/><feature var='http://jitsi.org/tcc'/>";
        let read = answer("result", audio);
        assert!(read.audio && read.tcc && !read.video && !read.data && !read.rtx);
        assert_eq!(answer("error", audio), Features::UNTOLD);
        assert_eq!(answer("result", ""), Features::UNTOLD);
    }
}

//! A client as strict as lib-jitsi-meet: what would break it panics here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use xmpp::{Element, elem};

use super::super::sources::SourceSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) sid: Option<String>,
    pub(super) bridge_session: Option<String>,
    pub(super) accepted: bool,
    /// every sid it ever had
    sids: BTreeSet<String>,
    /// an accept, source change or the like whose answer did not come yet
    pub(super) unanswered: BTreeSet<String>,
    /// the last answer: `result`, or the condition of an error
    pub(super) answer: Option<String>,
    /// source SSRCs by owner, as the server told them
    pub(super) told: BTreeMap<String, BTreeSet<u64>>,
    /// queries for its features that it did not answer
    pub(super) discos: Vec<String>,
    /// its own sources in the session
    pub(super) own: SourceSet,
    pub(super) mutes: Vec<Element>,
    pub(super) terminations: Vec<String>,
    pub(super) last_offer: Option<Element>,
    /// the offer has repair streams
    pub(super) offered_rtx: bool,
}

impl Client {
    /// Takes one IQ from the focus.
    pub(super) fn receive(&mut self, nick: &str, iq: &Element) {
        assert_eq!((iq.attr("from"), iq.attr("to")), (None, None), "the room sets the addresses");
        let id = iq.attr("id").expect("an id").to_owned();
        match iq.attr("type").expect("a type") {
            kind @ ("result" | "error") => {
                assert!(self.unanswered.remove(&id), "{nick}: an answer to nothing, or a second one: {id}");
                let condition = iq.children().next().and_then(|error| error.children().next());
                self.answer =
                    Some(condition.filter(|_| kind == "error").map_or("result", Element::name).to_owned());
            }
            "get" => self.discos.push(id),
            _ => {
                let payload = iq.children().next().expect("a payload");
                match payload.name() {
                    "jingle" => self.receive_jingle(nick, payload),
                    "mute" => self.mutes.push(payload.clone()),
                    other => panic!("{nick}: {other}"),
                }
            }
        }
    }

    fn receive_jingle(&mut self, nick: &str, jingle: &Element) {
        let sid = jingle.attr("sid").expect("a sid").to_owned();
        let action = jingle.attr("action").expect("an action");
        if action != "session-initiate" {
            assert_eq!(self.sid.as_ref(), Some(&sid), "{nick}: {action} for an unknown session");
        }
        match action {
            "session-initiate" => {
                assert_eq!(self.sid, None, "{nick}: a second session beside the first");
                assert!(self.unanswered.is_empty(), "{nick}: an offer before the result that it follows");
                assert!(self.sids.insert(sid.clone()), "{nick}: a sid used twice");
                self.sid = Some(sid);
                let bridge_session =
                    jingle.get_child("bridge-session", xmpp::ns::FOCUS).expect("a bridge session");
                self.bridge_session = bridge_session.attr("id").map(str::to_owned);
                self.last_offer = Some(jingle.clone());
                self.offered_rtx = xmpp::text::to_text(jingle).contains("name=\"rtx\"");
                if let Some(message) = jingle.get_child("json-message", xmpp::ns::JITMEET) {
                    self.add(nick, message);
                }
            }
            "source-add" => {
                assert!(
                    self.accepted && self.unanswered.is_empty(),
                    "{nick}: source-add before the accept's result"
                );
                self.add(nick, jingle.get_child("json-message", xmpp::ns::JITMEET).expect("sources"));
            }
            "source-remove" => {
                assert!(
                    self.accepted && self.unanswered.is_empty(),
                    "{nick}: source-remove before the result"
                );
                self.remove(nick, jingle.get_child("json-message", xmpp::ns::JITMEET).expect("sources"));
            }
            "session-terminate" => {
                let reason = jingle.get_child("reason", xmpp::jingle::ns::JINGLE).expect("a reason");
                self.terminations.push(reason.children().next().expect("a condition").name().to_owned());
                self.end();
            }
            other => panic!("{nick}: {other}"),
        }
    }

    /// Its session is over.
    pub(super) fn end(&mut self) {
        self.sid = None;
        self.bridge_session = None;
        self.accepted = false;
        self.told.clear();
        self.own = SourceSet::default();
    }

    /// An occupant left: the client drops its tracks itself, unless it leaves that to the server.
    pub(super) fn see_leave(&mut self, owner: &str, rewriting: bool) {
        if !rewriting {
            self.told.remove(owner);
        }
    }

    fn add(&mut self, nick: &str, message: &Element) {
        for (owner, ssrcs) in sources(message) {
            assert_ne!(owner, nick, "own sources sent back");
            for ssrc in ssrcs {
                let known = self.told.values().any(|known| known.contains(&ssrc));
                assert!(!known, "{nick}: source {ssrc} of {owner} told twice");
                self.told.entry(owner.clone()).or_default().insert(ssrc);
            }
        }
    }

    fn remove(&mut self, nick: &str, message: &Element) {
        for (owner, ssrcs) in sources(message) {
            for ssrc in ssrcs {
                let known = self.told.get_mut(&owner).is_some_and(|known| known.remove(&ssrc));
                assert!(known, "{nick}: source {ssrc} of {owner} removed, but never told");
            }
        }
        self.told.retain(|_, ssrcs| !ssrcs.is_empty());
    }
}

/// SSRCs by owner; a message without any source panics.
fn sources(message: &Element) -> Vec<(String, Vec<u64>)> {
    let message: Value = serde_json::from_str(&message.text()).expect("JSON");
    let owners = message["sources"].as_object().expect("sources by owner");
    assert!(!owners.is_empty(), "no sources at all");
    let mut read = Vec::new();
    for (owner, lists) in owners {
        let list = |at: usize| lists.get(at).and_then(Value::as_array).into_iter().flatten();
        let ssrcs: Vec<u64> =
            list(0).chain(list(2)).map(|source| source["s"].as_u64().expect("an SSRC")).collect();
        assert!(!ssrcs.is_empty(), "an owner without sources: {owner}");
        for group in list(1).chain(list(3)) {
            assert_eq!(group[0], "f", "simulcast is not told");
        }
        read.push((owner.clone(), ssrcs));
    }
    read
}

/// `<source/>`s and `<ssrc-group/>`s as a client writes them, in one content for each media.
pub(super) fn contents(set: &SourceSet, transport: Option<&Element>) -> Vec<Element> {
    let mut contents = Vec::new();
    for (name, kind) in [("audio", "Audio"), ("video", "Video")] {
        let ssma = xmpp::jingle::ns::SSMA;
        let sources =
            set.sources.iter().filter(|source| format!("{:?}", source.media) == kind).map(|source| {
                let msid = source
                    .msid
                    .as_ref()
                    .map(|msid| elem("parameter", ssma).attr("name", "msid").attr("value", msid).build());
                elem("source", ssma)
                    .attr("ssrc", source.ssrc.to_string())
                    .attr("name", &source.name)
                    .children(msid)
                    .build()
            });
        let groups = set.groups.iter().filter(|group| format!("{:?}", group.media) == kind).map(|group| {
            let members =
                group.ssrcs.iter().map(|s| elem("source", ssma).attr("ssrc", s.to_string()).build());
            let semantics = format!("{:?}", group.semantics).to_uppercase();
            elem("ssrc-group", ssma).attr("semantics", semantics).children(members).build()
        });
        let description = elem("description", xmpp::jingle::ns::RTP)
            .attr("media", name)
            .children(sources)
            .children(groups)
            .build();
        let content = elem("content", xmpp::jingle::ns::JINGLE)
            .attr("name", name)
            .child(description)
            .children(transport.cloned());
        contents.push(content.build());
    }
    contents
}

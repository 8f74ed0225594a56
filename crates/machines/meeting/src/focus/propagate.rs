//! What changes in one participant's sources is told to all others, once and in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xmpp::{Element, elem};

use super::sources::SourceSet;
use super::{Cx, Focus};

/// Changes by owner that a client was not told yet. An add and a remove of the same source cancel out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Delta {
    removed: BTreeMap<String, SourceSet>,
    added: BTreeMap<String, SourceSet>,
}

impl Delta {
    pub(super) fn new(owner: &str, removed: SourceSet, added: SourceSet) -> Self {
        Self {
            removed: BTreeMap::from([(owner.to_owned(), removed)]),
            added: BTreeMap::from([(owner.to_owned(), added)]),
        }
    }

    /// Takes up what happened after it.
    pub(super) fn merge(&mut self, owner: &str, removed: &SourceSet, added: &SourceSet) {
        let (old_removed, old_added) = (
            self.removed.entry(owner.to_owned()).or_default(),
            self.added.entry(owner.to_owned()).or_default(),
        );
        // removed now: what was to be added is simply not, the rest goes to the removals
        let gone = removed.minus(old_added);
        *old_added = old_added.minus(removed);
        // added now: what was to be removed simply stays, the rest goes to the additions
        let come = added.minus(old_removed);
        *old_removed = old_removed.minus(added);
        append(old_removed, gone);
        append(old_added, come);
    }

    /// The owner is gone, and the client drops everything of it by itself.
    pub(super) fn forget(&mut self, owner: &str) {
        self.removed.remove(owner);
        self.added.remove(owner);
    }
}

impl Focus {
    /// Sets what `nick` sends; every other session hears of the difference.
    pub(super) fn change_sources(&mut self, cx: &mut Cx<'_>, nick: &str, sources: SourceSet) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        let old = std::mem::replace(&mut participant.sources, sources);
        let new = participant.sources.clone();
        for receiver in self.others(nick) {
            self.tell_difference(cx, &receiver, nick, &old, &new);
        }
    }

    /// `nick` has left the room with `sources`. Clients take the tracks of a departed member away themselves,
    /// but for those that expect the bridge to do it.
    pub(super) fn withdraw_sources(&mut self, cx: &mut Cx<'_>, nick: &str, sources: &SourceSet) {
        for receiver in self.others(nick) {
            let Some(participant) = self.participants.get_mut(&receiver) else { continue };
            if participant.features().is_some_and(|features| features.rewriting) {
                self.tell_difference(cx, &receiver, nick, sources, &SourceSet::default());
            } else if let Some(session) = participant.session_mut() {
                session.queue.forget(nick);
            }
        }
    }

    /// Tells a client whose accept was just answered what happened since its offer.
    pub(super) fn flush_queue(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let Some(session) = self.participants.get_mut(nick).and_then(|p| p.session_mut()) else { return };
        let queue = std::mem::take(&mut session.queue);
        self.tell(cx, nick, &queue);
    }

    fn tell_difference(
        &mut self,
        cx: &mut Cx<'_>,
        receiver: &str,
        owner: &str,
        old: &SourceSet,
        new: &SourceSet,
    ) {
        let Some(participant) = self.participants.get_mut(receiver) else { return };
        let rtx = participant.features().is_some_and(|features| features.rtx);
        let (old, new) = (old.for_receiver(rtx), new.for_receiver(rtx));
        let (removed, added) = (old.minus(&new), new.minus(&old));
        let Some(session) = participant.session_mut() else { return };
        if session.accepted {
            self.tell(cx, receiver, &Delta::new(owner, removed, added));
        } else {
            session.queue.merge(owner, &removed, &added);
        }
    }

    /// Never an empty source-add or source-remove: the client would renegotiate for nothing.
    fn tell(&mut self, cx: &mut Cx<'_>, nick: &str, delta: &Delta) {
        for (action, sets) in [("source-remove", &delta.removed), ("source-add", &delta.added)] {
            let sets = sets.iter().filter(|(_, set)| !set.sources.is_empty());
            let owners: Map<String, Value> =
                sets.map(|(owner, set)| (owner.clone(), set.to_json())).collect();
            if !owners.is_empty() {
                self.send_jingle(cx, nick, action, [json_message(owners)]);
            }
        }
    }

    /// Everybody but `nick`.
    pub(super) fn others(&self, nick: &str) -> Vec<String> {
        self.participants.keys().filter(|other| *other != nick).cloned().collect()
    }
}

/// `<json-message/>` with sources by owner.
pub(super) fn json_message(owners: Map<String, Value>) -> Element {
    elem("json-message", xmpp::ns::JITMEET).text(json!({"sources": owners}).to_string()).build()
}

fn append(set: &mut SourceSet, more: SourceSet) {
    set.sources.extend(more.sources);
    set.groups.extend(more.groups);
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::{group, source};
    use super::super::sources::{GroupKind, SourceSet};
    use super::*;

    fn set(words: &[&str]) -> SourceSet {
        SourceSet { sources: words.iter().map(|word| source(word, "x-v0")).collect(), groups: Vec::new() }
    }

    fn check(steps: &[(&[&str], &[&str])], removed: &[&str], added: &[&str]) {
        let mut delta = Delta::default();
        for (removed, added) in steps {
            delta.merge("x", &set(removed), &set(added));
        }
        assert_eq!(delta, Delta::new("x", set(removed), set(added)));
    }

    #[test]
    fn adds_and_removes_cancel_out() {
        check(&[(&[], &["v1"]), (&["v1"], &[])], &[], &[]);
        check(&[(&["v1"], &[]), (&[], &["v1"])], &[], &[]);
        check(&[(&[], &["v1", "v2"]), (&["v1"], &["v3"])], &[], &["v2", "v3"]);
        check(&[(&["v1"], &["v2"]), (&["v2"], &["v1"])], &[], &[]);
    }

    #[test]
    fn a_source_that_came_back_different_is_removed_first() {
        let mut other = set(&["v1"]);
        other.sources[0].name = "x-v1".to_owned();
        let mut delta = Delta::default();
        delta.merge("x", &set(&["v1"]), &SourceSet::default());
        delta.merge("x", &SourceSet::default(), &other);
        assert_eq!(delta, Delta::new("x", set(&["v1"]), other));
    }

    #[test]
    fn groups_cancel_out_too() {
        let grouped = SourceSet { groups: vec![group(GroupKind::Fid, &[1, 2])], ..set(&["v1", "v2"]) };
        let mut delta = Delta::default();
        delta.merge("x", &SourceSet::default(), &grouped);
        delta.merge("x", &grouped, &SourceSet::default());
        assert_eq!(delta, Delta::new("x", SourceSet::default(), SourceSet::default()));
    }
}

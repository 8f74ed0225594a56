//! What a client may announce as its sources. The rules are those of the stock focus.

use super::limits::{GROUPS_MAX, MSID_BYTES_MAX, NAME_BYTES_MAX, SSRCS_MAX};
use super::sources::{Group, GroupKind, SourceSet};

/// Why sources are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("an SSRC is 0")]
    Zero,
    #[error("an SSRC is in use already")]
    SsrcInUse,
    #[error("a source name does not begin with the endpoint and a hyphen, or is too long")]
    Name,
    #[error("an msid is in use by somebody else")]
    MsidInUse,
    #[error("an msid is too long")]
    MsidTooLong,
    #[error("a group has a member that is not announced")]
    NotAnnounced,
    #[error("a group has the wrong number of members")]
    GroupSize,
    #[error("the members of a group do not share an msid")]
    NoSharedMsid,
    #[error("two groups of one media share an msid")]
    MsidOfTwoGroups,
    #[error("a source to remove was not announced")]
    Unknown,
    #[error("more sources or groups than one participant may have")]
    TooMany,
}

/// `own` with `added`, if the result may be: judged against everybody else's sources. Names belong to the endpoint
/// `nick` by their beginning (a nick has no hyphen), so nobody can claim another's.
pub(super) fn added<'a>(
    nick: &str,
    own: &SourceSet,
    added: SourceSet,
    others: impl Iterator<Item = &'a SourceSet> + Clone,
) -> Result<SourceSet, Invalid> {
    let mut full = own.clone();
    for source in added.sources {
        if source.ssrc == 0 {
            return Err(Invalid::Zero);
        }
        if full.has(source.ssrc) || others.clone().any(|other| other.has(source.ssrc)) {
            return Err(Invalid::SsrcInUse);
        }
        let belongs = source.name.strip_prefix(nick).is_some_and(|rest| rest.starts_with('-'));
        if !belongs || source.name.len() > NAME_BYTES_MAX {
            return Err(Invalid::Name);
        }
        if source.msid.as_ref().is_some_and(|msid| msid.len() > MSID_BYTES_MAX) {
            return Err(Invalid::MsidTooLong);
        }
        let mut theirs = others.clone().flat_map(|other| &other.sources);
        if source.msid.is_some() && theirs.any(|other| other.msid == source.msid) {
            return Err(Invalid::MsidInUse);
        }
        full.sources.push(source);
    }
    full.groups.extend(added.groups.into_iter().filter(|group| !own.groups.contains(group)));
    if full.sources.len() > SSRCS_MAX || full.groups.len() > GROUPS_MAX {
        return Err(Invalid::TooMany);
    }
    check_groups(&full)?;
    Ok(full)
}

/// `own` without the sources of `removed`. Removal goes by SSRC.
pub(super) fn removed(own: &SourceSet, removed: &SourceSet) -> Result<SourceSet, Invalid> {
    let ssrcs: Vec<u32> = removed.sources.iter().map(|source| source.ssrc).collect();
    if !ssrcs.iter().all(|ssrc| own.has(*ssrc)) {
        return Err(Invalid::Unknown);
    }
    Ok(own.without(&ssrcs))
}

fn check_groups(set: &SourceSet) -> Result<(), Invalid> {
    let mut msids: Vec<Option<&str>> = Vec::with_capacity(set.groups.len());
    for group in &set.groups {
        msids.push(Some(shared_msid(set, group)?));
    }
    for (at, group) in set.groups.iter().enumerate() {
        let clash = set.groups[..at].iter().zip(&msids).any(|(before, msid)| {
            before.media == group.media && *msid == msids[at] && !connected(set, before, group)
        });
        if clash {
            return Err(Invalid::MsidOfTwoGroups);
        }
    }
    Ok(())
}

/// The msid that all members have.
fn shared_msid<'a>(set: &'a SourceSet, group: &Group) -> Result<&'a str, Invalid> {
    let pair = matches!(group.semantics, GroupKind::Fid | GroupKind::FecFr);
    if pair && group.ssrcs.len() != 2 {
        return Err(Invalid::GroupSize);
    }
    let mut shared = None;
    for ssrc in &group.ssrcs {
        let member = set.sources.iter().find(|source| source.ssrc == *ssrc && source.media == group.media);
        let msid = member.ok_or(Invalid::NotAnnounced)?.msid.as_deref().ok_or(Invalid::NoSharedMsid)?;
        if *shared.get_or_insert(msid) != msid {
            return Err(Invalid::NoSharedMsid);
        }
    }
    shared.ok_or(Invalid::GroupSize)
}

/// Two groups belong to one track: a chain of groups with common members leads from one to the other.
fn connected(set: &SourceSet, from: &Group, to: &Group) -> bool {
    let mut reached: Vec<u32> = from.ssrcs.clone();
    let mut rest: Vec<&Group> = set.groups.iter().collect();
    loop {
        let (near, far): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|group| group.ssrcs.iter().any(|ssrc| reached.contains(ssrc)));
        if near.is_empty() {
            return to.ssrcs.iter().any(|ssrc| reached.contains(ssrc));
        }
        reached.extend(near.into_iter().flat_map(|group| &group.ssrcs));
        rest = far;
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::{group, simulcast, source};
    use super::super::sources::{Media, Source};
    use super::*;

    fn set(sources: &[Source], groups: &[Group]) -> SourceSet {
        SourceSet { sources: sources.to_vec(), groups: groups.to_vec() }
    }

    fn with_msid(word: &str, msid: Option<&str>) -> Source {
        Source { msid: msid.map(str::to_owned), ..source(word, "x-v0") }
    }

    fn check(own: &SourceSet, more: SourceSet, other: &SourceSet, expected: Result<usize, Invalid>) {
        let result = added("x", own, more, std::iter::once(other));
        assert_eq!(result.map(|full| full.sources.len()), expected);
    }

    #[test]
    fn simulcast_with_repair_is_one_track() {
        let none = SourceSet::default();
        check(&none, simulcast(), &none, Ok(7));
        let screen =
            set(&[source("v21", "x-v1"), source("v22", "x-v1")], &[group(GroupKind::Fid, &[21, 22])]);
        check(&simulcast(), screen, &none, Ok(9));
    }

    #[test]
    fn ssrcs_names_and_msids_belong_to_one_participant() {
        let none = SourceSet::default();
        let theirs = set(&[source("v5", "y-v0")], &[]);
        check(&none, set(&[source("v0", "x-v0")], &[]), &none, Err(Invalid::Zero));
        check(&none, set(&[source("v4294967295", "x-v0")], &[]), &none, Ok(1));
        check(&none, set(&[source("v5", "x-v0")], &[]), &theirs, Err(Invalid::SsrcInUse));
        check(&simulcast(), set(&[source("v1", "x-v0")], &[]), &none, Err(Invalid::SsrcInUse));
        check(&none, set(&[source("v1", "x-v0"), source("v1", "x-v0")], &[]), &none, Err(Invalid::SsrcInUse));
        for name in ["y-v0", "y-v1", "xy-v0", "x", "xv0", "X-v0", "", " x-v0"] {
            check(&none, set(&[source("v6", name)], &[]), &theirs, Err(Invalid::Name));
        }
        let long = |bytes: usize| format!("x-{}", "n".repeat(bytes - 2));
        check(&none, set(&[source("v6", &long(NAME_BYTES_MAX))], &[]), &none, Ok(1));
        check(&none, set(&[source("v6", &long(NAME_BYTES_MAX + 1))], &[]), &none, Err(Invalid::Name));
        // whoever claimed a name before its owner came does not keep it from using it
        let squatter = set(&[Source { msid: None, ..source("v5", "x-v0") }], &[]);
        check(&none, set(&[source("v6", "x-v0")], &[]), &squatter, Ok(1));
        check(&none, set(&[with_msid("v6", Some("ms y-v0"))], &[]), &theirs, Err(Invalid::MsidInUse));
        let msid = "m".repeat(MSID_BYTES_MAX + 1);
        check(&none, set(&[with_msid("v6", Some(&msid[1..]))], &[]), &none, Ok(1));
        check(&none, set(&[with_msid("v6", Some(&msid))], &[]), &none, Err(Invalid::MsidTooLong));
        check(&none, set(&[with_msid("v6", None)], &[]), &theirs, Ok(1));
    }

    #[test]
    fn groups_hold_announced_sources_of_one_msid() {
        let none = SourceSet::default();
        let pair = [source("v1", "x-v0"), source("v2", "x-v0")];
        check(&none, set(&pair, &[group(GroupKind::Fid, &[1, 3])]), &none, Err(Invalid::NotAnnounced));
        check(&none, set(&pair, &[group(GroupKind::Fid, &[1])]), &none, Err(Invalid::GroupSize));
        check(&none, set(&pair, &[group(GroupKind::Fid, &[1, 2, 1])]), &none, Err(Invalid::GroupSize));
        check(&none, set(&pair, &[group(GroupKind::Sim, &[])]), &none, Err(Invalid::GroupSize));
        let no_msid = [source("v1", "x-v0"), with_msid("v2", None)];
        check(&none, set(&no_msid, &[group(GroupKind::Fid, &[1, 2])]), &none, Err(Invalid::NoSharedMsid));
        let two_msids = [source("v1", "x-v0"), with_msid("v2", Some("other"))];
        check(&none, set(&two_msids, &[group(GroupKind::Fid, &[1, 2])]), &none, Err(Invalid::NoSharedMsid));
        let audio = Group { media: Media::Audio, ..group(GroupKind::Fid, &[1, 2]) };
        check(&none, set(&pair, &[audio]), &none, Err(Invalid::NotAnnounced));
    }

    #[test]
    fn two_tracks_have_two_msids() {
        let four: Vec<Source> = ["v1", "v2", "v3", "v4"].iter().map(|word| source(word, "x-v0")).collect();
        let groups = [group(GroupKind::Fid, &[1, 2]), group(GroupKind::Fid, &[3, 4])];
        check(
            &SourceSet::default(),
            set(&four, &groups),
            &SourceSet::default(),
            Err(Invalid::MsidOfTwoGroups),
        );
    }

    #[test]
    fn a_group_may_come_after_its_sources_and_twice() {
        let none = SourceSet::default();
        let pair = set(&[source("v1", "x-v0"), source("v2", "x-v0")], &[]);
        let late = set(&[], &[group(GroupKind::Fid, &[1, 2])]);
        let full = added("x", &pair, late.clone(), std::iter::once(&none)).expect("sources");
        assert_eq!(added("x", &full, late, std::iter::once(&none)), Ok(full));
    }

    #[test]
    fn one_participant_has_a_limit() {
        let none = SourceSet::default();
        let many: Vec<Source> = (1..=21).map(|n| source(&format!("v{n}"), "x-v0")).collect();
        check(&none, set(&many[..20], &[]), &none, Ok(20));
        check(&none, set(&many, &[]), &none, Err(Invalid::TooMany));
        let pairs: Vec<Group> = (2..=20).map(|n| group(GroupKind::Fid, &[1, n])).collect();
        check(&none, set(&many[..20], &pairs), &none, Ok(20));
        let more: Vec<Group> = (2..=4).map(|n| group(GroupKind::Fid, &[n, 1])).collect();
        check(&none, set(&many[..20], &[pairs, more].concat()), &none, Err(Invalid::TooMany));
    }

    #[test]
    fn removal_goes_by_ssrc() {
        let left = removed(&simulcast(), &set(&[source("v3", "whatever"), source("v13", "")], &[]));
        assert_eq!(left.map(|set| set.groups.len()), Ok(2));
        assert_eq!(removed(&simulcast(), &set(&[source("v77", "x-v0")], &[])), Err(Invalid::Unknown));
        assert_eq!(removed(&simulcast(), &SourceSet::default()), Ok(simulcast()));
    }
}

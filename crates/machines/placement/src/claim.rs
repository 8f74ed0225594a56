//! What a place means to a shard: whether a meeting is its own to run, what it does when places change, and who gets
//! what it gives away.

use crate::shard::{Shard, pick_shard};
use crate::steering::Announced;

/// Whether a shard runs a meeting that somebody wants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    Ours,
    /// it is for this shard
    Elsewhere(String),
    /// nobody has it: it is to be placed here first, by compare-and-set
    Free,
    /// nobody has it, and this shard takes nothing more
    Refused,
}

/// `place`: the shard that the engine names for it, read before the claim or told where the compare-and-set was lost.
pub fn claim(own: &str, place: Option<&str>, draining: bool) -> Claim {
    match place {
        Some(shard) if shard == own => Claim::Ours,
        Some(shard) => Claim::Elsewhere(shard.to_owned()),
        None if draining => Claim::Refused,
        None => Claim::Free,
    }
}

/// What a shard does about a place that it hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// take the meeting over
    Adopt,
    /// write it down, and let it go
    LetGo,
    /// it runs here and has no place any more: place it here again, by compare-and-set
    Claim,
    Nothing,
}

/// `runs`: the meeting runs here. One without a place runs on: nobody else has it yet.
pub fn follow(own: &str, place: Option<&str>, runs: bool) -> Follow {
    match place {
        Some(shard) if shard != own && runs => Follow::LetGo,
        Some(shard) if shard == own && !runs => Follow::Adopt,
        None if runs => Follow::Claim,
        _ => Follow::Nothing,
    }
}

/// The shard that gets a meeting of `own`: `to`, where that was asked for, or whoever has the least to do. `None`: nobody
/// takes it, and it stays.
pub fn heir(
    shards: impl IntoIterator<Item = Announced>,
    own: &str,
    region: Option<&str>,
    to: Option<&str>,
) -> Option<String> {
    let others = shards.into_iter().filter(|shard| shard.id != own && to.is_none_or(|to| shard.id == to));
    let others: Vec<_> = others
        .map(|shard| Shard {
            id: shard.id,
            region: shard.region,
            load: shard.load,
            recent: 0,
            draining: shard.draining,
            healthy: true,
        })
        .collect();
    pick_shard(&others, region, &[]).map(|heir| heir.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_says_whose_a_meeting_is() {
        for (place, draining, expected) in [
            (Some("a"), false, Claim::Ours),
            (Some("a"), true, Claim::Ours),
            (Some("b"), false, Claim::Elsewhere("b".to_owned())),
            (None, false, Claim::Free),
            (None, true, Claim::Refused),
        ] {
            assert_eq!(claim("a", place, draining), expected, "{place:?} {draining}");
        }
    }

    #[test]
    fn a_change_of_places_is_followed() {
        for (place, runs, expected) in [
            (Some("a"), false, Follow::Adopt),
            (Some("a"), true, Follow::Nothing),
            (Some("b"), true, Follow::LetGo),
            (Some("b"), false, Follow::Nothing),
            (None, true, Follow::Claim),
            (None, false, Follow::Nothing),
        ] {
            assert_eq!(follow("a", place, runs), expected, "{place:?} {runs}");
        }
    }

    #[test]
    fn the_heir_is_another_one_that_takes_meetings() {
        let shard = |id: &str, load, draining| Announced {
            id: id.to_owned(),
            region: None,
            draining,
            load,
            started: 0,
        };
        let all = || {
            [shard("a", 0.0, false), shard("b", 0.1, true), shard("c", 0.5, false), shard("d", 0.2, false)]
        };
        assert_eq!(heir(all(), "a", None, None).as_deref(), Some("d"));
        assert_eq!(heir(all(), "a", None, Some("c")).as_deref(), Some("c"));
        for nobody in ["a", "b", "e"] {
            assert_eq!(heir(all(), "a", None, Some(nobody)), None, "{nobody}");
        }
        assert_eq!(heir([shard("a", 0.0, false)], "a", None, None), None);
    }
}

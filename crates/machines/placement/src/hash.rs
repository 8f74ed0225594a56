//! Hashes of names: what has to look random, and be the same on every router.

/// FNV-1a over `parts`, kept apart by a zero each.
pub(crate) fn of(parts: [&str; 2]) -> u64 {
    let bytes = parts[0].bytes().chain([0]).chain(parts[1].bytes());
    bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// As [`of`], with every bit depending on every byte (the finisher of splitmix64): names that differ in their last
/// letter have nothing in common.
pub(crate) fn mixed(parts: [&str; 2]) -> u64 {
    let hash = of(parts);
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_apart() {
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_ne!(mixed(["ab", "c"]), mixed(["a", "bc"]));
        assert_eq!(of(["router-1", "standup"]), of(["router-1", "standup"]));
    }

    #[test]
    fn the_mixed_ones_are_spread_by_their_first_bits() {
        let first = |n: u32| usize::try_from(mixed(["a", &format!("room-{n}")]) >> 62).unwrap_or(0);
        let mut quarters = [0; 4];
        (0..1_000).for_each(|n| quarters[first(n)] += 1);
        assert!(quarters.iter().all(|quarter| (200..300).contains(quarter)), "{quarters:?}");
    }
}

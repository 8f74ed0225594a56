//! Putting datagrams together that the kernel can send in one go (generic segmentation offload).
//!
//! A segmented send has one source, one destination and segments of one size; the last may be shorter. It costs a
//! third to a sixth of single sends, so datagrams are sorted by destination first. The order of those to one
//! destination stays.

use sfu::Transmit;

use crate::limits::SEGMENTED_BYTES_MAX;

pub(crate) fn sort_by_destination(transmits: &mut [Transmit]) {
    transmits.sort_by_key(|transmit| (transmit.destination, transmit.source));
}

/// How many datagrams from the front of `transmits` can go in one send of at most `segments_max` segments. At least
/// 1 where there is one.
pub(crate) fn leading_run(transmits: &[Transmit], segments_max: usize) -> usize {
    let Some(first) = transmits.first() else { return 0 };
    let size = first.payload.len();
    if size == 0 {
        return 1;
    }
    let most = segments_max.clamp(1, (SEGMENTED_BYTES_MAX / size).max(1));
    let mut n = 1;
    for transmit in transmits.iter().take(most).skip(1) {
        let same_path = transmit.destination == first.destination && transmit.source == first.source;
        if !same_path || transmit.payload.len() > size || transmit.payload.is_empty() {
            break;
        }
        n += 1;
        if transmit.payload.len() < size {
            break;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_go_together_and_a_shorter_one_ends_the_run() {
        check(&[(1, 100), (1, 100), (1, 60), (1, 100)], 64, &[3, 1]);
        check(&[(1, 60), (1, 100), (1, 100)], 64, &[1, 2]);
    }

    #[test]
    fn another_destination_ends_the_run() {
        check(&[(1, 100), (2, 100), (2, 100)], 64, &[1, 2]);
    }

    #[test]
    fn the_kernels_limits_are_kept() {
        check(&[(1, 100); 5], 2, &[2, 2, 1]);
        check(&[(1, 100); 3], 0, &[1, 1, 1]);
        check(&[(1, 30_000); 3], 64, &[2, 1]);
        check(&[(1, 65_000); 2], 64, &[1, 1]);
    }

    #[test]
    fn empty_datagrams_go_alone() {
        check(&[(1, 0), (1, 0), (1, 5), (1, 0)], 64, &[1, 1, 1, 1]);
        check(&[], 64, &[]);
    }

    #[test]
    fn sorting_keeps_the_order_of_one_destination() {
        let mut transmits = [transmit(2, 1), transmit(1, 2), transmit(2, 3), transmit(1, 4)];
        sort_by_destination(&mut transmits);
        assert_eq!(transmits.map(|t| t.payload.len()), [2, 4, 1, 3]);
    }

    fn transmit(port: u16, size: usize) -> Transmit {
        Transmit {
            source: ([192, 0, 2, 1], 10_000).into(),
            destination: ([198, 51, 100, 1], port).into(),
            payload: vec![0; size],
        }
    }

    fn check(datagrams: &[(u16, usize)], segments_max: usize, runs: &[usize]) {
        let transmits: Vec<_> = datagrams.iter().map(|(port, size)| transmit(*port, *size)).collect();
        let mut rest = &transmits[..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let n = leading_run(rest, segments_max);
            found.push(n);
            rest = &rest[n..];
        }
        assert_eq!(found, runs);
    }
}

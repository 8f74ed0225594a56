//! Which shard takes a meeting.

use crate::limits::LOAD_PER_MEETING;

/// A shard, as far as it matters who gets the next meeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    /// of the node
    pub id: String,
    pub region: Option<String>,
    /// 1.0 is the load at which no more should be added
    pub load: f64,
    /// meetings placed since it said that load
    pub recent: u32,
    pub draining: bool,
    pub healthy: bool,
}

/// The least loaded healthy shard: one of `region` before all others, a full one only where nothing else is left. A
/// draining one gets nothing. Ties go to the lower id.
pub fn pick_shard<'a>(
    shards: impl IntoIterator<Item = &'a Shard>,
    region: Option<&str>,
    avoid: &[&str],
) -> Option<&'a Shard> {
    let rank = |shard: &Shard| {
        let load = shard.load + f64::from(shard.recent) * LOAD_PER_MEETING;
        let is_elsewhere = region.is_some() && shard.region.as_deref() != region;
        // Not a number is no load to trust.
        let is_full = load >= 1.0 || load.is_nan();
        (is_full, is_elsewhere, load)
    };
    let fit = |shard: &&Shard| shard.healthy && !shard.draining && !avoid.contains(&shard.id.as_str());
    shards.into_iter().filter(fit).min_by(|a, b| {
        let ((a_full, a_else, a_load), (b_full, b_else, b_load)) = (rank(a), rank(b));
        (a_full, a_else).cmp(&(b_full, b_else)).then(a_load.total_cmp(&b_load)).then_with(|| a.id.cmp(&b.id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, load: f64) -> Shard {
        Shard { id: id.to_owned(), region: None, load, recent: 0, draining: false, healthy: true }
    }

    fn of(region: &str, shard: Shard) -> Shard {
        Shard { region: Some(region.to_owned()), ..shard }
    }

    fn check(shards: &[Shard], region: Option<&str>, avoid: &[&str], expected: Option<&str>) {
        assert_eq!(pick_shard(shards, region, avoid).map(|shard| shard.id.as_str()), expected);
    }

    #[test]
    fn the_least_loaded_one_takes_it() {
        check(&[shard("a", 0.4), shard("b", 0.2), shard("c", 0.3)], None, &[], Some("b"));
        check(&[shard("b", 0.1), shard("a", 0.1)], None, &[], Some("a"));
        check(&[shard("a", f64::NAN), shard("b", 0.9)], None, &[], Some("b"));
        check(&[shard("a", f64::NAN)], None, &[], Some("a"));
        check(&[], None, &[], None);
    }

    #[test]
    fn what_was_placed_counts_before_it_is_announced() {
        let busy = Shard { recent: 30, ..shard("a", 0.0) };
        check(&[busy, shard("b", 0.2)], None, &[], Some("b"));
    }

    #[test]
    fn the_own_region_is_first_until_it_is_full() {
        let (near, far) = (of("eu", shard("a", 0.8)), of("us", shard("b", 0.1)));
        check(&[near.clone(), far.clone()], Some("eu"), &[], Some("a"));
        check(&[near.clone(), far.clone()], None, &[], Some("b"));
        check(&[Shard { load: 1.2, ..near.clone() }, far.clone()], Some("eu"), &[], Some("b"));
        check(&[near, far], Some("asia"), &[], Some("b"));
    }

    #[test]
    fn sick_draining_and_avoided_ones_take_nothing() {
        let sick = Shard { healthy: false, ..shard("a", 0.0) };
        let draining = Shard { draining: true, ..shard("b", 0.0) };
        check(&[sick, draining, shard("c", 0.0)], None, &["c"], None);
    }
}

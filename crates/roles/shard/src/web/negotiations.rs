//! The places of WebSockets that negotiate. A newcomer gets the place of the oldest where none is free: whoever is
//! honest needs half a second, and whoever only occupies a place is the oldest soon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Negotiations {
    places_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    /// by number, so the oldest first
    places: BTreeMap<u64, CancellationToken>,
    ever: u64,
}

/// A place; dropping it gives it free.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    lost: CancellationToken,
    taken: Arc<Mutex<Taken>>,
}

impl Negotiations {
    /// At least one place.
    pub(crate) fn new(places_max: usize) -> Self {
        Self { places_max: places_max.max(1), taken: Arc::default() }
    }

    /// A place, and whether somebody has lost theirs for it.
    pub(crate) fn enter(&self) -> (Place, bool) {
        let mut taken = lock(&self.taken);
        let oldest = if taken.places.len() < self.places_max { None } else { taken.places.pop_first() };
        if let Some((_, lost)) = &oldest {
            lost.cancel();
        }
        taken.ever += 1;
        let (number, lost) = (taken.ever, CancellationToken::new());
        taken.places.insert(number, lost.clone());
        (Place { number, lost, taken: Arc::clone(&self.taken) }, oldest.is_some())
    }
}

impl Place {
    /// Comes back when a newcomer has got the place.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.taken).places.remove(&self.number);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_loses_its_place() {
        let negotiations = Negotiations::new(2);
        let (first, second) = (negotiations.enter(), negotiations.enter());
        assert!(!first.1 && !second.1);
        let third = negotiations.enter();
        assert!(third.1);
        assert_eq!(
            [&first, &second, &third].map(|(place, _)| place.lost.is_cancelled()),
            [true, false, false]
        );
        drop(first);
        assert!(negotiations.enter().1, "its place was taken already");
    }

    #[test]
    fn a_place_that_was_given_back_is_free() {
        let negotiations = Negotiations::new(1);
        for _ in 0..3 {
            assert!(!negotiations.enter().1);
        }
    }
}

//! Who may be connected: a bound on all connections, and a smaller one on those that have not asked for anything.
//!
//! A flood of sockets that never send a request must not keep people out. So a new connection beyond a bound takes
//! the place of the oldest one that has not sent a whole request; only when all have is it refused.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    connections_max: usize,
    half_open_max: usize,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: usize,
    /// in the order of arrival
    half_open: BTreeMap<u64, Arc<Notify>>,
}

/// A place behind the gate, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    number: u64,
    evicted: Arc<Notify>,
}

impl Gate {
    pub(crate) fn new(connections_max: usize, half_open_max: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), connections_max, half_open_max })
    }

    /// A place for a new connection. `None`: everybody is busy.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.lock();
        let is_full = state.open >= self.connections_max;
        if is_full || state.half_open.len() >= self.half_open_max {
            let made_room = state.evict_oldest();
            if is_full && !made_room {
                return None;
            }
        }
        let number = state.next;
        let evicted = Arc::new(Notify::new());
        state.next += 1;
        state.open += 1;
        state.half_open.insert(number, evicted.clone());
        Some(Place { gate: self.clone(), number, evicted })
    }

    /// Makes room where the kernel has none left.
    pub(crate) fn evict_oldest(&self) {
        self.lock().evict_oldest();
    }

    pub(crate) fn open(&self) -> usize {
        self.lock().open
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict_oldest(&mut self) -> bool {
        let oldest = self.half_open.pop_first();
        if let Some((_, evicted)) = &oldest {
            evicted.notify_one();
        }
        oldest.is_some()
    }
}

impl Place {
    /// The first whole request has arrived: the place is kept until the connection ends.
    pub(crate) fn settle(&self) {
        self.gate.lock().half_open.remove(&self.number);
    }

    /// Resolves when another connection needs the place, or `patience` has passed without a whole request.
    pub(crate) async fn lost(&self, patience: Duration) {
        tokio::select! {
            () = self.evicted.notified() => {}
            () = tokio::time::sleep(patience) => {
                if !self.gate.lock().half_open.contains_key(&self.number) {
                    pending::<()>().await;
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.open -= 1;
        state.half_open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    async fn is_lost(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.lost(LONG)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_half_open_one_makes_room() {
        let gate = Gate::new(3, 3);
        let places: Vec<_> = (0..3).filter_map(|_| gate.enter()).collect();
        places[0].settle();

        let newcomer = gate.enter().unwrap();
        assert!(!is_lost(&places[0]).await, "it has sent a request");
        assert!(is_lost(&places[1]).await);
        assert!(!is_lost(&places[2]).await);
        assert!(!is_lost(&newcomer).await);
    }

    #[tokio::test(start_paused = true)]
    async fn half_open_ones_have_their_own_bound() {
        let gate = Gate::new(100, 2);
        let places: Vec<_> = (0..3).filter_map(|_| gate.enter()).collect();
        assert!(is_lost(&places[0]).await);
        assert!(!is_lost(&places[1]).await);
    }

    #[test]
    fn when_all_are_busy_nobody_enters_until_one_leaves() {
        let gate = Gate::new(2, 2);
        let mut places: Vec<_> = (0..2).filter_map(|_| gate.enter()).collect();
        places.iter().for_each(Place::settle);
        assert!(gate.enter().is_none());
        assert_eq!(gate.open(), 2);

        places.pop();
        assert!(gate.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_without_a_request_only() {
        let gate = Gate::new(2, 2);
        let (slow, quick) = (gate.enter().unwrap(), gate.enter().unwrap());
        quick.settle();
        tokio::time::timeout(LONG, slow.lost(Duration::from_secs(10))).await.unwrap();
        assert!(tokio::time::timeout(LONG, quick.lost(Duration::from_secs(10))).await.is_err());
    }
}

//! One router, told things by hand.

use super::*;
use crate::limits::HEARTBEAT_MS;

fn announced(id: &str, load: f64) -> Announced {
    Announced { id: id.to_owned(), region: None, draining: false, load, started: 1 }
}

fn place(shard: &str, revision: u64) -> Place {
    Place { shard: shard.to_owned(), revision }
}

/// A router, and what it wanted done since it was last looked at: heartbeats apart.
struct Table {
    steering: Steering,
    now: u64,
}

impl Table {
    /// Shards that all answered their first heartbeat; `a` has the least load.
    fn of(ids: &[&str]) -> Self {
        let mut table = Self { steering: Steering::new("router-1", None), now: 10_000 };
        let nodes: Vec<_> =
            ids.iter().zip(1_u8..).map(|(id, n)| announced(id, f64::from(n) / 10.0)).collect();
        table.steering.handle_nodes(nodes, table.now);
        for id in ids {
            table.beat(id, Beat::Answered { draining: false });
        }
        table.check(&[]);
        table
    }

    fn beat(&mut self, id: &str, beat: Beat) {
        self.steering.handle_heartbeat(id, beat, self.now);
    }

    fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.steering.handle_timeout(self.now);
    }

    fn die(&mut self, id: &str) {
        self.steering.handle_doubt(id, self.now);
        self.beat(id, Beat::Refused);
        self.beat(id, Beat::Refused);
    }

    fn want(&mut self, meeting: &str, want: Want) {
        self.steering.handle_want(meeting, want, self.now);
    }

    fn placed(&mut self, meeting: &str, placed: Placed) {
        self.steering.handle_placed(meeting, placed, self.now);
    }

    fn hear(&mut self, meeting: &str, shard: &str, revision: u64) {
        self.steering.handle_place(meeting, place(shard, revision), self.now);
    }

    fn check(&mut self, expected: &[&str]) {
        self.steering.check_invariants();
        let actions = std::iter::from_fn(|| self.steering.poll_action());
        let said: Vec<_> = actions.filter_map(|action| said(&action)).collect();
        assert_eq!(said, expected);
    }
}

fn said(action: &Action) -> Option<String> {
    match action {
        Action::Probe { .. } => None,
        Action::Place { meeting, shard, expected } => Some(format!("place {meeting} {shard} {expected}")),
        Action::Read { meeting } => Some(format!("read {meeting}")),
        Action::Adopt { meeting, shard } => Some(format!("adopt {meeting} {shard}")),
        Action::Tell { want, shard } => Some(format!("tell {want} {shard}")),
        Action::Cut { meeting } => Some(format!("cut {meeting}")),
        Action::Down { shard } => Some(format!("down {shard}")),
    }
}

#[test]
fn a_new_meeting_is_placed_once_and_everybody_told() {
    let mut table = Table::of(&["a", "b"]);
    table.want("m", 1);
    table.want("m", 2);
    table.check(&["place m a 0"]);
    table.placed("m", Placed::Won(7));
    table.check(&["tell 1 a", "tell 2 a"]);
    table.want("m", 3);
    table.check(&["tell 3 a"]);
}

#[test]
fn who_wins_has_it() {
    let mut table = Table::of(&["a", "b"]);
    table.want("m", 1);
    table.check(&["place m a 0"]);
    table.placed("m", Placed::Lost(Some(place("b", 4))));
    table.check(&["tell 1 b"]);
}

#[test]
fn a_winner_that_is_down_is_replaced_again() {
    let mut table = Table::of(&["a", "b"]);
    table.die("b");
    table.want("m", 1);
    table.check(&["down b", "place m a 0"]);
    table.placed("m", Placed::Lost(Some(place("b", 4))));
    table.check(&["place m a 4"]);
    table.placed("m", Placed::Won(5));
    table.check(&["adopt m a", "tell 1 a"]);
}

#[test]
fn meetings_with_clients_here_leave_a_dead_shard_first() {
    let mut table = Table::of(&["a", "b"]);
    table.want("mine", 1);
    table.placed("mine", Placed::Won(1));
    table.hear("alien", "a", 2);
    table.check(&["place mine a 0", "tell 1 a"]);
    table.die("a");
    table.check(&["down a", "place mine b 1"]);
    table.placed("mine", Placed::Won(3));
    table.check(&["cut mine", "adopt mine b"]);
    table.wait(OTHERS_AFTER_MS - 1);
    table.check(&[]);
    table.wait(JITTER_MS + 1);
    table.check(&["place alien b 2"]);
    table.placed("alien", Placed::Won(4));
    table.check(&["adopt alien b"]);
}

#[test]
fn what_another_router_placed_is_let_be() {
    let mut table = Table::of(&["a", "b"]);
    table.hear("m", "a", 2);
    table.die("a");
    table.check(&["down a"]);
    table.hear("m", "b", 3);
    table.hear("m", "a", 2);
    table.wait(OTHERS_AFTER_MS + JITTER_MS);
    table.check(&[]);
    assert_eq!(table.steering.place("m"), Some(&place("b", 3)));
}

#[test]
fn a_meeting_that_moves_is_cut() {
    let mut table = Table::of(&["a", "b"]);
    table.want("m", 1);
    table.placed("m", Placed::Won(1));
    table.check(&["place m a 0", "tell 1 a"]);
    table.hear("m", "b", 2);
    table.check(&["cut m"]);
    table.want("m", 2);
    table.check(&["tell 2 b"]);
}

#[test]
fn without_an_engine_the_known_are_served_and_the_others_wait() {
    let mut table = Table::of(&["a"]);
    table.hear("old", "a", 1);
    table.want("new", 1);
    table.check(&["place new a 0"]);
    table.placed("new", Placed::Away);
    table.want("old", 2);
    table.check(&["tell 2 a"]);
    table.want("new", 3);
    table.check(&[]);
    table.wait(RETRY_MS);
    table.check(&["place new a 0"]);
    // The first answer was lost on its way: it was written after all.
    table.placed("new", Placed::Lost(Some(place("a", 2))));
    table.check(&["tell 1 a", "tell 3 a"]);
}

#[test]
fn with_nobody_healthy_everybody_waits_for_the_first() {
    let mut table = Table::of(&["a"]);
    table.hear("m", "a", 1);
    table.die("a");
    table.want("m", 1);
    table.want("n", 2);
    table.check(&["down a"]);
    table.wait(60_000);
    table.check(&[]);
    table.steering.handle_nodes([announced("a", 0.0), announced("b", 0.0)], table.now);
    table.check(&[]);
    table.beat("b", Beat::Answered { draining: false });
    table.check(&["place m b 1", "place n b 0"]);
}

#[test]
fn a_shard_that_comes_back_keeps_what_nobody_took() {
    let mut table = Table::of(&["a"]);
    table.hear("m", "a", 1);
    table.die("a");
    table.want("m", 1);
    table.check(&["down a"]);
    table.beat("a", Beat::Answered { draining: false });
    table.check(&[]);
    table.beat("a", Beat::Answered { draining: false });
    table.check(&["tell 1 a"]);
}

#[test]
fn a_draining_shard_gets_nothing_new() {
    let mut table = Table::of(&["a", "b"]);
    table.hear("m", "a", 1);
    table.beat("a", Beat::Answered { draining: true });
    table.want("n", 1);
    table.check(&["place n b 0"]);
    table.want("m", 2);
    table.check(&["place m b 1"]);
    table.die("b");
    table.want("m", 3);
    table.placed("m", Placed::Away);
    table.check(&["down b", "tell 2 a", "tell 3 a"]);
}

#[test]
fn misses_and_refusals_make_a_shard_down() {
    let answered = Beat::Answered { draining: false };
    let check = |beats: &[Beat], expected: Standing| {
        let mut table = Table::of(&["a"]);
        for beat in beats {
            table.beat("a", *beat);
        }
        let standings: Vec<_> = table.steering.shards().collect();
        assert_eq!(standings, [("a", expected)], "{beats:?}");
    };
    check(&[Beat::Missed], Standing::Ready);
    check(&[Beat::Missed, answered, Beat::Missed], Standing::Ready);
    check(&[Beat::Missed, Beat::Missed], Standing::Down);
    check(&[Beat::Refused], Standing::Ready);
    check(&[Beat::Refused, answered, Beat::Refused], Standing::Ready);
    check(&[Beat::Refused, Beat::Refused], Standing::Down);
    check(&[Beat::Refused, Beat::Refused, answered], Standing::Down);
    check(&[Beat::Refused, Beat::Refused, answered, answered], Standing::Ready);
    check(&[Beat::Refused, Beat::Refused, answered, Beat::Missed, answered], Standing::Down);
    check(&[Beat::Answered { draining: true }], Standing::Draining);
}

#[test]
fn death_is_noticed_within_1300_ms() {
    let mut table = Table::of(&["a"]);
    table.wait(HEARTBEAT_MS);
    let mut waited = HEARTBEAT_MS;
    while let Some(action) = table.steering.poll_action() {
        if let Action::Probe { patience_ms, .. } = action {
            waited += patience_ms;
            table.now += patience_ms;
            table.beat("a", Beat::Missed);
        }
        if table.steering.shards().all(|(_, standing)| standing == Standing::Down) {
            assert!(waited <= 1_300, "{waited}");
            return;
        }
    }
    panic!("it never was");
}

#[test]
fn a_doubted_shard_is_asked_at_once_and_waited_for() {
    let mut table = Table::of(&["a", "b"]);
    table.hear("m", "a", 1);
    table.check(&[]);
    table.steering.handle_doubt("a", table.now);
    table.want("m", 1);
    let probe = Action::Probe { shard: "a".to_owned(), patience_ms: 500 };
    assert_eq!(table.steering.poll_action(), Some(probe));
    table.check(&[]);
    table.beat("a", Beat::Answered { draining: false });
    table.check(&["tell 1 a"]);
}

#[test]
fn a_shard_that_nobody_announces_is_gone_after_a_while() {
    let mut table = Table::of(&["b"]);
    table.hear("m", "a", 1);
    table.want("m", 1);
    table.check(&[]);
    table.wait(2_000);
    table.check(&["down a", "place m b 1"]);
}

#[test]
fn a_shard_that_withdraws_is_down_and_one_that_restarts_is_asked() {
    let mut table = Table::of(&["a", "b"]);
    table.steering.handle_nodes([announced("b", 0.0)], table.now);
    table.check(&["down a"]);
    let restarted = Announced { started: 2, ..announced("b", 0.0) };
    table.steering.handle_nodes([restarted], table.now);
    table.hear("m", "b", 1);
    table.want("m", 1);
    table.check(&["down b"]);
    table.beat("b", Beat::Answered { draining: false });
    table.check(&["tell 1 b"]);
}

#[test]
fn a_misdirected_request_reads_the_place_anew() {
    let mut table = Table::of(&["a", "b"]);
    table.hear("m", "a", 1);
    table.steering.handle_misdirected("m", table.now);
    table.want("m", 1);
    table.check(&["read m"]);
    table.steering.handle_read("m", Read::Place(Some(place("b", 2))), table.now);
    table.check(&["tell 1 b"]);
    table.steering.handle_misdirected("m", table.now);
    table.steering.handle_read("m", Read::Place(None), table.now);
    table.want("m", 2);
    table.check(&["read m", "place m a 0"]);
}

#[test]
fn who_gives_up_is_not_told_and_what_is_over_is_forgotten() {
    let mut table = Table::of(&["a"]);
    table.want("m", 1);
    table.steering.handle_given_up(1, table.now);
    table.placed("m", Placed::Won(1));
    table.check(&["place m a 0"]);
    table.want("m", 2);
    table.steering.handle_vacated("m", table.now);
    table.steering.handle_left("m", table.now);
    table.check(&["tell 2 a"]);
    assert!(table.steering.rooms.is_empty());
}

#[test]
fn many_meetings_are_spread_and_moved_a_few_at_a_time() {
    let mut table = Table::of(&["a", "b"]);
    for n in 0..200 {
        table.hear(&format!("m{n}"), "a", n + 1);
    }
    table.die("a");
    table.check(&["down a"]);
    table.wait(OTHERS_AFTER_MS + JITTER_MS);
    let mut placed = 0;
    let mut under_way = 0;
    while let Some(action) = table.steering.poll_action() {
        if let Action::Place { meeting, expected, .. } = action {
            under_way = under_way.max(table.steering.asking);
            table.placed(&meeting, Placed::Won(expected + 1_000));
            placed += 1;
        }
    }
    assert_eq!((placed, under_way), (200, REQUESTS_MAX));
}

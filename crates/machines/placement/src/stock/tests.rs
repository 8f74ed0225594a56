//! One router, told things by hand.

use super::*;
use crate::limits::{IDLE_MS, REFRESH_MS, RETRY_MS, STRANGE_MS};

const RULES: Rules = Rules { interval_ms: 2_000, fall: 2, rise: 3, settle_ms: 30_000, grace_ms: 120_000 };

/// A router, and what it wanted done since it was last looked at: checks apart.
struct Desk {
    balancer: Balancer,
    now: u64,
}

impl Desk {
    /// No check has come back yet. A name that ends with `*` is that of a backup.
    fn listed(sharing: Sharing, ids: &[&str]) -> Self {
        let mut desk = Self { balancer: Balancer::new(RULES, sharing), now: 10_000 };
        desk.list(ids);
        desk
    }

    fn of(sharing: Sharing, ids: &[&str]) -> Self {
        let mut desk = Self::listed(sharing, ids);
        ids.iter().for_each(|id| desk.check(id.trim_end_matches('*'), Check::Good));
        desk.said(&[]);
        desk
    }

    fn list(&mut self, ids: &[&str]) {
        let listed = ids.iter().map(|id| Listed {
            id: id.trim_end_matches('*').to_owned(),
            tier: if id.ends_with('*') { Tier::Backup } else { Tier::Primary },
        });
        self.balancer.handle_list(listed, self.now);
    }

    fn check(&mut self, id: &str, check: Check) {
        self.balancer.handle_check(id, check, self.now);
    }

    fn die(&mut self, id: &str) {
        (0..RULES.fall).for_each(|_| self.check(id, Check::Hard));
    }

    /// Good checks of `id` for so long, one each interval.
    fn be_well(&mut self, id: &str, ms: u64) {
        for _ in 0..=ms / RULES.interval_ms {
            self.check(id, Check::Good);
            self.wait(RULES.interval_ms);
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.balancer.handle_timeout(self.now);
    }

    fn pin(&mut self, room: &str) -> Option<String> {
        self.balancer.handle_request(room, Use::Pin, self.now)
    }

    fn look(&mut self, room: &str) -> Option<String> {
        self.balancer.handle_request(room, Use::Look, self.now)
    }

    /// Places a room through the engine.
    fn settle(&mut self, room: &str, revision: u64) -> String {
        assert_eq!(self.pin(room), None, "the engine is asked first");
        let asked = std::iter::from_fn(|| self.balancer.poll_action())
            .find_map(|action| match action {
                Action::Place { shard, .. } => Some(shard),
                _ => None,
            })
            .unwrap();
        self.placed(room, Placed::Won(revision));
        self.said(&[&format!("settled {room}")]);
        assert_eq!(self.pin(room).as_ref(), Some(&asked));
        asked
    }

    fn placed(&mut self, room: &str, placed: Placed) {
        self.balancer.handle_placed(room, placed, self.now);
    }

    fn hear(&mut self, room: &str, shard: &str, revision: u64) {
        self.balancer.handle_place(room, Place { shard: shard.to_owned(), revision }, self.now);
    }

    fn standing(&self, id: &str) -> Standing {
        self.balancer.standing(id).unwrap()
    }

    fn said(&mut self, expected: &[&str]) {
        self.balancer.check_invariants();
        let actions = std::iter::from_fn(|| self.balancer.poll_action());
        let said: Vec<_> = actions.filter_map(|action| words(&action)).collect();
        assert_eq!(said, expected);
    }
}

fn words(action: &Action) -> Option<String> {
    match action {
        Action::Check { .. } => None,
        Action::Place { room, shard, expected } => Some(format!("place {room} {shard} {expected}")),
        Action::Vacate { room, expected } => Some(format!("vacate {room} {expected}")),
        Action::Settled { room } => Some(format!("settled {room}")),
        Action::Cut { room } => Some(format!("cut {room}")),
        Action::Down { shard } => Some(format!("down {shard}")),
    }
}

fn other(shard: &str) -> &'static str {
    if shard == "a" { "b" } else { "a" }
}

#[test]
fn a_room_waits_for_the_first_checks_and_then_stays() {
    let mut desk = Desk::listed(Sharing::Alone, &["a", "b"]);
    assert_eq!(desk.pin("standup"), None);
    desk.check("a", Check::Good);
    desk.said(&["settled standup"]);
    assert_eq!(desk.pin("standup"), None, "b might be the one");
    desk.check("b", Check::Good);
    desk.said(&["settled standup"]);
    let shard = desk.pin("standup").unwrap();
    assert_eq!(desk.pin("standup"), Some(shard));
}

#[test]
fn rooms_are_spread_and_two_routers_choose_alike() {
    let mut desks = [Desk::of(Sharing::Alone, &["a", "b", "c"]), Desk::of(Sharing::Alone, &["c", "b", "a"])];
    for n in 0..300 {
        let room = format!("room-{n}");
        assert_eq!(desks[0].pin(&room), desks[1].pin(&room));
    }
    let rooms: Vec<_> = desks[0].balancer.shards().map(|(.., rooms)| rooms).collect();
    assert!(rooms.iter().all(|rooms| (70..130).contains(rooms)), "{rooms:?}");
}

#[test]
fn when_a_shard_leaves_only_its_rooms_move() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b", "c"]);
    let before: Vec<_> = (0..100).map(|n| desk.look(&format!("room-{n}")).unwrap()).collect();
    desk.die("b");
    for (n, before) in before.iter().enumerate() {
        let after = desk.look(&format!("room-{n}")).unwrap();
        assert!(before == "b" || *before == after, "{before} {after}");
    }
}

#[test]
fn a_page_does_not_pin() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    let shard = desk.look("standup").unwrap();
    assert_eq!(desk.balancer.rooms().count(), 0);
    desk.hear("standup", other(&shard), 7);
    assert_eq!(desk.look("standup").as_deref(), Some(other(&shard)), "but it goes where the room is");
}

#[test]
fn the_engine_decides_who_was_first() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b"]);
    assert_eq!(desk.pin("standup"), None);
    let shard = desk.look("new").unwrap();
    let Some(Action::Place { shard: ours, .. }) = desk.balancer.poll_action() else { panic!("not asked") };
    let theirs = Place { shard: other(&ours).to_owned(), revision: 4 };
    assert_eq!(desk.pin("standup"), None, "one question is enough");
    desk.placed("standup", Placed::Lost(Some(theirs)));
    desk.said(&["settled standup"]);
    assert_eq!(desk.pin("standup").as_deref(), Some(other(&ours)));
    assert!(["a", "b"].contains(&shard.as_str()));
}

#[test]
fn with_an_engine_no_shard_gets_far_more_than_its_share() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b", "c", "d"]);
    for n in 0..60 {
        desk.settle(&format!("room-{n}"), n + 1);
    }
    let most = desk.balancer.shards().map(|(.., rooms)| rooms).max();
    assert!(most <= Some(23), "{most:?}");
}

#[test]
fn without_the_engine_nobody_waits_and_what_was_decided_is_written_later() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b"]);
    assert_eq!(desk.pin("standup"), None);
    let Some(Action::Place { shard, .. }) = desk.balancer.poll_action() else { panic!("not asked") };
    desk.placed("standup", Placed::Away);
    desk.said(&["settled standup"]);
    assert_eq!(desk.pin("standup"), Some(shard.clone()));
    let next = desk.pin("next").unwrap();
    desk.said(&[]);
    desk.wait(RETRY_MS);
    desk.said(&[&format!("place next {next} 0"), &format!("place standup {shard} 0")]);
    desk.placed("next", Placed::Won(1));
    desk.placed("standup", Placed::Away);
    desk.wait(RETRY_MS);
    desk.said(&[&format!("place standup {shard} 0")]);
    desk.placed("standup", Placed::Won(2));
    desk.said(&[]);
}

#[test]
fn of_two_that_decided_alone_the_one_that_wrote_first_is_right() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b"]);
    desk.pin("standup");
    desk.placed("standup", Placed::Away);
    let ours = desk.pin("standup").unwrap();
    desk.balancer.handle_entered("standup");
    desk.wait(RETRY_MS);
    while desk.balancer.poll_action().is_some() {}
    desk.placed("standup", Placed::Lost(Some(Place { shard: other(&ours).to_owned(), revision: 3 })));
    desk.said(&["cut standup"]);
    assert_eq!(desk.pin("standup").as_deref(), Some(other(&ours)));
}

#[test]
fn a_dead_shard_s_rooms_go_elsewhere_with_their_next_request() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b"]);
    let dead = desk.settle("standup", 1);
    desk.balancer.handle_entered("standup");
    desk.balancer.handle_doubt(&dead, desk.now);
    assert_eq!(desk.pin("standup"), None, "it may live");
    desk.check(&dead, Check::Hard);
    desk.said(&[]);
    assert_eq!(desk.standing(&dead), Standing::Doubtful);
    desk.check(&dead, Check::Hard);
    desk.said(&[&format!("down {dead}"), "settled standup"]);
    assert_eq!(desk.pin("standup"), None);
    desk.said(&[&format!("place standup {} 1", other(&dead))]);
    desk.placed("standup", Placed::Won(2));
    desk.said(&["cut standup", "settled standup"]);
    assert_eq!(desk.pin("standup").as_deref(), Some(other(&dead)));
    assert_eq!(desk.balancer.counts().redispatched, 1);
}

#[test]
fn a_dead_shard_s_rooms_go_elsewhere_without_an_engine_too() {
    let mut desk = Desk::of(Sharing::Engine, &["a", "b"]);
    let dead = desk.settle("standup", 1);
    desk.die(&dead);
    desk.said(&[&format!("down {dead}")]);
    assert_eq!(desk.pin("standup"), None);
    desk.placed("standup", Placed::Away);
    assert_eq!(desk.pin("standup").as_deref(), Some(other(&dead)));
    desk.wait(RETRY_MS);
    let again = format!("place standup {} 1", other(&dead));
    desk.said(&[&again, "settled standup", &again]);
}

#[test]
fn who_was_down_is_in_doubt_for_a_while() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    desk.die("a");
    desk.check("a", Check::Good);
    desk.check("a", Check::Good);
    assert_eq!(desk.standing("a"), Standing::Down);
    desk.check("a", Check::Good);
    assert_eq!(desk.standing("a"), Standing::Recovering);
    assert!((0..50).all(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("b")));
    desk.check("a", Check::Hard);
    assert_eq!(desk.standing("a"), Standing::Down);
    desk.be_well("a", RULES.settle_ms);
    assert_eq!(desk.standing("a"), Standing::Ready);
}

#[test]
fn who_recovers_is_better_than_nobody() {
    let mut desk = Desk::of(Sharing::Alone, &["a"]);
    desk.die("a");
    assert_eq!(desk.pin("standup"), None);
    (0..RULES.rise).for_each(|_| desk.check("a", Check::Good));
    desk.said(&["down a", "settled standup"]);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"));
}

#[test]
fn a_slow_shard_keeps_its_rooms_for_the_time_of_grace() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    desk.hear("standup", "a", 1);
    desk.check("a", Check::Soft);
    desk.check("a", Check::Soft);
    assert_eq!(desk.standing("a"), Standing::Weak);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"));
    assert!((0..50).all(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("b")));
    desk.said(&[]);
    desk.wait(RULES.grace_ms);
    desk.check("a", Check::Soft);
    desk.said(&["down a"]);
    assert_eq!(desk.pin("standup").as_deref(), Some("b"));
}

#[test]
fn a_weak_shard_that_is_well_again_or_dies_is_no_longer_weak() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    (0..2).for_each(|_| desk.check("a", Check::Soft));
    desk.be_well("a", RULES.settle_ms);
    assert_eq!(desk.standing("a"), Standing::Ready);
    (0..2).for_each(|_| desk.check("a", Check::Soft));
    desk.die("a");
    assert_eq!(desk.standing("a"), Standing::Down);
}

#[test]
fn one_bad_check_is_no_death() {
    let mut desk = Desk::of(Sharing::Alone, &["a"]);
    for check in [Check::Hard, Check::Soft] {
        desk.check("a", check);
        assert_eq!(desk.standing("a"), Standing::Doubtful);
        desk.check("a", Check::Good);
        assert_eq!(desk.standing("a"), Standing::Ready);
    }
}

#[test]
fn a_backup_serves_while_no_primary_does_and_keeps_what_it_got() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b*"]);
    assert!((0..50).all(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("a")));
    desk.die("a");
    assert_eq!(desk.pin("standup").as_deref(), Some("b"));
    desk.be_well("a", RULES.settle_ms);
    assert_eq!(desk.pin("standup").as_deref(), Some("b"), "it does not flap back");
    assert_eq!(desk.pin("new").as_deref(), Some("a"));
    desk.check("b", Check::Good);
    desk.wait(IDLE_MS);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"), "until it is empty");
}

#[test]
fn a_drained_shard_keeps_its_rooms_and_gets_no_new_ones() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    desk.hear("standup", "a", 1);
    desk.balancer.handle_drain("a");
    assert_eq!(desk.standing("a"), Standing::Draining);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"));
    assert!((0..50).all(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("b")));
    desk.balancer.handle_undrain("a");
    assert!((50..99).any(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("a")));
}

#[test]
fn who_is_no_longer_listed_is_drained_and_then_forgotten() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    desk.hear("standup", "a", 1);
    desk.list(&["b"]);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"));
    assert!((0..50).all(|n| desk.pin(&format!("room-{n}")).as_deref() == Some("b")));
    desk.wait(IDLE_MS);
    assert_eq!(desk.balancer.shards().map(|(id, ..)| id).collect::<Vec<_>>(), ["b"]);
    desk.list(&["a", "b"]);
    assert_eq!(desk.standing("a"), Standing::Down, "who comes later proves himself first");
}

#[test]
fn a_shard_that_only_another_router_knows_gets_a_moment_to_be_listed() {
    let mut desk = Desk::of(Sharing::Alone, &["a"]);
    desk.hear("standup", "z", 1);
    assert_eq!(desk.pin("standup"), None);
    desk.wait(STRANGE_MS);
    assert_eq!(desk.pin("standup").as_deref(), Some("a"));
}

#[test]
fn a_room_in_use_is_told_again_and_one_that_is_not_is_forgotten() {
    let mut desk = Desk::of(Sharing::Engine, &["a"]);
    desk.settle("standup", 1);
    desk.wait(1);
    desk.balancer.handle_entered("standup");
    for revision in 2..5 {
        desk.pin("standup");
        desk.wait(REFRESH_MS);
        desk.said(&[&format!("place standup a {}", revision - 1)]);
        assert_eq!(desk.pin("standup").as_deref(), Some("a"), "that is no reason to wait");
        desk.placed("standup", Placed::Won(revision));
    }
    desk.said(&[]);
    desk.balancer.handle_left("standup", desk.now);
    desk.wait(IDLE_MS - 1);
    desk.said(&[]);
    assert_eq!(desk.balancer.rooms().count(), 1);
    desk.wait(1);
    desk.said(&["vacate standup 4"]);
    assert_eq!(desk.balancer.rooms().count(), 0);
}

#[test]
fn a_place_that_others_refresh_lives_on() {
    let mut desk = Desk::of(Sharing::Engine, &["a"]);
    for revision in 1..12 {
        desk.hear("standup", "a", revision);
        desk.wait(REFRESH_MS);
    }
    desk.said(&[]);
    desk.balancer.handle_vacated("standup", desk.now);
    assert_eq!(desk.balancer.rooms().count(), 0);
}

#[test]
fn a_place_that_was_taken_from_a_room_in_use_is_written_again() {
    let mut desk = Desk::of(Sharing::Engine, &["a"]);
    desk.settle("standup", 1);
    desk.balancer.handle_entered("standup");
    desk.balancer.handle_vacated("standup", desk.now);
    desk.said(&["place standup a 0"]);
    desk.placed("standup", Placed::Lost(None));
    desk.said(&["place standup a 0"]);
}

#[test]
fn a_room_whose_last_client_stays_is_never_forgotten() {
    let mut desk = Desk::of(Sharing::Alone, &["a"]);
    desk.pin("standup");
    desk.balancer.handle_entered("standup");
    desk.wait(10 * IDLE_MS);
    assert_eq!(desk.balancer.rooms().count(), 1);
    desk.balancer.handle_left("standup", desk.now);
    desk.wait(IDLE_MS);
    desk.said(&[]);
    assert_eq!(desk.balancer.rooms().count(), 0);
}

#[test]
fn a_full_table_keeps_nothing_and_still_answers() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b"]);
    for n in 0..crate::limits::ROOMS_MAX {
        desk.balancer.rooms.insert(format!("room-{n}"), Room::default());
    }
    let shard = desk.pin("standup");
    assert!(shard.is_some());
    assert_eq!(desk.pin("standup"), shard, "the hash is the same");
    desk.hear("heard", "a", 1);
    assert_eq!(desk.balancer.rooms.len(), crate::limits::ROOMS_MAX);
    assert_eq!(desk.balancer.counts().unkept, 2);
}

#[test]
fn who_lives_can_be_asked_the_best_first() {
    let mut desk = Desk::of(Sharing::Alone, &["a", "b", "c*", "d"]);
    desk.die("d");
    desk.balancer.handle_drain("a");
    assert_eq!(desk.balancer.living(), ["b", "c", "a"]);
    assert_eq!(desk.look("").as_deref(), Some("b"), "what names no room goes to one that takes rooms");
}

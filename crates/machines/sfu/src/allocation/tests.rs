use super::*;

const THREE: [Layer; 3] = [
    Layer { height: 180, active: true },
    Layer { height: 360, active: true },
    Layer { height: 720, active: true },
];

fn offer(name: &str) -> Offer<'_, &str> {
    Offer { source: name, name, enabled: true, layers: &THREE }
}

fn constraints(pairs: &[(&str, i32)]) -> Option<BTreeMap<String, VideoConstraint>> {
    let constraint = |height| VideoConstraint { max_height: height, max_frame_rate: -1.0 };
    Some(pairs.iter().map(|(name, height)| ((*name).to_owned(), constraint(*height))).collect())
}

fn names(of: &[&str]) -> Option<Vec<String>> {
    Some(of.iter().map(|name| (*name).to_owned()).collect())
}

/// Applies `messages` and says `name:encoding` for what is forwarded, in order.
#[track_caller]
fn check(messages: Vec<ReceiverVideoConstraints>, offers: &[Offer<&str>], expected: &str) {
    let mut wishes = Wishes::default();
    messages.into_iter().for_each(|m| wishes.update(m));
    let shares = allocate(&wishes, offers);
    let said: Vec<_> = shares.iter().filter_map(|s| Some(format!("{}:{}", s.source, s.layer?))).collect();
    assert_eq!(said.join(" "), expected);
}

#[test]
fn nothing_before_the_first_message_and_thumbnails_after_an_empty_one() {
    check(vec![], &[offer("a"), offer("b")], "");
    check(vec![ReceiverVideoConstraints::default()], &[offer("a"), offer("b")], "a:0 b:0");
}

#[test]
fn the_height_chooses_the_encoding() {
    for (height, encoding) in [(-1, 2), (2160, 2), (720, 2), (719, 1), (360, 1), (180, 0), (90, 0)] {
        let message =
            ReceiverVideoConstraints { constraints: constraints(&[("a", height)]), ..Default::default() };
        check(vec![message], &[offer("a")], &format!("a:{encoding}"));
    }
    let none = ReceiverVideoConstraints { constraints: constraints(&[("a", 0)]), ..Default::default() };
    check(vec![none], &[offer("a")], "");
}

#[test]
fn last_n_counts_the_stage_first() {
    let message = ReceiverVideoConstraints {
        last_n: Some(2),
        on_stage: names(&["c"]),
        constraints: constraints(&[("c", 720)]),
        ..Default::default()
    };
    check(vec![message], &[offer("a"), offer("b"), offer("c")], "c:2 a:0");
}

#[test]
fn muted_sources_and_zero_constraints_take_no_place() {
    let muted = Offer { enabled: false, ..offer("a") };
    let message = ReceiverVideoConstraints {
        last_n: Some(1),
        selected: names(&["a", "b", "nobody"]),
        constraints: constraints(&[("b", 0)]),
        ..Default::default()
    };
    check(vec![message], &[muted, offer("b"), offer("c")], "c:0");
}

#[test]
fn updates_are_partial_and_the_map_is_replaced() {
    let first = ReceiverVideoConstraints {
        default: Some(VideoConstraint { max_height: 0, max_frame_rate: -1.0 }),
        constraints: constraints(&[("a", 720)]),
        ..Default::default()
    };
    let second = ReceiverVideoConstraints { constraints: constraints(&[("b", 360)]), ..Default::default() };
    let third = ReceiverVideoConstraints { last_n: Some(0), ..Default::default() };
    check(vec![first.clone()], &[offer("a"), offer("b")], "a:2");
    check(vec![first.clone(), second.clone()], &[offer("a"), offer("b")], "b:1");
    check(vec![first, second, third], &[offer("a"), offer("b")], "");
}

#[test]
fn silent_encodings_are_not_chosen() {
    let two = [THREE[0], THREE[1], Layer { height: 720, active: false }];
    let none = THREE.map(|layer| Layer { active: false, ..layer });
    let all = ReceiverVideoConstraints { constraints: constraints(&[("a", 720)]), ..Default::default() };
    check(vec![all.clone()], &[Offer { layers: &two, ..offer("a") }], "a:1");
    check(vec![all.clone()], &[Offer { layers: &none, ..offer("a") }], "a:2");
    check(vec![all], &[Offer { layers: &[], ..offer("a") }], "");
}

#[test]
fn initial_last_n_yields_to_the_first_message() {
    let mut wishes = Wishes::default();
    wishes.set_initial_last_n(0);
    assert_eq!(wishes.last_n(), 0);
    wishes.update(ReceiverVideoConstraints { last_n: Some(5), ..Default::default() });
    wishes.set_initial_last_n(1);
    assert_eq!(wishes.last_n(), 5);
    wishes.set_last_n(i32::MIN);
    assert_eq!(wishes.last_n(), limits::LAST_N_MAX);
}

#[test]
fn unlimited_is_the_greatest() {
    assert_eq!(greater(0, 180), 180);
    assert_eq!(greater(-1, 2160), -1);
    assert_eq!(greater(720, -1), -1);
}

#[test]
fn names_are_favourites_and_constrained_ones() {
    let mut wishes = Wishes::default();
    wishes.update(ReceiverVideoConstraints {
        on_stage: names(&["a"]),
        constraints: constraints(&[("b", 180), ("c", 0)]),
        ..Default::default()
    });
    assert_eq!(["a", "b", "c", "d"].map(|n| wishes.names(n)), [true, true, false, false]);
}

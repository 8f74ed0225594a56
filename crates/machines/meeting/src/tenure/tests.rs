use proptest::prelude::*;

use super::*;
use crate::effect::Close;
use crate::entry::{BridgeId, ConnId, Input};

fn entry(number: u64) -> Entry {
    Entry { at: number, seed: [0; 32], input: Input::Tick }
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.at).collect()
}

fn records(entries: &[u64]) -> Option<Vec<Vec<u8>>> {
    Some(entries.iter().map(|number| entry(*number).to_bytes()).collect())
}

/// One entry that has been waiting for too long, at 500.
fn unprotected() -> Tenure {
    let mut tenure = Tenure::default();
    assert!(tenure.offer(vec![entry(1)]).is_empty());
    assert_eq!(tenure.to_append(0), records(&[1]));
    assert_eq!(numbers(&tenure.handle_stall(STALL_MS)), [1]);
    assert!(tenure.is_unprotected());
    tenure
}

fn send(conn: u64, text: &str) -> Effect {
    Effect::Send { conn: ConnId(conn), text: text.to_owned() }
}

fn ask(bridge: &str, text: &str) -> Effect {
    Effect::AskBridge { bridge: BridgeId(bridge.to_owned()), id: 1, text: text.to_owned() }
}

#[test]
fn what_is_durable_is_applied_and_nothing_before() {
    let mut tenure = Tenure::default();
    assert!(tenure.is_open(0) && tenure.is_clean() && tenure.to_append(0).is_none());
    assert!(tenure.offer(vec![entry(1), entry(2)]).is_empty());
    assert_eq!(tenure.to_append(0), records(&[1, 2]));
    assert!(!tenure.is_open(1) && tenure.to_append(1).is_none());
    assert!(tenure.handle_stall(STALL_MS - 1).is_empty(), "not yet");
    assert_eq!(numbers(&tenure.handle_appended()), [1, 2]);
    assert!(tenure.is_open(1) && tenure.is_clean());
    assert_eq!(tenure.pass(send(1, "<a h='1'/>")), Some(send(1, "<a h='1'/>")));
}

#[test]
fn while_the_engine_stalls_entries_are_applied_as_they_come_and_appended_in_order() {
    let mut tenure = unprotected();
    assert!(tenure.is_open(STALL_MS));
    assert_eq!(numbers(&tenure.offer(vec![entry(2), entry(3)])), [2, 3]);
    assert!(tenure.to_append(600).is_none(), "one at a time");
    assert!(tenure.handle_appended().is_empty(), "it was applied");
    assert!(tenure.release().is_empty() && tenure.is_unprotected(), "more is waiting");
    assert_eq!(tenure.to_append(700), records(&[2, 3]));
    assert!(tenure.handle_appended().is_empty());
    assert!(tenure.is_clean() && tenure.release().is_empty() && !tenure.is_unprotected());
}

#[test]
fn it_takes_no_more_than_it_may() {
    let closed = unprotected();
    assert!(closed.is_open(STALL_MS_MAX - 1) && !closed.is_open(STALL_MS_MAX));
    let mut many = unprotected();
    many.offer((0..WAITING_ENTRIES_MAX as u64).map(entry).collect());
    assert!(!many.is_open(600));
    let mut large = unprotected();
    let shard = "x".repeat(WAITING_BYTES_MAX);
    let input = Input::Owner { shard, settings: crate::Settings::for_domain("meet") };
    large.offer(vec![Entry { at: 0, seed: [0; 32], input }]);
    assert!(!large.is_open(600));
    let _ = (large.handle_appended(), large.to_append(700), large.handle_appended());
    assert!(large.is_open(700), "and more once it is written");
}

#[test]
fn an_append_has_a_size() {
    let mut tenure = Tenure::default();
    let shard = "x".repeat(APPEND_BYTES_MAX / 2 - 100);
    let input = Input::Owner { shard, settings: crate::Settings::for_domain("meet") };
    tenure.offer((0..3).map(|at| Entry { at, seed: [0; 32], input: input.clone() }).collect());
    for expected in [&[0, 1][..], &[2]] {
        assert_eq!(tenure.to_append(0).map(|records| records.len()), Some(expected.len()));
        assert_eq!(numbers(&tenure.handle_appended()), expected);
    }
}

#[test]
fn acknowledgements_wait_and_the_newest_is_said() {
    let mut tenure = unprotected();
    assert_eq!(tenure.pass(send(1, "<a xmlns='urn:xmpp:sm:3' h='7'/>")), None);
    assert_eq!(tenure.pass(send(1, "<a xmlns='urn:xmpp:sm:3' h='8'/>")), None);
    assert_eq!(tenure.pass(send(2, "<a xmlns='urn:xmpp:sm:3' h='3'/>")), None);
    for passes in ["<message/>", "<r xmlns='urn:xmpp:sm:3'/>", "<auth/>", "<resumable/>"] {
        assert_eq!(tenure.pass(send(1, passes)), Some(send(1, passes)));
    }
    let gone = Effect::Close { conn: ConnId(2), how: Close::Silently };
    assert_eq!(tenure.pass(gone.clone()), Some(gone));
    tenure.handle_appended();
    let newest = send(1, "<a xmlns='urn:xmpp:sm:3' h='8'/>");
    assert_eq!(tenure.release(), [newest.clone(), newest], "to each request");
}

#[test]
fn a_stream_that_is_taken_up_waits_as_a_whole() {
    let mut tenure = unprotected();
    let close = Effect::Close { conn: ConnId(1), how: Close::Silently };
    let all = [send(1, "<resumed h='7'/>"), send(1, "<message/>"), send(1, "<a h='9'/>"), close];
    for effect in &all {
        assert_eq!(tenure.pass(effect.clone()), None);
    }
    assert_eq!(tenure.pass(send(2, "<message/>")), Some(send(2, "<message/>")));
    let refused = send(3, "<failed><item-not-found/></failed>");
    assert_eq!(tenure.pass(refused.clone()), None);
    tenure.handle_appended();
    assert_eq!(tenure.release(), [&all[..], &[refused]].concat());
    assert_eq!(tenure.pass(send(1, "<a h='9'/>")), Some(send(1, "<a h='9'/>")), "it is over");
}

#[test]
fn a_journal_that_is_lost_is_written_as_a_whole() {
    let mut tenure = Tenure::default();
    tenure.offer(vec![entry(1), entry(2)]);
    tenure.to_append(0);
    assert_eq!(numbers(&tenure.handle_lost()), [1, 2], "they are applied, and written with the rest");
    assert!(tenure.is_unprotected() && tenure.appending() == 2);
    assert_eq!(tenure.pass(send(1, "<a h='1'/>")), None);
    assert_eq!(numbers(&tenure.offer(vec![entry(3)])), [3]);
    assert!(tenure.to_append(1).is_none(), "one at a time");
    assert!(tenure.handle_appended().is_empty() && tenure.release().is_empty());
    assert_eq!(tenure.to_append(2), records(&[3]));
    assert!(tenure.handle_appended().is_empty());
    assert_eq!(tenure.release(), [send(1, "<a h='1'/>")]);
}

#[test]
fn a_journal_that_is_lost_in_a_stall_takes_what_came_meanwhile() {
    let mut tenure = unprotected();
    tenure.offer(vec![entry(2), entry(3)]);
    assert!(tenure.handle_lost().is_empty(), "all were applied");
    assert_eq!(tenure.appending(), 3);
    assert!(tenure.handle_appended().is_empty());
    assert!(tenure.release().is_empty() && tenure.is_clean() && !tenure.is_unprotected());
}

#[test]
fn who_comes_waits_for_a_resource_and_a_token() {
    let bind =
        |conn| Entry { input: Input::Bind { conn: ConnId(conn), iq_id: "b".to_owned() }, ..entry(conn) };
    let mut tenure = Tenure::default();
    tenure.offer(vec![bind(1)]);
    tenure.to_append(0);
    assert_eq!(tenure.handle_stall(STALL_MS), [bind(1)]);
    tenure.offer(vec![bind(2)]);
    let held = [send(1, "<iq/>"), send(2, "<iq/>"), send(3, "<enabled id='t'/>"), send(3, "<presence/>")];
    for effect in &held {
        assert_eq!(tenure.pass(effect.clone()), None);
    }
    assert_eq!(tenure.pass(send(4, "<iq/>")), Some(send(4, "<iq/>")));
    let _ = (tenure.handle_appended(), tenure.to_append(600), tenure.handle_appended());
    assert_eq!(tenure.release(), held);
}

#[test]
fn a_bridge_expires_nothing_that_may_come_back() {
    let mut tenure = unprotected();
    let expire = ask("b1", "<conference-modify><endpoint id='ann' expire=\"true\"/></conference-modify>");
    let create = ask("b1", "<conference-modify create='true'/>");
    assert_eq!(tenure.pass(create.clone()), Some(create.clone()));
    assert_eq!(tenure.pass(expire.clone()), None);
    assert_eq!(tenure.pass(create.clone()), None, "in the order in which it was asked");
    assert_eq!(tenure.pass(ask("b2", "<x/>")), Some(ask("b2", "<x/>")));
    tenure.handle_appended();
    assert_eq!(tenure.release(), [expire, create]);
}

proptest! {
    /// Whatever the engine does: each entry is applied once, in order; appended once, in order; and never applied before
    /// it is durable, unless the meeting is unprotected.
    #[test]
    fn each_entry_is_applied_and_appended_once_and_in_order(
        steps in prop::collection::vec((0..4_u8, 0..400_u64), 1..200),
    ) {
        let (mut tenure, mut now, mut next) = (Tenure::default(), 0, 0);
        let (mut applied, mut appended, mut under_way) = (Vec::new(), Vec::new(), Vec::new());
        for (step, passed) in steps {
            now += passed;
            match step {
                0 | 1 if tenure.is_open(now) => {
                    let entries = vec![entry(next), entry(next + 1)];
                    next += 2;
                    applied.extend(numbers(&tenure.offer(entries)));
                }
                2 if !under_way.is_empty() => {
                    appended.append(&mut under_way);
                    applied.extend(numbers(&tenure.handle_appended()));
                    tenure.release();
                }
                _ => applied.extend(numbers(&tenure.handle_stall(now))),
            }
            under_way.extend(tenure.to_append(now).unwrap_or_default());
            let durable = appended.len();
            prop_assert!(tenure.is_unprotected() || applied.len() == durable);
            prop_assert_eq!(&applied, &(0..applied.len() as u64).collect::<Vec<_>>());
        }
        while !tenure.is_clean() {
            appended.append(&mut under_way);
            applied.extend(numbers(&tenure.handle_appended()));
            under_way.extend(tenure.to_append(now).unwrap_or_default());
        }
        prop_assert_eq!(Some(appended), records(&(0..next).collect::<Vec<_>>()));
        prop_assert_eq!(applied, (0..next).collect::<Vec<_>>());
    }
}

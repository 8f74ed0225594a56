//! Journals.

use std::sync::Arc;

use super::contract;
use crate::{Error, Journal, RECORD_BYTES_MAX, Replay, SET_ASIDE_MAX};

contract!([memory, redb, nats]: [
    appended_records_replay_in_order, the_position_is_a_fence, a_refused_append_leaves_nothing,
                an_empty_append_only_asks_for_the_position, meetings_do_not_see_each_other,
                a_snapshot_replaces_the_records_before_it, a_snapshot_is_fenced, a_meeting_that_is_gone_is_restored, a_purge_is_fenced,
                a_newer_snapshot_replaces_the_older, a_purged_meeting_begins_again, unknown_meetings_are_empty,
                meetings_come_in_order, one_of_two_writers_wins_each_position, a_record_too_large_is_refused,
                who_reads_while_another_writes_finds_nothing_damaged, what_is_put_aside_is_not_replayed, only_the_newest_put_aside_are_kept,
]);

async fn who_reads_while_another_writes_finds_nothing_damaged(journal: impl Journal) {
    let journal = Arc::new(journal);
    let writing = tokio::spawn(write_and_tidy_up(Arc::clone(&journal)));
    while !writing.is_finished() {
        let replay = journal.replay("room").await.unwrap();
        assert!(replay.records.iter().all(|record| record.len() == 8), "{replay:?}");
        // engines that answer at once would never let the other one write
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
}

/// Three records and a snapshot, or the end, again and again.
async fn write_and_tidy_up(journal: Arc<impl Journal>) {
    let mut position = 0;
    for round in 0..60_u64 {
        for _ in 0..3 {
            journal.append("room", position, vec![position.to_be_bytes().to_vec()]).await.unwrap();
            position += 1;
        }
        if round % 5 == 4 {
            journal.purge("room", position).await.unwrap();
            position = 0;
        } else {
            journal.snapshot("room", position, b"so far".to_vec()).await.unwrap();
        }
    }
}

async fn appended_records_replay_in_order(journal: impl Journal) {
    journal.append("room", 0, records(&["a", "b"])).await.unwrap();
    journal.append("room", 2, records(&["c"])).await.unwrap();
    check(&journal, "room", None, &["a", "b", "c"], 3).await;
}

async fn the_position_is_a_fence(journal: impl Journal) {
    journal.append("room", 0, records(&["a"])).await.unwrap();
    for expected in [0, 2, u64::MAX] {
        let error = journal.append("room", expected, records(&["x"])).await.unwrap_err();
        assert_eq!(error, Error::WrongPosition { meeting: "room".to_owned(), expected, actual: 1 });
        assert!(!error.is_transient());
    }
}

async fn a_refused_append_leaves_nothing(journal: impl Journal) {
    journal.append("room", 1, records(&["x", "y"])).await.unwrap_err();
    check(&journal, "room", None, &[], 0).await;
    assert!(journal.meetings().await.unwrap().is_empty());
}

async fn an_empty_append_only_asks_for_the_position(journal: impl Journal) {
    journal.append("room", 0, Vec::new()).await.unwrap();
    journal.append("room", 1, Vec::new()).await.unwrap_err();
    assert!(journal.meetings().await.unwrap().is_empty());
}

async fn meetings_do_not_see_each_other(journal: impl Journal) {
    journal.append("a", 0, records(&["1"])).await.unwrap();
    journal.append("ab", 0, records(&["2", "3"])).await.unwrap();
    journal.snapshot("ab", 2, b"s".to_vec()).await.unwrap();
    journal.purge("b", 0).await.unwrap();
    check(&journal, "a", None, &["1"], 1).await;
    check(&journal, "ab", Some((2, "s")), &[], 2).await;
}

async fn a_snapshot_replaces_the_records_before_it(journal: impl Journal) {
    journal.append("room", 0, records(&["a", "b"])).await.unwrap();
    journal.snapshot("room", 2, b"ab".to_vec()).await.unwrap();
    check(&journal, "room", Some((2, "ab")), &[], 2).await;
    journal.append("room", 2, records(&["c", "d"])).await.unwrap();
    check(&journal, "room", Some((2, "ab")), &["c", "d"], 4).await;
}

async fn a_snapshot_is_fenced(journal: impl Journal) {
    journal.append("room", 0, records(&["a", "b"])).await.unwrap();
    for expected in [1, 3] {
        let error = journal.snapshot("room", expected, b"s".to_vec()).await.unwrap_err();
        assert_eq!(error, Error::WrongPosition { meeting: "room".to_owned(), expected, actual: 2 });
    }
    check(&journal, "room", None, &["a", "b"], 2).await;
    journal.snapshot("nobody", 1, b"s".to_vec()).await.unwrap_err();
}

async fn a_meeting_that_is_gone_is_restored(journal: impl Journal) {
    journal.restore("room", 7, b"s".to_vec()).await.unwrap();
    check(&journal, "room", Some((7, "s")), &[], 7).await;
    journal.append("room", 7, records(&["a"])).await.unwrap();
    check(&journal, "room", Some((7, "s")), &["a"], 8).await;
    for position in [0, 7, 8, 9] {
        let error = journal.restore("room", position, b"x".to_vec()).await.unwrap_err();
        assert_eq!(error, Error::WrongPosition { meeting: "room".to_owned(), expected: position, actual: 8 });
    }
    journal.purge("room", 8).await.unwrap();
    journal.restore("room", 3, vec![7; 2_000_000]).await.unwrap();
    let replay = journal.replay("room").await.unwrap();
    assert_eq!((replay.snapshot, replay.next), (Some((3, vec![7; 2_000_000])), 3));
}

async fn a_purge_is_fenced(journal: impl Journal) {
    journal.append("room", 0, records(&["a", "b"])).await.unwrap();
    for expected in [0, 1, 3] {
        let error = journal.purge("room", expected).await.unwrap_err();
        assert_eq!(error, Error::WrongPosition { meeting: "room".to_owned(), expected, actual: 2 });
    }
    check(&journal, "room", None, &["a", "b"], 2).await;
    journal.purge("nobody", 1).await.unwrap_err();
}

async fn a_newer_snapshot_replaces_the_older(journal: impl Journal) {
    journal.append("room", 0, records(&["a"])).await.unwrap();
    journal.snapshot("room", 1, b"a".to_vec()).await.unwrap();
    journal.append("room", 1, records(&["b"])).await.unwrap();
    journal.snapshot("room", 2, b"ab".to_vec()).await.unwrap();
    check(&journal, "room", Some((2, "ab")), &[], 2).await;
}

async fn a_purged_meeting_begins_again(journal: impl Journal) {
    write(&journal, "room").await;
    journal.purge("room", 2).await.unwrap();
    check(&journal, "room", None, &[], 0).await;
    journal.append("room", 0, records(&["new"])).await.unwrap();
    check(&journal, "room", None, &["new"], 1).await;
}

async fn unknown_meetings_are_empty(journal: impl Journal) {
    journal.purge("room", 0).await.unwrap();
    check(&journal, "room", None, &[], 0).await;
    assert!(journal.meetings().await.unwrap().is_empty());
}

async fn meetings_come_in_order(journal: impl Journal) {
    for room in ["c", "a", "[tenant]b", "ä"] {
        journal.append(room, 0, records(&["x"])).await.unwrap();
    }
    assert_eq!(journal.meetings().await.unwrap(), ["[tenant]b", "a", "c", "ä"]);
}

async fn one_of_two_writers_wins_each_position(journal: impl Journal) {
    let journal = Arc::new(journal);
    let writers = ["left", "right"].map(|name| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let mut won = 0;
            for position in 0..200 {
                won += usize::from(journal.append("room", position, records(&[name])).await.is_ok());
                tokio::task::yield_now().await;
            }
            won
        })
    });
    let mut won = 0;
    for writer in writers {
        won += writer.await.unwrap();
    }
    let replay = journal.replay("room").await.unwrap();
    assert_eq!((replay.records.len(), replay.next), (won, won as u64));
}

async fn a_record_too_large_is_refused(journal: impl Journal) {
    let large = vec![b"fits".to_vec(), vec![0; RECORD_BYTES_MAX + 1]];
    let error = journal.append("room", 0, large).await.unwrap_err();
    assert_eq!(error, Error::TooLarge { meeting: "room".to_owned(), bytes: RECORD_BYTES_MAX + 1 });
    check(&journal, "room", None, &[], 0).await;
}

async fn what_is_put_aside_is_not_replayed(journal: impl Journal) {
    for room in ["other", "room"] {
        write(&journal, room).await;
    }
    journal.set_aside("room").await.unwrap();
    check(&journal, "room", None, &[], 0).await;
    check(&journal, "other", Some((1, "a")), &["b"], 2).await;
    assert_eq!(journal.meetings().await.unwrap(), ["other"]);
    assert_eq!(journal.aside().await.unwrap(), ["room"]);
    journal.append("room", 0, records(&["new"])).await.unwrap();
    check(&journal, "room", None, &["new"], 1).await;
    journal.purge("room", 1).await.unwrap();
    assert_eq!(journal.aside().await.unwrap(), ["room"]);
    journal.set_aside("nobody").await.unwrap();
    assert_eq!(journal.aside().await.unwrap(), ["room"]);
}

async fn only_the_newest_put_aside_are_kept(journal: impl Journal) {
    let rooms: Vec<_> = (0..SET_ASIDE_MAX + 2).map(|n| format!("room{n}")).collect();
    for room in rooms.iter().chain(&rooms[2..3]) {
        write(&journal, room).await;
        journal.set_aside(room).await.unwrap();
    }
    let kept: Vec<_> = rooms[3..].iter().chain(&rooms[2..3]).cloned().collect();
    assert_eq!(journal.aside().await.unwrap(), kept);
}

/// A snapshot `a` at 1 and a record `b` after it.
async fn write(journal: &impl Journal, room: &str) {
    journal.append(room, 0, records(&["a"])).await.unwrap();
    journal.snapshot(room, 1, b"a".to_vec()).await.unwrap();
    journal.append(room, 1, records(&["b"])).await.unwrap();
}

fn records(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

async fn check(
    journal: &impl Journal,
    room: &str,
    snapshot: Option<(u64, &str)>,
    expected: &[&str],
    next: u64,
) {
    let snapshot = snapshot.map(|(position, text)| (position, text.as_bytes().to_vec()));
    let expected = Replay { snapshot, records: records(expected), next };
    assert_eq!(journal.replay(room).await.unwrap(), expected, "{room}");
}

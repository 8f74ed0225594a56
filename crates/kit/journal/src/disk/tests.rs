//! What only the engine on disk can meet: other processes, a full disk, a damaged file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::*;

/// A disk that takes no more than `quota` bytes. What was written stays when the file is opened again.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    quota: Arc<AtomicU64>,
}

impl Disk {
    fn new(quota: u64) -> Self {
        Self { bytes: Arc::new(InMemoryBackend::new()), quota: Arc::new(AtomicU64::new(quota)) }
    }

    fn journal(&self) -> Redb {
        let disk = self.clone();
        let open = move || ::redb::Builder::new().create_with_backend(disk.clone());
        Redb::with_opener(Box::new(open)).unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        if len > self.quota.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.bytes.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.bytes.write(offset, data)
    }
}

#[tokio::test]
async fn what_was_appended_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Redb::open(directory.path()).unwrap();
    journal.append("room", 0, vec![b"a".to_vec(), b"b".to_vec()]).await.unwrap();
    drop(journal);
    let journal = Redb::open(directory.path()).unwrap();
    let replay = journal.replay("room").await.unwrap();
    assert_eq!(replay, Replay { snapshot: None, records: vec![b"a".to_vec(), b"b".to_vec()], next: 2 });
}

#[test]
fn a_directory_in_use_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Redb::open(directory.path()).unwrap();
    let error = Redb::open(directory.path()).unwrap_err();
    assert_eq!(error, Error::Locked(directory.path().display().to_string()));
}

#[test]
fn a_directory_that_is_a_file_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Redb::open(file.path()).unwrap_err();
    assert!(matches!(&error, Error::Unavailable(text) if text.contains("data directory")), "{error}");
}

/// Whatever has become of the file, the journal opens: with what it had, or empty and the file set aside.
#[tokio::test]
async fn a_damaged_file_is_set_aside_and_ends_no_start() {
    check_harm("nothing", false, |_| {}).await;
    check_harm("no database", true, |bytes| bytes.fill(b'x')).await;
    check_harm("cut off", true, |bytes| bytes.truncate(bytes.len() / 2)).await;
    check_harm("an empty page", true, |bytes| {
        let found = bytes.windows(6).position(|six| six == b"needle").unwrap();
        bytes[found - 64..found + 64].fill(0);
    })
    .await;
    check_harm("another version", true, |bytes| bytes[64] = 1).await;
}

async fn check_harm(what: &str, is_damage: bool, harm: impl Fn(&mut Vec<u8>)) {
    let directory = tempfile::tempdir().unwrap();
    let journal = Redb::open(directory.path()).unwrap();
    for room in ["one", "two"] {
        journal.append(room, 0, vec![b"needle".to_vec(); 200]).await.unwrap();
    }
    drop(journal);
    let file = directory.path().join(FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    harm(&mut bytes);
    std::fs::write(&file, &bytes).unwrap();

    let journal = Redb::open(directory.path()).unwrap();
    let expected: &[&str] = if is_damage { &[] } else { &["one", "two"] };
    assert_eq!(journal.meetings().await.unwrap(), expected, "{what}");
    journal.append("three", 0, vec![b"new".to_vec()]).await.unwrap();
    assert_eq!(directory.path().join("journal.redb.damaged-1").exists(), is_damage, "{what}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room_again() {
    let disk = Disk::new(8 << 20);
    let journal = disk.journal();
    let mut position = 0;
    let error = loop {
        match journal.append("room", position, vec![vec![7; 400_000]]).await {
            Ok(()) => position += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(position > 0);
    disk.quota.store(1 << 30, Ordering::SeqCst);
    journal.append("room", position, vec![b"after".to_vec()]).await.unwrap();
    let replay = journal.replay("room").await.unwrap();
    assert_eq!((replay.next, replay.records.last().map(Vec::as_slice)), (position + 1, Some(&b"after"[..])));
}

#[tokio::test]
async fn a_damaged_record_is_named_and_others_are_not_touched() {
    let disk = Disk::new(1 << 30);
    let journal = disk.journal();
    let records = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
    journal.append("bad", 0, records.clone()).await.unwrap();
    journal.append("good", 0, records).await.unwrap();
    drop(journal);
    let database = ::redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    store::Store::open(&transaction).unwrap().damage("bad", 1, false).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let journal = disk.journal();
    let error = journal.replay("bad").await.unwrap_err();
    assert_eq!(error, Error::Damaged { meeting: "bad".to_owned(), position: 1 });
    assert_eq!(journal.replay("good").await.unwrap().next, 3);
    journal.set_aside("bad").await.unwrap();
    assert_eq!(journal.replay("bad").await.unwrap(), Replay::default());
    assert_eq!(
        (journal.meetings().await.unwrap(), journal.aside().await.unwrap()),
        (vec!["good".to_owned()], vec!["bad".to_owned()])
    );
    drop(journal);
    let database = ::redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    assert_eq!(store::Store::open(&transaction).unwrap().aside_records(0), 3, "as they were");
}

/// Prints how many appends a second are made durable, alone and together.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: cargo test -p journal -- --ignored --nocapture appends"]
async fn appends_per_second() {
    for writers in [1_usize, 16, 128] {
        let directory =
            tempfile::tempdir_in(std::env::var_os("MEASURE_DIR").unwrap_or("/tmp".into())).unwrap();
        let journal = Arc::new(Redb::open(directory.path()).unwrap());
        let each = 4000 / writers.min(16);
        let started = tokio::time::Instant::now();
        let tasks = (0..writers).map(|writer| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move {
                for at in 0..each {
                    journal.append(&format!("room{writer}"), at as u64, vec![vec![7; 1024]]).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{writers} writers: {:.0} appends/s", (each * writers) as f64 / seconds);
    }
}

//! A router's end of connections, and a shard's that does what the test wants.

use http_body_util::BodyExt as _;
use service::metrics::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn keeps() -> Keeps<u16> {
    Keeps::new(KeptCounts::new(&Metrics::new()))
}

fn request() -> Result<Request<Sent>, Failure> {
    Ok(Request::get("/").header("host", "shard").body(Sent::Left(Full::default())).unwrap())
}

/// The shard reads a request and says `answer`.
async fn serve(mut stream: DuplexStream, answer: &str) -> DuplexStream {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

async fn whole(response: Response<Reply>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A request over a new connection; gives the shard's end of it.
async fn first(kept: &Arc<Kept>, answer: &str) -> DuplexStream {
    let (ours, theirs) = duplex(1 << 10);
    let asked = kept.first(ours, request().unwrap(), PATIENCE);
    let (answered, stream) = tokio::join!(asked, serve(theirs, answer));
    assert_eq!(whole(answered.unwrap()).await, "ok");
    stream
}

/// As many requests at once, each over a new connection.
async fn many(kept: &Arc<Kept>, count: usize) -> Vec<DuplexStream> {
    let mut streams = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..count {
        let (ours, theirs) = duplex(1 << 10);
        let asked = kept.first(ours, request().unwrap(), PATIENCE);
        let (answered, stream) = tokio::join!(asked, serve(theirs, ANSWER));
        answers.push(answered.unwrap());
        streams.push(stream);
    }
    for answer in answers {
        whole(answer).await;
    }
    streams
}

/// The other side has closed it. In paused time nothing is that waits for the time.
async fn ends(stream: &mut DuplexStream) {
    assert_eq!(timeout(PATIENCE, stream.read(&mut [0])).await.expect("it ends").unwrap(), 0);
}

async fn stays(stream: &mut DuplexStream) -> bool {
    timeout(Duration::from_millis(1), stream.read(&mut [0])).await.is_err()
}

#[tokio::test]
async fn an_answer_that_was_read_leaves_its_connection() {
    let kept = keeps().of("a", &1);
    assert!(kept.again(request, PATIENCE).await.is_none());
    let mut stream = first(&kept, ANSWER).await;
    for answer in [
        ANSWER,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        ANSWER,
    ] {
        let (answered, again) = tokio::join!(kept.again(request, PATIENCE), serve(stream, answer));
        assert_eq!(whole(answered.expect("over the same").unwrap()).await, "ok", "{answer}");
        stream = again;
    }
    assert_eq!((kept.counts.opened.get(), kept.counts.reused.get(), kept.counts.broken.get()), (1, 4, 0));
}

#[tokio::test]
async fn an_answer_without_a_body_leaves_its_connection_unread() {
    let kept = keeps().of("a", &1);
    let (ours, theirs) = duplex(1 << 10);
    let asked = kept.first(ours, request().unwrap(), PATIENCE);
    let (answered, _stream) = tokio::join!(asked, serve(theirs, "HTTP/1.1 204 No Content\r\n\r\n"));
    drop(answered.unwrap());
    assert!(kept.take(Clock.now()).is_some());
}

#[tokio::test]
async fn a_shard_that_says_it_closes_is_believed() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let kept = keeps().of("a", &1);
        let mut stream = first(&kept, answer).await;
        assert!(kept.again(request, PATIENCE).await.is_none(), "{answer}");
        ends(&mut stream).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_left_in_the_middle_takes_its_connection_along() {
    let kept = keeps().of("a", &1);
    let (ours, theirs) = duplex(1 << 10);
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let asked = kept.first(ours, request().unwrap(), PATIENCE);
    let (answered, mut stream) = tokio::join!(asked, serve(theirs, half));
    let mut body = answered.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    drop(body);
    assert!(kept.again(request, PATIENCE).await.is_none());
    ends(&mut stream).await;
}

#[tokio::test]
async fn one_that_is_in_use_or_old_or_broken_is_not_used() {
    let kept = keeps().of("a", &1);
    let stream = first(&kept, ANSWER).await;
    let (answered, mut stream) = tokio::join!(kept.again(request, PATIENCE), serve(stream, ANSWER));
    let answered = answered.unwrap().unwrap();
    assert!(kept.take(Clock.now()).is_none(), "its answer is not read yet");
    whole(answered).await;

    let later = Clock.now() + IDLE_TIME_MAX;
    kept.look(Clock.now());
    assert!(stays(&mut stream).await);
    assert!(kept.take(later).is_none());
    ends(&mut stream).await;

    // the shard closes when the next request comes
    let stream = first(&kept, ANSWER).await;
    let closes = async { drop(serve(stream, "").await) };
    let (answered, ()) = tokio::join!(kept.again(request, PATIENCE), closes);
    assert!(answered.is_none());
    assert_eq!(kept.counts.broken.get(), 1);
    // or before
    drop(first(&kept, ANSWER).await);
    tokio::task::yield_now().await;
    assert!(kept.again(request, PATIENCE).await.is_none());
    assert_eq!(kept.counts.broken.get(), 1);
}

#[tokio::test]
async fn idle_ones_are_bounded_in_number_and_time() {
    let kept = keeps().of("a", &1);
    let mut streams = many(&kept, IDLE_CONNECTIONS_MAX + 1).await;
    ends(&mut streams[0]).await;
    assert!(stays(&mut streams[1]).await);
    assert_eq!(kept.idle().len(), IDLE_CONNECTIONS_MAX);
    kept.look(Clock.now() + IDLE_TIME_MAX);
    for stream in &mut streams[1..] {
        ends(stream).await;
    }
}

#[tokio::test]
async fn a_shard_that_is_down_gone_or_elsewhere_has_none() {
    let keeps = keeps();
    let check = async |end: &dyn Fn()| {
        let kept = keeps.of("a", &1);
        assert!(Arc::ptr_eq(&kept, &keeps.of("a", &1)));
        let mut idle = first(&kept, ANSWER).await;
        let (ours, theirs) = duplex(1 << 10);
        let (answered, _used) =
            tokio::join!(kept.first(ours, request().unwrap(), PATIENCE), serve(theirs, ANSWER));
        end();
        ends(&mut idle).await;
        assert_eq!(whole(answered.unwrap()).await, "ok", "what is under way comes to its end");
        assert!(kept.take(Clock.now()).is_none(), "and leaves nothing");
    };
    check(&|| keeps.end("a")).await;
    check(&|| keeps.retain(|id, address| id == "b" && *address == 1)).await;
    check(&|| drop(keeps.of("a", &2))).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_shard_that_is_declared_down_waits_no_longer() {
    let keeps = keeps();
    let kept = keeps.of("a", &1);
    let stream = first(&kept, ANSWER).await;
    let hangs = async {
        let _stream = serve(stream, "").await;
        keeps.end("a");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answered = kept.again(request, PATIENCE) => assert!(answered.is_none()),
        () = hangs => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_slow_is_slow_over_any_connection() {
    let kept = keeps().of("a", &1);
    let mut stream = first(&kept, ANSWER).await;
    let answered = kept.again(request, PATIENCE).await.unwrap();
    assert!(matches!(answered, Err(Failure::Slow(PATIENCE))));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"GET / "), "asked once, and then closed");
}

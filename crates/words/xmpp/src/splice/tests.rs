//! Dialogues as data. `C>` the client says, `c<` it is told, `S>` the server says, `s<` it is told; `break` and
//! `connect` are the link's, `resumed` and `drop REASON` what the splice makes known.

use super::{Action, Reason, Splice};
use crate::limits::{SPLICE_ASK_STANZAS, SPLICE_KEPT_STANZAS_MAX, STANZA_BYTES_MAX};
use crate::text::to_text;
use crate::{elem, ns, sm};

/// A client logs in and enables stream management.
const LOGIN: &str = "
    C> open  s< open  S> open  c< open  S> features  c< features
    C> auth  s< auth  S> success  c< success
    C> again  s< again  S> open  c< open  S> features  c< features
    C> bind  s< bind  S> bound  c< bound
    C> enable  s< enable  S> enabled  c< enabled";

/// The splice logs in elsewhere, in the client's name.
const REDIAL: &str = "connect  s< open  s< auth  s< again";
const ANSWERS: &str = "S> open  S> features  S> success  S> open  S> features";

#[test]
fn nothing_is_added_to_a_stream_that_stands() {
    check(
        "C> m1  s< m1  S> m1  c< m1  C> r  s< r  S> a:1  c< a:1  S> r  c< r  C> a:1  s< a:1  C> close  s< close",
    );
}

#[test]
fn a_stream_goes_on_and_the_client_sees_nothing() {
    check(&format!(
        "C> m1 s< m1 C> m2 s< m2 break {REDIAL} s< resume:0 {ANSWERS} S> resumed:1 resumed s< m2 C> m3 s< m3"
    ));
    check(&format!(
        "C> m1 s< m1 break C> m2 C> m3 {REDIAL} s< resume:0 {ANSWERS} S> resumed:1 resumed s< m2 s< m3"
    ));
    check(&format!("C> m1 s< m1 break {REDIAL} s< resume:0 C> m2 {ANSWERS} S> resumed:1 resumed s< m2"));
}

#[test]
fn what_the_client_was_sent_is_not_sent_again() {
    let before = "S> m1 c< m1 S> m2 c< m2 S> m3 c< m3 C> a:1 s< a:1";
    check(&format!(
        "{before} break {REDIAL} s< resume:1/3 {ANSWERS} S> resumed:0 resumed S> m2 S> m3 S> m4 c< m4"
    ));
    // another break while it repeats itself
    check(&format!(
        "{before} break {REDIAL} s< resume:1/3 {ANSWERS} S> resumed:0 resumed S> m2
        break {REDIAL} s< resume:1/3 {ANSWERS} S> resumed:0 resumed S> m2 S> m3 S> m3 c< m3"
    ));
}

#[test]
fn the_resume_tells_what_the_client_acknowledged() {
    check(&format!(
        "S> m1 c< m1 S> m2 c< m2 break C> a:1 {REDIAL} s< resume:1/2 {ANSWERS} S> resumed:0 resumed S> m2 S> m3 c< m3"
    ));
    // it comes while the server thinks
    check(&format!(
        "S> m1 c< m1 S> m2 c< m2 break {REDIAL} s< resume:0/2 C> a:2 {ANSWERS}
        S> resumed:0 resumed s< a:2 S> m1 S> m2 S> m3 c< m3"
    ));
}

#[test]
fn a_server_that_contradicts_itself_loses_the_client() {
    check(&format!(
        "S> m1 c< m1 S> m2 c< m2 break {REDIAL} s< resume:0/2 {ANSWERS} S> resumed:0 resumed S> m1 S> m3 drop:Contradiction"
    ));
}

#[test]
fn what_a_server_has_lost_is_neither_lost_nor_doubled() {
    let before = "S> m1 c< m1 S> m2 c< m2 S> m3 c< m3 C> a:2 s< a:2 break";
    let resumed = "{REDIAL} s< resume:2/3 {ANSWERS} S> resumed:0/1-3 resumed"
        .replace("{REDIAL}", REDIAL)
        .replace("{ANSWERS}", ANSWERS);
    // m4 is new; m2 and m3 come again, after their authors said them again
    check(&format!("{before} {resumed} S> lost S> m4 c< m4 S> m3 c< lost S> m2 c< lost S> m2 c< m2"));
    // it knows the third again, whatever stands there now
    check(&format!("{before} {resumed} S> m3 S> m4 c< m4"));
    let again = "{REDIAL} s< resume:2/5 {ANSWERS} S> resumed:0/1-3 resumed"
        .replace("{REDIAL}", REDIAL)
        .replace("{ANSWERS}", ANSWERS);
    check(&format!(
        "{before} {resumed} S> lost S> m4 c< m4 S> m3 c< lost break {again} S> lost S> m4 S> m3 S> m5 c< m5"
    ));
    check(&format!("{before} {resumed} S> m7 drop:Contradiction"));
}

#[test]
fn a_refusal_drops_the_client() {
    for refusal in ["failed", "failure", "error", "close", "challenge", "m1", "resumed:7", "resumed:x"] {
        check(&format!(
            "C> m1 s< m1 break {REDIAL} s< resume:0 {ANSWERS} S> {refusal} drop:Refused S> m1 C> m2 break connect"
        ));
    }
    check(&format!(
        "C> m1 s< m1 S> a:1 c< a:1 break {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 drop:Refused"
    ));
}

#[test]
fn a_link_may_break_again_at_any_step() {
    for steps in 0..=5 {
        let some: Vec<&str> = ANSWERS.split("S>").take(steps + 1).collect();
        check(&format!(
            "C> m1 s< m1 break {REDIAL} s< resume:0 {} break {REDIAL} s< resume:0 {ANSWERS}
            S> resumed:0 resumed s< m1",
            some.join("S>")
        ));
    }
    check(&format!(
        "C> m1 s< m1 break {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed s< m1
        break {REDIAL} s< resume:0 {ANSWERS} S> resumed:1 resumed"
    ));
    check("break break connect s< open s< auth s< again s< resume:0 connect");
}

#[test]
fn without_resumption_a_break_is_the_end() {
    check_from("", "C> open s< open break drop:NotResumable C> open S> open");
    check_from(LOGIN.split("C> enable").next().unwrap(), "C> m1 s< m1 break drop:NotResumable");
    let asked = LOGIN.split("S> enabled").next().unwrap();
    check_from(asked, "break drop:NotResumable");
    check_from(asked, "S> failed c< failed C> m1 s< m1 break drop:NotResumable");
    check_from(asked, "S> enabled-once c< enabled-once C> m1 s< m1 S> m1 c< m1 break drop:NotResumable");
}

#[test]
fn a_login_that_cannot_be_repeated_is_not_protected() {
    let steps = LOGIN.replace(
        "S> success  c< success",
        "S> challenge c< challenge C> response s< response S> success c< success",
    );
    check_from(&steps, "C> m1 s< m1 break drop:NotResumable");
}

#[test]
fn stanzas_before_the_answer_to_enable_count() {
    let asked = LOGIN.split("S> enabled").next().unwrap();
    check_from(
        asked,
        &format!(
            "C> m1 s< m1 S> enabled c< enabled C> m2 s< m2
        break {REDIAL} s< resume:0 {ANSWERS} S> resumed:1 resumed s< m2"
        ),
    );
}

#[test]
fn a_client_may_have_resumed_by_itself() {
    let login = LOGIN.split("C> bind").next().unwrap();
    let resumed = "C> resume:4294967294 s< resume:4294967294 S> resumed:4294967295 c< resumed:4294967295";
    check_from(
        login,
        &format!(
            "{resumed} C> m1 s< m1 C> m2 s< m2 S> m1 c< m1 S> m2 c< m2 S> m3 c< m3 C> a:0 s< a:0
        break {REDIAL} s< resume:0/1 {ANSWERS} S> resumed:0 resumed s< m2 S> m3 S> m4 c< m4"
        ),
    );
    check_from(login, "C> resume:7 s< resume:7 S> failed c< failed break drop:NotResumable");
    check_from(
        login,
        "C> resume:7 s< resume:7 C> m1 s< m1 S> resumed:1 c< resumed:1 break drop:NotResumable",
    );
    check_from(login, "C> resume:7 s< resume:7 S> resumed:x c< resumed:x break drop:NotResumable");
    // nobody asked for it
    check(&format!("S> resumed:7 c< resumed:7 S> enabled-once c< enabled-once break {REDIAL} s< resume:0"));
    // who is refused may begin anew
    check_from(login, &format!("C> resume:7 s< resume:7 S> failed c< failed C> bind s< bind S> bound c< bound C> enable s< enable
        S> enabled c< enabled C> m1 s< m1 break {REDIAL} s< resume:0"));
}

#[test]
fn an_end_that_a_side_has_told_is_an_end() {
    check("S> close c< close break drop:Ended");
    check("S> error c< error S> close c< close break drop:Ended");
    // a server that has not heard the goodbye would keep the client's place
    check(&format!(
        "C> m1 s< m1 C> close s< close break {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed s< m1 s< close"
    ));
    check(&format!(
        "break C> m1 C> close {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed s< m1 s< close"
    ));
}

#[test]
fn who_waits_for_an_answer_when_it_breaks_gets_it_from_the_next() {
    check(&format!(
        "C> m1 s< m1 C> r s< r break {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed s< m1 s< r S> a:1 c< a:1"
    ));
    check(&format!(
        "break C> m1 C> r C> r {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed s< m1 s< r S> a:1 c< a:1"
    ));
}

#[test]
fn the_splice_asks_where_the_client_does_not() {
    let many: String = (1..=SPLICE_ASK_STANZAS).map(|n| format!("C> m{n} s< m{n} ")).collect();
    check(&format!(
        "{many} s< r S> a:{SPLICE_ASK_STANZAS} C> r s< r S> a:{SPLICE_ASK_STANZAS} c< a:{SPLICE_ASK_STANZAS}"
    ));
    let mut splice = played(LOGIN, &format!("{many} s< r"));
    assert_eq!(splice.kept().0, SPLICE_ASK_STANZAS);
    splice.handle_server(frame(&format!("a:{SPLICE_ASK_STANZAS}")));
    assert_eq!(splice.kept(), (0, 0));
}

#[test]
fn too_much_is_not_protected_until_it_is_acknowledged() {
    let mut splice = played(LOGIN, "");
    for _ in 0..=SPLICE_KEPT_STANZAS_MAX {
        splice.handle_client(frame("m1"));
        assert!(splice.takes_client(), "the server takes it");
    }
    while splice.poll_action().is_some() {}
    let unprotected = format!("break {REDIAL} s< resume:0 {ANSWERS} S> resumed:0 drop:Forgotten");
    play(&mut splice, &unprotected);

    let mut splice = played(LOGIN, "");
    (0..=SPLICE_KEPT_STANZAS_MAX).for_each(|_| splice.handle_client(frame("m1")));
    while splice.poll_action().is_some() {}
    let last = SPLICE_KEPT_STANZAS_MAX + 1;
    play(&mut splice, &format!("break {REDIAL} s< resume:0 {ANSWERS} S> resumed:{last} resumed C> m2 s< m2"));
}

#[test]
fn without_a_server_a_client_is_not_read_for_ever() {
    let mut splice = played(LOGIN, "break");
    let mut read = 0;
    while splice.takes_client() {
        splice.handle_client(frame("m1"));
        splice.check_invariants();
        read += 1;
    }
    assert_eq!(read, SPLICE_KEPT_STANZAS_MAX);
    let all = "s< m1 ".repeat(read);
    play(&mut splice, &format!("{REDIAL} s< resume:0 {ANSWERS} S> resumed:0 resumed {all}"));
    assert!(splice.takes_client());
}

#[test]
fn a_stanza_that_no_server_takes_is_not_kept() {
    let big = format!("<message xmlns='jabber:client'>{}</message>", "x".repeat(STANZA_BYTES_MAX));
    let mut splice = played(LOGIN, "");
    splice.handle_client(big.clone());
    assert_eq!(splice.poll_action(), Some(Action::ToServer(big.clone())), "it says so itself");
    let mut splice = played(LOGIN, "break");
    splice.handle_client(big);
    assert_eq!(splice.poll_action(), Some(Action::Drop(Reason::TooBig)));
}

#[test]
fn a_client_that_acknowledges_nothing_can_be_resumed_for_a_while_only() {
    let mut splice = played(LOGIN, "");
    for _ in 0..=crate::limits::SPLICE_TOLD_STANZAS_MAX {
        splice.handle_server(frame("m1"));
        assert!(matches!(splice.poll_action(), Some(Action::ToClient(_))));
        splice.check_invariants();
    }
    play(&mut splice, "break connect drop:Forgotten");
}

const WORDS: [&str; 30] = [
    "open",
    "again",
    "close",
    "features",
    "auth",
    "success",
    "failure",
    "challenge",
    "response",
    "error",
    "enable",
    "enabled",
    "enabled-once",
    "resume:0",
    "resume:3",
    "resume:4294967295",
    "resumed:0",
    "resumed:2",
    "resumed:x",
    "resumed:0/1-2",
    "lost",
    "failed",
    "r",
    "a:0",
    "a:1",
    "a:3",
    "a:4294967295",
    "m1",
    "m2",
    "bind",
];

proptest::proptest! {
    /// Whatever two sides say, in whatever order, the splice stays sound: nothing is made up for the client, and after a
    /// drop nothing comes any more.
    #[test]
    fn nonsense_does_no_harm(
        logs_in in proptest::bool::ANY,
        steps in proptest::collection::vec((0..10u8, 0..WORDS.len()), 0..120),
    ) {
        let mut splice = if logs_in { played(LOGIN, "") } else { Splice::new() };
        let mut is_dropped = false;
        for (step, word) in steps {
            let said = frame(WORDS[word]);
            match step {
                0..=3 => splice.handle_client(said.clone()),
                4..=7 => splice.handle_server(said.clone()),
                8 => splice.handle_broken(),
                _ => splice.handle_connected(),
            }
            splice.check_invariants();
            while let Some(action) = splice.poll_action() {
                assert!(!is_dropped, "{action:?} after a drop");
                match action {
                    Action::ToClient(text) => assert!(step / 4 == 1 && (text == said || text == sm::FILLER)),
                    Action::Drop(_) => is_dropped = true,
                    Action::ToServer(_) | Action::Resumed => {}
                }
            }
        }
    }
}

/// After [`LOGIN`].
fn check(dialogue: &str) {
    check_from(LOGIN, dialogue);
}

fn check_from(login: &str, dialogue: &str) {
    played(login, dialogue);
}

fn played(login: &str, dialogue: &str) -> Splice<String> {
    let mut splice = Splice::new();
    play(&mut splice, login);
    play(&mut splice, dialogue);
    splice
}

/// What a line expects must be the next action, and what nobody expects must not be.
fn play(splice: &mut Splice<String>, dialogue: &str) {
    let mut words = dialogue.split_whitespace();
    while let Some(word) = words.next() {
        let is_expected = matches!(word, "s<" | "c<" | "resumed") || word.starts_with("drop:");
        if !is_expected {
            assert_eq!(splice.poll_action(), None, "before {word} {:?} in {dialogue}", words.next());
        }
        let mut next = || frame(words.next().unwrap());
        match word {
            "C>" => splice.handle_client(next()),
            "S>" => splice.handle_server(next()),
            "s<" => assert_eq!(splice.poll_action(), Some(Action::ToServer(next())), "{dialogue}"),
            "c<" => assert_eq!(splice.poll_action(), Some(Action::ToClient(next())), "{dialogue}"),
            "resumed" => assert_eq!(splice.poll_action(), Some(Action::Resumed), "{dialogue}"),
            "break" => splice.handle_broken(),
            "connect" => splice.handle_connected(),
            _ => match splice.poll_action() {
                Some(Action::Drop(reason)) => assert_eq!(format!("drop:{reason:?}"), word, "{dialogue}"),
                other => panic!("{word}, not {other:?} in {dialogue}"),
            },
        }
        splice.check_invariants();
    }
    assert_eq!(splice.poll_action(), None, "at the end of {dialogue}");
}

/// A word of a dialogue as it stands on the wire.
fn frame(word: &str) -> String {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    let number = || value.parse().unwrap_or_default();
    match name {
        "open" | "again" | "close" => to_text(
            &elem(if name == "close" { "close" } else { "open" }, ns::FRAMING).attr("id", name).build(),
        )
        .replace(" id=\"close\"", ""),
        "features" => format!(
            "<stream:features xmlns:stream='{}'><sm xmlns='{}'/></stream:features>",
            ns::STREAM,
            ns::SM
        ),
        "auth" | "success" | "failure" | "challenge" | "response" => to_text(&elem(name, ns::SASL).build()),
        "error" => crate::stream_error::text("conflict"),
        "enable" => to_text(&elem("enable", ns::SM).attr("resume", "true").build()),
        "enabled" => to_text(&sm::enabled(Some("T"), 90)),
        "enabled-once" => to_text(&sm::enabled(None, 90)),
        "resume" => {
            let (h, told) = value.split_once('/').map_or((value, None), |(h, told)| (h, Some(told)));
            let resume = elem("resume", ns::SM).attr("h", h).attr("previd", "T");
            to_text(&told.into_iter().fold(resume, |resume, told| resume.attr("told", told)).build())
        }
        "resumed" => {
            let (h, lost) =
                value.split_once('/').map_or((value, None), |(h, lost)| (h, lost.split_once('-')));
            let resumed = elem("resumed", ns::SM).attr("h", h).attr("previd", "T");
            let tell = |resumed: crate::build::Builder, (known, until): (&str, &str)| {
                resumed.attr("known", known.to_owned()).attr("until", until.to_owned())
            };
            to_text(&lost.into_iter().fold(resumed, tell).build())
        }
        "lost" => sm::FILLER.to_owned(),
        "failed" => to_text(&sm::failed("item-not-found")),
        "r" => to_text(&sm::request()),
        "a" => to_text(&sm::ack(number())),
        // stanzas: m1, bind, bound
        stanza => to_text(&elem("message", ns::CLIENT).attr("id", stanza).build()),
    }
}

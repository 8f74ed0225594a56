//! What a bridge is asked by IQ, and the shape of its answers.
//!
//! Answers carry no `from`: the server knows who we are, and a focus in the brewery must see the occupant's address.

use colibri::{ConferenceModified, ConferenceModify, Refusal};
use xmpp::build::remove_attr;
use xmpp::stanza::{error, is_request, result};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::{Element, disco, elem, ns};

const NS_HEALTH: &str = "http://jitsi.org/protocol/healthcheck";
/// XEP-0092
const NS_VERSION: &str = "jabber:iq:version";
const FEATURES: [&str; 7] = [
    NS_HEALTH,
    NS_VERSION,
    colibri::NS,
    ns::PING,
    ns::DISCO_INFO,
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:transports:ice-udp:1",
];

/// A request, understood.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// COMPAT: a stock focus sends it as `get`, though it modifies
    Modify(ConferenceModify),
    Health,
    /// the answer is known
    Answered(Element),
    /// no request at all
    Nothing,
}

pub(super) fn read(iq: &Element) -> Asked {
    if !is_request(iq) {
        return Asked::Nothing;
    }
    let Some(payload) = iq.children().next() else {
        return Asked::Answered(refused(iq, StanzaError::new(Condition::BadRequest, "an IQ has one child")));
    };
    if payload.is("conference-modify", colibri::NS) {
        return match ConferenceModify::from_element(payload) {
            Ok(request) => Asked::Modify(request),
            Err(e) => Asked::Answered(refused(iq, StanzaError::new(Condition::BadRequest, e.to_string()))),
        };
    }
    let get = iq.attr("type") == Some("get");
    if payload.is("healthcheck", NS_HEALTH) {
        Asked::Health
    } else if get && payload.is("query", NS_VERSION) {
        Asked::Answered(good(iq, Some(version())))
    } else if get && payload.is("query", ns::DISCO_INFO) {
        Asked::Answered(good(iq, Some(features(payload.attr("node")))))
    } else if get && payload.is("ping", ns::PING) {
        Asked::Answered(good(iq, None))
    } else {
        let text = format!("a bridge does not answer {}", payload.name());
        Asked::Answered(refused(iq, StanzaError::new(Condition::ServiceUnavailable, text)))
    }
}

pub(super) fn modified(head: &Element, answer: Result<ConferenceModified, Refusal>) -> Element {
    match answer {
        Ok(modified) => good(head, Some(modified.to_element())),
        Err(refusal) => anonymous(result(head).attr("type", "error").child(refusal.to_element()).build()),
    }
}

/// `ailment`: what is wrong with the bridge.
pub(super) fn health(head: &Element, ailment: Option<&str>) -> Element {
    match ailment {
        None => good(head, None),
        Some(text) => refused(head, StanzaError::new(Condition::InternalServerError, text)),
    }
}

/// What must be kept of a request to answer it later.
pub(super) fn head(iq: &Element) -> Element {
    elem(iq.name(), ns::CLIENT).attr_opt("id", iq.attr("id")).attr_opt("from", iq.attr("from")).build()
}

fn good(request: &Element, payload: Option<Element>) -> Element {
    anonymous(result(request).children(payload).build())
}

fn refused(request: &Element, why: StanzaError) -> Element {
    anonymous(error(request, &why))
}

fn anonymous(mut answer: Element) -> Element {
    remove_attr(&mut answer, "from");
    answer
}

fn version() -> Element {
    elem("query", NS_VERSION)
        .child(elem("name", NS_VERSION).text("Althing bridge"))
        .child(elem("version", NS_VERSION).text(crate::VERSION))
        .build()
}

fn features(node: Option<&str>) -> Element {
    let identity = disco::identity("component", "conference", "Althing bridge");
    disco::info(node, std::iter::once(identity).chain(FEATURES.map(disco::feature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use colibri::Reason;
    use xmpp::text::to_text;

    #[test]
    fn a_conference_request_is_taken_as_get_and_as_set() {
        let request = ConferenceModify { meeting_id: "m".to_owned(), create: true, ..Default::default() };
        for kind in ["get", "set"] {
            assert_eq!(read(&iq(kind, request.to_element())), Asked::Modify(request.clone()));
        }
        assert_eq!(read(&iq("result", request.to_element())), Asked::Nothing);
    }

    #[test]
    fn a_broken_conference_request_is_a_bad_request() {
        let broken = elem("conference-modify", colibri::NS).build();
        check("set", broken, &["type=\"error\"", "<bad-request", "id=\"7\"", "to=\"room@x/focus\""]);
    }

    #[test]
    fn questions_about_the_bridge_are_answered() {
        check("get", elem("query", NS_VERSION).build(), &["type=\"result\"", "<name>Althing bridge</name>"]);
        check("get", xmpp::ping::ping(), &["type=\"result\"", "id=\"7\""]);
        check("get", disco::info(None, []), &[NS_HEALTH, "urn:xmpp:jingle:transports:ice-udp:1"]);
        assert_eq!(read(&iq("get", elem("healthcheck", NS_HEALTH).build())), Asked::Health);
    }

    #[test]
    fn what_is_unknown_is_unavailable() {
        check(
            "set",
            elem("jingle", "urn:xmpp:jingle:1").build(),
            &["<service-unavailable", "type=\"error\""],
        );
        check("set", xmpp::ping::ping(), &["<service-unavailable"]);
    }

    #[test]
    fn a_refusal_keeps_its_reason_and_names_no_sender() {
        let refusal = Refusal {
            reason: Some(Reason::ConferenceNotFound),
            ..Refusal::new(colibri::Condition::ItemNotFound, "no such conference")
        };
        let text = to_text(&modified(&head(&iq("set", xmpp::ping::ping())), Err(refusal)));
        for part in
            ["type=\"error\"", "<item-not-found", "reason=\"conference_not_found\"", "to=\"room@x/focus\""]
        {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(!text.contains("from="), "{text}");
    }

    #[test]
    fn an_ailment_is_an_internal_error() {
        let request = iq("get", elem("healthcheck", NS_HEALTH).build());
        assert!(to_text(&health(&request, None)).contains("type=\"result\""));
        let sick = to_text(&health(&request, Some("a media thread is stuck")));
        assert!(sick.contains("<internal-server-error") && sick.contains("stuck"), "{sick}");
    }

    fn iq(kind: &str, payload: Element) -> Element {
        elem("iq", ns::CLIENT)
            .attr("type", kind)
            .attr("id", "7")
            .attr("from", "room@x/focus")
            .attr("to", "jvb@auth.x/bridge-1")
            .child(payload)
            .build()
    }

    fn check(kind: &str, payload: Element, parts: &[&str]) {
        let Asked::Answered(answer) = read(&iq(kind, payload)) else { panic!("not answered at once") };
        let text = to_text(&answer);
        for part in parts {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
}

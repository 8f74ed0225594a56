//! What to try when something went wrong.

use participant::{Closing, Failure, Stage};

/// For a person who runs the load; `None` where nothing is to be said that the failure does not say.
pub(crate) fn advice(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::Closed(
            closing
            @ (Closing::Terminated(_) | Closing::NoBody(_) | Closing::Retried(_) | Closing::Status(_)),
            _,
        ) => on_closing(closing),
        Failure::Closed(_, Stage::Joined) => Some(
            "the stream could not be taken up again: is stream management on (Prosody's mod_smacks), and did the \
             server stay up?",
        ),
        Failure::RequestLost(closing) | Failure::Closed(closing, _) => on_closing(closing),
        Failure::GaveUp { last, .. } => on_closing(last),
        Failure::Request(answer) => on_request(answer),
        Failure::StreamError(condition) if condition == "host-unknown" => {
            Some("--domain is none of the server's hosts")
        }
        Failure::NoStream(_) | Failure::Login(_) => Some(
            "--domain must be a host that lets guests in (SASL ANONYMOUS): the guest domain where users log in, and \
             authentication = \"jitsi-anonymous\" or \"anonymous\" in Prosody",
        ),
        Failure::Join(condition) => on_join(condition),
        Failure::ResumeRefused(_) => Some(
            "the server restarted, keeps lost streams for too short a time, or takes whoever comes back for somebody else \
             (Prosody's \"anonymous\" does, \"jitsi-anonymous\" does not)",
        ),
        Failure::Unanswered(Stage::Joining) => {
            Some("the room service does not answer: is --muc right (conference.DOMAIN, muc.DOMAIN)?")
        }
        Failure::Unanswered(Stage::AskingFocus | Stage::Asking) => {
            Some("the focus does not answer: see --focus; --focus none does without")
        }
        Failure::MediaFailed => {
            Some("is the bridge's media port (UDP) reachable from here, at the address that it advertises?")
        }
        Failure::FocusLeft => Some("the focus (Jicofo) went away, and every client reloads then"),
        Failure::StreamError(_)
        | Failure::Removed(_)
        | Failure::Destroyed
        | Failure::AcceptRefused(_)
        | Failure::AcceptUnanswered
        | Failure::Hangs
        | Failure::Acknowledgement(_)
        | Failure::Unacknowledged
        | Failure::NotXml(_)
        | Failure::Unanswered(_) => None,
    }
}

/// Of a connection.
pub(crate) fn on_closing(closing: &Closing) -> Option<&'static str> {
    match closing {
        Closing::Refused => Some("nobody listens there: is the server up, and is the port right?"),
        Closing::TimedOut => {
            Some("a firewall, or more at once than the server takes: try a lower --join-rate")
        }
        Closing::Unreachable(_) => Some("check the name and the port in --url, --websocket and --bosh"),
        Closing::Tls(_) => Some(
            "--ca FILE trusts the certificate of whoever signed it, --insecure trusts everybody; --url must name \
             the host as the certificate does",
        ),
        Closing::Status(status) => on_status(*status),
        Closing::Broken | Closing::Clean(_) => {
            Some("the server, or a proxy before it, let go: see its log, its limits, and its idle timeouts")
        }
        Closing::Terminated(condition) => on_terminated(condition),
        Closing::NoBody(_) => Some("there is no BOSH at this path: see --bosh"),
        Closing::Retried(why) => on_closing(why),
        Closing::Stream | Closing::Cut | Closing::Silent => None,
    }
}

/// XEP-0124 section 17.2.
fn on_terminated(condition: &str) -> Option<&'static str> {
    match condition.split(',').next().unwrap_or_default() {
        "item-not-found" => Some(
            "the server does not know the BOSH session: it restarted, was not asked for longer than it waits \
             (Prosody's bosh_max_inactivity), or a proxy sends requests of one session to several servers",
        ),
        "improper-addressing" | "host-unknown" => Some("--domain is none of the server's hosts"),
        "policy-violation" => Some("the server limits its clients: try fewer, or a lower --join-rate"),
        _ => None,
    }
}

fn on_status(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some("it demands a token or another origin; a load needs rooms that are open to guests"),
        404 => Some("there is nothing at this path: see --websocket, --bosh and --focus"),
        429 => Some("it limits how fast one address may come: try a lower --join-rate"),
        502..=504 => Some("a proxy answers, and the server behind it does not"),
        _ => None,
    }
}

fn on_request(answer: &str) -> Option<&'static str> {
    let status = answer.strip_prefix("HTTP status ").and_then(|rest| rest.get(..3)?.parse().ok());
    match status {
        Some(404) => Some("there is no conference request: try --focus focus.DOMAIN, or --focus none"),
        Some(status) => on_status(status),
        None => None,
    }
}

fn on_join(condition: &str) -> Option<&'static str> {
    // Prosody's words for a host that is none of its own
    if condition.contains("remote") {
        return Some("--muc is none of the server's hosts");
    }
    match condition.split(',').next().unwrap_or_default() {
        "service-unavailable" | "resource-constraint" => {
            Some("the room is full: see the server's limit of occupants")
        }
        "item-not-found" => {
            Some("a new room is locked until it is configured: muc_room_locking = false in Prosody")
        }
        "not-authorized" => Some("the room has a password"),
        "registration-required" => Some("the room has a lobby, or members only"),
        "not-allowed" | "forbidden" => {
            Some("guests may not open rooms: is there a focus that does (--focus)?")
        }
        "conflict" => Some("somebody of that name is there, of another load perhaps: try another --room"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: Failure, part: &str) {
        let said = advice(&failure).unwrap_or_else(|| panic!("nothing on {failure}"));
        assert!(said.contains(part), "{failure}: {said}");
    }

    #[test]
    fn each_of_the_usual_mistakes_has_its_advice() {
        let connecting = |closing| Failure::Closed(closing, Stage::Connecting);
        check(connecting(Closing::Refused), "port");
        check(connecting(Closing::Tls("expired".to_owned())), "--ca");
        check(connecting(Closing::Status(404)), "--websocket");
        check(connecting(Closing::Status(502)), "proxy");
        check(Failure::RequestLost(Closing::Unreachable("no name".to_owned())), "--url");
        check(Failure::Request("HTTP status 404".to_owned()), "--focus none");
        check(Failure::Request("HTTP status 403, no".to_owned()), "guests");
        check(Failure::Login("not-authorized".to_owned()), "ANONYMOUS");
        check(Failure::StreamError("host-unknown".to_owned()), "--domain");
        check(Failure::Join("service-unavailable, full".to_owned()), "full");
        check(Failure::Join("not-allowed, Communication with remote domains".to_owned()), "--muc");
        check(Failure::ResumeRefused("item-not-found".to_owned()), "jitsi-anonymous");
        check(Failure::Unanswered(Stage::Joining), "--muc");
        check(Failure::Closed(Closing::Broken, Stage::Joined), "smacks");
        let joined = |closing| Failure::Closed(closing, Stage::Joined);
        check(joined(Closing::Terminated("item-not-found".to_owned())), "BOSH session");
        check(joined(Closing::Retried(Box::new(Closing::Refused))), "nobody listens");
        check(connecting(Closing::Terminated("improper-addressing".to_owned())), "--domain");
        check(connecting(Closing::NoBody("it is no body element".to_owned())), "--bosh");
        assert_eq!(advice(&Failure::Request("the answer is no JSON".to_owned())), None);
    }
}

//! The conference request: the focus is asked into the room before the join, over HTTP or as an IQ.

use serde_json::{Value, json};
use xmpp::{Element, elem, ns};

use crate::failure::{Closing, Failure};
use crate::iq::{Purpose, error_of};
use crate::limits::{REQUEST_RETRY_FIRST, REQUEST_RETRY_LONGEST};
use crate::output::Output;
use crate::participant::Phase;
use crate::settings::Invitation;
use crate::{Participant, Time};

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    machine_uid: String,
    /// before the next try, if one is needed
    delay: Option<Time>,
    /// when an IQ is sent again
    again_at: Option<Time>,
}

impl Request {
    pub(crate) fn new(machine_uid: String) -> Self {
        Self { machine_uid, ..Self::default() }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.again_at
    }

    fn next_delay(&mut self) -> Time {
        let delay = self.delay.unwrap_or(REQUEST_RETRY_FIRST);
        self.delay = Some((delay * 2).min(REQUEST_RETRY_LONGEST));
        delay
    }

    /// COMPAT: values of the properties are of any JSON type here, text in the answer.
    fn body(&self, room: &str) -> String {
        json!({
            "machineUid": self.machine_uid,
            "properties": { "rtcstatsEnabled": false, "visitors-version": 1 },
            "room": room,
        })
        .to_string()
    }

    fn element(&self, room: &str) -> Element {
        let property = |name, value| elem("property", ns::FOCUS).attr("name", name).attr("value", value);
        elem("conference", ns::FOCUS)
            .attr("machine-uid", &self.machine_uid)
            .attr("room", room)
            .child(property("rtcstatsEnabled", "false"))
            .child(property("visitors-version", "1"))
            .build()
    }
}

impl Participant {
    /// The answer to [`Output::Request`]: its status and body, or why there is none.
    pub fn handle_answer(&mut self, now: Time, answer: Result<(u16, &str), Closing>) {
        if !matches!(self.phase, Phase::Asking) {
            return;
        }
        match answer {
            Ok((200..=299, body)) => self.handle_request_answer(now, body),
            Ok((status, body)) => {
                let refused = Failure::Request(format!("HTTP status {status}{}", sentence(body)));
                self.give_up(now, refused);
            }
            Err(closing) => self.give_up(now, Failure::RequestLost(closing)),
        }
    }

    pub(crate) fn request_over_http(&mut self) {
        self.phase = Phase::Asking;
        self.out(Output::Request(self.request.body(&self.settings.room)));
    }

    fn handle_request_answer(&mut self, now: Time, body: &str) {
        let answer = serde_json::from_str::<Value>(body).ok();
        let ready = answer.as_ref().map(|answer| answer["ready"] == Value::Bool(true));
        match ready {
            Some(true) => {
                self.phase = Phase::Connecting;
                self.out(Output::Connect { previd: None });
            }
            Some(false) => self.phase = Phase::Waiting { until: now + self.request.next_delay() },
            None => self.give_up(now, Failure::Request("the answer is no JSON".to_owned())),
        }
    }

    /// Asks as an IQ where that is the way; otherwise the way to the room is free.
    pub(crate) fn request_over_xmpp(&mut self, now: Time) {
        match self.settings.invitation.clone() {
            Invitation::Iq(focus) => {
                let conference = self.request.element(&self.settings.room);
                self.ask(now, &focus, "set", conference, Purpose::Conference);
            }
            Invitation::Http | Invitation::None => self.join(now),
        }
    }

    pub(crate) fn handle_conference(&mut self, now: Time, answer: &Element) {
        if answer.attr("type") == Some("error") {
            return self.give_up(now, Failure::Request(error_of(answer)));
        }
        let conference = answer.get_child("conference", ns::FOCUS);
        if conference.is_some_and(|conference| conference.attr("ready") == Some("true")) {
            self.join(now);
        } else {
            self.request.again_at = Some(now + self.request.next_delay());
        }
    }

    pub(crate) fn check_request(&mut self, now: Time) {
        if matches!(self.phase, Phase::Waiting { until } if until <= now) {
            self.request_over_http();
        }
        let again = self.request.again_at.is_some_and(|at| at <= now);
        if again && matches!(self.phase, Phase::Established) {
            self.request.again_at = None;
            self.request_over_xmpp(now);
        }
    }
}

/// What the server says of an error, if it does so in few words.
fn sentence(body: &str) -> String {
    let json = serde_json::from_str::<Value>(body).ok();
    let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
    error.map(|error| format!(", {}", error.chars().take(200).collect::<String>())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_room_in_both_forms() {
        let request = Request::new("u".to_owned());
        let body: Value = serde_json::from_str(&request.body("r@c")).unwrap();
        assert_eq!((&body["room"], &body["machineUid"]), (&json!("r@c"), &json!("u")));
        assert_eq!(request.element("r@c").attr("room"), Some("r@c"));
    }

    #[test]
    fn it_asks_again_later_and_later() {
        let mut request = Request::default();
        let delays: Vec<u64> = (0..9).map(|_| request.next_delay().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        assert_eq!(sentence("{\"error\":\"no room\"}"), ", no room");
        assert_eq!(sentence("<html>"), "");
    }
}

//! Requests, ours and theirs.

use std::collections::BTreeMap;

use xmpp::stanza::{self, is_request};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::limits::{JINGLE_TIMEOUT, PENDING_MAX, PING_TIMEOUT, PROBE_TIMEOUT, REACH_TIMEOUT};
use crate::participant::Phase;
use crate::rng::Draws;
use crate::{Participant, Time, caps};

/// What an answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Ping,
    Probe,
    /// what was called for at this time
    Call {
        since: Time,
    },
    /// the focus takes this session as accepted
    Accept {
        sid: String,
    },
    Conference,
    /// how a new room may be
    RoomForm,
    /// a ping whose answer shows that the server is there
    Reach,
    /// the focus ends the session, and offers another one
    Restart,
    /// the client looks at the answer, and nothing follows from it here
    Discovery,
}

impl Purpose {
    /// How long an answer is waited for, on a stream that stands.
    fn limit(&self) -> Option<Time> {
        match self {
            Self::Ping => Some(PING_TIMEOUT),
            Self::Probe => Some(PROBE_TIMEOUT),
            Self::Accept { .. } | Self::Restart => Some(JINGLE_TIMEOUT),
            Self::Reach => Some(REACH_TIMEOUT),
            Self::Call { .. } | Self::Conference | Self::RoomForm | Self::Discovery => None,
        }
    }
}

/// Those that are not answered, by their number.
#[derive(Clone, Debug)]
pub(crate) struct Iqs {
    /// the second part of every id
    tail: String,
    next: u32,
    pending: BTreeMap<u32, (Purpose, Time)>,
}

impl Iqs {
    /// COMPAT: ids as the client makes them, `UUID:sendIQ`; the number stands in the first eight digits.
    pub(crate) fn new(draws: &mut Draws) -> Self {
        let tail = format!("{}:sendIQ", &draws.uuid()[8..]);
        Self { tail, next: 0, pending: BTreeMap::new() }
    }

    fn ask(&mut self, now: Time, purpose: Purpose) -> String {
        while self.pending.len() >= PENDING_MAX {
            self.pending.pop_first();
        }
        self.next = self.next.wrapping_add(1);
        self.pending.insert(self.next, (purpose, now));
        format!("{:08x}{}", self.next, self.tail)
    }

    fn take(&mut self, id: &str) -> Option<(Purpose, Time)> {
        let number = id.strip_suffix(&self.tail).filter(|digits| digits.len() == 8)?;
        self.pending.remove(&u32::from_str_radix(number, 16).ok()?)
    }

    /// COMPAT: the client begins to wait anew when its stream is taken up; pings are begun anew altogether.
    pub(crate) fn restart(&mut self, now: Time) {
        self.pending.retain(|_, (purpose, _)| *purpose != Purpose::Ping);
        self.pending.values_mut().for_each(|(_, since)| *since = now);
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.pending.values().filter_map(|(purpose, since)| Some(*since + purpose.limit()?)).min()
    }

    fn expired(&mut self, now: Time) -> Option<Purpose> {
        let is_over = |(purpose, since): &(Purpose, Time)| purpose.limit().is_some_and(|l| *since + l <= now);
        let number = *self.pending.iter().find(|(_, pending)| is_over(pending))?.0;
        self.pending.remove(&number).map(|(purpose, _)| purpose)
    }
}

impl Participant {
    /// Sends a request.
    pub(crate) fn ask(
        &mut self,
        now: Time,
        to: &str,
        kind: &'static str,
        payload: Element,
        purpose: Purpose,
    ) {
        let id = self.iqs.ask(now, purpose);
        let iq = elem("iq", ns::CLIENT).attr("id", id).attr("to", to).attr("type", kind).child(payload);
        self.send(now, to_text(&iq.build()));
    }

    pub(crate) fn handle_iq(&mut self, now: Time, iq: &Element) {
        if !is_request(iq) {
            if let Some((purpose, asked)) = iq.attr("id").and_then(|id| self.iqs.take(id)) {
                self.handle_answered(now, purpose, asked, iq);
            }
            return;
        }
        let Some(payload) = iq.children().next() else { return };
        match (payload.name(), payload.ns().as_str(), iq.attr("type")) {
            ("jingle", xmpp::jingle::ns::JINGLE, Some("set")) => self.handle_jingle(now, iq, payload),
            ("query", ns::DISCO_INFO, Some("get")) => {
                let info = caps::info(payload.attr("node"));
                self.send(now, to_text(&stanza::result(iq).child(info).build()));
            }
            ("query", ns::DISCO_ITEMS, Some("get")) => {
                let items = elem("query", ns::DISCO_ITEMS);
                self.send(now, to_text(&stanza::result(iq).child(items).build()));
            }
            // COMPAT: the client answers nothing else, requests to mute neither
            _ => {}
        }
    }

    pub(crate) fn check_iqs(&mut self, now: Time) {
        while matches!(self.phase, Phase::Established) {
            let Some(purpose) = self.iqs.expired(now) else { return };
            match purpose {
                Purpose::Ping => self.handle_ping_answer(now, None),
                Purpose::Probe => self.handle_probe_lost(),
                Purpose::Accept { sid } => self.handle_accept_answer(now, &sid, None),
                Purpose::Reach => self.handle_reach_answer(now, false),
                Purpose::Restart => self.handle_restart_answer(now, None),
                Purpose::Call { .. } | Purpose::Conference | Purpose::RoomForm | Purpose::Discovery => {}
            }
        }
    }

    fn handle_answered(&mut self, now: Time, purpose: Purpose, asked: Time, answer: &Element) {
        match purpose {
            Purpose::Ping => self.handle_ping_answer(now, answer.attr("type")),
            Purpose::Probe => self.handle_probe_answer(now, asked),
            Purpose::Call { since } => self.handle_call_answer(now, since),
            Purpose::Accept { sid } => self.handle_accept_answer(now, &sid, Some(answer)),
            Purpose::Reach => self.handle_reach_answer(now, true),
            Purpose::Restart => self.handle_restart_answer(now, answer.attr("type")),
            Purpose::Conference => self.handle_conference(now, answer),
            Purpose::RoomForm => self.handle_room_form(now, answer),
            Purpose::Discovery => {}
        }
    }

    pub(crate) fn refuse(&mut self, now: Time, iq: &Element, error: impl Into<StanzaError>) {
        self.send(now, to_text(&stanza::error(iq, &error.into())));
    }
}

/// The condition and the text of an error, or that there are none.
pub(crate) fn error_of(stanza: &Element) -> String {
    let Some(error) = stanza.get_child("error", ns::CLIENT) else { return "no reason is given".to_owned() };
    let defined = |child: &&Element| child.has_ns(ns::STANZAS) && child.name() != "text";
    let condition = error.children().find(defined).map_or(Condition::BadRequest.name(), Element::name);
    match error.get_child("text", ns::STANZAS).map(Element::text).filter(|text| !text.is_empty()) {
        Some(text) => format!("{condition}, {}", text.chars().take(200).collect::<String>()),
        None => condition.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_question_once() {
        let mut iqs = Iqs::new(&mut Draws::new(1, 1));
        let id = iqs.ask(Time::ZERO, Purpose::Ping);
        assert!(id.ends_with(":sendIQ") && id.len() == 36 + 7, "{id}");
        assert_eq!(iqs.take("00000001:sendIQ"), None);
        assert_eq!(iqs.take(&id), Some((Purpose::Ping, Time::ZERO)));
        assert_eq!(iqs.take(&id), None);
    }

    #[test]
    fn only_some_are_waited_for_with_a_limit() {
        let mut iqs = Iqs::new(&mut Draws::new(1, 1));
        iqs.ask(Time::ZERO, Purpose::Discovery);
        assert_eq!(iqs.deadline(), None);
        let accept = Purpose::Accept { sid: "s".to_owned() };
        iqs.ask(Time::ZERO, accept.clone());
        iqs.ask(Time::ZERO, Purpose::Ping);
        assert_eq!(iqs.deadline(), Some(PING_TIMEOUT));
        iqs.restart(Time::from_secs(3));
        assert_eq!(iqs.deadline(), Some(Time::from_secs(3) + JINGLE_TIMEOUT));
        assert_eq!(iqs.expired(Time::from_secs(12)), None);
        assert_eq!(iqs.expired(Time::from_secs(13)), Some(accept));
    }

    #[test]
    fn questions_without_an_answer_do_not_pile_up() {
        let mut iqs = Iqs::new(&mut Draws::new(1, 1));
        for _ in 0..3 * PENDING_MAX {
            iqs.ask(Time::ZERO, Purpose::Discovery);
        }
        assert_eq!(iqs.pending.len(), PENDING_MAX);
    }

    #[test]
    fn an_error_is_told_with_its_text() {
        let error = StanzaError::new(Condition::NotAllowed, "because");
        let iq = elem("iq", ns::CLIENT).attr("type", "error").child(error.to_element()).build();
        assert_eq!(error_of(&iq), "not-allowed, because");
        assert_eq!(error_of(&elem("iq", ns::CLIENT).build()), "no reason is given");
    }
}

//! What the client does when its media connection has failed (lib-jitsi-meet, `IceFailedHandling.ts`, without ICE
//! restarts): it waits a little, finds out whether the server answers at all, and asks the focus for a session anew.
//! Three times in the life of a page; the fourth failure is a reload.

use xmpp::jingle::ns::JINGLE;
use xmpp::ping::ping;
use xmpp::{Element, elem, ns};

use crate::failure::Failure;
use crate::iq::Purpose;
use crate::limits::{RESTART_GRACE, RESTART_WAIT, RESTARTS_MAX};
use crate::output::Fact;
use crate::{Participant, Time};

#[derive(Clone, Debug, Default)]
pub(crate) struct Restart {
    attempts: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    /// before the ping
    Waiting { until: Time },
    /// for the answer to it
    Pinging,
    /// whether the connection comes back by itself
    Watching { until: Time },
    /// the focus is asked
    Asked,
}

impl Restart {
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.step {
            Step::Waiting { until } | Step::Watching { until } => Some(until),
            Step::None | Step::Pinging | Step::Asked => None,
        }
    }

    /// The session that failed is over.
    pub(crate) fn cancel(&mut self) {
        self.step = Step::None;
    }
}

impl Participant {
    /// The media connection of the present session has failed for good.
    pub fn handle_media_failed(&mut self, now: Time) {
        if self.is_over() || self.focus.current.is_none() || self.restart.step != Step::None {
            return;
        }
        let attempt = self.restart.attempts;
        if attempt >= RESTARTS_MAX {
            return self.give_up(now, Failure::MediaFailed);
        }
        self.restart.attempts += 1;
        let spread = RESTART_WAIT * 2_u32.pow(attempt) - RESTART_WAIT;
        let until = now + self.draws.time(RESTART_WAIT, spread);
        self.restart.step = Step::Waiting { until };
    }

    pub(crate) fn check_restart(&mut self, now: Time) {
        match self.restart.step {
            Step::Waiting { until } if until <= now => {
                self.restart.step = Step::Pinging;
                let domain = self.settings.domain.clone();
                self.ask(now, &domain, "get", ping(), Purpose::Reach);
            }
            Step::Watching { until } if until <= now => self.ask_for_restart(now),
            Step::None | Step::Waiting { .. } | Step::Watching { .. } | Step::Pinging | Step::Asked => {}
        }
    }

    /// `false`: no answer came, and so nothing is said to the focus.
    pub(crate) fn handle_reach_answer(&mut self, now: Time, answered: bool) {
        if self.restart.step == Step::Pinging {
            let until = now + RESTART_GRACE;
            self.restart.step = if answered { Step::Watching { until } } else { Step::None };
        }
    }

    /// COMPAT: a refusal is fatal to the client.
    pub(crate) fn handle_restart_answer(&mut self, now: Time, answer: Option<&str>) {
        if self.restart.step != Step::Asked {
            return;
        }
        self.restart.step = Step::None;
        if answer == Some("error") {
            self.give_up(now, Failure::MediaFailed);
        }
    }

    fn ask_for_restart(&mut self, now: Time) {
        let Some(current) = self.focus.current.take() else { return self.restart.cancel() };
        self.restart.step = Step::Asked;
        self.end_channel();
        let focus = format!("{}/focus", self.settings.room);
        let terminate = terminate(&focus, &current.sid, current.bridge.as_deref());
        self.focus.forget(&current.sid);
        self.tell(Fact::MediaRestart);
        self.ask(now, &focus, "set", terminate, Purpose::Restart);
    }
}

fn terminate(focus: &str, sid: &str, bridge_session: Option<&str>) -> Element {
    let why = [
        elem("connectivity-error", JINGLE).build(),
        elem("text", JINGLE).text("ICE FAILED".to_owned()).build(),
    ];
    let restart =
        elem("bridge-session", ns::FOCUS).attr_opt("id", bridge_session).attr("restart", "true").build();
    elem("jingle", JINGLE)
        .attr("action", "session-terminate")
        .attr("initiator", focus)
        .attr("sid", sid)
        .child(elem("reason", JINGLE).children(why).build())
        .child(restart)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focus_is_told_which_session_of_the_bridge() {
        let asked = terminate("r@m/focus", "s1", Some("b1"));
        let named = asked.get_child("bridge-session", ns::FOCUS).unwrap();
        assert_eq!((named.attr("id"), named.attr("restart")), (Some("b1"), Some("true")));
        assert!(asked.get_child("reason", JINGLE).unwrap().has_child("connectivity-error", JINGLE));
    }

    #[test]
    fn only_waits_have_a_deadline() {
        let mut restart = Restart { attempts: 1, step: Step::Waiting { until: Time::from_secs(3) } };
        assert_eq!(restart.deadline(), Some(Time::from_secs(3)));
        restart.cancel();
        assert_eq!((restart.deadline(), restart.attempts), (None, 1));
    }
}

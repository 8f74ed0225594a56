//! Taking up a lost stream: when the client tries, and when it gives up.

use crate::failure::{Closing, Failure};
use crate::limits::{RESUME_ATTEMPTS_MAX, RESUME_BASE, RESUME_DELAY_MIN, RESUMPTIONS_MAX};
use crate::output::{Fact, Output};
use crate::participant::Phase;
use crate::rng::Draws;
use crate::{Participant, Time};

/// One loss that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumption {
    pub lost: Time,
    pub resumed: Time,
    /// sockets that it took
    pub attempts: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Resume {
    /// when the stream was lost, and how; `None`: it stands
    lost: Option<(Time, Closing)>,
    /// since then
    attempts: u32,
    /// those that ended well, in order; the first [`RESUMPTIONS_MAX`]
    pub(crate) done: Vec<Resumption>,
    pub(crate) count: u64,
}

impl Resume {
    /// The next attempt's number and delay; `None`: there is none.
    fn next(&mut self, draws: &mut Draws) -> Option<Time> {
        self.attempts += 1;
        (self.attempts <= RESUME_ATTEMPTS_MAX).then(|| {
            let least = RESUME_DELAY_MIN * self.attempts;
            let most = Time::from_secs_f64(RESUME_BASE.powi(self.attempts.min(16) as i32));
            draws.time(least, most.saturating_sub(least))
        })
    }
}

impl Participant {
    /// The socket of an established stream is gone, or an attempt to take it up has failed.
    pub(crate) fn lose(&mut self, now: Time, how: Closing) {
        self.ping.stop();
        self.sm.stop();
        if self.sm.token.is_none() {
            return self.give_up(now, Failure::Closed(how, self.stage()));
        }
        if self.resume.lost.is_none() {
            self.resume.lost = Some((now, how.clone()));
            self.tell(Fact::Lost);
        }
        match self.resume.next(&mut self.draws) {
            Some(delay) => {
                self.delay_call(delay);
                self.phase = Phase::Away { until: now + delay };
            }
            None => {
                let lost = self.resume.lost.take().map_or_else(|| how.clone(), |(_, first)| first);
                self.give_up(now, Failure::GaveUp { lost, last: how });
            }
        }
    }

    pub(crate) fn check_resume(&mut self, now: Time) {
        if matches!(self.phase, Phase::Away { until } if until <= now) {
            self.phase = Phase::Connecting;
            self.out(Output::Connect { previd: self.sm.token.clone() });
        }
    }

    /// The stream is taken up: what the server does not have is sent again, and the client goes on.
    pub(crate) fn handle_resumed(&mut self, now: Time, h: u64) {
        if let Err(failure) = self.sm.acknowledge(h) {
            return self.give_up(now, failure);
        }
        self.phase = Phase::Established;
        let again: Vec<String> = self.sm.unacked().cloned().collect();
        again.into_iter().for_each(|text| self.out(Output::Send(text)));
        self.ping.start(now);
        self.iqs.restart(now);
        self.send_call(now);
        let attempts = std::mem::take(&mut self.resume.attempts);
        if let Some((lost, _)) = self.resume.lost.take() {
            self.resume.count += 1;
            if self.resume.done.len() < RESUMPTIONS_MAX {
                self.resume.done.push(Resumption { lost, resumed: now, attempts });
            }
            self.tell(Fact::Resumed { attempts, after: now.saturating_sub(lost) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_attempts_have_the_delays_of_the_client() {
        let ms = |ms| Time::from_millis(ms);
        for seed in 0..200 {
            let (mut resume, mut draws) = (Resume::default(), Draws::new(seed, 0));
            for (least, most) in [(1_500, 3_000), (3_000, 9_000), (4_500, 27_000)] {
                let delay = resume.next(&mut draws).unwrap();
                assert!(delay >= ms(least) && delay <= ms(most), "{delay:?}");
            }
            assert_eq!(resume.next(&mut draws), None);
        }
    }
}

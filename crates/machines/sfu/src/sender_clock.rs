//! When a packet was captured, on our clock: what keeps lips and voice together.
//!
//! Sender reports tell receivers which RTP timestamps of two streams belong to one moment (RFC 3550 6.4.1). Ours
//! are made from a wall clock given with each packet. The arrival time would do, were audio and video equally late;
//! so the sender's own reports are used, shifted by one offset for all streams of the endpoint.

use std::time::{Duration, Instant};

/// ticks of a codec's clock may lie this far from the last report before the report is distrusted
const REPORT_AGE_MAX: Duration = Duration::from_secs(60);
/// a capture time this far before the arrival means that the sender's clock was set
const DELAY_MAX: Duration = Duration::from_secs(5);

/// What the last sender report of a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// the sender's wall clock, since any epoch
    pub(crate) wall: Duration,
    pub(crate) timestamp: u32,
}

/// Where the wall clock of one endpoint is on ours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderClock {
    /// the same moment here and there, of the packet that travelled fastest
    meeting: Option<(Instant, Duration)>,
}

impl SenderClock {
    /// When the packet with `timestamp` was captured; its arrival where the reports do not tell.
    pub(crate) fn captured(
        &mut self,
        arrival: Instant,
        timestamp: u32,
        rate: u32,
        report: Option<Report>,
    ) -> Instant {
        let Some(wall) = report.and_then(|report| wall_clock(report, timestamp, rate)) else {
            return arrival;
        };
        let local = self.meeting.and_then(|(here, there)| shift(here, there, wall));
        match local {
            Some(local) if local <= arrival && arrival - local <= DELAY_MAX => local,
            _ => {
                self.meeting = Some((arrival, wall));
                arrival
            }
        }
    }
}

/// The sender's wall clock at `timestamp`.
fn wall_clock(report: Report, timestamp: u32, rate: u32) -> Option<Duration> {
    let ticks = i64::from(timestamp.wrapping_sub(report.timestamp).cast_signed());
    let distance = Duration::from_micros(ticks.unsigned_abs() * 1_000_000 / u64::from(rate.max(1)));
    if distance > REPORT_AGE_MAX {
        return None;
    }
    if ticks < 0 { report.wall.checked_sub(distance) } else { report.wall.checked_add(distance) }
}

/// `here` moved by as much as `wall` is from `there`.
fn shift(here: Instant, there: Duration, wall: Duration) -> Option<Instant> {
    match wall.checked_sub(there) {
        Some(ahead) => here.checked_add(ahead),
        None => here.checked_sub(there - wall),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn two_streams_of_one_moment_meet_however_late_each_is() {
        let start = Instant::now() + 100_000 * MS;
        let mut clock = SenderClock::default();
        let audio = Some(Report { wall: 1_000_000 * MS, timestamp: 48_000 });
        let video = Some(Report { wall: 1_000_500 * MS, timestamp: u32::MAX - 44_999 });
        // captured one second after the audio report; the video is 80 ms later on the way
        let heard = clock.captured(start + 1020 * MS, 96_000, 48_000, audio);
        let seen = clock.captured(start + 1100 * MS, 0, 90_000, video);
        assert_eq!(heard, start + 1020 * MS);
        assert_eq!(seen, heard);
    }

    #[test]
    fn a_faster_packet_and_a_clock_that_was_set_begin_anew() {
        let start = Instant::now() + 100_000 * MS;
        let mut clock = SenderClock::default();
        let report = |wall| Some(Report { wall: wall * MS, timestamp: 0 });
        assert_eq!(clock.captured(start + 50 * MS, 0, 48_000, report(1_000_000)), start + 50 * MS);
        assert_eq!(clock.captured(start + 60 * MS, 960, 48_000, report(1_000_000)), start + 60 * MS);
        assert_eq!(clock.captured(start + 90 * MS, 1920, 48_000, report(1_000_000)), start + 80 * MS);
        assert_eq!(clock.captured(start + 100 * MS, 0, 48_000, report(10)), start + 100 * MS);
    }

    #[test]
    fn without_a_report_that_fits_the_arrival_counts() {
        let start = Instant::now();
        let mut clock = SenderClock::default();
        let far = Some(Report { wall: MS, timestamp: 0 });
        for (timestamp, report) in [(0, None), (1 << 30, far), (u32::MAX - 960, far)] {
            assert_eq!(clock.captured(start, timestamp, 48_000, report), start);
        }
    }
}

//! What a media thread counts.

/// One of the counters of a [`Tally`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// datagrams that arrived at another thread's socket and were passed on
    HandedOver,
    /// datagrams lost because the owning thread's inbox was full
    HandoverLost,
    /// datagrams too long to be handed over
    HandoverOversize,
    ReceiveErrors,
    /// datagrams the kernel would not send
    SendErrors,
    /// datagrams lost because the socket's send buffer was full
    SendLost,
    /// sends that carried several datagrams
    SegmentedSends,
    /// bridge channel WebSockets closed because the client did not read
    SocketsShed,
    IceUp,
    IceFailed,
    DtlsUp,
    ChannelUp,
    EndpointsExpired,
    ConferencesExpired,
    KeyframesAsked,
    SpeakerChanges,
    DatagramsRefused,
    MessagesRefused,
}

impl Count {
    pub(crate) const LEN: usize = Self::MessagesRefused as usize + 1;
}

impl From<sfu::Fact> for Count {
    fn from(fact: sfu::Fact) -> Self {
        use sfu::Fact;
        match fact {
            Fact::IceUp => Self::IceUp,
            Fact::IceFailed => Self::IceFailed,
            Fact::DtlsUp => Self::DtlsUp,
            Fact::ChannelUp => Self::ChannelUp,
            Fact::EndpointExpired => Self::EndpointsExpired,
            Fact::ConferenceExpired => Self::ConferencesExpired,
            Fact::KeyframeAsked => Self::KeyframesAsked,
            Fact::SpeakerChanged => Self::SpeakerChanges,
            Fact::DatagramRefused => Self::DatagramsRefused,
            Fact::MessageRefused => Self::MessagesRefused,
        }
    }
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally([u64; Count::LEN]);

impl Tally {
    pub(crate) fn add(&mut self, count: Count, n: usize) {
        let cell = &mut self.0[count as usize];
        *cell = cell.wrapping_add(n as u64);
    }

    pub(crate) fn of(&self, count: Count) -> u64 {
        self.0[count as usize]
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.wrapping_add(*theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_two_threads_add_up() {
        let (mut a, mut b) = (Tally::default(), Tally::default());
        a.add(Count::IceUp, 2);
        b.add(Count::IceUp, 3);
        b.add(Count::MessagesRefused, 1);
        a.merge(&b);
        assert_eq!(a.of(Count::IceUp), 5);
        assert_eq!(a.of(Count::MessagesRefused), 1);
        assert_eq!(a.of(Count::HandedOver), 0);
    }
}

//! A session's socket, and how datagrams go through it.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use participant::media::{Session, Transmit};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};

use crate::limits::{DATAGRAMS_BYTES, SOCKET_BYTES};

pub(crate) struct Socket {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    scratch: Vec<u8>,
}

/// What one receive call fills, for all sockets of a thread.
pub(crate) struct Inbox {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

impl Socket {
    /// On the address of this machine from which the bridge is reached, and that address.
    ///
    /// # Errors
    /// There is no candidate, no route to it, or no socket left.
    pub(crate) fn open(session: &Session) -> io::Result<(Self, SocketAddr)> {
        let udp = session.ice.candidates.iter().filter(|candidate| candidate.protocol == "udp");
        // most preferred first, IPv4 before IPv6 where they are equal
        let best = udp.max_by_key(|candidate| (candidate.priority, candidate.ip.is_ipv4()));
        let best = best.ok_or_else(|| io::Error::other("the bridge has no candidate"))?;
        let local = local_towards(SocketAddr::new(best.ip, best.port))?;
        let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
        socket.set_nonblocking(true)?;
        let buffers = socket2::SockRef::from(&socket);
        // the kernel silently takes less
        buffers.set_recv_buffer_size(SOCKET_BYTES)?;
        buffers.set_send_buffer_size(SOCKET_BYTES)?;
        let (state, address) = (UdpSocketState::new(UdpSockRef::from(&socket))?, socket.local_addr()?);
        let socket = mio::net::UdpSocket::from_std(socket);
        Ok((Self { socket, state, scratch: Vec::new() }, address))
    }

    /// For registration with a poll.
    pub(crate) fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// One batch into `inbox`; 0 where nothing waits.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> usize {
        let buffers = inbox.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer));
        let mut slices: Vec<IoSliceMut<'_>> = buffers.collect();
        // an error is one of the path, told by the ICMP of an earlier datagram; nothing waits behind it
        self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut inbox.metas).unwrap_or(0)
    }

    /// Sends all of them; gives how many did not fit into the kernel's buffer. Bursts go in one call.
    pub(crate) fn send(&mut self, transmits: &[Transmit]) -> u64 {
        let (mut lost, mut rest) = (0, transmits);
        while !rest.is_empty() {
            let count = leading_burst(rest, self.state.max_gso_segments());
            let (burst, others) = rest.split_at(count);
            lost += self.send_burst(burst);
            rest = others;
        }
        lost
    }

    fn send_burst(&mut self, burst: &[Transmit]) -> u64 {
        let Some(first) = burst.first() else { return 0 };
        if burst.len() > 1 {
            self.scratch.clear();
            burst.iter().for_each(|transmit| self.scratch.extend_from_slice(&transmit.payload));
            let sent = self.send_one(first.destination, &self.scratch, Some(first.payload.len()));
            if sent.is_ok() {
                return 0;
            }
        }
        // one by one also where the device cannot take a burst
        let single = |transmit: &Transmit| self.send_one(transmit.destination, &transmit.payload, None);
        burst.iter().filter(|transmit| single(transmit).is_err()).count() as u64
    }

    fn send_one(
        &self,
        destination: SocketAddr,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![vec![0; DATAGRAMS_BYTES]; quinn_udp::BATCH_SIZE],
            metas: vec![RecvMeta::default(); quinn_udp::BATCH_SIZE],
        }
    }

    /// Where each came from, and what it is, of the first `filled` buffers.
    pub(crate) fn datagrams(&self, filled: usize) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.buffers.iter().zip(&self.metas).take(filled).flat_map(|(buffer, meta)| {
            let bytes = &buffer[..meta.len.min(buffer.len())];
            bytes.chunks(meta.stride.max(1)).map(|payload| (meta.addr, payload))
        })
    }
}

/// The address that the kernel's routes choose. Nothing is sent.
fn local_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind(SocketAddr::new(any, 0))?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

/// How many from the front go in one call: equal sizes to one destination, the last may be shorter.
fn leading_burst(transmits: &[Transmit], segments_max: usize) -> usize {
    let Some((first, others)) = transmits.split_first() else { return 0 };
    let size = first.payload.len();
    let most = segments_max.min(DATAGRAMS_BYTES / size.max(1)).max(1);
    let same =
        |transmit: &&Transmit| transmit.destination == first.destination && transmit.payload.len() == size;
    let equal = 1 + others.iter().take(most - 1).take_while(same).count();
    let shorter = transmits.get(equal).filter(|transmit| {
        equal < most && transmit.destination == first.destination && transmit.payload.len() < size
    });
    equal + usize::from(shorter.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &[usize], segments_max: usize, burst: usize) {
        let destination = SocketAddr::from(([192, 0, 2, 1], 10_000));
        let transmits: Vec<Transmit> =
            sizes.iter().map(|size| Transmit { destination, payload: vec![0; *size] }).collect();
        assert_eq!(leading_burst(&transmits, segments_max), burst, "{sizes:?}");
    }

    #[test]
    fn equal_datagrams_go_together_and_a_shorter_one_ends_the_burst() {
        check(&[], 64, 0);
        check(&[100, 100, 60, 100], 64, 3);
        check(&[60, 100, 100], 64, 1);
        check(&[100; 5], 2, 2);
        check(&[100, 60], 1, 1);
        check(&[40_000, 40_000], 64, 1);
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        let local = local_towards(SocketAddr::from(([127, 0, 0, 1], 9))).unwrap();
        assert_eq!(local, IpAddr::from([127, 0, 0, 1]));
    }
}

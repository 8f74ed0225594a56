//! The UDP port of a bridge: one socket for each media thread, all on the same port.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::Context as _;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::Addresses;
use super::batch;
use crate::limits::{RECEIVE_BUFFER_BYTES, SOCKET_BUFFER_BYTES};

/// Binds `count` sockets to one port of `ip`.
///
/// # Errors
/// The port is taken, or may not be had.
pub(crate) fn bind(ip: IpAddr, port: u16, count: usize) -> anyhow::Result<Vec<UdpSocket>> {
    let wanted = SocketAddr::new(ip, port);
    if count > 1 && port != 0 {
        // Shared ports would let a second bridge bind beside us and take half of the datagrams.
        drop(bind_one(wanted, false)?);
    }
    let first = bind_one(wanted, count > 1)?;
    let address = first.local_addr().context("a bound socket has an address")?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(bind_one(address, true)?);
    }
    warn_of_small_buffers(&sockets[0]);
    Ok(sockets)
}

fn bind_one(address: SocketAddr, shared: bool) -> anyhow::Result<UdpSocket> {
    let open = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_port(shared)?;
        socket.set_nonblocking(true)?;
        // The kernel silently takes less; see below.
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    open().with_context(|| {
        format!("cannot bind UDP {address} for media: is another bridge running? choose another media port")
    })
}

fn warn_of_small_buffers(socket: &UdpSocket) {
    let size = socket2::SockRef::from(socket).recv_buffer_size().unwrap_or(0);
    if size < SOCKET_BUFFER_BYTES {
        tracing::warn!(
            bytes = size,
            wanted = SOCKET_BUFFER_BYTES,
            "the kernel limits UDP buffers, bursts of media will be lost: raise net.core.rmem_max and net.core.wmem_max"
        );
    }
}

/// One media thread's socket.
pub(crate) struct Port {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    dual_stack: bool,
    scratch: Vec<u8>,
}

/// What a call of [`Port::send`] came to, in datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) segmented: usize,
    /// refused by the kernel
    pub(crate) errors: usize,
    /// the send buffer was full
    pub(crate) lost: usize,
}

impl Port {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let dual_stack = socket.local_addr()?.is_ipv6();
        Ok(Self { socket: mio::net::UdpSocket::from_std(socket), state, dual_stack, scratch: Vec::new() })
    }

    /// For registration with a poll.
    pub(crate) fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Receives one batch; 0 where nothing waits. Reads into `inbox`.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        let mut slices: Vec<IoSliceMut<'_>> =
            inbox.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut inbox.metas) {
            Ok(n) => Ok(n),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// Sends all of `transmits`; those to one destination go together where the kernel can segment them.
    pub(crate) fn send(&mut self, transmits: &[sfu::Transmit], addresses: &Addresses) -> Sent {
        let mut sent = Sent::default();
        let mut rest = transmits;
        while !rest.is_empty() {
            let n = batch::leading_run(rest, self.state.max_gso_segments());
            let (run, tail) = rest.split_at(n);
            self.send_run(run, addresses, &mut sent);
            rest = tail;
        }
        sent
    }

    fn send_run(&mut self, run: &[sfu::Transmit], addresses: &Addresses, sent: &mut Sent) {
        let [first, others @ ..] = run else { return };
        let src_ip = addresses.local_of(first.source.ip());
        if others.is_empty() {
            return self.send_one(first, src_ip, sent);
        }
        self.scratch.clear();
        for transmit in run {
            self.scratch.extend_from_slice(&transmit.payload);
        }
        let result = self.state.try_send(
            UdpSockRef::from(&self.socket),
            &quinn_udp::Transmit {
                destination: self.destination(first.destination),
                ecn: None,
                contents: &self.scratch,
                segment_size: Some(first.payload.len()),
                src_ip,
            },
        );
        match result {
            Ok(()) => sent.segmented += 1,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => sent.lost += run.len(),
            // a device that cannot segment, or one datagram too many for the path: each for itself
            Err(_) => run.iter().for_each(|transmit| self.send_one(transmit, src_ip, sent)),
        }
    }

    fn send_one(&self, transmit: &sfu::Transmit, src_ip: Option<IpAddr>, sent: &mut Sent) {
        let result = self.state.try_send(
            UdpSockRef::from(&self.socket),
            &quinn_udp::Transmit {
                destination: self.destination(transmit.destination),
                ecn: None,
                contents: &transmit.payload,
                segment_size: None,
                src_ip,
            },
        );
        match result {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => sent.lost += 1,
            Err(e) => {
                tracing::debug!(destination = %transmit.destination, error = %e, "datagram not sent");
                sent.errors += 1;
            }
        }
    }

    /// A socket of both families takes IPv4 in its mapped form only.
    fn destination(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if self.dual_stack => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            other => other,
        }
    }
}

/// The buffers that one receive call fills.
pub(crate) struct Inbox {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

/// A datagram, in its buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: SocketAddr,
    /// the address of this machine it came to
    pub(crate) local: Option<IpAddr>,
    pub(crate) payload: &'a [u8],
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![vec![0; RECEIVE_BUFFER_BYTES]; quinn_udp::BATCH_SIZE],
            metas: vec![RecvMeta::default(); quinn_udp::BATCH_SIZE],
        }
    }

    /// The datagrams of the first `filled` buffers.
    pub(crate) fn datagrams(&self, filled: usize) -> impl Iterator<Item = Datagram<'_>> {
        self.buffers.iter().zip(&self.metas).take(filled).flat_map(|(buffer, meta)| {
            let bytes = &buffer[..meta.len.min(buffer.len())];
            bytes.chunks(meta.stride.max(1)).map(|payload| Datagram {
                source: SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port()),
                local: meta.dst_ip.map(|ip| ip.to_canonical()),
                payload,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn sockets_share_one_port_and_a_stranger_cannot_join_them() {
        let sockets = bind(LOOPBACK, 0, 3).unwrap();
        let port = sockets[0].local_addr().unwrap().port();
        assert!(sockets.iter().all(|s| s.local_addr().unwrap().port() == port));

        let error = bind(LOOPBACK, port, 2).unwrap_err();
        assert!(error.to_string().contains("another bridge"), "{error:#}");
        assert!(bind(LOOPBACK, port, 1).is_err());
    }

    #[test]
    fn equal_datagrams_to_one_destination_arrive_as_they_were() {
        check_sending(&[&[1; 1200], &[2; 1200], &[3; 700], &[4; 1200], &[5; 40]]);
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_does_not_take_the_others_along() {
        let mut port = Port::new(bind(LOOPBACK, 0, 1).unwrap().remove(0)).unwrap();
        let transmits: Vec<_> = [70_000, 100]
            .map(|size| sfu::Transmit {
                source: port.socket.local_addr().unwrap(),
                destination: port.socket.local_addr().unwrap(),
                payload: vec![0; size],
            })
            .into();
        let sent = port.send(&transmits, &addresses(&port));
        assert_eq!(sent, Sent { errors: 1, ..Sent::default() });
    }

    #[test]
    fn coalesced_datagrams_are_cut_apart() {
        let mut inbox = Inbox::new();
        inbox.buffers[0][..5].copy_from_slice(b"aabbc");
        inbox.metas[0].len = 5;
        inbox.metas[0].stride = 2;
        let payloads: Vec<_> = inbox.datagrams(1).map(|d| d.payload.to_vec()).collect();
        assert_eq!(payloads, [b"aa".to_vec(), b"bb".to_vec(), b"c".to_vec()]);
    }

    fn addresses(port: &Port) -> Addresses {
        Addresses::of_machine(port.socket.local_addr().unwrap(), &[]).unwrap()
    }

    fn check_sending(payloads: &[&[u8]]) {
        let mut port = Port::new(bind(LOOPBACK, 0, 1).unwrap().remove(0)).unwrap();
        let client = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let source = port.socket.local_addr().unwrap();
        let destination = client.local_addr().unwrap();
        let transmits: Vec<_> = payloads
            .iter()
            .map(|payload| sfu::Transmit { source, destination, payload: payload.to_vec() })
            .collect();

        let sent = port.send(&transmits, &addresses(&port));
        assert_eq!((sent.errors, sent.lost), (0, 0));
        let mut buffer = [0; 2000];
        for payload in payloads {
            let (n, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..n], *payload);
            assert_eq!(from, source);
        }
    }
}

//! Asking a name server (RFC 1035, for services RFC 2782): over UDP, and over TCP where the answer does not fit.
//!
//! Addresses come from this machine's own resolver, which knows `/etc/hosts` and search domains, unless a name server is
//! configured; it has no questions for services.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, ensure};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::limits::{DNS_ANSWER_TIME_MAX, DNS_TRIES};

/// Of a name server; `/etc/resolv.conf` names no other.
const PORT: u16 = 53;

/// What fits into one datagram without extensions is 512 bytes; servers may send more all the same.
const DATAGRAM_BYTES_MAX: usize = 4096;

pub(super) struct Resolver {
    /// that are asked for services, one after the other
    servers: Vec<SocketAddr>,
    /// that is asked for addresses, too
    chosen: Option<SocketAddr>,
}

/// A service's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) port: u16,
    /// lower case, without the last dot
    pub(super) target: String,
}

impl Resolver {
    /// # Errors
    /// `/etc/resolv.conf` is needed, and names no server.
    pub(super) fn new(chosen: Option<SocketAddr>) -> anyhow::Result<Self> {
        let servers = match chosen {
            Some(server) => vec![server],
            None => {
                let text = std::fs::read_to_string("/etc/resolv.conf").context("/etc/resolv.conf")?;
                servers(&text)
            }
        };
        ensure!(!servers.is_empty(), "/etc/resolv.conf names no server");
        Ok(Self { servers, chosen })
    }

    /// In their order; none is no error.
    pub(super) async fn addresses(&self, name: &str) -> anyhow::Result<Vec<IpAddr>> {
        let mut addresses: Vec<IpAddr> = match self.chosen {
            None => lookup_host((name, 0)).await?.map(|address| address.ip()).collect(),
            Some(_) => {
                let four = self.ask(name, TYPE::A, address).await?;
                four.into_iter().chain(self.ask(name, TYPE::AAAA, address).await?).collect()
            }
        };
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }

    /// None is no error.
    pub(super) async fn services(&self, name: &str) -> anyhow::Result<Vec<Service>> {
        self.ask(name, TYPE::SRV, service).await
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: TYPE,
        read: fn(&RData<'_>) -> Option<T>,
    ) -> anyhow::Result<Vec<T>> {
        let mut last = None;
        for server in self.servers.iter().cycle().take(self.servers.len() * DNS_TRIES) {
            let id = rand::random();
            let question = question(id, name, kind)?;
            let asked = timeout(DNS_ANSWER_TIME_MAX, exchange(*server, &question, id)).await;
            let answer = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match answer.map_err(anyhow::Error::from).and_then(|bytes| understood(&bytes, read)) {
                Ok(found) => return Ok(found),
                Err(error) => last = Some(error.context(format!("the name server {server}"))),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("there is no name server")))
    }
}

fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let named = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server)?.parse::<IpAddr>().ok()
    });
    named.map(|ip| SocketAddr::new(ip, PORT)).collect()
}

fn question(id: u16, name: &str, kind: TYPE) -> anyhow::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).with_context(|| format!("{name:?} is no name"))?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    Ok(packet.build_bytes_vec()?)
}

/// From a port that the kernel draws, with an id that is drawn, too: nobody else can guess what an answer must have.
async fn exchange(server: SocketAddr, question: &[u8], id: u16) -> io::Result<Vec<u8>> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let read = socket.recv(&mut bytes).await?;
        let answer = bytes.get(..read).unwrap_or_default();
        if answer.first_chunk() != Some(&id.to_be_bytes()) {
            continue;
        }
        return if is_cut_short(answer) { over_tcp(server, question).await } else { Ok(answer.to_vec()) };
    }
}

/// TC in the header (RFC 1035 section 4.1.1).
fn is_cut_short(answer: &[u8]) -> bool {
    answer.get(2).is_some_and(|flags| flags & 0b10 != 0)
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn understood<T>(bytes: &[u8], read: fn(&RData<'_>) -> Option<T>) -> anyhow::Result<Vec<T>> {
    let packet = Packet::parse(bytes).context("its answer makes no sense")?;
    match packet.rcode() {
        RCODE::NoError | RCODE::NameError => {}
        code => anyhow::bail!("it answers {code:?}"),
    }
    // names on the way (CNAME) are followed by the server, and what they lead to stands here, too
    Ok(packet.answers.iter().filter_map(|record| read(&record.rdata)).collect())
}

fn address(data: &RData<'_>) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(Ipv4Addr::from_bits(a.address).into()),
        RData::AAAA(aaaa) => Some(Ipv6Addr::from_bits(aaaa.address).into()),
        _ => None,
    }
}

fn service(data: &RData<'_>) -> Option<Service> {
    match data {
        RData::SRV(srv) => Some(Service {
            priority: srv.priority,
            port: srv.port,
            target: srv.target.to_string().trim_end_matches('.').to_ascii_lowercase(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_names_servers() {
        let text = "# nameserver 10.0.0.9\nsearch example.org\nnameserver 10.0.0.1\n nameserver\t2001:db8::1 \nnameserver x";
        let expected = ["10.0.0.1:53", "[2001:db8::1]:53"].map(|text| text.parse().unwrap());
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn nonsense_is_an_error_and_no_answer_is_none() {
        assert!(understood(b"", address).is_err());
        assert!(understood(&[0xff; 40], address).is_err());
        let mut asked = question(7, "shards.example", TYPE::A).unwrap();
        assert!(understood(&asked, address).unwrap().is_empty());
        // SERVFAIL
        asked[3] |= 2;
        assert!(understood(&asked, address).unwrap_err().to_string().contains("ServerFailure"));
        assert!(question(7, &"x".repeat(64), TYPE::A).is_err());
    }

    #[test]
    fn an_answer_that_was_cut_short_says_so() {
        assert!(is_cut_short(&[0, 7, 0b1000_0011, 0]));
        assert!(!is_cut_short(&[0, 7, 0b1000_0001, 0]));
        assert!(!is_cut_short(&[]));
    }
}

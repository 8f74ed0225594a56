//! The ICE-UDP transport with its DTLS fingerprint (XEP-0176, XEP-0320) and Jitsi's additions to it.

use std::net::IpAddr;

use super::limits::{CANDIDATES_MAX, FINGERPRINTS_MAX, VALUE_BYTES_MAX, WEB_SOCKETS_MAX};
use super::ns;
use super::rtp::expect;
use super::xml::{Malformed, Problem, Read, push_bounded};
use crate::{Element, elem};

/// `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceUdp {
    pub ufrag: Option<String>,
    pub pwd: Option<String>,
    /// Jitsi's `ice-generation`; `None` where untagged
    pub generation: Option<u32>,
    pub rtcp_mux: bool,
    pub candidates: Vec<Candidate>,
    pub fingerprints: Vec<Fingerprint>,
    /// Addresses of the bridge channel's WebSocket (`http://jitsi.org/protocol/colibri`)
    pub web_sockets: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: String,
    pub foundation: String,
    pub component: u8,
    pub generation: u32,
    pub network: u32,
    pub protocol: String,
    pub priority: u32,
    pub ip: IpAddr,
    pub port: u16,
    pub kind: CandidateKind,
    pub related: Option<(IpAddr, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

/// `<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'/>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// e.g. `sha-256`
    pub hash: String,
    pub setup: Setup,
    /// colon-separated hexadecimal, upper case
    pub value: String,
}

/// RFC 4145 / RFC 8842
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    ActPass,
    Active,
    Passive,
}

impl IceUdp {
    /// Reads `<transport/>`. Candidates that name a host instead of an address, and others that are of no use,
    /// are passed over (RFC 8839 section 5.1: what is not understood is ignored).
    ///
    /// # Errors
    /// Where the credentials, the generation or a fingerprint do not fit.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "transport", ns::ICE_UDP)?;
        let mut read = Self {
            ufrag: element.text_of("ufrag")?.filter(|ufrag| !ufrag.is_empty()),
            pwd: element.text_of("pwd")?.filter(|pwd| !pwd.is_empty()),
            generation: element.parsed("ice-generation")?,
            ..Self::default()
        };
        for child in element.children() {
            read.read_child(element, child)?;
        }
        Ok(read)
    }

    fn read_child(&mut self, parent: &Element, child: &Element) -> Result<(), Malformed> {
        if child.is("candidate", ns::ICE_UDP) {
            let room = self.candidates.len() < CANDIDATES_MAX;
            self.candidates.extend(Candidate::from_element(child).filter(|_| room));
        } else if child.is("fingerprint", ns::DTLS) {
            let fingerprint = Fingerprint::from_element(child)?;
            push_bounded(&mut self.fingerprints, fingerprint, FINGERPRINTS_MAX, parent, "fingerprint")?;
        } else if child.is("rtcp-mux", ns::ICE_UDP) || child.is("rtcp-mux", ns::RTP) {
            self.rtcp_mux = true;
        } else if child.is("web-socket", ns::COLIBRI_WS)
            && let Some(url) = child.text_of("url")?
        {
            push_bounded(&mut self.web_sockets, url, WEB_SOCKETS_MAX, parent, "web-socket")?;
        }
        Ok(())
    }

    /// The SHA-256 among the fingerprints, as octets; every browser offers it.
    pub fn sha256(&self) -> Option<(Setup, Vec<u8>)> {
        let print = self.fingerprints.iter().find(|print| print.hash.eq_ignore_ascii_case("sha-256"))?;
        let octets = print.value.split(':').map(|pair| u8::from_str_radix(pair, 16).ok());
        Some((print.setup, octets.collect::<Option<_>>()?))
    }

    /// Writes `<transport/>`.
    pub fn to_element(&self) -> Element {
        let web_sockets =
            self.web_sockets.iter().map(|url| elem("web-socket", ns::COLIBRI_WS).attr("url", url).build());
        elem("transport", ns::ICE_UDP)
            .attr_opt("ufrag", self.ufrag.as_deref())
            .attr_opt("pwd", self.pwd.as_deref())
            .attr_opt("ice-generation", self.generation.map(|generation| generation.to_string()))
            .children(self.rtcp_mux.then(|| elem("rtcp-mux", ns::ICE_UDP).build()))
            .children(self.fingerprints.iter().map(Fingerprint::to_element))
            .children(self.candidates.iter().map(Candidate::to_element))
            .children(web_sockets)
            .build()
    }
}

impl Candidate {
    /// Reads `<candidate/>`; `None` where it cannot be used: a host name (mDNS), an unknown type, a number
    /// missing or out of range.
    pub fn from_element(element: &Element) -> Option<Self> {
        expect(element, "candidate", ns::ICE_UDP).ok()?;
        Some(Self {
            id: element.text_of("id").ok()?.unwrap_or_default(),
            foundation: element.text_of("foundation").ok()?.unwrap_or_default(),
            component: element.parsed("component").ok()??,
            generation: element.parsed("generation").ok()?.unwrap_or(0),
            network: element.parsed("network").ok()?.unwrap_or(0),
            protocol: element.need("protocol").ok()?.to_ascii_lowercase(),
            priority: element.parsed("priority").ok()??,
            ip: element.parsed("ip").ok()??,
            port: element.parsed("port").ok()??,
            kind: CandidateKind::from_word(element.attr("type")?)?,
            related: related(element),
        })
    }

    /// Writes `<candidate/>`.
    pub fn to_element(&self) -> Element {
        elem("candidate", ns::ICE_UDP)
            .attr("component", self.component.to_string())
            .attr("foundation", &self.foundation)
            .attr("generation", self.generation.to_string())
            .attr("id", &self.id)
            .attr("ip", self.ip.to_string())
            .attr("network", self.network.to_string())
            .attr("port", self.port.to_string())
            .attr("priority", self.priority.to_string())
            .attr("protocol", &self.protocol)
            .attr("type", self.kind.as_str())
            .attr_opt("rel-addr", self.related.map(|(ip, _)| ip.to_string()))
            .attr_opt("rel-port", self.related.map(|(_, port)| port.to_string()))
            .build()
    }
}

fn related(candidate: &Element) -> Option<(IpAddr, u16)> {
    Some((candidate.parsed("rel-addr").ok()??, candidate.parsed("rel-port").ok()??))
}

impl CandidateKind {
    /// As in the attribute `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relay => "relay",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relay]
            .into_iter()
            .find(|k| k.as_str() == word)
    }
}

impl Fingerprint {
    /// Reads `<fingerprint/>`; without `setup` it is `actpass`, as an offer's default is (RFC 8842 section 5.2).
    ///
    /// # Errors
    /// Where `hash` is missing, `setup` unknown, or the text no colon-separated hexadecimal.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "fingerprint", ns::DTLS)?;
        let setup = match element.attr("setup") {
            None => Setup::ActPass,
            Some(word) => {
                Setup::from_word(word).ok_or_else(|| Malformed::new(element, Problem::Invalid("setup")))?
            }
        };
        let value = element.text().trim().to_ascii_uppercase();
        let fits = !value.is_empty()
            && value.len() <= VALUE_BYTES_MAX
            && value.split(':').all(|byte| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit()));
        if !fits {
            return Err(Malformed::new(element, Problem::Invalid("text")));
        }
        Ok(Self { hash: element.need("hash")?.to_ascii_lowercase(), setup, value })
    }

    /// Writes `<fingerprint/>`.
    pub fn to_element(&self) -> Element {
        elem("fingerprint", ns::DTLS)
            .attr("hash", &self.hash)
            .attr("setup", self.setup.as_str())
            .text(&self.value)
            .build()
    }
}

impl Setup {
    /// As in the attribute `setup`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::ActPass, Self::Active, Self::Passive].into_iter().find(|setup| setup.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(children: &str) -> Result<IceUdp, Malformed> {
        let xml = format!(
            "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'>{children}</transport>"
        );
        IceUdp::from_element(&xml.parse().expect("XML of the test"))
    }

    const HOST: &str = "<candidate component='1' foundation='2' generation='0' id='c' network='0' port='10000' \
                        priority='2130706431' protocol='UDP' type='host' ip='192.0.2.10'/>";

    #[test]
    fn host_names_and_unknown_types_are_passed_over() {
        let mdns = HOST.replace("192.0.2.10", "8f3c1d.local");
        let odd = HOST.replace("'host'", "'carrier-pigeon'");
        let huge = HOST.replace("'10000'", "'70000'");
        let read = parse(&format!("{mdns}{odd}{huge}{HOST}<foreign xmlns='x'/>")).expect("a transport");
        assert_eq!(read.candidates.len(), 1);
        assert_eq!(read.candidates[0].protocol, "udp");
        assert_eq!(read.candidates[0].ip, "192.0.2.10".parse::<IpAddr>().expect("an address"));
    }

    #[test]
    fn candidates_over_the_limit_are_passed_over() {
        let read = parse(&HOST.repeat(CANDIDATES_MAX + 5)).expect("a transport");
        assert_eq!(read.candidates.len(), CANDIDATES_MAX);
    }

    #[test]
    fn fingerprints_are_normalised_and_checked() {
        let print = |attributes: &str, text: &str| {
            parse(&format!(
                "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' {attributes}>{text}</fingerprint>"
            ))
        };
        let read = print("hash='SHA-256' setup='active'", " aa:0B ").expect("a transport");
        let expected =
            Fingerprint { hash: "sha-256".to_owned(), setup: Setup::Active, value: "AA:0B".to_owned() };
        assert_eq!(read.fingerprints, [expected]);
        for (attributes, text) in
            [("hash='x'", ""), ("hash='x'", "AA:B"), ("", "AA"), ("hash='x' setup='holdconn'", "AA")]
        {
            assert!(print(attributes, text).is_err(), "{attributes} {text}");
        }
    }

    #[test]
    fn a_sha256_is_found_and_read() {
        let print = |hash: &str, value: &str| Fingerprint {
            hash: hash.to_owned(),
            setup: Setup::Active,
            value: value.to_owned(),
        };
        let ice = |fingerprints| IceUdp { fingerprints, ..IceUdp::default() };
        let both = ice(vec![print("sha-1", "00:11"), print("SHA-256", "AB:0c:FF")]);
        assert_eq!(both.sha256(), Some((Setup::Active, vec![0xab, 0x0c, 0xff])));
        for bad in ["", "AB:", "G0", "123:00", "AB CD"] {
            assert_eq!(ice(vec![print("sha-256", bad)]).sha256(), None, "{bad:?}");
        }
        assert_eq!(ice(vec![print("sha-1", "00:11")]).sha256(), None);
    }

    #[test]
    fn a_transport_comes_back_as_it_was_written() {
        let mut ice = parse(HOST).expect("a transport");
        ice.rtcp_mux = true;
        ice.generation = Some(3);
        ice.web_sockets = vec!["wss://meet.example/colibri-ws/b/c/e?pwd=x&y".to_owned()];
        ice.candidates[0].related = Some(("10.0.0.1".parse().expect("an address"), 9));
        let text = String::from(&ice.to_element());
        assert_eq!(IceUdp::from_element(&text.parse().expect("our own XML")), Ok(ice));
    }
}

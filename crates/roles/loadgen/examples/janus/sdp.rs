//! As much of SDP as Janus says (RFC 8866, RFC 8829): Opus and VP8 on one transport.

use anyhow::{Context as _, ensure};
use xmpp::jingle::ice::{Candidate, CandidateKind, Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::{Description, HeaderExtension, Kind, PayloadType};

/// Extensions that are agreed on: those that Jitsi's clients have, too.
pub(crate) const EXTENSIONS: [&str; 3] = [
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];
/// What the other side says.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) ice: IceUdp,
    pub(crate) sections: Vec<Section>,
}

/// `m=`
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) kind: Kind,
    pub(crate) mid: String,
    /// what is known of it here
    pub(crate) description: Description,
    pub(crate) ssrc: Option<u32>,
    pub(crate) rtx: Option<u32>,
}

pub(crate) fn payload_type(id: u8, name: &str, clockrate: u32, channels: u8) -> PayloadType {
    let (name, parameters, feedback) = (name.to_owned(), Vec::new(), Vec::new());
    PayloadType { id, name, clockrate, channels, parameters, feedback }
}

/// Reads an offer or an answer. What is not understood is passed over.
///
/// # Errors
/// There is no section, or nothing to connect to.
pub(crate) fn read(sdp: &str) -> anyhow::Result<Remote> {
    let mut remote = Remote { ice: IceUdp::default(), sections: Vec::new() };
    let (mut setup, mut fingerprint) = (Setup::ActPass, None);
    for line in sdp.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        // all sections have the same transport: the last word on it is as good as the first
        match key {
            "a=ice-ufrag" => remote.ice.ufrag = Some(value.to_owned()),
            "a=ice-pwd" => remote.ice.pwd = Some(value.to_owned()),
            "a=fingerprint" => fingerprint = value.split_once(' '),
            "a=setup" => setup = read_setup(value),
            "a=candidate" => remote.ice.candidates.extend(read_candidate(value)),
            _ => match line.strip_prefix("m=") {
                Some(media) => remote.sections.extend(section(media)),
                None => remote.sections.iter_mut().next_back().into_iter().for_each(|s| s.read(key, value)),
            },
        }
    }
    let (hash, value) = fingerprint.context("the SDP has no fingerprint")?;
    remote.ice.fingerprints = vec![Fingerprint { hash: hash.to_owned(), setup, value: value.to_owned() }];
    remote.ice.candidates.dedup_by(|one, other| (one.ip, one.port) == (other.ip, other.port));
    ensure!(!remote.sections.is_empty(), "the SDP has no media");
    ensure!(
        !remote.ice.candidates.is_empty(),
        "the SDP has no candidate: Janus leaves out loopback interfaces"
    );
    Ok(remote)
}

fn section(media: &str) -> Option<Section> {
    let kind = Kind::from_word(media.split(' ').next()?)?;
    Some(Section { kind, mid: String::new(), description: Description::default(), ssrc: None, rtx: None })
}

impl Section {
    fn read(&mut self, key: &str, value: &str) {
        let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
        match key {
            "a=mid" => value.clone_into(&mut self.mid),
            "a=rtpmap" => self.description.payload_types.extend(read_payload_type(first, rest)),
            "a=fmtp" => self.read_parameters(first, rest),
            "a=extmap" => self.read_extension(first, rest),
            "a=ssrc" if self.ssrc.is_none() => self.ssrc = first.parse().ok(),
            "a=ssrc-group" if first == "FID" => {
                let mut ssrcs = rest.split(' ').map(|ssrc| ssrc.parse().ok());
                (self.ssrc, self.rtx) = (ssrcs.next().flatten(), ssrcs.next().flatten());
            }
            _ => {}
        }
    }

    fn read_parameters(&mut self, id: &str, parameters: &str) {
        let payload_types = &mut self.description.payload_types;
        let Some(payload) = payload_types.iter_mut().find(|payload| id.parse() == Ok(payload.id)) else {
            return;
        };
        let pairs = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
        payload.parameters.extend(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    fn read_extension(&mut self, id: &str, uri: &str) {
        // the direction stands behind the number, if at all
        let id = id.split('/').next().and_then(|id| id.parse().ok());
        let known = id.filter(|_| EXTENSIONS.contains(&uri));
        self.description.extensions.extend(known.map(|id| HeaderExtension { id, uri: uri.to_owned() }));
    }
}

/// `None`: nothing that is sent or received here.
fn read_payload_type(id: &str, format: &str) -> Option<PayloadType> {
    let mut format = format.split('/');
    let name = format.next().filter(|name| ["opus", "vp8", "rtx"].contains(&name.to_lowercase().as_str()))?;
    let clockrate = format.next()?.parse().ok()?;
    Some(payload_type(id.parse().ok()?, name, clockrate, format.next().map_or(Some(1), |c| c.parse().ok())?))
}

fn read_setup(word: &str) -> Setup {
    match word {
        "active" => Setup::Active,
        "passive" => Setup::Passive,
        _ => Setup::ActPass,
    }
}

/// Of UDP; RFC 8839 section 5.1.
fn read_candidate(value: &str) -> Option<Candidate> {
    let words: Vec<&str> = value.split(' ').collect();
    let [foundation, component, protocol, priority, ip, port, "typ", "host", ..] = words[..] else {
        return None;
    };
    Some(Candidate {
        id: foundation.to_owned(),
        foundation: foundation.to_owned(),
        component: component.parse().ok()?,
        generation: 0,
        network: 0,
        protocol: Some(protocol.to_lowercase()).filter(|protocol| protocol == "udp")?,
        priority: priority.parse().ok()?,
        ip: ip.parse().ok()?,
        port: port.parse().ok()?,
        kind: CandidateKind::Host,
        related: None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// As Janus 1.1.2 offers one feed, without what is passed over.
    pub(crate) const OFFER: &str = "v=0\r\ns=VideoRoom 1\r\na=group:BUNDLE 0 1\r\n\
        a=fingerprint:sha-256 AB:CD\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:u1\r\na=ice-pwd:p1\r\n\
        a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:9 urn:of:another\r\n\
        a=ssrc:11 cname:janus\r\na=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=96\r\na=ssrc-group:FID 12 13\r\na=ssrc:12 cname:janus\r\na=ssrc:13 cname:janus\r\n\
        a=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host\r\n\
        a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n";

    #[test]
    fn an_offer_is_read() {
        let remote = read(OFFER).unwrap();
        let ice = &remote.ice;
        assert_eq!((ice.ufrag.as_deref(), ice.pwd.as_deref()), (Some("u1"), Some("p1")));
        assert_eq!(ice.sha256(), Some((Setup::ActPass, vec![0xab, 0xcd])));
        let candidates = ice.candidates.iter().map(|candidate| (candidate.ip.to_string(), candidate.port));
        assert_eq!(candidates.collect::<Vec<_>>(), [("192.0.2.1".to_owned(), 4000)]);
        let sections = remote.sections.iter().map(|s| (s.kind, s.mid.as_str(), s.ssrc, s.rtx));
        let [audio, video] = [(Kind::Audio, "0", Some(11), None), (Kind::Video, "1", Some(12), Some(13))];
        assert_eq!(sections.collect::<Vec<_>>(), [audio, video]);
        let [audio, video] = &remote.sections[..] else { panic!("two sections") };
        let id = |payload: &PayloadType| (payload.id, payload.channels);
        assert_eq!(audio.description.payload_types.iter().map(id).collect::<Vec<_>>(), [(111, 2)]);
        assert_eq!(audio.description.extensions.len(), 1);
        assert_eq!(video.description.payload_types[1].parameters, [("apt".to_owned(), "96".to_owned())]);
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused() {
        let without = |prefix: &str| {
            let lines = OFFER.lines().filter(|line| !line.starts_with(prefix));
            read(&lines.collect::<Vec<_>>().join("\r\n")).unwrap_err().to_string()
        };
        assert!(without("a=candidate").contains("loopback"));
        assert!(without("a=fingerprint").contains("fingerprint"));
        assert!(without("m=").contains("media"));
    }
}

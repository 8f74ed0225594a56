//! As much of SDP as it takes to agree with Janus (RFC 8866, RFC 8829): Opus and VP8 on one transport.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use participant::Author;
use participant::media::{RemoteSource, Session};
use xmpp::jingle::ice::{Candidate, CandidateKind, Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::{Description, HeaderExtension, Kind, PayloadType};
use xmpp::jingle::source::{MediaSources, Semantics, Source, SsrcGroup};

/// Extensions that are agreed on: those that Jitsi's clients have, too.
const EXTENSIONS: [&str; 3] = [
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];
const OPUS: u8 = 111;
const VP8: u8 = 96;
const RTX: u8 = 97;

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

/// One's own side of a media connection.
#[derive(Debug)]
pub(crate) struct Half {
    author: Author,
    ufrag: String,
    password: String,
    fingerprint: String,
}

impl Half {
    pub(crate) fn new(author: Author, fingerprint: &str) -> Self {
        let Author { participant, attendance } = author;
        let name = format!("{participant:06x}{attendance}");
        // nobody is kept out by these: they need the length of RFC 8839 section 5.4
        Self { author, password: format!("{name:0>24}"), ufrag: name, fingerprint: fingerprint.to_owned() }
    }

    /// A microphone and a camera.
    pub(crate) fn offer(&self) -> String {
        let [audio, video, repair] = self.ssrcs();
        let mut sdp = head(["a", "v"].into_iter());
        self.section(&mut sdp, Kind::Audio, "a", "sendonly", "actpass", &offered(Kind::Audio));
        let _ = write!(sdp, "a=ssrc:{audio} cname:{0}\r\na=msid:{0} a\r\n", self.ufrag);
        self.section(&mut sdp, Kind::Video, "v", "sendonly", "actpass", &offered(Kind::Video));
        let _ = write!(sdp, "a=ssrc-group:FID {video} {repair}\r\na=msid:{} v\r\n", self.ufrag);
        let _ = write!(sdp, "a=ssrc:{video} cname:{0}\r\na=ssrc:{repair} cname:{0}\r\n", self.ufrag);
        sdp
    }

    /// Everything is received.
    pub(crate) fn answer(&self, remote: &Remote) -> String {
        let mut sdp = head(remote.sections.iter().map(|section| section.mid.as_str()));
        for Section { kind, mid, description, .. } in &remote.sections {
            self.section(&mut sdp, *kind, mid, "recvonly", "active", description);
        }
        sdp
    }

    /// The session of what was offered, once it is answered.
    pub(crate) fn publishing(&self, answer: &Remote) -> Session {
        let [audio, video, repair] = self.ssrcs();
        let source = |ssrc| Source { ssrc, name: None, msid: None, video_type: None };
        let fid = SsrcGroup { semantics: Semantics::Fid, ssrcs: vec![video, repair] };
        let camera = vec![source(video), source(repair)];
        let own = vec![
            MediaSources { kind: Kind::Audio, sources: vec![source(audio)], groups: Vec::new() },
            MediaSources { kind: Kind::Video, sources: camera, groups: vec![fid] },
        ];
        Session { own, controlling: true, ..self.session(answer) }
    }

    /// The session of what is answered.
    pub(crate) fn watching(&self, offer: &Remote, remote: Vec<RemoteSource>) -> Session {
        Session { remote, ..self.session(offer) }
    }

    fn session(&self, remote: &Remote) -> Session {
        let of = |kind| remote.sections.iter().find(|section| section.kind == kind);
        let description = |kind| of(kind).map(|section| section.description.clone()).unwrap_or_default();
        Session {
            endpoint: self.ufrag.clone(),
            ice: remote.ice.clone(),
            ufrag: self.ufrag.clone(),
            password: self.password.clone(),
            audio: description(Kind::Audio),
            video: description(Kind::Video),
            ..Session::default()
        }
    }

    /// Of the microphone, the camera and its repair.
    fn ssrcs(&self) -> [u32; 3] {
        [1, 2, 3].map(|number| 4 * (self.author.participant + 1) + number)
    }

    fn section(
        &self,
        sdp: &mut String,
        kind: Kind,
        mid: &str,
        direction: &str,
        setup: &str,
        description: &Description,
    ) {
        let ids: Vec<String> =
            description.payload_types.iter().map(|payload| payload.id.to_string()).collect();
        let Self { ufrag, password, fingerprint, .. } = self;
        let _ = write!(
            sdp,
            "m={} 9 UDP/TLS/RTP/SAVPF {}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n",
            kind.as_str(),
            ids.join(" "),
        );
        describe(sdp, description);
    }
}

fn head<'a>(mids: impl Iterator<Item = &'a str>) -> String {
    let mids: Vec<&str> = mids.collect();
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "))
}

fn describe(sdp: &mut String, description: &Description) {
    for HeaderExtension { id, uri } in &description.extensions {
        let _ = write!(sdp, "a=extmap:{id} {uri}\r\n");
    }
    for PayloadType { id, name, clockrate, channels, parameters, .. } in &description.payload_types {
        let channels = if *channels > 1 { format!("/{channels}") } else { String::new() };
        let _ = write!(sdp, "a=rtpmap:{id} {name}/{clockrate}{channels}\r\n");
        for (key, value) in parameters {
            let _ = write!(sdp, "a=fmtp:{id} {key}={value}\r\n");
        }
        let feedback: &[&str] = match name.as_str() {
            "rtx" => &[],
            "opus" => &["transport-cc"],
            _ => &["ccm fir", "nack", "nack pli", "transport-cc"],
        };
        for feedback in feedback {
            let _ = write!(sdp, "a=rtcp-fb:{id} {feedback}\r\n");
        }
    }
}

fn offered(kind: Kind) -> Description {
    let payload_types = match kind {
        Kind::Audio => vec![payload_type(OPUS, "opus", 48_000, 2)],
        Kind::Video => {
            let apt = vec![("apt".to_owned(), VP8.to_string())];
            let rtx = PayloadType { parameters: apt, ..payload_type(RTX, "rtx", 90_000, 1) };
            vec![payload_type(VP8, "VP8", 90_000, 1), rtx]
        }
    };
    let extension = |(id, uri): (u8, &str)| HeaderExtension { id, uri: uri.to_owned() };
    let extensions = (1..).zip(EXTENSIONS).filter(|(id, _)| kind == Kind::Audio || *id > 1).map(extension);
    Description { payload_types, extensions: extensions.collect(), ..Description::default() }
}

fn payload_type(id: u8, name: &str, clockrate: u32, channels: u8) -> PayloadType {
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
mod tests {
    use super::*;

    /// As Janus 1.1.2 offers one feed, without what is passed over.
    const OFFER: &str = "v=0\r\ns=VideoRoom 1\r\na=group:BUNDLE 0 1\r\n\
        a=fingerprint:sha-256 AB:CD\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:u1\r\na=ice-pwd:p1\r\n\
        a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:9 urn:of:another\r\n\
        a=ssrc:11 cname:janus\r\na=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=96\r\na=ssrc-group:FID 12 13\r\na=ssrc:12 cname:janus\r\na=ssrc:13 cname:janus\r\n\
        a=candidate:1 1 udp 2015363327 192.0.2.1 4000 typ host\r\n\
        a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n";

    fn half(attendance: u32) -> Half {
        Half::new(Author { participant: 5, attendance }, "01:02")
    }

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
    fn an_answer_has_the_sections_of_the_offer_and_receives() {
        let offer = read(OFFER).unwrap();
        let answer = half(1).answer(&offer);
        for line in
            ["a=group:BUNDLE 0 1", "a=mid:1", "a=recvonly", "a=setup:active", "a=rtpmap:111 opus/48000/2"]
        {
            assert!(answer.lines().any(|other| other == line), "{line}: {answer}");
        }
        assert!(!answer.contains("urn:of:another") && !answer.contains("a=ssrc"), "{answer}");
        let session = half(1).watching(&offer, Vec::new());
        assert_eq!(
            (session.controlling, session.own.len(), session.video.payload_types.len()),
            (false, 0, 2)
        );
    }

    #[test]
    fn what_is_offered_is_read_by_the_other_side() {
        let mut sdp = half(0).offer();
        sdp.push_str("a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n");
        let read = read(&sdp).unwrap();
        let session = half(0).publishing(&read);
        assert_eq!(session.ice.sha256(), Some((Setup::ActPass, vec![1, 2])));
        assert!(session.controlling && session.password.len() >= 22 && session.ufrag.len() >= 4);
        for (section, sources) in read.sections.iter().zip(&session.own) {
            let own: Vec<u32> = sources.sources.iter().map(|source| source.ssrc).collect();
            let said: Vec<u32> = section.ssrc.into_iter().chain(section.rtx).collect();
            assert_eq!((section.kind, said), (sources.kind, own));
            assert_eq!(section.description, offered(section.kind));
        }
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

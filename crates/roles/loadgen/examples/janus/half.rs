//! One's own side of a media connection: what it says in SDP, and the session that comes of it.

use std::fmt::Write as _;

use participant::Author;
use participant::media::{RemoteSource, Session};
use xmpp::jingle::rtp::{Description, HeaderExtension, Kind, PayloadType};
use xmpp::jingle::source::{MediaSources, Semantics, Source, SsrcGroup};

use crate::sdp::{EXTENSIONS, Remote, Section, payload_type};

const OPUS: u8 = 111;
const VP8: u8 = 96;
const RTX: u8 = 97;

/// See the module.
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

#[cfg(test)]
mod tests {
    use xmpp::jingle::ice::Setup;

    use super::*;
    use crate::sdp::read;
    use crate::sdp::tests::OFFER;

    fn half(attendance: u32) -> Half {
        Half::new(Author { participant: 5, attendance }, "01:02")
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
}

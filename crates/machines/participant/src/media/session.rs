//! What the focus offers, as far as media are concerned, and what is said of it to the [`Peer`](super::Peer).

use serde_json::Value;
use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::ns::{DTLS_SCTP, ICE_UDP, JINGLE, RTP};
use xmpp::jingle::rtp::{Description, Kind};
use xmpp::jingle::source::{MediaSources, Semantics, Source, SsrcGroup, VideoType, read_children};
use xmpp::{Element, ns};

use super::limits::{NAME_BYTES_MAX, SOURCES_MAX};
use super::settings::Settings;
use crate::rng::Draws;

/// From the signalling half of a participant to its media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// An offer is accepted. A session that is there already is over.
    Begin(Box<Session>),
    Expect(Vec<RemoteSource>),
    Forget(Vec<RemoteSource>),
    /// This endpoint has left the room.
    Left(String),
    /// The bridge says over a WebSocket that nobody wants to see more than this of the source.
    Limit {
        source: String,
        height: i32,
    },
    /// The focus ends the session.
    End,
}

/// What was offered, and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// the own endpoint's id
    pub endpoint: String,
    /// the bridge's
    pub ice: IceUdp,
    /// one's own
    pub ufrag: String,
    pub password: String,
    pub audio: Description,
    pub video: Description,
    /// the bridge takes a data channel
    pub sctp: bool,
    pub own: Vec<MediaSources>,
    pub remote: Vec<RemoteSource>,
    /// one's own half decides which pair of addresses is used (RFC 8445 section 6.1.1): whoever offered does, and a bridge
    /// of Jitsi always offers
    pub controlling: bool,
}

/// Somebody's source, as receivers see it: one stream with its repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSource {
    pub kind: Kind,
    pub name: String,
    /// endpoint
    pub owner: String,
    pub ssrc: u32,
    pub rtx: Option<u32>,
}

impl Session {
    /// The bridge's half, from the offer. What is malformed is as good as not offered.
    pub(crate) fn offered(jingle: &Element) -> Self {
        let mut session = Self { remote: remote_sources(jingle), ..Self::default() };
        for content in jingle.children().filter(|child| child.is("content", JINGLE)) {
            session.read_content(content);
        }
        session
    }

    fn read_content(&mut self, content: &Element) {
        if let Some(transport) = content.get_child("transport", ICE_UDP) {
            self.sctp |= transport.has_child("sctpmap", DTLS_SCTP);
            if self.ice.ufrag.is_none() {
                self.ice = IceUdp::from_element(transport).unwrap_or_default();
            }
        }
        let Some(description) = content.get_child("description", RTP) else { return };
        let read = || Description::from_children_of(description).unwrap_or_default();
        match description.attr("media").and_then(Kind::from_word) {
            Some(Kind::Audio) => self.audio = read(),
            Some(Kind::Video) => self.video = read(),
            None => {}
        }
    }

    /// The SSRCs of the own camera, each with that of its repair, in order of the encodings.
    pub(super) fn camera(&self) -> Vec<(u32, Option<u32>)> {
        let Some(video) = self.own.iter().find(|sources| sources.kind == Kind::Video) else {
            return Vec::new();
        };
        let repaired = video.groups.iter().filter(|group| group.semantics == Semantics::Fid);
        repaired.filter_map(|group| Some((*group.ssrcs.first()?, group.ssrcs.get(1).copied()))).collect()
    }

    pub(super) fn microphone(&self) -> Option<u32> {
        let audio = self.own.iter().find(|sources| sources.kind == Kind::Audio)?;
        audio.sources.first().map(|source| source.ssrc)
    }
}

/// Where the offer has the bridge channel as a WebSocket: the first of them, of whichever content.
pub(crate) fn web_socket(jingle: &Element) -> Option<String> {
    let contents = jingle.children().filter(|child| child.is("content", JINGLE));
    let mut transports = contents.filter_map(|content| content.get_child("transport", ICE_UDP));
    transports.find_map(|transport| IceUdp::from_element(transport).ok()?.web_sockets.into_iter().next())
}

/// The sources of a session-initiate, a source-add or a source-remove, in JSON or in XML; those of the bridge are none.
pub(crate) fn remote_sources(jingle: &Element) -> Vec<RemoteSource> {
    let mut sources = match jingle.get_child("json-message", ns::JITMEET) {
        Some(message) => in_json(&message.text()),
        None => in_xml(jingle),
    };
    let fits = |source: &RemoteSource| {
        let short = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len());
        source.ssrc != 0 && source.owner != "jvb" && short(&source.name) && short(&source.owner)
    };
    sources.retain(fits);
    sources.truncate(SOURCES_MAX);
    sources
}

/// `{"sources": {owner: [[video], [video groups], [audio], [audio groups]]}}`
fn in_json(text: &str) -> Vec<RemoteSource> {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let Some(owners) = message["sources"].as_object() else { return Vec::new() };
    let mut sources = Vec::new();
    for (owner, lists) in owners.iter().take(SOURCES_MAX) {
        for (kind, at) in [(Kind::Video, 0), (Kind::Audio, 2)] {
            let listed = lists[at]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|source| Some((ssrc(&source["s"])?, source["n"].as_str()?.to_owned())));
            let groups = lists[at + 1].as_array().into_iter().flatten().filter_map(group);
            sources.extend(visible(kind, owner, listed.collect(), &groups.collect::<Vec<_>>()));
        }
    }
    sources
}

fn ssrc(number: &Value) -> Option<u32> {
    u32::try_from(number.as_u64()?).ok()
}

fn group(group: &Value) -> Option<SsrcGroup> {
    let (semantics, ssrcs) = group.as_array()?.split_first()?;
    let semantics = match semantics.as_str()? {
        "f" => Semantics::Fid,
        "s" => Semantics::Sim,
        _ => return None,
    };
    Some(SsrcGroup { semantics, ssrcs: ssrcs.iter().filter_map(ssrc).collect() })
}

/// Each source names its owner: `<ssrc-info owner='nick'/>`, or a full occupant JID.
fn in_xml(jingle: &Element) -> Vec<RemoteSource> {
    let mut sources = Vec::new();
    for content in jingle.children().filter(|child| child.is("content", JINGLE)) {
        let Some(description) = content.get_child("description", RTP) else { continue };
        let media = description.attr("media").or_else(|| content.attr("name"));
        let Some(kind) = media.and_then(Kind::from_word) else { continue };
        let Ok((listed, groups)) = read_children(description) else { continue };
        let elements = description.children().filter(|child| child.name() == "source");
        for (source, element) in listed.into_iter().zip(elements) {
            let info = element.children().find(|child| child.is("ssrc-info", ns::JITMEET));
            let owner = info.and_then(|info| info.attr("owner")).unwrap_or_default();
            let owner = owner.rsplit('/').next().unwrap_or_default();
            let name = source.name.unwrap_or_else(|| format!("{owner}-{}0", &kind.as_str()[..1]));
            sources.extend(visible(kind, owner, vec![(source.ssrc, name)], &groups));
        }
    }
    sources
}

/// A receiver is sent the first of a simulcast's streams, whichever encoding it holds, and the repair of it.
fn visible(kind: Kind, owner: &str, listed: Vec<(u32, String)>, groups: &[SsrcGroup]) -> Vec<RemoteSource> {
    let partner = |ssrc: u32| {
        let of = |group: &&SsrcGroup| group.semantics == Semantics::Fid && group.ssrcs.first() == Some(&ssrc);
        groups.iter().find(of).and_then(|group| group.ssrcs.get(1).copied())
    };
    let is_second =
        |ssrc: u32| groups.iter().any(|group| group.ssrcs.iter().skip(1).any(|member| *member == ssrc));
    let seen = listed.into_iter().filter(|(ssrc, _)| !is_second(*ssrc));
    seen.map(|(ssrc, name)| RemoteSource { kind, name, owner: owner.to_owned(), ssrc, rtx: partner(ssrc) })
        .collect()
}

/// What is announced of the microphone and the camera; new SSRCs for each session, as a browser has them. Without
/// `settings`: a microphone, and a camera in three layers, of somebody who never sends anything.
pub(crate) fn own_sources(nick: &str, settings: Option<&Settings>, draws: &mut Draws) -> Vec<MediaSources> {
    let voice = settings.is_none_or(|settings| settings.voice.is_some());
    let encodings = match settings {
        None => 3,
        Some(settings) => settings
            .camera
            .as_ref()
            .map_or(0, |camera| if camera.codec.is_layered() { 1 } else { camera.heights.len() }),
    };
    let mut ssrc = || draws.number().max(1);
    let source = |ssrc, media: &str, video_type| Source {
        ssrc,
        name: Some(format!("{nick}-{}0", &media[..1])),
        msid: Some(format!("{nick}-{media}-0-1 {nick}-track-{media}")),
        video_type,
    };
    let mut all = Vec::new();
    if voice {
        let sources = vec![source(ssrc(), "audio", None)];
        all.push(MediaSources { kind: Kind::Audio, sources, groups: Vec::new() });
    }
    if encodings > 0 {
        let primaries: Vec<u32> = (0..encodings).map(|_| ssrc()).collect();
        let repairs: Vec<u32> = (0..encodings).map(|_| ssrc()).collect();
        let camera = primaries.iter().chain(&repairs);
        let sources = camera.map(|ssrc| source(*ssrc, "video", Some(VideoType::Camera))).collect();
        let simulcast = SsrcGroup { semantics: Semantics::Sim, ssrcs: primaries.clone() };
        let fid = |(primary, repair): (&u32, &u32)| SsrcGroup {
            semantics: Semantics::Fid,
            ssrcs: vec![*primary, *repair],
        };
        let groups = Some(simulcast).filter(|_| encodings > 1).into_iter();
        let groups = groups.chain(primaries.iter().zip(&repairs).map(fid)).collect();
        all.push(MediaSources { kind: Kind::Video, sources, groups });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jingle(children: &str) -> Element {
        format!("<jingle xmlns='urn:xmpp:jingle:1'>{children}</jingle>").parse().expect("XML of the test")
    }

    fn listed(sources: &[RemoteSource]) -> Vec<(&str, &str, u32, Option<u32>)> {
        sources
            .iter()
            .map(|source| (source.owner.as_str(), source.name.as_str(), source.ssrc, source.rtx))
            .collect()
    }

    #[test]
    fn the_first_web_socket_of_an_offer_is_taken() {
        let transport = |inner: &str| {
            format!(
                "<content name='x'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>{inner}</transport></content>"
            )
        };
        let socket =
            |url: &str| format!("<web-socket xmlns='http://jitsi.org/protocol/colibri' url='{url}'/>");
        let both = [socket("wss://a.example/1?pwd=x"), socket("wss://a.example/2")].concat();
        let offer = jingle(&[transport(""), transport(&both)].concat());
        assert_eq!(web_socket(&offer).as_deref(), Some("wss://a.example/1?pwd=x"));
        assert_eq!(web_socket(&jingle(&transport(""))), None);
    }

    #[test]
    fn sources_are_read_from_json() {
        let read = remote_sources(&jingle(
            r#"<json-message xmlns='http://jitsi.org/jitmeet'>{"sources":{"jvb":[[{"s":9,"n":"jvb-v0"}]],
            "a":[[{"s":1,"n":"a-v0","m":"x"},{"s":2,"n":"a-v0"},{"s":3,"n":"a-v0"}],[["f",1,3],["s",1,2]],
            [{"s":4,"n":"a-a0"}]],"b":[[],[],[{"s":5,"n":"b-a0"},{"s":0,"n":"zero"},{"n":"none"}]],"c":7}}</json-message>"#,
        ));
        assert_eq!(
            listed(&read),
            [("a", "a-v0", 1, Some(3)), ("a", "a-a0", 4, None), ("b", "b-a0", 5, None)]
        );
    }

    #[test]
    fn sources_are_read_from_xml() {
        let read = remote_sources(&jingle(
            "<content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>\
             <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1' name='a-v0'>\
             <ssrc-info xmlns='http://jitsi.org/jitmeet' owner='room@muc/a'/></source>\
             <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='2' name='a-v0'>\
             <ssrc-info xmlns='http://jitsi.org/jitmeet' owner='a'/></source>\
             <ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'>\
             <source ssrc='1'/><source ssrc='2'/></ssrc-group></description></content>",
        ));
        assert_eq!(listed(&read), [("a", "a-v0", 1, Some(2))]);
    }

    #[test]
    fn nonsense_is_no_source() {
        for text in [
            "",
            "[]",
            "{\"sources\":3}",
            "{\"sources\":{\"a\":[[[[]]]]}}",
            "{\"sources\":{\"\":[[{\"s\":1,\"n\":\"x\"}]]}}",
        ] {
            let message = format!("<json-message xmlns='http://jitsi.org/jitmeet'>{text}</json-message>");
            assert_eq!(remote_sources(&jingle(&message)), [], "{text}");
        }
    }

    #[test]
    fn what_is_announced_without_settings_is_that_of_a_browser() {
        let [audio, video] = &own_sources("0123abcd", None, &mut Draws::new(1, 1))[..] else {
            panic!("two media")
        };
        assert_eq!((audio.sources.len(), video.sources.len(), video.groups.len()), (1, 6, 4));
        assert_eq!(video.sources[0].name.as_deref(), Some("0123abcd-v0"));
        assert!(video.sources.iter().all(|source| source.msid == video.sources[0].msid));
        assert_ne!(audio.sources[0].msid, video.sources[0].msid);
    }
}

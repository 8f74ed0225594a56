//! `<endpoint/>` with its media and transport, to and from XML.

use xmpp::Element;
use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::rtp::{Description, Kind};
use xmpp::jingle::xml::{Build, Read};
use xmpp::jingle::{Malformed, Problem, ns};

use crate::limits::{CAPABILITIES_MAX, MEDIA_MAX};
use crate::request::{expect, read_all};
use crate::source::{read_sources, sources_element};
use crate::{Endpoint, ForceMute, Media, NS, Sctp, SctpRole, Transport};

impl Endpoint {
    /// Reads `<endpoint/>`.
    ///
    /// # Errors
    /// Where `id` is missing, a value does not fit, or there is too much of anything.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "endpoint")?;
        let child = |name| element.get_child(name, NS);
        let capability = |capability: &Element| capability.need("name");
        Ok(Self {
            id: element.need("id")?,
            create: element.flag("create"),
            expire: element.flag("expire"),
            stats_id: element.text_of("stats-id")?,
            capabilities: read_all(element, "capability", CAPABILITIES_MAX, capability)?,
            media: read_all(element, "media", MEDIA_MAX, Media::from_element)?,
            transport: child("transport").map(Transport::from_element).transpose()?,
            sources: child("sources").map(read_sources).transpose()?,
            force_mute: child("force-mute")
                .map(|mute| ForceMute { audio: mute.flag("audio"), video: mute.flag("video") }),
            initial_last_n: match child("initial-last-n") {
                Some(last_n) => last_n.parsed("value")?,
                None => None,
            },
        })
    }

    /// Writes `<endpoint/>`.
    pub fn to_element(&self) -> Element {
        let capability = |name: &String| Element::builder("capability", NS).with("name", name).build();
        let force_mute = self.force_mute.map(|mute| {
            Element::builder("force-mute", NS)
                .with("audio", word(mute.audio))
                .with("video", word(mute.video))
                .build()
        });
        let last_n =
            self.initial_last_n.map(|n| Element::builder("initial-last-n", NS).with("value", n).build());
        Element::builder("endpoint", NS)
            .with("id", &self.id)
            .with_flag("create", self.create)
            .with_flag("expire", self.expire)
            .with("stats-id", self.stats_id.as_deref())
            .append_all(self.capabilities.iter().map(capability))
            .append_all(self.media.iter().map(Media::to_element))
            .append_all(self.transport.as_ref().map(Transport::to_element))
            .append_all(self.sources.as_deref().map(sources_element))
            .append_all(force_mute)
            .append_all(last_n)
            .build()
    }
}

impl Media {
    fn from_element(element: &Element) -> Result<Self, Malformed> {
        let kind = Kind::from_word(&element.need("type")?)
            .ok_or_else(|| Malformed::new(element, Problem::Invalid("type")))?;
        Ok(Self { kind, description: Description::from_children_of(element)? })
    }

    fn to_element(&self) -> Element {
        Element::builder("media", NS)
            .with("type", self.kind.as_str())
            .append_all(self.description.to_children())
            .build()
    }
}

impl Transport {
    fn from_element(element: &Element) -> Result<Self, Malformed> {
        Ok(Self {
            ice_controlling: element.flag("ice-controlling"),
            use_unique_port: element.flag("use-unique-port"),
            ice_restart: element.flag("ice-restart"),
            ice: element.get_child("transport", ns::ICE_UDP).map(IceUdp::from_element).transpose()?,
            sctp: element.get_child("sctp", NS).map(Sctp::from_element).transpose()?,
        })
    }

    fn to_element(&self) -> Element {
        Element::builder("transport", NS)
            .with_flag("ice-controlling", self.ice_controlling)
            .with_flag("use-unique-port", self.use_unique_port)
            .with_flag("ice-restart", self.ice_restart)
            .append_all(self.ice.as_ref().map(IceUdp::to_element))
            .append_all(self.sctp.as_ref().map(Sctp::to_element))
            .build()
    }
}

impl Sctp {
    fn from_element(element: &Element) -> Result<Self, Malformed> {
        let role = match element.attr("role") {
            None => None,
            Some("client") => Some(SctpRole::Client),
            Some("server") => Some(SctpRole::Server),
            Some(_) => return Err(Malformed::new(element, Problem::Invalid("role"))),
        };
        Ok(Self { port: element.parsed("port")?, role })
    }

    fn to_element(&self) -> Element {
        let role = self.role.map(|role| match role {
            SctpRole::Client => "client",
            SctpRole::Server => "server",
        });
        Element::builder("sctp", NS).with("port", self.port).with("role", role).build()
    }
}

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

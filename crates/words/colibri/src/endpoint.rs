//! `<endpoint/>` with its media and transport, to and from XML.

use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::rtp::{Description, Kind};
use xmpp::jingle::xml::Read;
use xmpp::jingle::{Malformed, Problem, ns};
use xmpp::{Element, elem};

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
        let capability = |name: &String| elem("capability", NS).attr("name", name).build();
        let force_mute = self.force_mute.map(|mute| {
            elem("force-mute", NS).attr("audio", word(mute.audio)).attr("video", word(mute.video)).build()
        });
        let last_n =
            self.initial_last_n.map(|n| elem("initial-last-n", NS).attr("value", n.to_string()).build());
        elem("endpoint", NS)
            .attr("id", &self.id)
            .attr_opt("create", self.create.then_some("true"))
            .attr_opt("expire", self.expire.then_some("true"))
            .attr_opt("stats-id", self.stats_id.as_deref())
            .children(self.capabilities.iter().map(capability))
            .children(self.media.iter().map(Media::to_element))
            .children(self.transport.as_ref().map(Transport::to_element))
            .children(self.sources.as_deref().map(sources_element))
            .children(force_mute)
            .children(last_n)
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
        elem("media", NS).attr("type", self.kind.as_str()).children(self.description.to_children()).build()
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
        elem("transport", NS)
            .attr_opt("ice-controlling", self.ice_controlling.then_some("true"))
            .attr_opt("use-unique-port", self.use_unique_port.then_some("true"))
            .attr_opt("ice-restart", self.ice_restart.then_some("true"))
            .children(self.ice.as_ref().map(IceUdp::to_element))
            .children(self.sctp.as_ref().map(Sctp::to_element))
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
        elem("sctp", NS)
            .attr_opt("port", self.port.map(|port| port.to_string()))
            .attr_opt("role", role)
            .build()
    }
}

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

//! The bridge's presence in the brewery, the room where focuses find bridges.

use xmpp::{Element, elem, ns};

use crate::config::Config;
use crate::vitals::Vitals;

const NS_STATS: &str = "http://jitsi.org/protocol/colibri";
/// MUC status: this is your own presence (XEP-0045 section 15.6.2)
const SELF: &str = "110";

/// What the bridge says about itself, in the names of the stock bridge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    pub(super) vitals: &'a Vitals,
    pub(super) draining: bool,
    pub(super) healthy: bool,
}

/// The presence to enter with; `entering` asks for entry, later ones only tell.
pub(super) fn presence(config: &Config, condition: Condition<'_>, entering: bool) -> Element {
    elem("presence", ns::CLIENT)
        .attr("to", occupant(config))
        .children(entering.then(|| elem("x", ns::MUC).build()))
        .child(stats(config, condition))
        .build()
}

pub(super) fn farewell(config: &Config) -> Element {
    elem("presence", ns::CLIENT).attr("to", occupant(config)).attr("type", "unavailable").build()
}

/// The bridge's own address in the room.
pub(super) fn occupant(config: &Config) -> String {
    format!("{}/{}", config.brewery, config.id)
}

// COMPAT: without `drain` a stock focus takes the bridge for a draining one; without stats it does not see it. It moves
// participants away from a bridge that is `shutting_down`, and from no other.
fn stats(config: &Config, condition: Condition<'_>) -> Element {
    let Condition { vitals, draining, healthy } = condition;
    let media = &vitals.posting.stats;
    let stat =
        |name: &str, value: String| elem("stat", NS_STATS).attr("name", name).attr("value", value).build();
    elem("stats", NS_STATS)
        .child(stat("stress_level", format!("{:.3}", vitals.stress)))
        .child(stat("average_participant_stress", "0.01".to_owned()))
        .child(stat("drain", draining.to_string()))
        .child(stat("graceful_shutdown", false.to_string()))
        .child(stat("shutting_down", draining.to_string()))
        .child(stat("healthy", healthy.to_string()))
        .child(stat("colibri2", true.to_string()))
        .child(stat("version", crate::VERSION.to_owned()))
        .children(config.region.iter().map(|region| stat("region", region.clone())))
        .child(stat("conferences", media.conferences.to_string()))
        .child(stat("endpoints", media.endpoints.to_string()))
        .child(stat("participants", media.endpoints.to_string()))
        .child(stat("packet_rate_download", vitals.rates.packets_received.to_string()))
        .child(stat("packet_rate_upload", vitals.rates.packets_sent.to_string()))
        .child(stat("bit_rate_download", vitals.rates.kilobits_received.to_string()))
        .child(stat("bit_rate_upload", vitals.rates.kilobits_sent.to_string()))
        .build()
}

/// What a presence stanza means for the bridge's own stay in the brewery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    Entered,
    /// out again, or never let in: the reason, as far as the room tells one
    Refused(String),
}

/// `None`: it is about somebody else.
pub(super) fn stay(config: &Config, presence: &Element) -> Option<Stay> {
    let from = presence.attr("from")?;
    let own = from == occupant(config);
    match presence.attr("type") {
        None if own || is_self(presence) => Some(Stay::Entered),
        Some("unavailable") if own || is_self(presence) => {
            Some(Stay::Refused("put out of the room".to_owned()))
        }
        Some("error") if own || from == config.brewery.as_str() => {
            let condition = presence
                .children()
                .filter(|child| child.name() == "error")
                .flat_map(Element::children)
                .find(|child| child.has_ns(ns::STANZAS));
            Some(Stay::Refused(condition.map_or("no reason given", Element::name).to_owned()))
        }
        _ => None,
    }
}

fn is_self(presence: &Element) -> bool {
    presence.get_child("x", ns::MUC_USER).is_some_and(|x| {
        x.children().any(|child| child.name() == "status" && child.attr("code") == Some(SELF))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use xmpp::jid::BareJid;
    use xmpp::text::to_text;

    fn config() -> Config {
        let brewery = BareJid::new("brewery@internal.auth.x").unwrap();
        let mut config =
            Config::new("bridge-1", SocketAddr::from(([127, 0, 0, 1], 1)), "auth.x", "pw", brewery);
        config.region = Some("eu".to_owned());
        config
    }

    #[test]
    fn the_first_presence_enters_and_tells_what_a_focus_needs() {
        let vitals = Vitals { stress: 0.25, ..Vitals::default() };
        let condition = Condition { vitals: &vitals, draining: false, healthy: true };
        let text = to_text(&presence(&config(), condition, true));
        for part in [
            r#"to="brewery@internal.auth.x/bridge-1""#,
            r#"<x xmlns="http://jabber.org/protocol/muc"/>"#,
            r#"<stats xmlns="http://jitsi.org/protocol/colibri">"#,
            r#"<stat name="stress_level" value="0.250"/>"#,
            r#"<stat name="drain" value="false"/>"#,
            r#"<stat name="healthy" value="true"/>"#,
            r#"<stat name="region" value="eu"/>"#,
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(!to_text(&presence(&config(), condition, false)).contains("protocol/muc"));
    }

    #[test]
    fn only_the_own_presence_matters() {
        let user = |code: &str| {
            elem("x", ns::MUC_USER).child(elem("status", ns::MUC_USER).attr("code", code)).build()
        };
        let from =
            |nick: &str| elem("presence", ns::CLIENT).attr("from", format!("brewery@internal.auth.x/{nick}"));
        let config = config();
        assert_eq!(stay(&config, &from("focus").build()), None);
        assert_eq!(stay(&config, &from("focus").attr("type", "unavailable").build()), None);
        assert_eq!(stay(&config, &from("bridge-1").build()), Some(Stay::Entered));
        assert_eq!(stay(&config, &from("renamed").child(user("110")).build()), Some(Stay::Entered));
        assert!(matches!(
            stay(&config, &from("bridge-1").attr("type", "unavailable").build()),
            Some(Stay::Refused(_))
        ));
        let conflict = elem("error", ns::CLIENT).child(elem("conflict", ns::STANZAS));
        assert_eq!(
            stay(&config, &from("bridge-1").attr("type", "error").child(conflict).build()),
            Some(Stay::Refused("conflict".to_owned()))
        );
    }
}

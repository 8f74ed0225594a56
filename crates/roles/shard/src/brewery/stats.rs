//! What a bridge's presence says of it: `<stats/>` of `http://jitsi.org/protocol/colibri`.

use placement::Bridge;
use xmpp::Element;

const COLIBRI: &str = "http://jitsi.org/protocol/colibri";

/// Stress per participant of a bridge that does not tell; the default of stock Jicofo.
const STRESS_PER_PARTICIPANT: f64 = 0.01;

/// Takes the statistics of a presence. Without `<stats/>` nothing changes; a value that is missing stays as it was.
pub(super) fn read(nick: &str, presence: &Element, bridge: &mut Option<Bridge>) {
    let Some(stats) = presence.get_child("stats", COLIBRI) else { return };
    let bridge = bridge.get_or_insert_with(|| unknown(nick));
    bridge.recent = 0;
    for stat in stats.children().filter(|c| c.is("stat", COLIBRI)) {
        if let (Some(name), Some(value)) = (stat.attr("name"), stat.attr("value")) {
            take(bridge, name, value);
        }
    }
}

/// The bridge wants its participants to be moved elsewhere, now. A graceful shutdown only takes no new meetings.
pub(super) fn is_leaving(presence: &Element) -> bool {
    let stats = presence.get_child("stats", COLIBRI);
    let mut stats = stats.into_iter().flat_map(Element::children);
    stats.any(|stat| stat.attr("name") == Some("shutting_down") && stat.attr("value") == Some("true"))
}

fn take(bridge: &mut Bridge, name: &str, value: &str) {
    match name {
        "stress_level" => bridge.stress = stress(value).unwrap_or(bridge.stress),
        "average_participant_stress" => {
            bridge.stress_per_participant = stress(value).unwrap_or(bridge.stress_per_participant);
        }
        // both last until the bridge is gone: it takes no new meeting and says so only once
        "graceful_shutdown" | "shutting_down" => bridge.shutting_down |= value == "true",
        "drain" => bridge.draining = value == "true",
        "healthy" => bridge.healthy = value == "true",
        "region" => bridge.region = Some(value.to_owned()),
        _ => {}
    }
}

fn stress(value: &str) -> Option<f64> {
    value.parse().ok().filter(|stress: &f64| stress.is_finite() && *stress >= 0.0)
}

/// COMPAT: like stock Jicofo, a bridge counts as draining until it says otherwise.
fn unknown(nick: &str) -> Bridge {
    Bridge {
        id: nick.to_owned(),
        stress: 0.0,
        recent: 0,
        stress_per_participant: STRESS_PER_PARTICIPANT,
        draining: true,
        shutting_down: false,
        healthy: true,
        region: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_what_it_says() {
        let stats = [
            ("stress_level", "0.25"),
            ("average_participant_stress", "0.02"),
            ("drain", "false"),
            ("region", "eu"),
            ("unheard-of", "1"),
        ];
        let expected = Bridge {
            stress: 0.25,
            stress_per_participant: 0.02,
            draining: false,
            region: Some("eu".to_owned()),
            ..unknown("b")
        };
        check(&[&stats], Some(expected));
    }

    #[test]
    fn without_stats_it_is_no_bridge() {
        let mut bridge = None;
        read("b", &xmpp::frame::parse("<presence xmlns='jabber:client'/>").unwrap(), &mut bridge);
        assert_eq!(bridge, None);
    }

    #[test]
    fn a_missing_value_stays() {
        let expected = Bridge { stress: 0.5, draining: false, ..unknown("b") };
        check(&[&[("stress_level", "0.5"), ("drain", "false")], &[]], Some(expected));
    }

    #[test]
    fn leaving_is_for_good_and_draining_is_not() {
        let expected = Bridge { shutting_down: true, draining: false, ..unknown("b") };
        check(
            &[
                &[("graceful_shutdown", "true"), ("drain", "true")],
                &[("graceful_shutdown", "false"), ("drain", "false")],
            ],
            Some(expected),
        );
    }

    #[test]
    fn a_stress_that_is_none_is_not_taken() {
        for value in ["NaN", "inf", "-1", "", "1e999", "much"] {
            check(&[&[("stress_level", value)]], Some(unknown("b")));
        }
    }

    #[test]
    fn only_the_last_stage_moves_participants() {
        for (name, value, expected) in [
            ("shutting_down", "true", true),
            ("shutting_down", "false", false),
            ("graceful_shutdown", "true", false),
        ] {
            let stats = format!("<stats xmlns='{COLIBRI}'><stat name='{name}' value='{value}'/></stats>");
            let presence = format!("<presence xmlns='jabber:client'>{stats}</presence>");
            assert_eq!(is_leaving(&xmpp::frame::parse(&presence).unwrap()), expected, "{name} {value}");
        }
    }

    fn check(presences: &[&[(&str, &str)]], expected: Option<Bridge>) {
        let mut bridge = None;
        for stats in presences {
            let stats: String =
                stats.iter().map(|(n, v)| format!("<stat name='{n}' value='{v}'/>")).collect();
            let presence = format!(
                "<presence xmlns='jabber:client'><stats xmlns='{COLIBRI}'>{stats}</stats></presence>"
            );
            read("b", &xmpp::frame::parse(&presence).unwrap(), &mut bridge);
        }
        assert_eq!(bridge, expected);
    }
}

//! What is said on the bridge channel: JSON with a `colibriClass` (lib-jitsi-meet, `BridgeChannel.ts`).

use serde_json::{Value, json};

/// As the client names it.
pub(super) const LABEL: &str = "JVB data channel";
pub(super) const PROTOCOL: &str = "http://jitsi.org/protocols/colibri";

/// What a bridge says that a sender or a receiver of media acts upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// nobody wants to see more than this of the source; 0: nobody wants it
    HeightMax {
        source: String,
        height: i32,
    },
    Other,
}

/// Said as soon as the channel is open. All fields that the client sends, and no others: the stock bridge takes no
/// message with one that it does not know.
pub(crate) fn constraints(height_max: i32) -> String {
    let message = json!({
        "colibriClass": "ReceiverVideoConstraints",
        "lastN": -1,
        "assumedBandwidthBps": -1,
        "defaultConstraints": {"maxHeight": height_max},
        "constraints": {},
        "selectedSources": [],
        "onStageSources": [],
    });
    message.to_string()
}

/// For each local video track.
pub(crate) fn video_type(source: &str) -> String {
    json!({"colibriClass": "SourceVideoTypeMessage", "sourceName": source, "videoType": "camera"}).to_string()
}

/// `None`: it is no message at all.
pub(crate) fn read(text: &str) -> Option<Said> {
    let message: Value = serde_json::from_str(text).ok()?;
    let class = message["colibriClass"].as_str()?;
    let height = message["maxHeight"].as_i64().and_then(|height| i32::try_from(height).ok());
    let told = message["sourceName"].as_str().zip(height);
    Some(match (class, told) {
        ("SenderSourceConstraints", Some((source, height))) => {
            Said::HeightMax { source: source.to_owned(), height }
        }
        _ => Said::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, said: Option<Said>) {
        assert_eq!(read(text), said, "{text}");
    }

    #[test]
    fn constraints_are_heard_and_the_rest_is_let_be() {
        check(
            r#"{"colibriClass":"SenderSourceConstraints","sourceName":"a-v0","maxHeight":360}"#,
            Some(Said::HeightMax { source: "a-v0".to_owned(), height: 360 }),
        );
        check(r#"{"colibriClass":"SenderSourceConstraints","sourceName":3}"#, Some(Said::Other));
        check(r#"{"colibriClass":"ServerHello"}"#, Some(Said::Other));
        for text in ["", "3", "{}", "[[", r#"{"colibriClass":7}"#] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_asked_for_is_json() {
        let asked: Value = serde_json::from_str(&constraints(720)).unwrap();
        assert_eq!(asked["defaultConstraints"]["maxHeight"], 720);
        let told: Value = serde_json::from_str(&video_type("a-v0")).unwrap();
        assert_eq!(told["videoType"], "camera");
    }
}

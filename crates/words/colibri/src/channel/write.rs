//! What the bridge sends, in the fields and types that lib-jitsi-meet checks.

use serde_json::{Map, Value, json};

use super::ToClient;

impl ToClient {
    /// The text of the message.
    pub fn to_json(&self) -> String {
        self.value().to_string()
    }

    fn value(&self) -> Value {
        match self {
            Self::ServerHello => json!({"colibriClass": "ServerHello"}),
            Self::SenderSourceConstraints { source, max_height } => {
                json!({"colibriClass": "SenderSourceConstraints", "sourceName": source, "maxHeight": max_height})
            }
            Self::ForwardedSources { sources } => {
                json!({"colibriClass": "ForwardedSources", "forwardedSources": sources})
            }
            Self::DominantSpeaker { endpoint, previous } => json!({
                "colibriClass": "DominantSpeakerEndpointChangeEvent",
                "dominantSpeakerEndpoint": endpoint,
                "previousSpeakers": previous,
                "silence": false,
            }),
            // COMPAT: the client compares `active` with the string "true"
            Self::EndpointConnectivity { endpoint, active } => json!({
                "colibriClass": "EndpointConnectivityStatusChangeEvent",
                "endpoint": endpoint,
                "active": active.to_string(),
            }),
            Self::ConnectionStats { estimated_downlink_bandwidth_bps } => json!({
                "colibriClass": "ConnectionStats",
                "estimatedDownlinkBandwidth": estimated_downlink_bandwidth_bps,
            }),
            Self::EndpointMessage { from, body } => relayed("EndpointMessage", from, body),
            Self::EndpointStats { from, body } => relayed("EndpointStats", from, body),
        }
    }
}

/// The class and the sender are the bridge's word, whatever the body says.
fn relayed(class: &str, from: &str, body: &Map<String, Value>) -> Value {
    let mut object = body.clone();
    object.insert("colibriClass".to_owned(), class.into());
    object.insert("from".to_owned(), from.into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: ToClient, expected: Value) {
        let written: Value = serde_json::from_str(&message.to_json()).expect("our own JSON");
        assert_eq!(written, expected);
    }

    #[test]
    fn every_message_has_the_shape_that_the_client_reads() {
        check(ToClient::ServerHello, json!({"colibriClass":"ServerHello"}));
        check(
            ToClient::SenderSourceConstraints { source: "a-v0".to_owned(), max_height: 720 },
            json!({"colibriClass":"SenderSourceConstraints","sourceName":"a-v0","maxHeight":720}),
        );
        check(
            ToClient::ForwardedSources { sources: vec!["b-v0".to_owned()] },
            json!({"colibriClass":"ForwardedSources","forwardedSources":["b-v0"]}),
        );
        check(
            ToClient::DominantSpeaker { endpoint: "b".to_owned(), previous: vec!["c".to_owned()] },
            json!({"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"b",
                   "previousSpeakers":["c"],"silence":false}),
        );
        check(
            ToClient::EndpointConnectivity { endpoint: "b".to_owned(), active: false },
            json!({"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"b","active":"false"}),
        );
        check(
            ToClient::ConnectionStats { estimated_downlink_bandwidth_bps: 2_500_000 },
            json!({"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":2_500_000}),
        );
    }

    #[test]
    fn a_relayed_message_tells_its_true_sender() {
        let Value::Object(body) =
            json!({"to":"a","from":"liar","colibriClass":"ServerHello","msgPayload":{}})
        else {
            panic!("no object")
        };
        check(
            ToClient::EndpointMessage { from: "b".to_owned(), body: body.clone() },
            json!({"colibriClass":"EndpointMessage","from":"b","to":"a","msgPayload":{}}),
        );
        check(
            ToClient::EndpointStats { from: "b".to_owned(), body },
            json!({"colibriClass":"EndpointStats","from":"b","to":"a","msgPayload":{}}),
        );
    }
}

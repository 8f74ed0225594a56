//! What a client sends, read kindly: unknown fields are passed over, numbers may come as floats.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{FromClient, ParseError, ReceiverVideoConstraints, VideoConstraint};
use crate::limits::{MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NAMES_MAX};

type Object = Map<String, Value>;

impl FromClient {
    /// Reads one message.
    ///
    /// # Errors
    /// Where it is too long, no JSON object, without `colibriClass`, or a field that is read has another type or
    /// is over a limit. An unknown class is no error: [`FromClient::Unknown`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(ParseError::TooLong);
        }
        let Ok(Value::Object(object)) = serde_json::from_str(text) else {
            return Err(ParseError::NotAnObject);
        };
        let class = string(&object, "colibriClass")?.ok_or(ParseError::NoClass)?;
        match class.as_str() {
            "ClientHello" => Ok(Self::ClientHello),
            "ReceiverVideoConstraints" => constraints(&object).map(Self::ReceiverVideoConstraints),
            "LastNChangedEvent" => {
                let last_n = integer(&object, "lastN")?.ok_or(ParseError::Field("lastN"))?;
                Ok(Self::LastNChanged { last_n: at_least_minus_one(last_n) })
            }
            "SourceVideoTypeMessage" => Ok(Self::SourceVideoType {
                source: string(&object, "sourceName")?.ok_or(ParseError::Field("sourceName"))?,
                video_type: string(&object, "videoType")?
                    .ok_or(ParseError::Field("videoType"))?
                    .to_ascii_lowercase(),
            }),
            "ReceiverAudioSubscription" => audio_subscription(&object),
            "EndpointMessage" => {
                let to = string(&object, "to")?.unwrap_or_default();
                Ok(Self::EndpointMessage { to, body: body(object) })
            }
            "EndpointStats" => Ok(Self::EndpointStats { body: body(object) }),
            _ => Ok(Self::Unknown { class }),
        }
    }
}

fn constraints(object: &Object) -> Result<ReceiverVideoConstraints, ParseError> {
    Ok(ReceiverVideoConstraints {
        last_n: integer(object, "lastN")?.map(at_least_minus_one),
        selected: names(object, "selectedSources")?,
        on_stage: names(object, "onStageSources")?,
        default: present(object, "defaultConstraints").map(constraint).transpose()?,
        constraints: constraint_map(object)?,
        assumed_bandwidth_bps: integer(object, "assumedBandwidthBps")?,
    })
}

fn constraint_map(object: &Object) -> Result<Option<BTreeMap<String, VideoConstraint>>, ParseError> {
    const NAME: &str = "constraints";
    let map = match present(object, NAME) {
        None => return Ok(None),
        Some(Value::Object(map)) if map.len() <= NAMES_MAX => map,
        Some(_) => return Err(ParseError::Field(NAME)),
    };
    let entry = |(name, value): (&String, &Value)| match name.len() {
        ..=NAME_BYTES_MAX => Ok((name.clone(), constraint(value)?)),
        _ => Err(ParseError::Field(NAME)),
    };
    map.iter().map(entry).collect::<Result<_, _>>().map(Some)
}

/// A missing field is unlimited.
fn constraint(value: &Value) -> Result<VideoConstraint, ParseError> {
    let object = value.as_object().ok_or(ParseError::Field("constraints"))?;
    let max_frame_rate = match present(object, "maxFrameRate") {
        None => -1.0,
        Some(rate) => {
            rate.as_f64().filter(|rate| rate.is_finite()).ok_or(ParseError::Field("maxFrameRate"))?
        }
    };
    let max_height = integer(object, "maxHeight")?.map_or(-1, at_least_minus_one);
    Ok(VideoConstraint { max_height, max_frame_rate })
}

/// COMPAT: the older form has `mode` and one `list` in place of the three fields.
fn audio_subscription(object: &Object) -> Result<FromClient, ParseError> {
    let mut include = names(object, "include")?.unwrap_or_default();
    let mut exclude = names(object, "exclude")?.unwrap_or_default();
    let list = names(object, "list")?.unwrap_or_default();
    let all = match string(object, "mode")?.map(|mode| mode.to_ascii_lowercase()).as_deref() {
        None => present(object, "all").and_then(Value::as_bool).unwrap_or(false),
        Some("all") => true,
        Some("none") => false,
        Some("include") => {
            include = list;
            false
        }
        Some("exclude") => {
            exclude = list;
            true
        }
        Some(_) => return Err(ParseError::Field("mode")),
    };
    Ok(FromClient::ReceiverAudioSubscription { all, include, exclude })
}

/// Everything but what the bridge itself says: the class and the sender.
fn body(mut object: Object) -> Object {
    object.remove("colibriClass");
    object.remove("from");
    object
}

/// A field that is there and not null.
fn present<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn string(object: &Object, name: &'static str) -> Result<Option<String>, ParseError> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= NAME_BYTES_MAX => Ok(Some(text.clone())),
        Some(_) => Err(ParseError::Field(name)),
    }
}

fn integer(object: &Object, name: &'static str) -> Result<Option<i64>, ParseError> {
    let Some(value) = present(object, name) else { return Ok(None) };
    // a float's cast saturates
    let number = value.as_i64().or_else(|| value.as_f64().filter(|f| f.is_finite()).map(|f| f as i64));
    number.map(Some).ok_or(ParseError::Field(name))
}

fn at_least_minus_one(number: i64) -> i32 {
    i32::try_from(number.clamp(-1, i64::from(i32::MAX))).expect("clamped into the range")
}

fn names(object: &Object, name: &'static str) -> Result<Option<Vec<String>>, ParseError> {
    let list = match present(object, name) {
        None => return Ok(None),
        Some(Value::Array(list)) if list.len() <= NAMES_MAX => list,
        Some(_) => return Err(ParseError::Field(name)),
    };
    let one = |value: &Value| match value {
        Value::String(text) if text.len() <= NAME_BYTES_MAX => Ok(text.clone()),
        _ => Err(ParseError::Field(name)),
    };
    list.iter().map(one).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: FromClient) {
        assert_eq!(FromClient::parse(text), Ok(expected), "{text}");
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn constraints_in_full() {
        check(
            r#"{"colibriClass":"ReceiverVideoConstraints","lastN":20,"selectedSources":["b-v0"],
                "onStageSources":["c-v0"],"defaultConstraints":{"maxHeight":180},"new":1,
                "constraints":{"c-v0":{"maxHeight":1080,"maxFrameRate":30.0}},"assumedBandwidthBps":-1}"#,
            FromClient::ReceiverVideoConstraints(ReceiverVideoConstraints {
                last_n: Some(20),
                selected: Some(list(&["b-v0"])),
                on_stage: Some(list(&["c-v0"])),
                default: Some(VideoConstraint { max_height: 180, max_frame_rate: -1.0 }),
                constraints: Some(BTreeMap::from([(
                    "c-v0".to_owned(),
                    VideoConstraint { max_height: 1080, max_frame_rate: 30.0 },
                )])),
                assumed_bandwidth_bps: Some(-1),
            }),
        );
    }

    #[test]
    fn a_missing_field_says_nothing() {
        check(
            r#"{"colibriClass":"ReceiverVideoConstraints","lastN":null}"#,
            FromClient::ReceiverVideoConstraints(ReceiverVideoConstraints::default()),
        );
    }

    #[test]
    fn numbers_saturate() {
        for (text, last_n) in [("-7", -1), ("99999999999", i32::MAX), ("1e300", i32::MAX), ("2.0", 2)] {
            let text = format!(r#"{{"colibriClass":"LastNChangedEvent","lastN":{text}}}"#);
            check(&text, FromClient::LastNChanged { last_n });
        }
    }

    #[test]
    fn audio_subscriptions_in_both_forms() {
        let subscription = |all, include: &[&str], exclude: &[&str]| FromClient::ReceiverAudioSubscription {
            all,
            include: list(include),
            exclude: list(exclude),
        };
        let class = r#""colibriClass":"ReceiverAudioSubscription""#;
        check(
            &format!(r#"{{{class},"all":true,"include":[],"exclude":["d"]}}"#),
            subscription(true, &[], &["d"]),
        );
        check(&format!(r#"{{{class},"mode":"All"}}"#), subscription(true, &[], &[]));
        check(&format!(r#"{{{class},"mode":"None"}}"#), subscription(false, &[], &[]));
        check(&format!(r#"{{{class},"mode":"Include","list":["d"]}}"#), subscription(false, &["d"], &[]));
        check(&format!(r#"{{{class},"mode":"exclude","list":["d"]}}"#), subscription(true, &[], &["d"]));
    }

    #[test]
    fn a_message_keeps_its_fields_but_not_its_claimed_sender() {
        let text =
            r#"{"colibriClass":"EndpointMessage","to":"b","from":"liar","msgPayload":{"a":[1]},"x":2}"#;
        let Ok(FromClient::EndpointMessage { to, body }) = FromClient::parse(text) else {
            panic!("no message")
        };
        assert_eq!(to, "b");
        assert_eq!(Value::Object(body), serde_json::json!({"to":"b","msgPayload":{"a":[1]},"x":2}));
    }

    #[test]
    fn video_types_come_in_any_case() {
        check(
            r#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"a-v1","videoType":"DESKTOP"}"#,
            FromClient::SourceVideoType { source: "a-v1".to_owned(), video_type: "desktop".to_owned() },
        );
    }

    #[test]
    fn unknown_classes_are_told_and_bad_messages_refused() {
        check(r#"{"colibriClass":"New"}"#, FromClient::Unknown { class: "New".to_owned() });
        let deep = format!(r#"{{"colibriClass":"EndpointStats","a":{}"#, "[".repeat(10_000));
        let long = format!(r#"{{"colibriClass":"ClientHello","a":"{}"}}"#, "x".repeat(MESSAGE_BYTES_MAX));
        let name = "n".repeat(NAME_BYTES_MAX + 1);
        let bad_name = format!(r#"{{"colibriClass":"EndpointMessage","to":"{name}"}}"#);
        for text in [
            "",
            "[]",
            "{}",
            r#"{"colibriClass":7}"#,
            r#"{"colibriClass":"LastNChangedEvent"}"#,
            r#"{"colibriClass":"LastNChangedEvent","lastN":"2"}"#,
            r#"{"colibriClass":"ReceiverVideoConstraints","constraints":[]}"#,
            r#"{"colibriClass":"ReceiverVideoConstraints","constraints":{"a":{"maxHeight":"x"}}}"#,
            r#"{"colibriClass":"ReceiverVideoConstraints","selectedSources":[1]}"#,
            deep.as_str(),
            long.as_str(),
            bad_name.as_str(),
        ] {
            assert!(FromClient::parse(text).is_err(), "{}", &text[..text.len().min(90)]);
        }
    }
}

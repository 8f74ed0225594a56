//! The address that a browser opens: a room, and how to go in without a question.

use crate::seat::encode;

/// What a browser sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sends {
    pub(crate) audio: bool,
    pub(crate) video: bool,
}

/// `base` is what people open. COMPAT: what stands in the fragment is configuration to stock jitsi-meet
/// (`parseURLParams.ts`), our own client reads the first two; each passes over what is not for it. A connection from one
/// browser to another would tell nothing of a server, so `p2p` is off.
pub(super) fn address(base: &str, token: Option<&str>, room: &str, name: &str, sends: Sends) -> String {
    let (room, name) = (encode(room), encode(name));
    let (silent, dark) = (!sends.audio, !sends.video);
    let wishes = [
        "skip-prejoin=true".to_owned(),
        format!("name={name}"),
        "config.prejoinConfig.enabled=false".to_owned(),
        // before 2023
        "config.prejoinPageEnabled=false".to_owned(),
        "config.p2p.enabled=false".to_owned(),
        format!("config.startWithAudioMuted={silent}"),
        format!("config.startWithVideoMuted={dark}"),
        // text is JSON there
        format!("userInfo.displayName=%22{name}%22"),
    ];
    let token = token.map(|token| format!("?jwt={}", encode(token))).unwrap_or_default();
    format!("{}/{room}{token}#{}", base.trim_end_matches('/'), wishes.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_and_what_both_kinds_of_client_understand() {
        let sends = Sends { audio: true, video: false };
        let address = address("https://meet.example/team/", Some("x.y.z"), "load 1", "Browser 1", sends);
        let (page, wishes) = address.split_once('#').unwrap();
        assert_eq!(page, "https://meet.example/team/load%201?jwt=x.y.z");
        let wishes: Vec<&str> = wishes.split('&').collect();
        for wish in [
            "skip-prejoin=true",
            "name=Browser%201",
            "config.prejoinConfig.enabled=false",
            "config.startWithAudioMuted=false",
            "config.startWithVideoMuted=true",
            "userInfo.displayName=%22Browser%201%22",
        ] {
            assert!(wishes.contains(&wish), "{wish} is not in {address}");
        }
    }
}

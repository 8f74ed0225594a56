//! A moderator mutes somebody; somebody asks about themselves.

use xmpp::stanza_error::Condition;
use xmpp::{Element, elem};

use super::iq::{answer, refuse, send, set};
use super::{Asker, Cx, Focus};

/// Audio, camera, shared screen.
const MUTES: [&str; 3] =
    ["http://jitsi.org/jitmeet/audio", "http://jitsi.org/jitmeet/video", "http://jitsi.org/jitmeet/desktop"];

/// `<mute/>` of one of the media.
pub(super) fn is_mute(element: &Element) -> bool {
    element.name() == "mute" && MUTES.iter().any(|ns| element.has_ns(*ns))
}

impl Focus {
    /// Nobody unmutes somebody else. Muting is a request to the target's client, which does not answer it.
    pub(super) fn handle_mute(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, mute: &Element) {
        let text = mute.text();
        let (Some(jid), Some(muted)) = (mute.attr("jid"), muted(text.trim())) else {
            return refuse(cx, from, iq, Condition::BadRequest);
        };
        let nick = jid.strip_prefix(cx.room).and_then(|rest| rest.strip_prefix('/'));
        let Some(nick) = nick.filter(|nick| self.participants.contains_key(*nick)) else {
            return refuse(cx, from, iq, Condition::ItemNotFound);
        };
        if nick == from.nick {
            return answer(cx, from, iq, None);
        }
        if !from.moderator || !muted {
            return refuse(cx, from, iq, Condition::NotAllowed);
        }
        answer(cx, from, iq, None);
        let order =
            elem("mute", &mute.ns()).attr("actor", format!("{}/{}", cx.room, from.nick)).text("true").build();
        let id = format!("focus-{}", self.next_id());
        send(cx, nick, set(&id, order));
    }
}

fn muted(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

//! Entering, announcing and leaving (XEP-0045 section 7).

use placement::Bridge;
use xmpp::build::{remove_attr, set_attr};
use xmpp::jid::{FullJid, Jid};
use xmpp::muc::{self, Affiliation};
use xmpp::stanza_error::Condition;
use xmpp::{Element, elem, ns};

use super::{Brewery, FOCUS, Out, StreamId, iq, stats};
use crate::limits::NICK_BYTES_MAX;

#[derive(Debug)]
pub(super) struct Occupant {
    pub(super) stream: StreamId,
    pub(super) jid: FullJid,
    /// the newest presence as it came, without `from` and `to`
    presence: Element,
    /// its number among all that ever joined
    pub(super) join: u64,
    /// `None` until a presence says how it is
    pub(super) bridge: Option<Bridge>,
    /// it asked for its participants to be moved elsewhere
    pub(super) leaving: bool,
}

/// Whom a presence is about, as its receivers see it.
struct About<'a> {
    nick: &'a str,
    jid: &'a str,
    affiliation: Affiliation,
    gone: bool,
}

impl Brewery {
    pub(super) fn handle_presence(
        &mut self,
        stream: StreamId,
        own: &FullJid,
        to: Option<&Jid>,
        presence: &Element,
    ) -> Vec<Out> {
        let here = to.is_none_or(|to| to.to_bare() == self.room);
        match (presence.attr("type"), to.and_then(Jid::resource)) {
            (Some("unavailable"), _) if here => self.leave(stream),
            (None, Some(nick)) if here => {
                let nick = nick.to_string();
                if self.occupants.get(&nick).is_some_and(|o| o.stream == stream) {
                    self.announce(&nick, presence)
                } else {
                    self.join(stream, own, nick, presence)
                }
            }
            // XEP-0045 section 7.2.1: a nick is required
            (None, None) if here && to.is_some() => iq::refuse(stream, presence, Condition::JidMalformed),
            (None, _) if to.is_some() => iq::refuse(stream, presence, Condition::RemoteServerNotFound),
            // initial presence: nobody is subscribed to it; and what is no availability
            _ => Vec::new(),
        }
    }

    fn join(&mut self, stream: StreamId, own: &FullJid, nick: String, presence: &Element) -> Vec<Out> {
        if nick == FOCUS || self.occupants.contains_key(&nick) {
            return iq::refuse(stream, presence, Condition::Conflict);
        }
        // nobody has two nicks, and a nick is the name of a bridge for its whole life
        if nick.len() > NICK_BYTES_MAX || self.occupants.values().any(|o| o.stream == stream) {
            return iq::refuse(stream, presence, Condition::NotAcceptable);
        }
        self.joins += 1;
        let mut occupant = Occupant {
            stream,
            jid: own.clone(),
            presence: kept(presence),
            join: self.joins,
            bridge: None,
            leaving: stats::is_leaving(presence),
        };
        stats::read(&nick, presence, &mut occupant.bridge);
        let mut out = vec![self.send(stream, &self.focus_presence())];
        out.extend(
            self.occupants.iter().map(|(other, o)| self.send(stream, &self.presence_of(other, o, &[]))),
        );
        let newcomer = self.presence_of(&nick, &occupant, &[]);
        out.extend(self.occupants.values().map(|o| self.send(o.stream, &newcomer)));
        out.push(self.send(stream, &self.presence_of(&nick, &occupant, &[110])));
        // XEP-0045 section 7.2.15: the subject ends the join
        let subject =
            elem("message", ns::CLIENT).attr("type", "groupchat").attr("from", self.room.to_string());
        out.push(self.send(stream, &subject.child(elem("subject", ns::CLIENT)).build()));
        self.occupants.insert(nick, occupant);
        out
    }

    fn announce(&mut self, nick: &str, presence: &Element) -> Vec<Out> {
        let Some(occupant) = self.occupants.get_mut(nick) else { return Vec::new() };
        occupant.presence = kept(presence);
        stats::read(nick, presence, &mut occupant.bridge);
        occupant.leaving |= stats::is_leaving(presence);
        let occupant = &self.occupants[nick];
        vec![self.send(occupant.stream, &self.presence_of(nick, occupant, &[110]))]
    }

    pub(super) fn leave(&mut self, stream: StreamId) -> Vec<Out> {
        let nick = self.occupants.iter().find(|(_, o)| o.stream == stream).map(|(nick, _)| nick.clone());
        let Some(nick) = nick else { return Vec::new() };
        let Some(occupant) = self.occupants.remove(&nick) else { return Vec::new() };
        let jid = occupant.jid.to_string();
        let about = About { nick: &nick, jid: &jid, affiliation: Affiliation::Member, gone: true };
        let gone = self.presence(&about, None, &[]);
        let mut out: Vec<_> = self.occupants.values().map(|o| self.send(o.stream, &gone)).collect();
        out.push(self.send(stream, &self.presence(&about, None, &[110])));
        out.extend(self.forget_requests(&nick));
        out
    }

    fn presence_of(&self, nick: &str, occupant: &Occupant, codes: &[u16]) -> Element {
        let jid = occupant.jid.to_string();
        let about = About { nick, jid: &jid, affiliation: Affiliation::Member, gone: false };
        self.presence(&about, Some(&occupant.presence), codes)
    }

    fn focus_presence(&self) -> Element {
        let about = About { nick: FOCUS, jid: &self.focus, affiliation: Affiliation::Owner, gone: false };
        self.presence(&about, None, &[])
    }

    /// `said` is what the occupant itself announced.
    fn presence(&self, about: &About<'_>, said: Option<&Element>, codes: &[u16]) -> Element {
        let item = if about.gone {
            muc::item_gone(about.affiliation, Some(about.jid))
        } else {
            muc::item(about.affiliation, about.jid)
        };
        let mut presence = said.cloned().unwrap_or_else(|| elem("presence", ns::CLIENT).build());
        set_attr(&mut presence, "from", format!("{}/{}", self.room, about.nick));
        if about.gone {
            set_attr(&mut presence, "type", "unavailable");
        }
        presence.append_child(muc::user(Some(item.build()), codes));
        presence
    }

    pub(super) fn send(&self, to: StreamId, stanza: &Element) -> Out {
        let mut stanza = stanza.clone();
        if let Some(jid) = self.streams.get(&to) {
            set_attr(&mut stanza, "to", jid.to_string());
        }
        Out::Send { to, stanza }
    }
}

/// What others may see of a presence: no request to join, and nothing that only a room may say.
fn kept(presence: &Element) -> Element {
    let mut kept = presence.clone();
    while kept.remove_child("x", ns::MUC).is_some() {}
    while kept.remove_child("x", ns::MUC_USER).is_some() {}
    remove_attr(&mut kept, "to");
    remove_attr(&mut kept, "from");
    kept
}

//! Kicks, bans and affiliations (XEP-0045 sections 8.2, 9 and 10).

use xmpp::jid::BareJid;
use xmpp::muc::Affiliation;
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::limits;
use crate::room::iq_routing::nobody;
use crate::room::leave::Removal;
use crate::room::{FOCUS_NICK, cut};
use crate::route::Stanza;
use crate::session::bare;
use crate::turn::Turn;

/// One item of a request, understood.
enum Order {
    Kick { nick: String, reason: Option<String> },
    Affiliate { jid: String, affiliation: Affiliation, reason: Option<String> },
}

impl Core {
    /// All items or none: the first one that cannot be obeyed refuses the request.
    pub(super) fn handle_admin(&mut self, turn: &mut Turn, stanza: &Stanza, query: &Element) {
        match self.orders(stanza, query) {
            Ok(orders) => {
                self.answer(turn, stanza, None);
                let actor = self.nick_of(stanza.from).unwrap_or_default().to_owned();
                for order in orders {
                    self.obey_order(turn, &actor, order);
                }
                self.elect(turn);
            }
            Err(error) => self.refuse(turn, stanza, &error),
        }
    }

    /// The list of those with the affiliation that is asked for.
    pub(super) fn answer_affiliations(&mut self, turn: &mut Turn, stanza: &Stanza, query: &Element) {
        if !self.is_moderator(stanza.from) {
            return self.refuse(turn, stanza, &Condition::Forbidden.into());
        }
        let wanted = query.get_child("item", ns::MUC_ADMIN).and_then(|item| item.attr("affiliation"));
        let Some(wanted) = wanted.and_then(Affiliation::from_name) else {
            return self.refuse(turn, stanza, &Condition::BadRequest.into());
        };
        let items = self.room.with_affiliation(wanted).map(|jid| {
            elem("item", ns::MUC_ADMIN).attr("affiliation", wanted.name()).attr("jid", jid).build()
        });
        let list = elem("query", ns::MUC_ADMIN).children(items).build();
        self.answer(turn, stanza, Some(list));
    }

    fn orders(&self, stanza: &Stanza, query: &Element) -> Result<Vec<Order>, StanzaError> {
        if !self.is_moderator(stanza.from) {
            return Err(StanzaError::new(Condition::Forbidden, "Only moderators may do that"));
        }
        let items: Vec<&Element> = query.children().filter(|child| child.is("item", ns::MUC_ADMIN)).collect();
        if items.is_empty() || items.len() > limits::ADMIN_ITEMS_MAX {
            return Err(Condition::BadRequest.into());
        }
        let orders: Vec<Order> = items.into_iter().map(|item| self.order(item)).collect::<Result<_, _>>()?;
        self.check_list(&orders)?;
        Ok(orders)
    }

    fn order(&self, item: &Element) -> Result<Order, StanzaError> {
        let reason = item
            .get_child("reason", ns::MUC_ADMIN)
            .map(|r| cut(&r.text(), limits::TEXT_BYTES_MAX).to_owned());
        match (item.attr("role"), item.attr("affiliation")) {
            (Some("none"), None) => {
                let nick = item.attr("nick").ok_or(Condition::BadRequest)?;
                if nick == FOCUS_NICK {
                    return Err(StanzaError::new(Condition::NotAllowed, "The focus stays"));
                }
                if !self.room.occupants.contains_key(nick) {
                    return Err(nobody(nick));
                }
                Ok(Order::Kick { nick: nick.to_owned(), reason })
            }
            (None, Some(name)) => {
                let affiliation = Affiliation::from_name(name).ok_or(Condition::BadRequest)?;
                Ok(Order::Affiliate { jid: self.subject_of(item)?, affiliation, reason })
            }
            _ => Err(StanzaError::new(Condition::FeatureNotImplemented, "Roles follow affiliations here")),
        }
    }

    /// The bare JID that an item speaks of.
    fn subject_of(&self, item: &Element) -> Result<String, StanzaError> {
        let jid = match (item.attr("jid"), item.attr("nick")) {
            (Some(jid), _) => {
                BareJid::new(bare(jid)).map_err(|_| Condition::JidMalformed)?.as_str().to_owned()
            }
            (None, Some(nick)) => {
                let occupant = self.room.occupants.get(nick).ok_or_else(|| nobody(nick))?;
                bare(&occupant.jid).to_owned()
            }
            (None, None) => return Err(Condition::BadRequest.into()),
        };
        if jid == format!("focus@{}", self.settings.auth_domain) {
            return Err(StanzaError::new(Condition::NotAllowed, "The focus is and stays owner"));
        }
        Ok(jid)
    }

    /// A list that fits, and a moderator who remains.
    fn check_list(&self, orders: &[Order]) -> Result<(), StanzaError> {
        if self.room.affiliations_len() + orders.len() > limits::AFFILIATIONS_MAX {
            return Err(StanzaError::new(Condition::ResourceConstraint, "The list of affiliations is full"));
        }
        let moderator_remains = self.room.occupants.iter().any(|(nick, occupant)| {
            let jid = bare(&occupant.jid);
            let (mut stays, mut moderator) = (true, self.room.is_moderator(occupant));
            for order in orders {
                match order {
                    Order::Kick { nick: kicked, .. } => stays &= kicked != nick,
                    Order::Affiliate { jid: of, affiliation, .. } if of == jid => {
                        moderator = affiliation.is_moderator();
                        stays &= *affiliation != Affiliation::Outcast;
                    }
                    Order::Affiliate { .. } => {}
                }
            }
            stays && moderator
        });
        if moderator_remains {
            return Ok(());
        }
        Err(StanzaError::new(Condition::Conflict, "The room would be without a moderator"))
    }

    fn obey_order(&mut self, turn: &mut Turn, actor: &str, order: Order) {
        match order {
            Order::Kick { nick, reason } => self.remove(turn, &nick, &Removal { code: 307, actor, reason }),
            Order::Affiliate { jid, affiliation, reason } => {
                // checked before
                let _ = self.room.set_affiliation(&jid, affiliation);
                let nick = self
                    .room
                    .occupants
                    .iter()
                    .find(|(_, occupant)| bare(&occupant.jid) == jid)
                    .map(|(nick, _)| nick.clone());
                match nick {
                    Some(nick) if affiliation == Affiliation::Outcast => {
                        self.remove(turn, &nick, &Removal { code: 301, actor, reason });
                    }
                    Some(nick) => self.broadcast_presence(turn, &nick),
                    None => {}
                }
            }
        }
    }
}

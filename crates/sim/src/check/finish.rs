//! What must be true when quiet has returned.

use std::collections::BTreeSet;

use super::{Check, breach};
use crate::client::{Client, Stage};
use crate::fact::{Breach, Invariant};

impl Check {
    /// `opinions`: for every room, the engine's place and those of the routers.
    pub(crate) fn finish<'a>(
        &self,
        clients: &[&Client],
        opinions: impl Iterator<Item = (&'a str, Option<String>, Vec<Option<&'a str>>)>,
    ) -> Result<(), Breach> {
        for client in clients.iter().filter(|client| !client.done) {
            reunited(client, clients)?;
            self.heard_everything(client, clients)?;
        }
        for (room, place, routers) in opinions {
            if place.is_some() && routers.iter().any(|router| *router != place.as_deref()) {
                let what = format!("{room} is on {place:?}, and routers believe {routers:?}");
                return Err(breach(Invariant::RoutersAgree, what));
            }
        }
        Ok(())
    }

    fn heard_everything(&self, client: &Client, clients: &[&Client]) -> Result<(), Breach> {
        let Some(listener) = self.people.get(&client.number) else { return Ok(()) };
        for other in clients.iter().filter(|other| !other.done) {
            let Some(author) = self.people.get(&other.number) else { continue };
            let heard = listener.heard.get(&author.nick).copied().unwrap_or_default();
            if author.room == listener.room && heard < author.acknowledged {
                let (number, line, nick) = (client.number, author.acknowledged, &author.nick);
                let what = format!("client-{number} heard {heard} of {nick}, but {line} was acknowledged");
                return Err(breach(Invariant::ExactlyOnce, what));
            }
        }
        Ok(())
    }
}

fn reunited(client: &Client, clients: &[&Client]) -> Result<(), Breach> {
    let error = |what: String| {
        Err(breach(Invariant::Reunion, format!("client-{} ({}): {what}", client.number, client.nick)))
    };
    if client.stage != Stage::Up || !client.joined {
        return error(format!("is not in its room but {:?}", client.stage));
    }
    let mut others: Vec<_> = clients.iter().filter(|other| other.intent.room == client.intent.room).collect();
    others.retain(|other| !other.done);
    let expected: BTreeSet<String> = others.iter().map(|other| other.nick.clone()).collect();
    if client.roster != expected {
        return error(format!("sees {:?}, but there are {expected:?}", client.roster));
    }
    if others.len() > 1 && !client.session.as_ref().is_some_and(|session| session.accepted) {
        return error("has no Jingle session".to_owned());
    }
    Ok(())
}

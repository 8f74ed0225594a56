//! What comes from outside: streams up to their meeting, heartbeats, adoptions.

use journal::Error;
use meeting::{ConnId, Input};
use placement::Claim as Claimed;
use xmpp::c2s::{Access, Ends, Framing, Negotiation, Step};

use super::{Shard, Timer};
use crate::limits::{CLAIM_TIME, RETRY_FIRST};
use crate::mutation::Mutation;
use crate::node::{Answer, Ask, Cx, Hello, Item, Micros, Node, Question, Reply, Request, Wire};

#[derive(Debug)]
pub(super) struct Conn {
    room: String,
    stage: Stage,
    pub(super) heard: Micros,
}

#[derive(Debug)]
enum Stage {
    Claiming,
    Negotiating(Box<Negotiation>),
    Attached(ConnId),
}

/// Whether a meeting is this shard's own is being asked.
#[derive(Debug)]
pub(super) struct Claim {
    ask: Option<Ask>,
    waiting: Vec<Waiter>,
    until: Micros,
}

#[derive(Debug)]
enum Waiter {
    Stream(Wire),
    Adoption { by: Node, ask: Ask },
}

enum Verdict {
    Ours,
    Elsewhere,
    Unknown,
}

impl Shard {
    pub(super) fn opened(&mut self, cx: &mut Cx<'_>, wire: Wire, hello: Hello) {
        match hello {
            Hello::Brewery { bridge } => self.bridge_came(cx, wire, bridge),
            Hello::Stream { room } => {
                self.conns.insert(wire, Conn { room: room.clone(), stage: Stage::Claiming, heard: cx.now });
                self.claim(cx, &room, Waiter::Stream(wire));
            }
        }
    }

    pub(super) fn asked(&mut self, cx: &mut Cx<'_>, ask: Ask, by: Node, question: Question) {
        match question {
            Question::Heartbeat => cx.reply(by, ask, Reply::Fine { draining: self.draining }),
            Question::Adopt { meeting } => self.claim(cx, &meeting, Waiter::Adoption { by, ask }),
            Question::Drain => self.drain(cx),
        }
    }

    /// A meeting is this shard's own to run where its place names it; one without a place gets it here.
    fn claim(&mut self, cx: &mut Cx<'_>, room: &str, waiter: Waiter) {
        if self.owners.contains_key(room) {
            return self.admit(cx, room, waiter, &Verdict::Ours);
        }
        if let Some(claim) = self.claims.get_mut(room) {
            return claim.waiting.push(waiter);
        }
        let ask = Some(cx.request(Request::Placed { meeting: room.to_owned() }));
        let until = cx.now + CLAIM_TIME;
        self.claims.insert(room.to_owned(), Claim { ask, waiting: vec![waiter], until });
    }

    pub(super) fn claim_again(&mut self, cx: &mut Cx<'_>, room: &str) {
        let Some(claim) = self.claims.get_mut(room) else { return };
        if cx.now >= claim.until {
            return self.decide(cx, room, &Verdict::Unknown);
        }
        claim.ask = Some(cx.request(Request::Placed { meeting: room.to_owned() }));
    }

    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, ask: Ask, answer: Answer) {
        let claimed =
            self.claims.iter().find(|(_, claim)| claim.ask == Some(ask)).map(|(room, _)| room.clone());
        if let Some(room) = claimed {
            return self.claim_answered(cx, &room, answer);
        }
        if let Some(room) = self.handovers.remove(&ask) {
            return cx.fact(crate::fact::Fact::Note(format!("{} gave {room} away: {answer:?}", self.me)));
        }
        let owner = self.owners.iter_mut().find(|(_, owner)| owner.awaits(ask));
        if let Some((room, owner)) = owner {
            let room = room.clone();
            owner.answered(cx, answer);
            self.settle(cx, &room);
        }
    }

    fn claim_answered(&mut self, cx: &mut Cx<'_>, room: &str, answer: Answer) {
        let own = self.me.to_string();
        let place = match answer {
            Answer::Place(Ok(place)) => place.map(|place| place.shard),
            Answer::Revision(Ok(_)) => Some(own.clone()),
            Answer::Revision(Err(Error::Placed { place: Some(place), .. })) => Some(place.shard),
            // the engine is away, or the place has just changed
            _ => {
                if let Some(claim) = self.claims.get_mut(room) {
                    claim.ask = None;
                }
                return self.timer(cx, RETRY_FIRST, Timer::Claim { room: room.to_owned() });
            }
        };
        match placement::claim(&own, place.as_deref(), self.draining) {
            Claimed::Ours => self.decide(cx, room, &Verdict::Ours),
            Claimed::Elsewhere(_) => self.decide(cx, room, &Verdict::Elsewhere),
            Claimed::Refused => self.decide(cx, room, &Verdict::Unknown),
            Claimed::Free => {
                let request = Request::Place { meeting: room.to_owned(), shard: own, expected: 0 };
                let ask = cx.request(request);
                if let Some(claim) = self.claims.get_mut(room) {
                    claim.ask = Some(ask);
                }
            }
        }
    }

    fn decide(&mut self, cx: &mut Cx<'_>, room: &str, verdict: &Verdict) {
        let Some(claim) = self.claims.remove(room) else { return };
        for waiter in claim.waiting {
            self.admit(cx, room, waiter, verdict);
        }
    }

    fn admit(&mut self, cx: &mut Cx<'_>, room: &str, waiter: Waiter, verdict: &Verdict) {
        match (waiter, verdict) {
            (Waiter::Stream(wire), Verdict::Ours) => {
                let Some(conn) = self.conns.get_mut(&wire) else { return };
                let seed = cx.chance.next().to_be_bytes();
                let mut nonce = [0; 16];
                nonce[..8].copy_from_slice(&seed);
                let negotiation = Negotiation::new(Framing::WebSocket, crate::DOMAIN, Access::Guests, nonce);
                conn.stage = Stage::Negotiating(Box::new(negotiation));
                cx.send(wire, Item::Accepted);
            }
            (Waiter::Stream(wire), refused) => {
                self.conns.remove(&wire);
                let elsewhere = matches!(refused, Verdict::Elsewhere);
                cx.send(wire, if elsewhere { Item::Misdirected } else { Item::Unavailable });
                cx.drop(wire);
            }
            (Waiter::Adoption { by, ask }, Verdict::Ours) => {
                cx.reply(by, ask, Reply::Fine { draining: self.draining });
                self.adopt(cx, room);
            }
            (Waiter::Adoption { by, ask }, Verdict::Elsewhere) => cx.reply(by, ask, Reply::Misdirected),
            (Waiter::Adoption { by, ask }, Verdict::Unknown) => cx.reply(by, ask, Reply::Unavailable),
        }
    }

    pub(super) fn said(&mut self, cx: &mut Cx<'_>, wire: Wire, item: Item) {
        let Some(conn) = self.conns.get_mut(&wire) else { return self.bridge_said(cx, wire, item) };
        conn.heard = cx.now;
        let Item::Text(text) = item else { return };
        let room = conn.room.clone();
        match &mut conn.stage {
            Stage::Claiming => {}
            Stage::Attached(conn) => {
                let conn = *conn;
                self.deliver(cx, &room, Input::Received { conn, text });
            }
            Stage::Negotiating(negotiation) => {
                for step in negotiation.handle_frame(&text) {
                    match step {
                        Step::Send(text) => cx.text(wire, text),
                        Step::Restart => {}
                        Step::Ends(Ends::Refused) => {
                            self.conns.remove(&wire);
                            cx.drop(wire);
                        }
                        Step::Ends(Ends::Bind { iq_id, .. }) => {
                            self.attach(cx, wire, &room, |conn| Input::Bind { conn, iq_id });
                        }
                        Step::Ends(Ends::Resume { mut previd, h, told }) => {
                            if cx.mutation == Some(Mutation::LostTokens) {
                                previd.insert(0, '0');
                            }
                            self.attach(cx, wire, &room, |conn| Input::Resume { conn, previd, h, told });
                        }
                    }
                }
            }
        }
    }

    fn attach(&mut self, cx: &mut Cx<'_>, wire: Wire, room: &str, input: impl FnOnce(ConnId) -> Input) {
        let conn = ConnId(cx.id());
        if let Some(held) = self.conns.get_mut(&wire) {
            held.stage = Stage::Attached(conn);
        }
        self.adopt(cx, room);
        if let Some(owner) = self.owners.get_mut(room) {
            owner.conns.insert(conn, wire);
        }
        self.deliver(cx, room, input(conn));
    }

    /// Late input of a connection that the meeting let go of is not heard.
    fn deliver(&mut self, cx: &mut Cx<'_>, room: &str, input: Input) {
        if let Some(owner) = self.owners.get_mut(room) {
            owner.inbox.push_back(input);
            self.settle(cx, room);
        }
    }

    pub(super) fn broken(&mut self, cx: &mut Cx<'_>, wire: Wire) {
        let Some(Conn { room, stage, .. }) = self.conns.remove(&wire) else {
            return self.bridge_left(cx, wire);
        };
        if let Stage::Attached(conn) = stage
            && self.owners.get_mut(&room).is_some_and(|owner| owner.conns.remove(&conn).is_some())
        {
            self.deliver(cx, &room, Input::Dropped { conn });
        }
    }
}

//! The bridge channels: what endpoints tell the bridge and, through it, each other.

use std::time::Instant;

use colibri::channel::{FromClient, ToClient};
use serde_json::{Map, Value};
use str0m::channel::ChannelId;

use super::Conference;
use crate::demux::Slot;
use crate::endpoint::{Endpoint, Hearing, Via};
use crate::outbox::Outbox;
use crate::{Fact, SocketId, credentials, limits};

impl Conference {
    /// COMPAT: the client opens exactly one data channel; a second one would be answered by nobody.
    pub(super) fn channel_opened(&mut self, slot: Slot, id: ChannelId, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        if endpoint.channel.data.is_some() {
            endpoint.leg.close_channel(id);
            out.fact(Fact::MessageRefused);
        } else {
            endpoint.channel.data = Some(id);
            out.fact(Fact::ChannelUp);
            self.greet(slot, out);
        }
        self.touch(slot);
    }

    pub(super) fn channel_closed(&mut self, slot: Slot, id: ChannelId) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        if endpoint.channel.data == Some(id) {
            endpoint.channel.data = None;
        }
    }

    /// `None`: no such endpoint, or a wrong password.
    pub(crate) fn handle_websocket(
        &mut self,
        socket: SocketId,
        endpoint: &str,
        password: &str,
        out: &mut Outbox,
    ) -> Option<Slot> {
        let slot = self.by_id(endpoint)?;
        let endpoint = self.endpoints.get_mut(&slot)?;
        if !credentials::same_secret(&endpoint.password, password) {
            return None;
        }
        if let Some(old) = endpoint.channel.socket.replace(socket) {
            out.close_socket(old, 1000, "replaced");
        }
        out.fact(Fact::ChannelUp);
        self.say(slot, &ToClient::ServerHello, out);
        self.greet(slot, out);
        Some(slot)
    }

    pub(crate) fn handle_websocket_message(
        &mut self,
        now: Instant,
        slot: Slot,
        socket: SocketId,
        text: &str,
        out: &mut Outbox,
    ) {
        self.hear(now, slot, Via::Socket(socket), text, out);
    }

    pub(crate) fn handle_websocket_closed(&mut self, slot: Slot, socket: SocketId) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        if endpoint.channel.socket == Some(socket) {
            endpoint.channel.socket = None;
        }
    }

    pub(super) fn channel_text(
        &mut self,
        now: Instant,
        slot: Slot,
        id: ChannelId,
        text: &str,
        out: &mut Outbox,
    ) {
        self.hear(now, slot, Via::Data(id), text, out);
    }

    /// What a client must know that it could not hear before its channel was open.
    fn greet(&mut self, slot: Slot, out: &mut Outbox) {
        let mut messages = self.news(slot);
        messages.extend(self.endpoints.values().filter(|e| !e.active).map(connectivity));
        for message in &messages {
            self.say(slot, message, out);
        }
    }

    /// Tells those who missed something the whole state again; who still does not read is asked later.
    pub(super) fn repeat_missed(&mut self, out: &mut Outbox) {
        let missed =
            self.endpoints.iter_mut().map(|(slot, e)| (*slot, std::mem::take(&mut e.channel.missed)));
        for slot in missed.filter_map(|(slot, missed)| missed.then_some(slot)).collect::<Vec<_>>() {
            let mut messages = self.news(slot);
            messages.extend(self.endpoints.values().map(connectivity));
            let mut told = messages.iter().map(|message| self.say(slot, message, out));
            // stops at the first that is lost, which notes that again
            let _ = told.all(|told| told);
        }
    }

    /// What was announced to this client last, apart from who is active.
    fn news(&self, slot: Slot) -> Vec<ToClient> {
        let mut messages = self.announced_heights(slot);
        messages.extend(self.forwarded_sources(slot));
        messages.extend(self.dominant_speaker());
        messages
    }

    fn hear(&mut self, now: Instant, slot: Slot, via: Via, text: &str, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        let open = match via {
            Via::Data(id) => endpoint.channel.data == Some(id),
            Via::Socket(socket) => endpoint.channel.socket == Some(socket),
        };
        let allowed = open
            && text.len() <= limits::MESSAGE_BYTES_MAX
            && endpoint.channel.received(now, via, text.len());
        let message = if allowed { FromClient::parse(text).ok() } else { None };
        let understood = message.is_some_and(|message| self.obey(now, slot, message, out));
        if !understood {
            out.fact(Fact::MessageRefused);
        }
    }

    /// `false`: the message makes no sense here.
    fn obey(&mut self, now: Instant, slot: Slot, message: FromClient, out: &mut Outbox) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return false };
        match message {
            FromClient::ClientHello => {
                self.say(slot, &ToClient::ServerHello, out);
            }
            FromClient::ReceiverVideoConstraints(constraints) => {
                endpoint.wishes.update(constraints);
                self.allocate_for(now, slot, out);
            }
            FromClient::LastNChanged { last_n } => {
                endpoint.wishes.set_last_n(last_n);
                self.allocate_for(now, slot, out);
            }
            FromClient::SourceVideoType { source, video_type } => {
                return self.set_video_type(slot, source, &video_type);
            }
            FromClient::ReceiverAudioSubscription { all, include, exclude } => {
                self.set_hearing(slot, Hearing::new(all, include, exclude));
            }
            FromClient::EndpointMessage { to, body } => return self.relay_message(slot, &to, body, out),
            FromClient::EndpointStats { body } => self.relay_stats(slot, body, out),
            FromClient::Unknown { .. } => {}
        }
        true
    }

    fn set_video_type(&mut self, slot: Slot, source: String, video_type: &str) -> bool {
        let enabled = match video_type {
            "none" | "disabled" => false,
            "camera" | "desktop" | "desktop_high_fps" => true,
            _ => return false,
        };
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return false };
        if source.len() > limits::NAME_BYTES_MAX
            || (endpoint.types.len() >= limits::VIDEO_TYPES_MAX && !endpoint.types.contains_key(&source))
        {
            return false;
        }
        if let Some(known) = endpoint.sources.iter_mut().find(|s| *s.name == *source) {
            known.enabled = enabled;
        }
        endpoint.types.insert(source, enabled);
        self.stale = true;
        true
    }

    fn set_hearing(&mut self, slot: Slot, hearing: Hearing) {
        let sources = self.endpoints.values().flat_map(|e| &e.sources);
        let names: std::collections::BTreeMap<_, _> = sources.map(|s| (s.id, s.name.clone())).collect();
        if let Some(endpoint) = self.endpoints.get_mut(&slot) {
            endpoint.set_hearing(hearing, |id| names.get(&id).cloned());
        }
    }

    /// To one endpoint, or to all others when `to` is empty. Who it is from is the bridge's word.
    fn relay_message(&mut self, from: Slot, to: &str, body: Map<String, Value>, out: &mut Outbox) -> bool {
        let Some(sender) = self.endpoints.get(&from) else { return false };
        let text = ToClient::EndpointMessage { from: sender.id.clone(), body }.to_json();
        if to.is_empty() {
            let others: Vec<_> = self.endpoints.keys().copied().filter(|slot| *slot != from).collect();
            for other in others {
                self.say_text(other, &text, out);
            }
            return true;
        }
        let Some(slot) = self.by_id(to) else { return false };
        self.say_text(slot, &text, out);
        true
    }

    /// To everybody in a small conference; in a large one the statistics of recent speakers go to everybody, and
    /// those of others to whoever watches them.
    fn relay_stats(&mut self, from: Slot, body: Map<String, Value>, out: &mut Outbox) {
        let Some(sender) = self.endpoints.get(&from) else { return };
        let to_all = self.endpoints.len() <= limits::STATS_TO_ALL_ENDPOINTS_MAX
            || self.speakers.order().any(|speaker| speaker == from);
        let text = ToClient::EndpointStats { from: sender.id.clone(), body }.to_json();
        let names: Vec<_> = sender.sources.iter().map(|s| s.name.clone()).collect();
        let receivers = self.endpoints.iter().filter(|(slot, receiver)| {
            **slot != from && (to_all || names.iter().any(|name| receiver.wishes.names(name)))
        });
        let receivers: Vec<_> = receivers.map(|(slot, _)| *slot).collect();
        for receiver in receivers {
            self.say_text(receiver, &text, out);
        }
    }

    /// A message on the state of the conference. `false`: it is lost, and the state will be repeated.
    pub(super) fn say(&mut self, slot: Slot, message: &ToClient, out: &mut Outbox) -> bool {
        let open = self.endpoints.get(&slot).is_some_and(|e| e.channel.way().is_some());
        !open || self.say_state(slot, &message.to_json(), out)
    }

    pub(super) fn say_to_all(&mut self, message: &ToClient, out: &mut Outbox) {
        let text = message.to_json();
        let all: Vec<_> = self.endpoints.keys().copied().collect();
        for slot in all {
            self.say_state(slot, &text, out);
        }
    }

    fn say_state(&mut self, slot: Slot, text: &str, out: &mut Outbox) -> bool {
        let told = self.say_text(slot, text, out);
        if let (false, Some(endpoint)) = (told, self.endpoints.get_mut(&slot)) {
            endpoint.channel.missed = true;
        }
        told
    }

    /// A client that does not read loses messages; its buffer does not grow. `false`: this one is lost.
    fn say_text(&mut self, slot: Slot, text: &str, out: &mut Outbox) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return true };
        match endpoint.channel.way() {
            Some(Via::Socket(socket)) => out.socket_text(socket, text.to_owned()),
            Some(Via::Data(id)) => {
                let written = endpoint.leg.write_channel(id, text);
                if !written {
                    out.fact(Fact::MessageRefused);
                }
                self.touch(slot);
                return written;
            }
            None => {}
        }
        true
    }
}

fn connectivity(endpoint: &Endpoint) -> ToClient {
    ToClient::EndpointConnectivity { endpoint: endpoint.id.clone(), active: endpoint.active }
}

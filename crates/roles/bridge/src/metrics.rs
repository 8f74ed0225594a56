//! The bridge's metrics, read from the media threads' postings when somebody scrapes.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use service::clock::Clock;
use service::metrics::Metrics;

use crate::bridge::Bridge;
use crate::media::{Count, Posting};

/// COMPAT: names and meaning as in the stock bridge, for the dashboards that exist. A counter's name ends in
/// `_total` when shown.
pub(crate) fn register(metrics: &Metrics, bridge: &Arc<Bridge>) {
    let gauge = |name: &str, help: &str, read: fn(&Bridge) -> f64| {
        metrics.register(&format!("jitsi_jvb_{name}"), help, Reading::gauge(bridge, read));
    };
    gauge("conferences", "Conferences that are going on", |b| b.doors().posting().stats.conferences as f64);
    gauge("local_endpoints", "Endpoints of this bridge", |b| b.doors().posting().stats.endpoints as f64);
    gauge("current_endpoints", "Endpoints, also those of other bridges", |b| {
        b.doors().posting().stats.endpoints as f64
    });
    gauge("stress", "Stress level; 1: as much as the bridge should carry", |b| b.vitals().stress);
    gauge("incoming_packet_rate", "Datagrams received a second", |b| {
        b.vitals().rates.packets_received as f64
    });
    gauge("outgoing_packet_rate", "Datagrams sent a second", |b| b.vitals().rates.packets_sent as f64);
    gauge("incoming_bitrate", "Bits received a second", |b| {
        b.vitals().rates.kilobits_received as f64 * 1000.0
    });
    gauge("outgoing_bitrate", "Bits sent a second", |b| b.vitals().rates.kilobits_sent as f64 * 1000.0);
    gauge("drain_mode", "Whether the bridge drains", |b| f64::from(b.is_draining()));
    gauge("healthy", "Whether all media threads are well", |b| {
        f64::from(b.doors().ailment(Clock.now()).is_none())
    });
    gauge("mucs_joined", "Breweries the bridge is in", |b| b.shards_entered() as f64);
    gauge("cpu_usage", "Share of all cores that this process uses", |b| b.vitals().cpu.unwrap_or(0.0));
    for (name, help, read) in COUNTERS {
        metrics.register(&format!("jitsi_jvb_{name}"), help, Reading::counter(bridge, *read));
    }
}

type Counter = (&'static str, &'static str, fn(&Posting) -> u64);

const COUNTERS: &[Counter] = &[
    ("packets_received", "Media datagrams received", |p| p.stats.packets_received),
    ("packets_sent", "Media datagrams sent", |p| p.stats.packets_sent),
    ("bytes_received", "Bytes of media datagrams received", |p| p.stats.bytes_received),
    ("bytes_sent", "Bytes of media datagrams sent", |p| p.stats.bytes_sent),
    ("ice_succeeded", "Endpoints that connected", |p| p.tally.of(Count::IceUp)),
    ("ice_failed", "Endpoints that did not connect, or lost their connection", |p| {
        p.tally.of(Count::IceFailed)
    }),
    ("dtls_succeeded", "Endpoints that negotiated keys", |p| p.tally.of(Count::DtlsUp)),
    ("message_transports_opened", "Bridge channels that opened", |p| p.tally.of(Count::ChannelUp)),
    ("endpoints_expired", "Endpoints that ended", |p| p.tally.of(Count::EndpointsExpired)),
    ("conferences_completed", "Conferences that ended", |p| p.tally.of(Count::ConferencesExpired)),
    ("keyframes_requested", "Keyframes asked of senders", |p| p.tally.of(Count::KeyframesAsked)),
    ("dominant_speaker_changes", "Changes of the dominant speaker", |p| p.tally.of(Count::SpeakerChanges)),
    ("datagrams_refused", "Datagrams that no endpoint would have", |p| p.tally.of(Count::DatagramsRefused)),
    ("messages_refused", "Bridge channel messages that were not understood", |p| {
        p.tally.of(Count::MessagesRefused)
    }),
    ("datagrams_handed_over", "Datagrams passed to another media thread", |p| p.tally.of(Count::HandedOver)),
    ("datagrams_handover_lost", "Datagrams lost on the way to another media thread", |p| {
        p.tally.of(Count::HandoverLost).wrapping_add(p.tally.of(Count::HandoverOversize))
    }),
    ("receive_errors", "Receive calls that failed", |p| p.tally.of(Count::ReceiveErrors)),
    ("send_errors", "Datagrams that the kernel would not send", |p| p.tally.of(Count::SendErrors)),
    ("send_lost", "Datagrams lost because the send buffer was full", |p| p.tally.of(Count::SendLost)),
    ("segmented_sends", "Sends of several datagrams at once", |p| p.tally.of(Count::SegmentedSends)),
    ("websockets_shed", "Bridge channels closed because the client did not read", |p| {
        p.tally.of(Count::SocketsShed)
    }),
];

/// A value that is read when it is shown.
#[derive(Clone)]
struct Reading {
    bridge: Arc<Bridge>,
    read: Read,
}

#[derive(Clone, Copy)]
enum Read {
    Gauge(fn(&Bridge) -> f64),
    Counter(fn(&Posting) -> u64),
}

impl Reading {
    fn gauge(bridge: &Arc<Bridge>, read: fn(&Bridge) -> f64) -> Self {
        Self { bridge: bridge.clone(), read: Read::Gauge(read) }
    }

    fn counter(bridge: &Arc<Bridge>, read: fn(&Posting) -> u64) -> Self {
        Self { bridge: bridge.clone(), read: Read::Counter(read) }
    }
}

impl EncodeMetric for Reading {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.read {
            Read::Gauge(read) => encoder.encode_gauge(&read(&self.bridge)),
            Read::Counter(read) => {
                encoder.encode_counter::<NoLabelSet, _, u64>(&read(&self.bridge.doors().posting()), None)
            }
        }
    }

    fn metric_type(&self) -> MetricType {
        match self.read {
            Read::Gauge(_) => MetricType::Gauge,
            Read::Counter(_) => MetricType::Counter,
        }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

//! What holds for every value: written and read again it is the same, and no text makes a reader panic.

use colibri::channel::FromClient;
use colibri::{
    Answer, Condition, ConferenceModified, ConferenceModify, Endpoint, ForceMute, Media, MediaSource, Reason,
    Refusal, Sctp, SctpRole, Transport,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use xmpp::jingle::ice::{Candidate, CandidateKind, Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::{Description, Feedback, HeaderExtension, Kind, PayloadType};
use xmpp::jingle::source::{Semantics, SsrcGroup, VideoType};

/// Text that survives XML's normalisation of white space, quotes and markup included.
fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9<>&'\"é;=/._-]{1,24}"
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Audio), Just(Kind::Video)]
}

fn payload_type() -> impl Strategy<Value = PayloadType> {
    let feedback = (word(), of(word())).prop_map(|(kind, subtype)| Feedback { kind, subtype });
    let parameter = (prop_oneof![Just(String::new()), word()], word());
    (0..=127u8, word(), any::<u32>(), any::<u8>(), vec(parameter, 0..4), vec(feedback, 0..4)).prop_map(
        |(id, name, clockrate, channels, parameters, feedback)| PayloadType {
            id,
            name,
            clockrate,
            channels,
            parameters,
            feedback,
        },
    )
}

fn description() -> impl Strategy<Value = Description> {
    let extension = (1..=255u8, word()).prop_map(|(id, uri)| HeaderExtension { id, uri });
    (vec(payload_type(), 0..4), vec(extension, 0..4), any::<bool>()).prop_map(
        |(payload_types, extensions, extmap_allow_mixed)| Description {
            payload_types,
            extensions,
            extmap_allow_mixed,
        },
    )
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let kind = prop_oneof![
        Just(CandidateKind::Host),
        Just(CandidateKind::ServerReflexive),
        Just(CandidateKind::PeerReflexive),
        Just(CandidateKind::Relay)
    ];
    let place = (any::<std::net::IpAddr>(), any::<u16>());
    (word(), word(), any::<u8>(), any::<u32>(), any::<u32>(), any::<u32>(), place.clone(), kind, of(place))
        .prop_map(|(id, foundation, component, generation, network, priority, (ip, port), kind, related)| {
            Candidate {
                id,
                foundation,
                component,
                generation,
                network,
                protocol: "udp".to_owned(),
                priority,
                ip,
                port,
                kind,
                related,
            }
        })
}

fn ice() -> impl Strategy<Value = IceUdp> {
    let setup = prop_oneof![Just(Setup::ActPass), Just(Setup::Active), Just(Setup::Passive)];
    let fingerprint = ("[a-z0-9-]{1,8}", setup, vec("[0-9A-F]{2}", 1..32))
        .prop_map(|(hash, setup, bytes)| Fingerprint { hash, setup, value: bytes.join(":") });
    (
        of(word()),
        of(word()),
        of(any::<u32>()),
        any::<bool>(),
        vec(candidate(), 0..4),
        vec(fingerprint, 0..3),
        vec(word(), 0..3),
    )
        .prop_map(|(ufrag, pwd, generation, rtcp_mux, candidates, fingerprints, web_sockets)| IceUdp {
            ufrag,
            pwd,
            generation,
            rtcp_mux,
            candidates,
            fingerprints,
            web_sockets,
        })
}

fn transport() -> impl Strategy<Value = Transport> {
    let role = prop_oneof![Just(SctpRole::Client), Just(SctpRole::Server)];
    let sctp = (of(any::<u16>()), of(role)).prop_map(|(port, role)| Sctp { port, role });
    (any::<bool>(), any::<bool>(), any::<bool>(), of(ice()), of(sctp)).prop_map(
        |(ice_controlling, use_unique_port, ice_restart, ice, sctp)| Transport {
            ice_controlling,
            use_unique_port,
            ice_restart,
            ice,
            sctp,
        },
    )
}

fn media_source() -> impl Strategy<Value = MediaSource> {
    let semantics = prop_oneof![Just(Semantics::Fid), Just(Semantics::Sim), Just(Semantics::FecFr)];
    let group =
        (semantics, vec(any::<u32>(), 1..5)).prop_map(|(semantics, ssrcs)| SsrcGroup { semantics, ssrcs });
    let video_type = prop_oneof![
        Just(VideoType::Camera),
        Just(VideoType::Desktop),
        Just(VideoType::DesktopHighFps),
        Just(VideoType::None)
    ];
    (kind(), word(), of(video_type), vec(any::<u32>(), 1..7), vec(group, 0..4))
        .prop_map(|(kind, id, video_type, ssrcs, groups)| MediaSource { kind, id, video_type, ssrcs, groups })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let media = (kind(), description()).prop_map(|(kind, description)| Media { kind, description });
    let mute = (any::<bool>(), any::<bool>()).prop_map(|(audio, video)| ForceMute { audio, video });
    (
        (word(), any::<bool>(), any::<bool>(), of(word())),
        vec(word(), 0..4),
        vec(media, 0..3),
        of(transport()),
        of(vec(media_source(), 0..4)),
        of(mute),
        of(any::<i32>()),
    )
        .prop_map(
            |(
                (id, create, expire, stats_id),
                capabilities,
                media,
                transport,
                sources,
                force_mute,
                last_n,
            )| {
                Endpoint {
                    id,
                    create,
                    expire,
                    stats_id,
                    capabilities,
                    media,
                    transport,
                    sources,
                    force_mute,
                    initial_last_n: last_n,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_come_back_as_they_were_written(
        meeting_id in word(), name in of(word()), create: bool, expire: bool, epoch: Option<u64>,
        endpoints in vec(endpoint(), 0..3),
    ) {
        let request = ConferenceModify { meeting_id, name, create, expire, epoch, endpoints };
        prop_assert_eq!(ConferenceModify::from_text(&request.to_text()), Ok(request));
    }

    #[test]
    fn answers_come_back_as_they_were_written(
        endpoints in vec(endpoint(), 0..3), sources in of(vec(media_source(), 0..3)),
    ) {
        let answer = ConferenceModified { endpoints, sources };
        prop_assert_eq!(Answer::from_text(&answer.to_text()), Ok(Answer::Modified(answer)));
    }

    #[test]
    fn refusals_come_back_as_they_were_written(text in "[a-z<&]{0,20}", endpoint in of(word()), n in 0..7usize) {
        let condition = [
            Condition::BadRequest, Condition::Conflict, Condition::FeatureNotImplemented,
            Condition::InternalServerError, Condition::ItemNotFound, Condition::ServiceUnavailable,
            Condition::ResourceConstraint,
        ][n];
        let reason = [
            Some(Reason::ConferenceNotFound), Some(Reason::ConferenceAlreadyExists),
            Some(Reason::FeatureNotImplemented), Some(Reason::GracefulShutdown), Some(Reason::UnknownEndpoint),
            Some(Reason::Unspecified), None,
        ][n];
        let refusal = Refusal { condition, reason, text, endpoint };
        prop_assert_eq!(Answer::from_text(&refusal.to_text()), Ok(Answer::Refused(refusal)));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,200}", markup in "[<>/a-z ='&;\\[\\]{}:,\"0-9]{0,200}") {
        for text in [text, markup] {
            let _ = Answer::from_text(&text);
            let _ = ConferenceModify::from_text(&text);
            let _ = FromClient::parse(&text);
        }
    }

    /// Valid requests with one stretch replaced: deeper into the readers than noise comes.
    #[test]
    fn damaged_requests_never_panic(endpoint in endpoint(), at in 0..4000usize, patch in "[<>/'\"=0-9a-z-]{0,6}") {
        let request = ConferenceModify { meeting_id: "m".to_owned(), endpoints: vec![endpoint], ..Default::default() };
        let text: Vec<char> = request.to_text().chars().collect();
        let at = at.min(text.len());
        let damaged: String = text[..at].iter().copied().chain(patch.chars()).chain(text[at..].iter().copied()).collect();
        let _ = ConferenceModify::from_text(&damaged);
    }

    #[test]
    fn damaged_messages_never_panic(
        class in prop_oneof![
            Just("ReceiverVideoConstraints"), Just("LastNChangedEvent"), Just("SourceVideoTypeMessage"),
            Just("ReceiverAudioSubscription"), Just("EndpointMessage"), Just("EndpointStats"),
        ],
        field in prop_oneof![
            Just("lastN"), Just("selectedSources"), Just("constraints"), Just("defaultConstraints"), Just("to"),
            Just("assumedBandwidthBps"), Just("mode"), Just("list"), Just("all"), Just("videoType"),
        ],
        value in prop_oneof![
            Just("-1e308"), Just("1e400"), Just("18446744073709551615"), Just("\"x\""), Just("[[]]"),
            Just("{\"a\":{\"maxHeight\":-9}}"), Just("null"), Just("true"), Just("[\"a\",1]"),
        ],
    ) {
        let text = format!("{{\"colibriClass\":\"{class}\",\"{field}\":{value}}}");
        let _ = FromClient::parse(&text);
    }
}

//! RTP header extensions of a leg (RFC 8285). Ids are per leg; values travel by meaning.

use str0m::RtcConfig;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};
use xmpp::jingle::rtp::HeaderExtension;

const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// bytes of a value in the one-byte form
const SHORT_VALUE_MAX: usize = 16;
/// bytes of a dependency descriptor that is passed on
const DESCRIPTOR_BYTES_MAX: usize = 255;

/// The AV1 dependency descriptor as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DependencyDescriptor(pub(crate) Box<[u8]>);

/// Maps what this bridge reads or writes. The mid and the rid are left unmapped on purpose: sources are told apart
/// by their SSRCs, and a mapped mid would let a packet rebind them.
pub(super) fn map(mut config: RtcConfig, extensions: &[HeaderExtension]) -> RtcConfig {
    config = config.clear_extension_map();
    for extension in extensions.iter().filter(|e| (1..=14).contains(&e.id)) {
        let known = match extension.uri.as_str() {
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => Extension::AudioLevel,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                Extension::TransportSequenceNumber
            }
            "urn:3gpp:video-orientation" => Extension::VideoOrientation,
            DEPENDENCY_DESCRIPTOR => Extension::with_serializer(DEPENDENCY_DESCRIPTOR, Raw),
            _ => continue,
        };
        config = config.set_extension(extension.id, known);
    }
    config
}

/// What of a packet's extensions goes on to a receiver: the media's own, nothing of the leg's.
pub(crate) fn carried(incoming: &ExtensionValues) -> ExtensionValues {
    let mut carried = ExtensionValues {
        audio_level: incoming.audio_level,
        voice_activity: incoming.voice_activity,
        video_orientation: incoming.video_orientation,
        ..Default::default()
    };
    if let Some(descriptor) = incoming.user_values.get::<DependencyDescriptor>() {
        carried.user_values.set(descriptor.clone());
    }
    carried
}

/// The bytes of the packet's dependency descriptor.
pub(crate) fn descriptor(values: &ExtensionValues) -> Option<&[u8]> {
    values.user_values.get::<DependencyDescriptor>().map(|d| &*d.0)
}

/// Whether the two-byte form is needed, which a receiver must have agreed to (RFC 8285 4.1.2).
pub(crate) fn needs_mixed_forms(values: &ExtensionValues) -> bool {
    descriptor(values).is_some_and(|d| d.len() > SHORT_VALUE_MAX)
}

/// Reads and writes a dependency descriptor without looking into it.
#[derive(Debug)]
struct Raw;

impl ExtensionSerializer for Raw {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(value) = descriptor(values) else { return 0 };
        let Some(room) = buf.get_mut(..value.len()) else { return 0 };
        room.copy_from_slice(value);
        value.len()
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        let fits = (1..=DESCRIPTOR_BYTES_MAX).contains(&buf.len());
        if fits {
            values.user_values.set(DependencyDescriptor(buf.into()));
        }
        fits
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        needs_mixed_forms(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_media_is_carried() {
        let mut incoming =
            ExtensionValues { audio_level: Some(-30), transport_cc: Some(7), ..Default::default() };
        incoming.mid = Some("x".into());
        assert!(Raw.parse_value(&[1, 2, 3], &mut incoming));
        let carried = carried(&incoming);
        assert_eq!((carried.audio_level, carried.transport_cc, carried.mid), (Some(-30), None, None));
        assert_eq!(descriptor(&carried), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn a_descriptor_is_written_as_it_was_read_where_it_fits() {
        let mut values = ExtensionValues::default();
        assert!(Raw.parse_value(&[9; 17], &mut values));
        assert!(needs_mixed_forms(&values));
        let mut room = [0; 20];
        assert_eq!(Raw.write_to(&mut room, &values), 17);
        assert_eq!(room[..17], [9; 17]);
        assert_eq!(Raw.write_to(&mut [0; 5], &values), 0);
        assert!(!Raw.parse_value(&[], &mut values));
    }
}

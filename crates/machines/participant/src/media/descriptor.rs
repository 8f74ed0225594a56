//! The AV1 dependency descriptor as a header extension (RFC 8285) that is written as it was made.

use str0m::rtp::{ExtensionSerializer, ExtensionValues};

pub(super) const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Bytes of a value in the one-byte form.
const SHORT_VALUE_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Descriptor(pub(super) Vec<u8>);

/// Writes descriptors; what others wrote is passed over.
#[derive(Debug)]
pub(super) struct Writer;

impl ExtensionSerializer for Writer {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Descriptor(value)) = values.user_values.get::<Descriptor>() else { return 0 };
        let Some(room) = buf.get_mut(..value.len()) else { return 0 };
        room.copy_from_slice(value);
        value.len()
    }

    fn parse_value(&self, _buf: &[u8], _values: &mut ExtensionValues) -> bool {
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<Descriptor>().is_some_and(|Descriptor(value)| value.len() > SHORT_VALUE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_where_it_fits() {
        let mut values = ExtensionValues::default();
        assert_eq!(Writer.write_to(&mut [0; 99], &values), 0);
        values.user_values.set(Descriptor(vec![7; 17]));
        let mut room = [0; 20];
        assert_eq!((Writer.write_to(&mut room, &values), room[16], room[17]), (17, 7, 0));
        assert_eq!(Writer.write_to(&mut [0; 16], &values), 0);
        assert!(Writer.requires_two_byte_form(&values));
    }
}

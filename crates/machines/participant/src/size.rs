//! How large rooms are.

use std::fmt;
use std::str::FromStr;

/// Participants of one room: a number, or one between two that is drawn for each room. As text `5` or `3-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomSize {
    pub min: u32,
    pub max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the size of a room is a number such as 5, or two such as 3-12, at least 1")]
pub struct RoomSizeError;

impl From<u32> for RoomSize {
    fn from(size: u32) -> Self {
        Self { min: size, max: size }
    }
}

impl FromStr for RoomSize {
    type Err = RoomSizeError;

    fn from_str(text: &str) -> Result<Self, RoomSizeError> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse().ok().filter(|number| *number > 0);
        let size = Self { min: number(min).ok_or(RoomSizeError)?, max: number(max).ok_or(RoomSizeError)? };
        if size.min <= size.max { Ok(size) } else { Err(RoomSizeError) }
    }
}

impl fmt::Display for RoomSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        if min == max { write!(f, "{min}") } else { write!(f, "{min}-{max}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_one_number_or_two() {
        assert_eq!("5".parse(), Ok(RoomSize::from(5)));
        assert_eq!("3-12".parse(), Ok(RoomSize { min: 3, max: 12 }));
        assert_eq!("3 - 12".parse::<RoomSize>().map(|size| size.to_string()), Ok("3-12".to_owned()));
        for text in ["", "0", "-3", "3-", "12-3", "x", "3-12-20", "4294967296"] {
            assert_eq!(text.parse::<RoomSize>(), Err(RoomSizeError), "{text}");
        }
    }
}

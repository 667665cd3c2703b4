//! Everything that can be wrong on the wire or on a tape, with the fact and the value in the text.
//!
//! The peer is to blame for all variants but those of the last two groups, which blame our own side: the caller's
//! limits for what we send, and the writer of the transmit tape. RPyC itself has no counterpart: it raises whatever
//! Python raised, and closes.

use std::fmt;

/// Why bytes could not be decoded, or a tape not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A frame announced more bytes than `maxFrame`.
    FrameTooLarge {
        /// Announced bytes.
        len: u64,
        /// `maxFrame`.
        max: u64,
    },
    /// A compressed payload grew beyond `maxInflated`; inflating stopped there.
    InflatedTooLarge {
        /// `maxInflated`.
        max: u64,
    },
    /// A compressed payload is not zlib, or its checksum is wrong.
    BadZlib,
    /// A compressed payload ends inside its zlib stream.
    TruncatedZlib,
    /// The payload is no message of any version.
    NotAMessage {
        /// Its first bytes, up to 4.
        start: [u8; 4],
        /// How many of them there are.
        len: u8,
    },
    /// A message in another layout than the connection's first one.
    MixedVariants {
        /// [`crate::Form::code`] of the first frame.
        latched: u16,
        /// That of this frame.
        got: u16,
    },
    /// The payload ends inside a value.
    Truncated {
        /// Payload position at which bytes were missing.
        at: usize,
    },
    /// A container claims more items than there are bytes left.
    ContainerTooLong {
        /// Claimed items.
        count: u32,
        /// Bytes left in the payload.
        left: usize,
    },
    /// A brine tag that no version writes.
    BadTag {
        /// The tag.
        tag: u8,
        /// Its position in the payload.
        at: usize,
    },
    /// The content of a tagged value is of a kind that its tag does not allow.
    BadContent {
        /// What the tag stands for.
        of: &'static str,
        /// Position in the payload.
        at: usize,
    },
    /// An int whose text is not `-?[0-9]+`.
    BadInt {
        /// Position of the text in the payload.
        at: usize,
    },
    /// An int of more digits than CPython converts.
    IntTooLong {
        /// Digits.
        digits: usize,
    },
    /// A str that is not UTF-8.
    BadUtf8 {
        /// Position in the payload.
        at: usize,
    },
    /// Containers nested deeper than `maxDepth`.
    TooDeep {
        /// `maxDepth`.
        max: u32,
    },
    /// A message number's sequence number is no integer from 0 to 2^53-1.
    BadSeq,
    /// A message whose content has another shape than its kind needs.
    BadMessage(&'static str),
    /// A box that is not a pair of label and content.
    NotABox {
        /// Position in the payload.
        at: usize,
    },
    /// A box with a label other than 1 to 4.
    InvalidLabel(i64),
    /// An id_pack that is not `(str, int, int)`.
    BadIdPack {
        /// Position in the payload.
        at: usize,
    },
    /// An id_pack too long to be kept.
    IdPackTooLong {
        /// Its bytes.
        len: usize,
    },
    /// An id_pack as RPyC 4.0.x writes it.
    Rpyc40,
    /// More live references of one peer than the limit.
    TooManyRefs {
        /// The limit.
        max: usize,
    },
    /// More classes of one peer than the limit.
    TooManyClasses {
        /// The limit.
        max: usize,
    },
    /// More requests with thread ids that wait for an answer than the limit.
    TooManyPending {
        /// The limit.
        max: usize,
    },

    /// A message to send is larger than `maxFrame`.
    MessageTooLarge {
        /// Bytes it would have (at least).
        len: u64,
        /// `maxFrame`.
        max: u64,
    },
    /// Nothing can be encoded yet: the peer's version is unknown.
    VariantUnknown,
    /// An int to send has more digits than CPython converts.
    SendIntTooLong {
        /// Digits.
        digits: usize,
    },

    /// The arena is too small for the message: see [`crate::measure()`].
    TapeFull {
        /// Words that are needed behind `at`.
        words: usize,
        /// Floats that are needed behind `fat`.
        floats: usize,
    },
    /// The transmit tape breaks the contract of crates/DESIGN.md.
    BadTape {
        /// Position of the word.
        at: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl WireError {
    /// Is our own side to blame, so that the connection can live on?
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::MessageTooLarge { .. }
                | Self::VariantUnknown
                | Self::SendIntTooLong { .. }
                | Self::TapeFull { .. }
                | Self::BadTape { .. }
        )
    }
}

/// A number of bytes in the largest unit that says it exactly.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match UNITS
            .iter()
            .find(|(bits, _)| self.0 != 0 && self.0.trailing_zeros() >= *bits)
        {
            Some((bits, unit)) => write!(f, "{} {unit}", self.0 >> bits),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

fn variant_name(code: u16) -> String {
    let threads = if code & 256 != 0 {
        " with thread ids"
    } else {
        ""
    };
    format!("RPyC {}.x{threads}", code & 255)
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FrameTooLarge { len, max } => write!(f, "frame of {} exceeds maxFrame {}", Bytes(len), Bytes(max)),
            Self::InflatedTooLarge { max } => write!(f, "compressed frame inflates to more than maxInflated {}", Bytes(max)),
            Self::BadZlib => f.write_str("compressed frame is not a valid zlib stream"),
            Self::TruncatedZlib => f.write_str("compressed frame ends inside its zlib stream"),
            Self::NotAMessage { start, len } => {
                f.write_str("payload is not an RPyC message, it starts with")?;
                start[..len.min(4) as usize].iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            Self::MixedVariants { latched, got } => {
                write!(f, "message of {} on a connection of {}", variant_name(got), variant_name(latched))
            }
            Self::Truncated { at } => write!(f, "payload ends inside a value at byte {at}"),
            Self::ContainerTooLong { count, left } => write!(f, "container of {count} items in {left} remaining bytes"),
            Self::BadTag { tag, at } => write!(f, "unknown brine tag 0x{tag:02x} at byte {at}"),
            Self::BadContent { of, at } => write!(f, "brine {of} with a content of another kind at byte {at}"),
            Self::BadInt { at } => write!(f, "int text at byte {at} is not -?[0-9]+"),
            Self::IntTooLong { digits } => write!(f, "int of {digits} digits exceeds 4300 digits"),
            Self::BadUtf8 { at } => write!(f, "str at byte {at} is not valid UTF-8"),
            Self::TooDeep { max } => write!(f, "values nested deeper than maxDepth {max}"),
            Self::BadSeq => f.write_str("sequence number is not an integer from 0 to 2^53-1"),
            Self::BadMessage(what) => f.write_str(what),
            Self::NotABox { at } => write!(f, "value at byte {at} is not a box (label, content)"),
            Self::InvalidLabel(label) => write!(f, "invalid label {label}"),
            Self::BadIdPack { at } => write!(f, "id_pack at byte {at} is not (str, int, int)"),
            Self::IdPackTooLong { len } => write!(f, "id_pack of {len} bytes exceeds 4096 bytes"),
            Self::Rpyc40 => f.write_str("peer speaks RPyC 4.0 or older (object ids without a class id); 4.1 or newer is needed"),
            Self::TooManyRefs { max } => write!(f, "peer sent more than {max} live references"),
            Self::TooManyClasses { max } => write!(f, "peer sent references of more than {max} classes"),
            Self::TooManyPending { max } => write!(f, "peer sent more than {max} requests that are still unanswered"),
            Self::MessageTooLarge { len, max } => write!(f, "message of {} exceeds maxFrame {}", Bytes(len), Bytes(max)),
            Self::VariantUnknown => f.write_str("the peer's RPyC version is not known yet"),
            Self::SendIntTooLong { digits } => write!(f, "int of {digits} digits exceeds the 4300 digits that Python accepts"),
            Self::TapeFull { words, floats } => write!(f, "message needs {words} words and {floats} floats of tape"),
            Self::BadTape { at, what } => write!(f, "transmit tape is broken at word {at}: {what}"),
        }
    }
}

impl std::error::Error for WireError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_fact_and_the_value() {
        let gib = 1 << 30;
        assert_eq!(
            WireError::FrameTooLarge {
                len: 5 * gib,
                max: gib / 4
            }
            .to_string(),
            "frame of 5 GiB exceeds maxFrame 256 MiB"
        );
        assert_eq!(
            WireError::FrameTooLarge {
                len: u64::from(u32::MAX),
                max: 3 << 10
            }
            .to_string(),
            "frame of 4294967295 bytes exceeds maxFrame 3 KiB"
        );
        assert_eq!(WireError::InvalidLabel(9).to_string(), "invalid label 9");
        assert_eq!(
            WireError::MixedVariants {
                latched: 6,
                got: 5 + 256
            }
            .to_string(),
            "message of RPyC 5.x with thread ids on a connection of RPyC 6.x"
        );
        assert_eq!(
            WireError::NotAMessage {
                start: [0xff, 1, 0, 0],
                len: 2
            }
            .to_string(),
            "payload is not an RPyC message, it starts with ff 01"
        );
    }

    #[test]
    fn the_error_stays_small_enough_to_return_by_value() {
        assert!(std::mem::size_of::<WireError>() <= 32);
    }
}

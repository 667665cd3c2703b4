//! The tape: tags and word layout of crates/DESIGN.md section 3, mirrored by src/native/tape.ts (same names, same numbers).
//!
//! A word is a native `i32`; its low 8 bits are the tag, the other 24 are signed `arg`.

use crate::error::WireError;

/// None.
pub const NONE: i32 = 0;
/// True.
pub const TRUE: i32 = 1;
/// False.
pub const FALSE: i32 = 2;
/// Ellipsis.
pub const ELLIPSIS: i32 = 3;
/// NotImplemented.
pub const NOT_IMPLEMENTED: i32 = 4;
/// `tag, arg = value`: an int of signed 24 bits.
pub const INT: i32 = 5;
/// `tag, f`: any other int with |v| <= 2^53-1.
pub const INT53: i32 = 6;
/// `tag, off, len`: decimal text of any other int.
pub const BIGINT: i32 = 7;
/// `tag, f`: a float, exact bits.
pub const FLOAT: i32 = 8;
/// `tag (arg 1 = pure ASCII), off, len`: UTF-8.
pub const STR: i32 = 9;
/// `''`.
pub const EMPTY_STR: i32 = 10;
/// `tag, off, len`.
pub const BYTES: i32 = 11;
/// `b''`.
pub const EMPTY_BYTES: i32 = 12;
/// `tag, count` and that many values.
pub const TUPLE: i32 = 13;
/// `tag, count` and that many values.
pub const FROZENSET: i32 = 14;
/// `tag` and 3 values.
pub const SLICE: i32 = 15;
/// `tag, f`: real at `f`, imaginary at `f + 1`.
pub const COMPLEX: i32 = 16;
/// `tag, name id`: an interned str.
pub const NAME: i32 = 17;
/// `tag, count` and that many boxes: label 2.
pub const BOX: i32 = 18;
/// In: `tag (arg 1 = class object), rid, class`: label 4, the peer's object.
pub const REMOTE: i32 = 19;
/// Out: `tag, name id, class_id, instance_id`: label 4, our object.
pub const EXPORT: i32 = 20;
/// In: `tag (arg 1 = class object), id`: label 3, our object came back; id 0 = nothing we ever sent.
pub const LOCAL: i32 = 21;
/// Out (and in with [`crate::Codec::keep_local_packs`]): `tag, rid`: label 3 with the id_pack verbatim.
pub const REF: i32 = 22;
/// Out: `tag, rid`: the id_pack verbatim as a plain value.
pub const IDPACK: i32 = 23;
/// Out: `tag (arg 0 = bytes, 1 = str), index`: the body lies in the blobs.
pub const BLOB: i32 = 24;
/// Out: `tag, rid`: label 4 with the peer's id_pack verbatim, for relays and tests.
pub const RELAY: i32 = 25;

/// Words of an inbound record.
pub const RECORD_WORDS: usize = 8;
/// Words of the header of an outbound message.
pub const HEADER_WORDS: usize = 7;

/// Message kinds, in records (1 to 3) and in outbound headers.
pub mod kind {
    /// A request.
    pub const REQUEST: i32 = 1;
    /// A reply.
    pub const REPLY: i32 = 2;
    /// An exception.
    pub const EXCEPTION: i32 = 3;
    /// Out only: a DEL request that also takes boxes off a rid.
    pub const DEL: i32 = 4;
}

/// Positions in an inbound record.
pub mod record {
    /// [`super::kind`].
    pub const KIND: usize = 0;
    /// Low 32 bits of the sequence number.
    pub const SEQ_LO: usize = 1;
    /// High 21 bits.
    pub const SEQ_HI: usize = 2;
    /// Handler number of a request, -1 when it is no i32.
    pub const HANDLER: usize = 3;
    /// LOCAL id of the first argument, or 0.
    pub const OBJ: usize = 4;
    /// Interned id of the attribute name, or 0.
    pub const NAME: usize = 5;
    /// Tape position of the value.
    pub const POS: usize = 6;
    /// Tape position of the first argument that OBJ and NAME do not tell.
    pub const REST: usize = 7;
}

/// A word with tag and arg.
#[inline]
pub const fn word(tag: i32, arg: i32) -> i32 {
    (arg << 8) | tag
}

/// The tag of a word.
#[inline]
pub const fn tag(word: i32) -> i32 {
    word & 0xff
}

/// The arg of a word, sign extended.
#[inline]
pub const fn arg(word: i32) -> i32 {
    word >> 8
}

/// Most words and floats that any payload of `len` bytes can take (records apart).
///
/// Exact worst cases: 2 words for a 1-byte `()` or `(x,)`, 2 floats for a 17-byte complex.
#[inline]
pub const fn tape_bound(len: usize) -> (usize, usize) {
    (2 * len, len / 8)
}

/// Where a decoder writes: the words and floats of one arena, and how far they are filled.
///
/// Invariant: `at <= words.len()` and `fat <= floats.len()` after every successful decode.
#[derive(Debug)]
pub struct TapeWriter<'a> {
    /// All words of the arena, records included.
    pub words: &'a mut [i32],
    /// Next free word.
    pub at: usize,
    /// All floats of the arena.
    pub floats: &'a mut [f64],
    /// Next free float.
    pub fat: usize,
}

impl<'a> TapeWriter<'a> {
    /// A writer that starts at the given positions.
    pub fn new(words: &'a mut [i32], at: usize, floats: &'a mut [f64], fat: usize) -> Self {
        Self {
            words,
            at,
            floats,
            fat,
        }
    }

    /// Is there room for this much?
    #[inline]
    pub fn has_room(&self, (words, floats): (usize, usize)) -> bool {
        self.words.len().saturating_sub(self.at) >= words
            && self.floats.len().saturating_sub(self.fat) >= floats
    }

    /// Appends one word. Room was checked before; a word too many would be dropped, not written elsewhere.
    #[inline]
    pub(crate) fn push(&mut self, word: i32) {
        if let Some(slot) = self.words.get_mut(self.at) {
            *slot = word;
            self.at += 1;
        }
    }

    #[inline]
    pub(crate) fn push2(&mut self, first: i32, second: i32) {
        if let Some([a, b]) = self.words.get_mut(self.at..self.at + 2) {
            *a = first;
            *b = second;
            self.at += 2;
        }
    }

    #[inline]
    pub(crate) fn push3(&mut self, first: i32, second: i32, third: i32) {
        if let Some([a, b, c]) = self.words.get_mut(self.at..self.at + 3) {
            *a = first;
            *b = second;
            *c = third;
            self.at += 3;
        }
    }

    /// Appends one float and returns its index.
    #[inline]
    pub(crate) fn float(&mut self, value: f64) -> i32 {
        let index = self.fat;
        if let Some(slot) = self.floats.get_mut(index) {
            *slot = value;
            self.fat += 1;
        }
        index as i32
    }
}

/// Header of an outbound message: 7 words before its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Socket or push endpoint that the message is for.
    pub handle: i32,
    /// [`kind`].
    pub kind: i32,
    /// Sequence number, 53 bits.
    pub seq: u64,
    /// See crates/DESIGN.md.
    pub a: i32,
    /// See crates/DESIGN.md.
    pub b: i32,
    /// Words of the whole message, header included.
    pub words: usize,
}

impl Header {
    /// Reads the header at `at`; the message lies within `words` and spans at least its header.
    pub fn read(words: &[i32], at: usize) -> Result<Self, WireError> {
        let bad = |what| WireError::BadTape { at, what };
        let Some(&[handle, kind, lo, hi, a, b, count]) =
            words.get(at..).and_then(|rest| rest.get(..HEADER_WORDS))
        else {
            return Err(bad("message header is cut short"));
        };
        let count = usize::try_from(count).map_err(|_| bad("negative message length"))?;
        if count < HEADER_WORDS || count > words.len() - at {
            return Err(bad("message length leaves the tape"));
        }
        if !(0..1 << 21).contains(&hi) {
            return Err(bad("sequence number over 53 bits"));
        }
        let seq = u64::from(lo as u32) | (hi as u64) << 32;
        Ok(Self {
            handle,
            kind,
            seq,
            a,
            b,
            words: count,
        })
    }
}

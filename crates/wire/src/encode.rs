//! Values and boxes from the transmit tape to brine, in one pass. Answers to `dump` of rpyc/core/brine.py and `_box` of
//! rpyc/core/protocol.py.
//!
//! The tape is written by our own JavaScript, but is not trusted to be right: whatever it says, the result is an error or
//! well-formed brine. Only the UTF-8 of strs is not looked at again.

use crate::brine::{self, IntText, IMM_ZERO, MAX_SAFE};
use crate::error::WireError;
use crate::limits::HARD_MAX_FRAME;
use crate::names::Names;
use crate::refs::Refs;
use crate::tape::{self, arg, tag};

/// Deepest nesting on a tape: what a decoder accepts by default. Python's own gives up at 331 to 497; the tape's writer
/// stops at 300.
const MAX_DEPTH: u32 = 400;

const BOX_VALUE: [u8; 2] = [brine::TAG_TUP2, IMM_ZERO + 1];
const BOX_TUPLE: [u8; 2] = [brine::TAG_TUP2, IMM_ZERO + 2];
const BOX_LOCAL_REF: [u8; 2] = [brine::TAG_TUP2, IMM_ZERO + 3];
const BOX_REMOTE_REF: [u8; 2] = [brine::TAG_TUP2, IMM_ZERO + 4];

/// Bodies that lie outside the transmit tape.
pub trait Blobs {
    /// The bytes of a BLOB word's index.
    fn blob(&self, index: usize) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]>> Blobs for [T] {
    fn blob(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

impl<T: AsRef<[u8]>, const N: usize> Blobs for [T; N] {
    fn blob(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

impl<T: AsRef<[u8]>> Blobs for Vec<T> {
    fn blob(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(AsRef::as_ref)
    }
}

/// No blobs.
impl Blobs for () {
    fn blob(&self, _index: usize) -> Option<&[u8]> {
        None
    }
}

/// A transmit tape: words, floats and bytes as far as they are filled, and the blobs.
#[derive(Clone, Copy)]
pub struct Outbound<'a, B: ?Sized> {
    /// Messages, one after the other.
    pub words: &'a [i32],
    /// Floats.
    pub floats: &'a [f64],
    /// Bodies of strs, bytes and big ints.
    pub bytes: &'a [u8],
    /// Bodies elsewhere.
    pub blobs: &'a B,
}

/// Writes the values of one message.
pub(crate) struct Encoder<'a, 'o, B: ?Sized> {
    /// The tape up to the message's end.
    pub words: &'a [i32],
    pub at: usize,
    pub tape: &'a Outbound<'a, B>,
    pub names: &'a Names,
    pub refs: Option<&'a Refs>,
    pub out: &'o mut Vec<u8>,
    /// `out` may not become longer than this; large bodies are refused before they are copied.
    pub max_len: usize,
}

impl<'a, B: Blobs + ?Sized> Encoder<'a, '_, B> {
    #[cold]
    fn bad(&self, what: &'static str) -> WireError {
        WireError::BadTape {
            at: self.at.saturating_sub(1),
            what,
        }
    }

    #[inline]
    fn next(&mut self) -> Result<i32, WireError> {
        let word = *self.words.get(self.at).ok_or(WireError::BadTape {
            at: self.at,
            what: "message ends inside a value",
        })?;
        self.at += 1;
        Ok(word)
    }

    /// A count of items: every one takes a word at least.
    #[inline]
    fn count(&mut self) -> Result<usize, WireError> {
        let count = self.next()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.words.len() - self.at => Ok(count),
            _ => Err(self.bad("count leaves the message")),
        }
    }

    #[inline]
    fn float(&mut self, plus: usize) -> Result<f64, WireError> {
        let index = *self.words.get(self.at).ok_or(WireError::BadTape {
            at: self.at,
            what: "message ends inside a value",
        })?;
        let value = usize::try_from(index)
            .ok()
            .and_then(|index| self.tape.floats.get(index + plus));
        value
            .copied()
            .ok_or_else(|| self.bad("float index leaves the tape"))
    }

    /// `off, len` of the tape's bytes.
    #[inline]
    fn body(&mut self) -> Result<&'a [u8], WireError> {
        let (off, len) = (self.next()?, self.next()?);
        let bytes = self.tape.bytes;
        let range = usize::try_from(off).ok().zip(usize::try_from(len).ok());
        range
            .and_then(|(off, len)| bytes.get(off..)?.get(..len))
            .ok_or_else(|| self.bad("bytes leave the tape"))
    }

    /// One box with `depth` containers around it.
    pub(crate) fn boxed(&mut self, depth: u32) -> Result<(), WireError> {
        let head = *self.words.get(self.at).unwrap_or(&-1);
        match tag(head) {
            tape::BOX => {
                self.at += 1;
                let count = self.count()?;
                self.out.extend_from_slice(&BOX_TUPLE);
                brine::put_tuple_head(self.out, count);
                let inner = self.deeper(depth)?;
                (0..count).try_for_each(|_| self.boxed(inner))
            }
            tape::REF => self.pack(BOX_LOCAL_REF),
            tape::RELAY => self.pack(BOX_REMOTE_REF),
            tape::EXPORT => self.export(),
            _ => {
                self.out.extend_from_slice(&BOX_VALUE);
                self.value(depth)
            }
        }
    }

    #[inline]
    fn export(&mut self) -> Result<(), WireError> {
        self.at += 1;
        let (name, class, instance) = (self.next()?, self.next()?, self.next()?);
        let Some(name) = self.names.brine(name as u32) else {
            return Err(self.bad("unknown name"));
        };
        let [a, b] = BOX_REMOTE_REF;
        self.out.extend_from_slice(&[a, b, brine::TAG_TUP3]);
        self.out.extend_from_slice(name);
        brine::put_int(self.out, i64::from(class));
        brine::put_int(self.out, i64::from(instance));
        Ok(())
    }

    #[inline]
    fn pack(&mut self, head: [u8; 2]) -> Result<(), WireError> {
        self.out.extend_from_slice(&head);
        self.at += 1;
        self.verbatim()
    }

    #[inline]
    fn verbatim(&mut self) -> Result<(), WireError> {
        let rid = self.next()?;
        let Some(pack) = self.refs.and_then(|refs| refs.pack(rid as u32)) else {
            return Err(self.bad("unknown rid"));
        };
        self.out.extend_from_slice(pack);
        Ok(())
    }

    /// One plain value with `depth` containers around it.
    pub(crate) fn value(&mut self, depth: u32) -> Result<(), WireError> {
        let head = self.next()?;
        match tag(head) {
            tape::INT => brine::put_int(self.out, i64::from(arg(head))),
            tape::STR => {
                self.out.push(brine::TAG_UNICODE);
                self.bytes()?;
            }
            tape::NAME => {
                let id = self.next()?;
                let Some(name) = self.names.brine(id as u32) else {
                    return Err(self.bad("unknown name"));
                };
                self.out.extend_from_slice(name);
            }
            tape::INT53 => {
                let value = self.float(0)?;
                self.at += 1;
                if value.trunc() != value || value.abs() > MAX_SAFE as f64 {
                    return Err(self.bad("INT53 is not a safe integer"));
                }
                brine::put_int(self.out, value as i64);
            }
            tape::FLOAT => {
                let value = self.float(0)?;
                self.at += 1;
                self.out.push(brine::TAG_FLOAT);
                self.put_float(value);
            }
            tape::TUPLE => return self.items(depth),
            tape::NONE => self.out.push(brine::TAG_NONE),
            tape::TRUE => self.out.push(brine::TAG_TRUE),
            tape::FALSE => self.out.push(brine::TAG_FALSE),
            tape::EMPTY_STR => self
                .out
                .extend_from_slice(&[brine::TAG_UNICODE, brine::TAG_EMPTY_STR]),
            tape::BYTES => self.bytes()?,
            tape::EMPTY_BYTES => self.out.push(brine::TAG_EMPTY_STR),
            tape::BLOB => return self.blob(arg(head)),
            tape::BIGINT => return self.bigint(),
            tape::FROZENSET => {
                self.out.push(brine::TAG_FSET);
                return self.items(depth);
            }
            tape::SLICE => {
                self.out
                    .extend_from_slice(&[brine::TAG_SLICE, brine::TAG_TUP3]);
                let inner = self.deeper(depth)?;
                return (0..3).try_for_each(|_| self.value(inner));
            }
            tape::COMPLEX => {
                let (real, imaginary) = (self.float(0)?, self.float(1)?);
                self.at += 1;
                self.out.push(brine::TAG_COMPLEX);
                self.put_float(real);
                self.put_float(imaginary);
            }
            tape::IDPACK => return self.verbatim(),
            tape::ELLIPSIS => self.out.push(brine::TAG_ELLIPSIS),
            tape::NOT_IMPLEMENTED => self.out.push(brine::TAG_NOT_IMPLEMENTED),
            tape::BOX | tape::REF | tape::EXPORT | tape::RELAY => {
                return Err(self.bad("a box inside a plain value"))
            }
            _ => return Err(self.bad("unknown tag")),
        }
        Ok(())
    }

    fn items(&mut self, depth: u32) -> Result<(), WireError> {
        let count = self.count()?;
        brine::put_tuple_head(self.out, count);
        let inner = self.deeper(depth)?;
        (0..count).try_for_each(|_| self.value(inner))
    }

    #[inline]
    fn deeper(&self, depth: u32) -> Result<u32, WireError> {
        if depth >= MAX_DEPTH {
            return Err(self.bad("nested too deeply"));
        }
        Ok(depth + 1)
    }

    #[inline]
    fn put_float(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_bits().to_be_bytes());
    }

    /// STR (its tag is out) or BYTES.
    #[inline]
    fn bytes(&mut self) -> Result<(), WireError> {
        let body = self.body()?;
        self.put_body(body)
    }

    #[inline]
    fn put_body(&mut self, body: &[u8]) -> Result<(), WireError> {
        if body.len() > self.max_len.saturating_sub(self.out.len()) {
            return Err(self.too_large(body.len()));
        }
        brine::put_bytes_head(self.out, body.len());
        self.out.extend_from_slice(body);
        Ok(())
    }

    /// `max` is filled in by the caller, who knows where the message starts.
    #[cold]
    fn too_large(&self, more: usize) -> WireError {
        WireError::MessageTooLarge {
            len: (self.out.len() + more) as u64,
            max: 0,
        }
    }

    #[cold]
    fn blob(&mut self, is_str: i32) -> Result<(), WireError> {
        let index = self.next()?;
        let tape = self.tape;
        let Some(body) = usize::try_from(index)
            .ok()
            .and_then(|index| tape.blobs.blob(index))
        else {
            return Err(self.bad("unknown blob"));
        };
        if is_str != 0 {
            self.out.push(brine::TAG_UNICODE);
        }
        self.put_body(body)
    }

    #[cold]
    fn bigint(&mut self) -> Result<(), WireError> {
        let text = self.body()?;
        brine::put_int_text(self.out, text).map_err(|error| match error {
            IntText::TooLong(digits) => WireError::SendIntTooLong { digits },
            IntText::Malformed => self.bad("BIGINT is not -?[0-9]+"),
        })
    }
}

/// Appends one plain value as brine (no box, no message): what the registry's datagrams are. Returns the position behind it.
///
/// On an error `out` is as it was.
pub fn encode_value<B: Blobs + ?Sized>(
    tape: &Outbound<'_, B>,
    at: usize,
    names: &Names,
    out: &mut Vec<u8>,
) -> Result<usize, WireError> {
    let start = out.len();
    let max_len = start.saturating_add(HARD_MAX_FRAME);
    let mut encoder = Encoder {
        words: tape.words,
        at,
        tape,
        names,
        refs: None,
        out,
        max_len,
    };
    match encoder.value(0) {
        Ok(()) => Ok(encoder.at),
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

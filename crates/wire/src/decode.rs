//! Brine values onto the tape. Answers to `load` of rpyc/core/brine.py, stricter: unused tags, truncation, other int text
//! than `-?[0-9]+`, and slices or frozensets of anything but a tuple are refused. Bytes after the value are ignored.

use crate::brine::{self, Int, MAX_SAFE};
use crate::error::WireError;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::tape::{self, word, TapeWriter};

/// Decodes the values of one payload. Offsets on the tape are `base` + position in the payload.
pub(crate) struct Values<'a, 't, 'w> {
    pub reader: Reader<'a>,
    pub base: i32,
    pub tape: &'t mut TapeWriter<'w>,
    pub max_depth: u32,
}

impl<'a, 't, 'w> Values<'a, 't, 'w> {
    /// `base + payload.len()` must be below 2^31, and the tape have room: see `check_room`.
    pub(crate) fn new(
        payload: &'a [u8],
        base: usize,
        tape: &'t mut TapeWriter<'w>,
        max_depth: u32,
    ) -> Self {
        Self {
            reader: Reader {
                bytes: payload,
                at: 0,
            },
            base: base as i32,
            tape,
            max_depth,
        }
    }

    /// One value with `depth` containers around it.
    pub(crate) fn value(&mut self, depth: u32) -> Result<(), WireError> {
        let at = self.reader.at;
        let tag = self.reader.byte()?;
        match tag {
            brine::IMM_FIRST..=brine::IMM_LAST => self
                .tape
                .push(word(tape::INT, i32::from(tag) - i32::from(brine::IMM_ZERO))),
            brine::TAG_UNICODE => {
                let text = self.str_body()?;
                return self.put_text(text);
            }
            brine::TAG_INT_L1 | brine::TAG_INT_L4 => {
                if let Some(text) = self.reader.int_text_of(tag)? {
                    return self.put_int_text(text);
                }
            }
            brine::TAG_TUP1..=brine::TAG_TUP_L4 | brine::TAG_EMPTY_TUPLE => {
                return self.container(tape::TUPLE, tag, depth)
            }
            brine::TAG_NONE => self.tape.push(tape::NONE),
            brine::TAG_TRUE => self.tape.push(tape::TRUE),
            brine::TAG_FALSE => self.tape.push(tape::FALSE),
            brine::TAG_STR1..=brine::TAG_STR_L4 | brine::TAG_EMPTY_STR => {
                if let Some(body) = self.reader.bytes_of(tag)? {
                    self.put_bytes(body);
                }
            }
            brine::TAG_FLOAT => {
                let f = self.float()?;
                self.tape.push2(tape::FLOAT, f);
            }
            brine::TAG_COMPLEX => {
                let f = self.float()?;
                self.float()?;
                self.tape.push2(tape::COMPLEX, f);
            }
            brine::TAG_FSET => {
                let inner = self.reader.byte()?;
                return self.container(tape::FROZENSET, inner, depth);
            }
            brine::TAG_SLICE => return self.slice(depth),
            brine::TAG_LONG => {
                self.reader.at = at;
                return self.long();
            }
            brine::TAG_NOT_IMPLEMENTED => self.tape.push(tape::NOT_IMPLEMENTED),
            brine::TAG_ELLIPSIS => self.tape.push(tape::ELLIPSIS),
            _ => return Err(WireError::BadTag { tag, at }),
        }
        Ok(())
    }

    /// `count` values behind a tuple tag that was read.
    fn container(&mut self, kind: i32, tag: u8, depth: u32) -> Result<(), WireError> {
        let at = self.reader.at;
        let Some(count) = self.reader.count_of(tag)? else {
            return Err(WireError::BadContent {
                of: "frozenset",
                at: at - 1,
            });
        };
        let inner = self.deeper(depth)?;
        self.tape.push2(kind, count as i32);
        for _ in 0..count {
            self.value(inner)?;
        }
        Ok(())
    }

    #[cold]
    fn slice(&mut self, depth: u32) -> Result<(), WireError> {
        let at = self.reader.at;
        let tag = self.reader.byte()?;
        if self.reader.count_of(tag)? != Some(3) {
            return Err(WireError::BadContent { of: "slice", at });
        }
        let inner = self.deeper(depth)?;
        self.tape.push(tape::SLICE);
        (0..3).try_for_each(|_| self.value(inner))
    }

    #[cold]
    fn long(&mut self) -> Result<(), WireError> {
        let at = self.reader.at + 1;
        let start = self.reader.at;
        match self.reader.int()? {
            Some(Int::Small(value)) if value.abs() <= MAX_SAFE => self.put_small(value),
            Some(_) => {
                // int() has read `09 16|17 ...`: back to the tag of the text, which goes on the tape as it is.
                self.reader.at = start + 1;
                let tag = self.reader.byte()?;
                if let Some(text) = self.reader.int_text_of(tag)? {
                    self.put_big(text);
                }
            }
            None => return Err(WireError::BadContent { of: "long", at }),
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn deeper(&self, depth: u32) -> Result<u32, WireError> {
        if depth >= self.max_depth {
            return Err(WireError::TooDeep {
                max: self.max_depth,
            });
        }
        Ok(depth + 1)
    }

    /// The bytes of a str behind its tag 08.
    #[inline]
    pub(crate) fn str_body(&mut self) -> Result<&'a [u8], WireError> {
        let at = self.reader.at;
        let tag = self.reader.byte()?;
        self.reader
            .bytes_of(tag)?
            .ok_or(WireError::BadContent { of: "str", at })
    }

    /// Writes the str that was just read, after checking it.
    #[inline]
    pub(crate) fn put_text(&mut self, text: &'a [u8]) -> Result<(), WireError> {
        if text.is_empty() {
            self.tape.push(tape::EMPTY_STR);
            return Ok(());
        }
        let at = self.reader.at - text.len();
        let ascii = check_utf8(text, at)?;
        self.tape.push3(
            word(tape::STR, i32::from(ascii)),
            self.base + at as i32,
            text.len() as i32,
        );
        Ok(())
    }

    #[inline]
    fn put_bytes(&mut self, body: &'a [u8]) {
        if body.is_empty() {
            return self.tape.push(tape::EMPTY_BYTES);
        }
        let at = self.reader.at - body.len();
        self.tape
            .push3(tape::BYTES, self.base + at as i32, body.len() as i32);
    }

    #[inline]
    fn put_int_text(&mut self, text: &'a [u8]) -> Result<(), WireError> {
        match Int::parse(text, self.reader.at - text.len())? {
            Int::Small(value) if value.abs() <= MAX_SAFE => self.put_small(value),
            _ => self.put_big(text),
        }
        Ok(())
    }

    #[inline]
    fn put_small(&mut self, value: i64) {
        if (-(1 << 23)..1 << 23).contains(&value) {
            self.tape.push(word(tape::INT, value as i32));
        } else {
            let f = self.tape.float(value as f64);
            self.tape.push2(tape::INT53, f);
        }
    }

    fn put_big(&mut self, text: &'a [u8]) {
        let at = self.reader.at - text.len();
        self.tape
            .push3(tape::BIGINT, self.base + at as i32, text.len() as i32);
    }

    #[inline]
    fn float(&mut self) -> Result<i32, WireError> {
        let bits = u64::from_be_bytes(self.reader.array()?);
        Ok(self.tape.float(f64::from_bits(bits)))
    }
}

/// Is it pure ASCII? Refuses what is not UTF-8.
#[inline]
pub(crate) fn check_utf8(text: &[u8], at: usize) -> Result<bool, WireError> {
    if text.is_ascii() {
        return Ok(true);
    }
    match std::str::from_utf8(text) {
        Ok(_) => Ok(false),
        Err(error) => Err(WireError::BadUtf8 {
            at: at + error.valid_up_to(),
        }),
    }
}

/// Decodes one brine value (no box, no message): what the registry's datagrams are.
///
/// Returns the number of bytes it takes; bytes after it are ignored. Depth is limited, offsets are `base` + position.
pub fn decode_value(
    bytes: &[u8],
    base: usize,
    limits: &Limits,
    tape: &mut TapeWriter<'_>,
) -> Result<usize, WireError> {
    if base.saturating_add(bytes.len()) > i32::MAX as usize
        || !tape.has_room(tape::tape_bound(bytes.len()))
    {
        let (words, floats) = tape::tape_bound(bytes.len());
        return Err(WireError::TapeFull { words, floats });
    }
    let mut values = Values::new(bytes, base, tape, limits.clamped().max_depth);
    values.value(0)?;
    Ok(values.reader.at)
}

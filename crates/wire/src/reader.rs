//! A cursor over one payload: heads of brine values, checked against the bytes that are left.

use crate::brine::{self, Int};
use crate::error::WireError;

/// Invariant: `at <= bytes.len()`.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn truncated(&self) -> WireError {
        WireError::Truncated {
            at: self.bytes.len(),
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, WireError> {
        let byte = *self.bytes.get(self.at).ok_or(self.truncated())?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let taken = self.rest().get(..len).ok_or(self.truncated())?;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let taken = *self.rest().first_chunk::<N>().ok_or(self.truncated())?;
        self.at += N;
        Ok(taken)
    }

    #[inline]
    fn len1(&mut self) -> Result<usize, WireError> {
        Ok(self.byte()? as usize)
    }

    #[inline]
    fn len4(&mut self) -> Result<usize, WireError> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    /// The bytes behind a tag that was read; None when it is no bytes tag.
    #[inline]
    pub(crate) fn bytes_of(&mut self, tag: u8) -> Result<Option<&'a [u8]>, WireError> {
        let len = match tag {
            brine::TAG_STR_L1 => self.len1()?,
            brine::TAG_STR1..=brine::TAG_STR4 => (tag - brine::TAG_STR1) as usize + 1,
            brine::TAG_STR_L4 => self.len4()?,
            brine::TAG_EMPTY_STR => 0,
            _ => return Ok(None),
        };
        self.take(len).map(Some)
    }

    /// The number of items behind a tag that was read, at most the bytes left; None when it is no tuple tag.
    #[inline]
    pub(crate) fn count_of(&mut self, tag: u8) -> Result<Option<usize>, WireError> {
        let count = match tag {
            brine::TAG_TUP1..=brine::TAG_TUP4 => (tag - brine::TAG_TUP1) as usize + 1,
            brine::TAG_EMPTY_TUPLE => 0,
            brine::TAG_TUP_L1 => self.len1()?,
            brine::TAG_TUP_L4 => self.len4()?,
            _ => return Ok(None),
        };
        let left = self.bytes.len() - self.at;
        if count > left {
            return Err(WireError::ContainerTooLong {
                count: count as u32,
                left,
            });
        }
        Ok(Some(count))
    }

    /// The text of an int behind its tag; None when it is no tag of int text.
    #[inline]
    pub(crate) fn int_text_of(&mut self, tag: u8) -> Result<Option<&'a [u8]>, WireError> {
        let len = match tag {
            brine::TAG_INT_L1 => self.len1()?,
            brine::TAG_INT_L4 => self.len4()?,
            _ => return Ok(None),
        };
        self.take(len).map(Some)
    }

    /// A whole int; None, with nothing consumed, when something else comes.
    #[inline]
    pub(crate) fn int(&mut self) -> Result<Option<Int<'a>>, WireError> {
        let start = self.at;
        let mut tag = self.byte()?;
        if tag == brine::TAG_LONG {
            tag = self.byte()?;
        }
        if (brine::IMM_FIRST..=brine::IMM_LAST).contains(&tag) {
            return Ok(Some(Int::Small(
                i64::from(tag) - i64::from(brine::IMM_ZERO),
            )));
        }
        match self.int_text_of(tag)? {
            Some(text) => Int::parse(text, self.at - text.len()).map(Some),
            None => {
                self.at = start;
                Ok(None)
            }
        }
    }
}

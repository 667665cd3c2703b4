//! Brine's tags, ints and the encoder's choice among its forms. Answers to rpyc/core/brine.py.
//!
//! Ints travel as decimal text; one byte holds -48 to 159. Lengths and counts up to 4 have tags of their own.

use crate::error::WireError;
use crate::limits::MAX_INT_DIGITS;

pub(crate) const TAG_NONE: u8 = 0x00;
pub(crate) const TAG_EMPTY_STR: u8 = 0x01;
pub(crate) const TAG_EMPTY_TUPLE: u8 = 0x02;
pub(crate) const TAG_TRUE: u8 = 0x03;
pub(crate) const TAG_FALSE: u8 = 0x04;
pub(crate) const TAG_NOT_IMPLEMENTED: u8 = 0x05;
pub(crate) const TAG_ELLIPSIS: u8 = 0x06;
pub(crate) const TAG_UNICODE: u8 = 0x08;
/// Python 2's long: an int follows. Never sent by us.
pub(crate) const TAG_LONG: u8 = 0x09;
pub(crate) const TAG_STR1: u8 = 0x0a;
pub(crate) const TAG_STR4: u8 = 0x0d;
pub(crate) const TAG_STR_L1: u8 = 0x0e;
pub(crate) const TAG_STR_L4: u8 = 0x0f;
pub(crate) const TAG_TUP1: u8 = 0x10;
pub(crate) const TAG_TUP2: u8 = 0x11;
pub(crate) const TAG_TUP3: u8 = 0x12;
pub(crate) const TAG_TUP4: u8 = 0x13;
pub(crate) const TAG_TUP_L1: u8 = 0x14;
pub(crate) const TAG_TUP_L4: u8 = 0x15;
pub(crate) const TAG_INT_L1: u8 = 0x16;
pub(crate) const TAG_INT_L4: u8 = 0x17;
pub(crate) const TAG_FLOAT: u8 = 0x18;
pub(crate) const TAG_SLICE: u8 = 0x19;
pub(crate) const TAG_FSET: u8 = 0x1a;
pub(crate) const TAG_COMPLEX: u8 = 0x1b;
/// One-byte ints: value + 0x50, from 0x20 to 0xef.
pub(crate) const IMM_ZERO: u8 = 0x50;
pub(crate) const IMM_FIRST: u8 = 0x20;
pub(crate) const IMM_LAST: u8 = 0xef;

/// 2^53 - 1.
pub(crate) const MAX_SAFE: i64 = (1 << 53) - 1;

/// An int of a payload: its value where it has at most 18 significant digits, and its text otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Int<'a> {
    Small(i64),
    /// Valid `-?[0-9]+`, at most 4300 digits.
    Big(&'a [u8]),
}

impl<'a> Int<'a> {
    /// Reads int text; `at` is its position, for the error.
    #[inline]
    pub(crate) fn parse(text: &'a [u8], at: usize) -> Result<Self, WireError> {
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() <= 18 && !digits.is_empty() {
            let value = small(digits).ok_or(WireError::BadInt { at })?;
            return Ok(Self::Small(if negative { -value } else { value }));
        }
        Self::parse_long(text, negative, digits, at)
    }

    #[cold]
    fn parse_long(
        text: &'a [u8],
        negative: bool,
        digits: &'a [u8],
        at: usize,
    ) -> Result<Self, WireError> {
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(WireError::BadInt { at });
        }
        if digits.len() > MAX_INT_DIGITS {
            return Err(WireError::IntTooLong {
                digits: digits.len(),
            });
        }
        let significant = strip_zeros(digits);
        if significant.len() > 18 {
            return Ok(Self::Big(text));
        }
        let value = small(significant).ok_or(WireError::BadInt { at })?;
        Ok(Self::Small(if negative { -value } else { value }))
    }

    /// Reads a whole int from the start of valid brine.
    pub(crate) fn of_brine(bytes: &'a [u8]) -> Option<Self> {
        match *bytes {
            [TAG_LONG, ref rest @ ..] => Self::of_brine(rest),
            [tag @ IMM_FIRST..=IMM_LAST, ..] => {
                Some(Self::Small(i64::from(tag) - i64::from(IMM_ZERO)))
            }
            [TAG_INT_L1, len, ref rest @ ..] => Self::parse(rest.get(..len as usize)?, 0).ok(),
            [TAG_INT_L4, a, b, c, d, ref rest @ ..] => {
                Self::parse(rest.get(..u32::from_be_bytes([a, b, c, d]) as usize)?, 0).ok()
            }
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_zero(self) -> bool {
        self == Self::Small(0)
    }

    /// The value if it is from 0 to 2^31-1.
    #[inline]
    pub(crate) fn as_positive_i32(self) -> Option<i32> {
        match self {
            Self::Small(value @ 0..=0x7fff_ffff) => Some(value as i32),
            _ => None,
        }
    }

    /// Python's `str()` of it.
    pub(crate) fn to_decimal(self) -> String {
        match self {
            Self::Small(value) => value.to_string(),
            Self::Big(text) => {
                let (sign, digits) = split_sign(text);
                let mut decimal = String::with_capacity(text.len());
                decimal.push_str(sign);
                decimal.extend(strip_zeros(digits).iter().map(|digit| char::from(*digit)));
                decimal
            }
        }
    }
}

fn split_sign(text: &[u8]) -> (&'static str, &[u8]) {
    match text {
        [b'-', digits @ ..] => ("-", digits),
        digits => ("", digits),
    }
}

fn strip_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros.min(digits.len() - 1)..]
}

/// Up to 18 decimal digits, 8 at a time; None when one of the bytes is no digit.
#[inline]
fn small(digits: &[u8]) -> Option<i64> {
    debug_assert!(digits.len() <= 18);
    let mut value: u64 = 0;
    let mut rest = digits;
    while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
        value = value * 100_000_000 + eight(u64::from_le_bytes(*chunk))?;
        rest = more;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as i64)
}

#[inline]
fn eight(chunk: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    if chunk & HIGH != ZEROS || chunk.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    let pairs = ((chunk & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(42_949_672_960_001) >> 32)
}

/// Appends an int in brine's own form.
#[inline]
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    if (-48..=159).contains(&value) {
        return out.push((value + i64::from(IMM_ZERO)) as u8);
    }
    // 2 bytes of head, a sign, 19 digits.
    let mut text = [0u8; 22];
    let mut at = text.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        text[at] = b'-';
    }
    let len = text.len() - at;
    text[at - 1] = len as u8;
    text[at - 2] = TAG_INT_L1;
    out.extend_from_slice(&text[at - 2..]);
}

/// Appends an int given as `-?[0-9]+`; leading zeros are dropped, as Python's `str` has none.
pub(crate) fn put_int_text(out: &mut Vec<u8>, text: &[u8]) -> Result<(), IntText> {
    let (sign, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(IntText::Malformed);
    }
    let digits = strip_zeros(digits);
    if let Some(value) = small(&digits[..digits.len().min(18)]).filter(|_| digits.len() <= 18) {
        put_int(out, if sign.is_empty() { value } else { -value });
        return Ok(());
    }
    if digits.len() > MAX_INT_DIGITS {
        return Err(IntText::TooLong(digits.len()));
    }
    put_len(out, TAG_INT_L1, sign.len() + digits.len());
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(digits);
    Ok(())
}

/// Why int text of the transmit tape was refused.
pub(crate) enum IntText {
    Malformed,
    TooLong(usize),
}

/// Appends tag `l1` and a length byte, or the next tag and 4 bytes from 256 on.
#[inline]
fn put_len(out: &mut Vec<u8>, l1: u8, len: usize) {
    if len < 256 {
        out.extend_from_slice(&[l1, len as u8]);
    } else {
        // Callers hold lengths below max_frame, at most 2^30.
        let [a, b, c, d] = (len as u32).to_be_bytes();
        out.extend_from_slice(&[l1 + 1, a, b, c, d]);
    }
}

/// Appends the head of bytes of a length; the body follows.
#[inline]
pub(crate) fn put_bytes_head(out: &mut Vec<u8>, len: usize) {
    match len {
        0 => out.push(TAG_EMPTY_STR),
        1..=4 => out.push(TAG_STR1 - 1 + len as u8),
        _ => put_len(out, TAG_STR_L1, len),
    }
}

/// Appends a str; `text` is UTF-8.
#[inline]
pub(crate) fn put_str(out: &mut Vec<u8>, text: &[u8]) {
    out.push(TAG_UNICODE);
    put_bytes_head(out, text.len());
    out.extend_from_slice(text);
}

/// Appends the head of a tuple; the items follow.
#[inline]
pub(crate) fn put_tuple_head(out: &mut Vec<u8>, count: usize) {
    match count {
        0 => out.push(TAG_EMPTY_TUPLE),
        1..=4 => out.push(TAG_TUP1 - 1 + count as u8),
        _ => put_len(out, TAG_TUP_L1, count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_text_is_read_as_python_writes_it_and_no_other_way() {
        for value in [
            0,
            1,
            -1,
            48,
            99_999_999,
            100_000_000,
            -123_456_789_012,
            999_999_999_999_999_999,
            -999_999_999_999_999_999,
        ] {
            assert_eq!(
                Int::parse(value.to_string().as_bytes(), 0),
                Ok(Int::Small(value))
            );
        }
        assert_eq!(Int::parse(b"-0", 0), Ok(Int::Small(0)));
        assert_eq!(
            Int::parse(b"000000000000000000000000042", 0),
            Ok(Int::Small(42))
        );
        assert_eq!(
            Int::parse(b"1000000000000000000", 0),
            Ok(Int::Big(b"1000000000000000000"))
        );
        for text in [
            "",
            "-",
            "+1",
            " 1",
            "1_0",
            "1 ",
            "--1",
            "12345678:",
            "1234567/",
            "\u{661}",
            "0x10",
            "1234567890123456789012x",
        ] {
            assert_eq!(
                Int::parse(text.as_bytes(), 7),
                Err(WireError::BadInt { at: 7 }),
                "{text:?}"
            );
        }
        assert!(Int::parse(&[b'9'; 4300], 0).is_ok());
        assert_eq!(
            Int::parse(&[b'9'; 4301], 0),
            Err(WireError::IntTooLong { digits: 4301 })
        );
    }

    #[test]
    fn every_byte_but_digits_is_refused_at_every_place() {
        for at in 0..18 {
            for byte in 0..=255u8 {
                let mut text = *b"123456789012345678";
                text[at] = byte;
                let fine = byte.is_ascii_digit() || (at == 0 && byte == b'-');
                assert_eq!(Int::parse(&text, 0).is_ok(), fine, "{byte:02x} at {at}");
            }
        }
    }
}

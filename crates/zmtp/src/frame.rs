//! Frames: a byte of flags, a length of 1 or 8 bytes, a body. Heads are read from and written to here alone.

use std::ops::Range;

use crate::error::ZmtpError;
use crate::limits::Limits;

/// More parts of the message follow.
pub(crate) const MORE: u8 = 1;
/// The length has 8 bytes.
pub(crate) const LONG: u8 = 2;
/// A command, not a part of a message.
pub(crate) const COMMAND: u8 = 4;

/// Longest head.
pub(crate) const MAX_HEAD: usize = 9;

/// A frame found in the bytes it is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub flags: u8,
    /// Where its body lies; also the frame's end.
    pub body: Range<usize>,
}

/// The frame that starts at `at`, or how many bytes there must be before it can be read.
pub(crate) enum Scan {
    Need { total: usize },
    Frame(Frame),
}

/// Looks for the frame at `at <= bytes.len()`. The flags and the length are judged as soon as they are there.
pub(crate) fn scan(bytes: &[u8], at: usize, limits: &Limits) -> Result<Scan, ZmtpError> {
    let rest = &bytes.get(at..).unwrap_or_default();
    let Some((&flags, behind)) = rest.split_first() else {
        return Ok(Scan::Need { total: at + 2 });
    };
    if flags & !(MORE | LONG | COMMAND) != 0 || flags & (MORE | COMMAND) == MORE | COMMAND {
        return Err(ZmtpError::BadFlags { flags });
    }
    let (len, start) = if flags & LONG == 0 {
        (behind.first().map(|len| u64::from(*len)), at + 2)
    } else {
        (
            behind.first_chunk().map(|len| u64::from_be_bytes(*len)),
            at + MAX_HEAD,
        )
    };
    let Some(len) = len else {
        return Ok(Scan::Need { total: start });
    };
    let (max, command) = match flags & COMMAND {
        0 => (limits.max_frame, false),
        _ => (limits.max_command, true),
    };
    if len > max as u64 {
        return Err(match command {
            true => ZmtpError::CommandTooLarge { len, max },
            false => ZmtpError::FrameTooLarge { len, max },
        });
    }
    let end = start.saturating_add(len as usize); // len is within max
    Ok(if end > bytes.len() {
        Scan::Need { total: end }
    } else {
        Scan::Frame(Frame {
            flags,
            body: start..end,
        })
    })
}

/// The frame at `at` of bytes that were scanned or written before.
pub(crate) fn known(bytes: &[u8], at: usize) -> Option<Frame> {
    let unlimited = Limits {
        max_frame: usize::MAX >> 1,
        max_command: usize::MAX >> 1,
        ..Limits::default()
    };
    match scan(bytes.get(..)?, at.min(bytes.len()), &unlimited) {
        Ok(Scan::Frame(frame)) => Some(frame),
        _ => None,
    }
}

/// Bytes that a frame takes whose body has `len`.
pub(crate) fn frame_len(len: usize) -> usize {
    len + if len > 255 { MAX_HEAD } else { 2 }
}

/// Appends the head of a frame; `flags` without LONG, which the length decides.
pub(crate) fn write_head(flags: u8, len: usize, out: &mut Vec<u8>) {
    match u8::try_from(len) {
        Ok(short) => out.extend_from_slice(&[flags, short]),
        Err(_) => {
            out.push(flags | LONG);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Result<Option<Frame>, ZmtpError> {
        let limits = Limits {
            max_frame: 1000,
            max_command: 300,
            ..Limits::default()
        };
        Ok(match scan(bytes, 0, &limits)? {
            Scan::Frame(frame) => Some(frame),
            Scan::Need { total } => {
                assert!(total > bytes.len());
                None
            }
        })
    }

    #[test]
    fn what_was_written_is_read_at_every_length() {
        for len in [0, 1, 255, 256, 1000] {
            let mut bytes = Vec::new();
            write_head(MORE, len, &mut bytes);
            bytes.resize(frame_len(len), 7);
            let frame = found(&bytes).unwrap().unwrap();
            assert_eq!((frame.flags & MORE, frame.body.len()), (MORE, len));
            assert_eq!(frame.body.end, bytes.len());
            for cut in 0..bytes.len() {
                assert_eq!(found(&bytes[..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn a_length_is_refused_before_its_body_arrives() {
        let huge = [&[2][..], &u64::MAX.to_be_bytes()].concat();
        let large = |len, max| Err(ZmtpError::FrameTooLarge { len, max });
        assert_eq!(found(&huge), large(u64::MAX, 1000));
        assert_eq!(found(b"\x02\0\0\0\0\0\0\x03\xe9"), large(1001, 1000));
        let command = b"\x06\0\0\0\0\0\0\x01\x2d";
        assert_eq!(
            found(command),
            Err(ZmtpError::CommandTooLarge { len: 301, max: 300 })
        );
    }

    #[test]
    fn a_long_length_of_a_short_body_is_taken() {
        assert_eq!(
            found(b"\x02\0\0\0\0\0\0\0\x01x").unwrap().unwrap().body,
            9..10
        );
    }

    #[test]
    fn reserved_flags_and_a_command_with_more_are_refused() {
        for flags in (0..=255_u8).filter(|flags| flags & 0xf8 != 0 || flags & 5 == 5) {
            assert_eq!(found(&[flags]), Err(ZmtpError::BadFlags { flags }));
        }
    }
}

//! Frames: `u32be length | u8 compressed | payload | flusher`. Answers to rpyc/core/channel.py.
//!
//! The length leaves out header and flusher; the flusher's value is not checked, as in Python. Any non-zero `compressed`
//! means zlib, at any size.

use crate::error::WireError;
use std::ops::Range;

/// Bytes before the payload.
pub const HEADER: usize = 5;
/// Bytes around the payload.
pub const OVERHEAD: usize = HEADER + 1;
/// What we send behind a payload.
pub const FLUSHER: u8 = 0x0a;

/// What the start of a byte stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The frame is not complete: `total` bytes from its start are needed before it is worth looking again (5 while the
    /// length itself is unknown). Always more than there are.
    Need {
        /// Bytes from the start of the frame.
        total: usize,
    },
    /// A whole frame.
    Frame {
        /// Where its payload lies in the scanned bytes. Empty = keep-alive.
        payload: Range<usize>,
        /// Is the payload zlib?
        compressed: bool,
        /// Bytes of the frame; the next one starts there.
        total: usize,
    },
}

/// Looks at the start of `bytes` for a frame of at most `max_frame` bytes of payload.
#[inline]
pub fn scan(bytes: &[u8], max_frame: usize) -> Result<Scan, WireError> {
    let Some([a, b, c, d, flag]) = bytes.first_chunk::<HEADER>() else {
        return Ok(Scan::Need { total: HEADER });
    };
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    if len as usize > max_frame {
        return Err(WireError::FrameTooLarge {
            len: u64::from(len),
            max: max_frame as u64,
        });
    }
    let total = (len as usize).saturating_add(OVERHEAD);
    if bytes.len() < total {
        return Ok(Scan::Need { total });
    }
    Ok(Scan::Frame {
        payload: HEADER..total - 1,
        compressed: *flag != 0,
        total,
    })
}

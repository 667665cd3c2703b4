//! How a message is laid out: RPyC's 5.x and 6.x, with and without the bind_threads prefix, told apart by the first bytes.

use crate::brine;
use crate::error::WireError;

/// Bytes of the bind_threads prefix: sender and recipient thread id.
pub(crate) const THREAD_IDS: usize = 16;

/// How a payload is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// 5 (4.1 to 5.3) or 6.
    pub version: u16,
    /// Does it start with thread ids?
    pub bound: bool,
    /// Where the message starts: 0, or 16 behind thread ids.
    pub start: usize,
}

impl Form {
    /// 5 or 6, + 256 with thread ids: what `variant()` says.
    #[inline]
    pub fn code(self) -> u16 {
        self.version + if self.bound { 256 } else { 0 }
    }
}

/// Tells the layouts apart by the first bytes.
///
/// Unambiguous: 01, 02 and 03 start no tuple of brine, and 0x12 is no message number. A thread id that starts like a
/// message (0x12 51.., 01 11..) would be misread; pthread ids are below 2^48 and do not.
#[inline]
pub fn detect(payload: &[u8]) -> Result<Form, WireError> {
    if let Some(version) = version_of(payload) {
        return Ok(Form {
            version,
            bound: false,
            start: 0,
        });
    }
    match payload.get(THREAD_IDS..).and_then(version_of) {
        Some(version) => Ok(Form {
            version,
            bound: true,
            start: THREAD_IDS,
        }),
        None => Err(not_a_message(payload)),
    }
}

#[inline]
fn version_of(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [1..=3, brine::TAG_TUP2, ..] => Some(6),
        [brine::TAG_TUP3, 0x51..=0x53, ..] => Some(5),
        _ => None,
    }
}

#[cold]
fn not_a_message(payload: &[u8]) -> WireError {
    let mut start = [0; 4];
    let len = payload.len().min(4);
    start[..len].copy_from_slice(&payload[..len]);
    WireError::NotAMessage {
        start,
        len: len as u8,
    }
}

//! Received bytes that were not decoded yet: the start of a frame, or frames that did not fit the
//! last batch. Grows as bytes arrive, never by a length that the peer announced.

use std::io;

use rpyc_net::{Read, Reading, Socket};

/// Smallest and largest step in which a long frame is read.
const STEP: usize = 64 * 1024;
const MAX_STEP: usize = 4 << 20;

/// An empty buffer larger than this is given back.
const KEEP: usize = 256 * 1024;

/// Invariant: `start <= end <= bytes.len()`; `start` and `end` are 0 when nothing is there. What
/// lies behind `end` is room that was zeroed once and is not zeroed again for each read.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    #[inline]
    pub fn get(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn append(&mut self, bytes: &[u8]) {
        if self.start > self.end / 2 {
            self.compact();
        }
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(bytes);
        self.end = self.bytes.len();
    }

    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.bytes.capacity() > KEEP {
                self.bytes = Vec::new();
            }
        }
    }

    /// Takes the first `count` bytes as a Vec of their own; the common case, nothing around them,
    /// copies nothing.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        self.compact();
        self.bytes.truncate(self.end);
        let rest = self.bytes.split_off(count.min(self.end));
        self.end = rest.len();
        std::mem::replace(&mut self.bytes, rest)
    }

    /// One read, of at most the `missing` bytes of a frame.
    pub fn read(&mut self, socket: &Socket, missing: usize, reading: Reading) -> io::Result<Read> {
        if self.start > 0 {
            self.compact();
        }
        let step = missing.min(self.len().clamp(STEP, MAX_STEP));
        if self.bytes.len() - self.end < step.min(STEP) {
            self.bytes.reserve_exact(self.end + step - self.bytes.len());
            self.bytes.resize(self.end + step, 0);
        }
        let room = self.bytes.len().min(self.end + missing);
        let read = socket.read(&mut self.bytes[self.end..room], reading);
        if let Ok(Read::Bytes(count)) = read {
            self.end += count;
        }
        read
    }

    fn compact(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }
}

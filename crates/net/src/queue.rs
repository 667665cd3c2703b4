//! The bytes that still have to leave on one connection. Appended by the encoder, written once per
//! flush; a partial write keeps the rest. Also knows whether the peer is too slow for us
//! (high-water mark), so that its owner can stop reading from it.

use std::io;

use crate::socket::Socket;

/// What a flush left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is queued.
    Empty,
    /// The kernel took what it could; flush again when the socket is writable.
    Blocked,
}

/// Invariant: `start <= bytes.len()`; both are 0 when nothing is queued.
#[derive(Debug)]
pub struct WriteQueue {
    bytes: Vec<u8>,
    start: usize,
    high_water: usize,
    above: bool,
    written: u64,
}

/// A drained buffer larger than this is given back.
const KEEP: usize = 256 * 1024;

impl WriteQueue {
    /// An empty queue that counts as too full above `high_water` bytes.
    pub fn new(high_water: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            high_water,
            above: false,
            written: 0,
        }
    }

    /// Bytes queued.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Is nothing queued?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes written so far, ever.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Where to append. What is there already must stay.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Takes everything queued: for owners without a descriptor.
    pub fn take(&mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.written += self.bytes.len() as u64;
        std::mem::take(&mut self.bytes)
    }

    /// Drops everything queued.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
        self.start = 0;
    }

    /// One write of everything queued.
    pub fn flush(&mut self, socket: &Socket) -> io::Result<Flushed> {
        if self.is_empty() {
            return Ok(Flushed::Empty);
        }
        let taken = socket.write(&self.bytes[self.start..])?.unwrap_or(0);
        self.written += taken as u64;
        self.start += taken;
        if !self.is_empty() {
            self.above |= self.len() > self.high_water;
            self.compact();
            return Ok(Flushed::Blocked);
        }
        self.start = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        Ok(Flushed::Empty)
    }

    /// Is more queued than the peer's pace allows? Decided by each flush that leaves something;
    /// stays true until `drained`.
    pub fn is_above(&self) -> bool {
        self.above && !self.has_drained()
    }

    /// Will `drained` be true?
    pub fn has_drained(&self) -> bool {
        self.above && self.len() <= self.high_water / 2
    }

    /// True once after the queue fell below half the mark having been above it.
    pub fn drained(&mut self) -> bool {
        let drained = self.has_drained();
        self.above &= !drained;
        drained
    }

    /// Moves the rest to the front when more than half of the buffer is gone, so that its cost
    /// stays proportional to what was written.
    fn compact(&mut self) {
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

//! The bytes that still have to leave on one connection. Appended by the encoder, written once per
//! flush; a partial write keeps the rest. Also knows whether the peer is too slow for us
//! (high-water mark), so that its owner can stop reading from it.

use std::collections::VecDeque;
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
    /// Where messages end, counted as `written` is; `None` where that does not matter.
    ends: Option<VecDeque<u64>>,
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
            ends: None,
        }
    }

    /// Writes each message by itself from now on, for TLS: stock RPyC asks the descriptor whether
    /// there is more, so what follows a message in the same record stays unseen.
    pub fn write_singly(&mut self) {
        self.ends = Some(VecDeque::new());
    }

    /// What was appended so far is a message, or several.
    #[inline]
    pub fn end_message(&mut self) {
        let at = self.written + self.len() as u64;
        if let Some(ends) = &mut self.ends {
            ends.push_back(at);
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
        self.ends.iter_mut().for_each(VecDeque::clear);
    }

    /// One write of everything queued, or one of each message.
    pub fn flush(&mut self, socket: &Socket) -> io::Result<Flushed> {
        if self.ends.is_some() {
            if !socket.push()? {
                return Ok(Flushed::Blocked);
            }
            self.write_messages(socket)?;
        } else if !self.is_empty() {
            let taken = socket.write(&self.bytes[self.start..])?.unwrap_or(0);
            self.written += taken as u64;
            self.start += taken;
        }
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
        Ok(if socket.has_unsent() {
            Flushed::Blocked
        } else {
            Flushed::Empty
        })
    }

    fn write_messages(&mut self, socket: &Socket) -> io::Result<()> {
        while !self.is_empty() {
            let end = self.ends.as_ref().and_then(|ends| ends.front());
            let len = end.map_or(self.len(), |end| (end - self.written) as usize);
            let message = &self.bytes[self.start..self.start + len];
            let taken = socket.write_part(message, len < self.len())?.unwrap_or(0);
            self.written += taken as u64;
            self.start += taken;
            if taken < len {
                break;
            }
            self.ends.as_mut().and_then(VecDeque::pop_front);
        }
        Ok(())
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

//! The queue between a socket and one of its peers, in one direction, with a high-water mark.

use std::collections::VecDeque;

use crate::message::Message;

/// How much a queue holds before it counts as full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hwm {
    /// Messages, at least 1. ZeroMQ's own mark is 1000.
    pub messages: usize,
    /// Bytes in wire form. One message is taken whatever its size.
    pub bytes: usize,
}

impl Default for Hwm {
    fn default() -> Self {
        Self {
            messages: 1000,
            bytes: 16 << 20,
        }
    }
}

/// Invariants: `bytes` is the sum over `queue`; `full` is set when a mark is reached, and stays until half of both
/// marks is left, so that whoever waits is woken once for many messages.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    queue: VecDeque<Message>,
    bytes: usize,
    full: bool,
    hwm: Hwm,
}

impl Pipe {
    pub(crate) fn new(hwm: Hwm) -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            full: false,
            hwm,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Appends a message. The pipe must not be full.
    pub(crate) fn push(&mut self, message: Message) {
        debug_assert!(!self.full);
        self.bytes += message.wire().len();
        self.queue.push_back(message);
        self.full = self.queue.len() >= self.hwm.messages || self.bytes >= self.hwm.bytes;
    }

    /// Takes the first message, and tells whether that ended the pipe's being full.
    pub(crate) fn pop(&mut self) -> Option<(Message, bool)> {
        let message = self.queue.pop_front()?;
        self.bytes -= message.wire().len();
        let low = self.queue.len() <= self.hwm.messages / 2 && self.bytes <= self.hwm.bytes / 2;
        let reopened = self.full && low;
        self.full &= !low;
        if self.queue.is_empty() {
            self.queue.shrink_to(64);
        }
        Some((message, reopened))
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.hwm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn message(len: usize) -> Message {
        Message::new([&vec![0; len][..]], &Limits::default()).unwrap()
    }

    #[test]
    fn a_pipe_is_full_at_its_mark_and_open_again_at_half_of_it() {
        let hwm = Hwm {
            messages: 4,
            bytes: 1 << 20,
        };
        let mut pipe = Pipe::new(hwm);
        for len in 0..4 {
            assert!(!pipe.is_full());
            pipe.push(message(len));
        }
        assert!(pipe.is_full());
        assert!(!pipe.pop().unwrap().1 && pipe.is_full());
        assert!(pipe.pop().unwrap().1 && !pipe.is_full());
        assert!(!pipe.pop().unwrap().1);
    }

    #[test]
    fn bytes_fill_a_pipe_as_well() {
        let hwm = Hwm {
            messages: 100,
            bytes: 100,
        };
        let mut pipe = Pipe::new(hwm);
        pipe.push(message(1000));
        assert!(pipe.is_full());
        let (taken, reopened) = pipe.pop().unwrap();
        assert_eq!((taken.first().len(), reopened, pipe.len()), (1000, true, 0));
        assert!(pipe.pop().is_none());
    }
}

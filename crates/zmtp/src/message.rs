//! Messages in wire form: a run of frames, each but the last with MORE. Borrowed from the input, or owned and shared.
//!
//! The wire form is the same for every peer, so a message is encoded once and goes to one peer or to a thousand.

use std::fmt;
use std::sync::Arc;

use crate::error::ZmtpError;
use crate::frame::{frame_len, known, write_head, COMMAND, MORE};
use crate::limits::Limits;

/// The parts of a message, in order. Commands that lie between them are passed over.
#[derive(Clone)]
pub struct Parts<'a> {
    wire: &'a [u8],
    at: usize,
}

impl<'a> Parts<'a> {
    fn of(wire: &'a [u8]) -> Self {
        Self { wire, at: 0 }
    }

    /// The bytes of the parts that are left, as they lie on the wire.
    fn rest(&self) -> &'a [u8] {
        &self.wire[self.at..]
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.at < self.wire.len() {
            let frame = known(self.wire, self.at)?;
            self.at = frame.body.end;
            if frame.flags & COMMAND == 0 {
                return self.wire.get(frame.body);
            }
        }
        None
    }
}

/// A whole message that lies in the input it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageRef<'a> {
    wire: &'a [u8],
    /// Are its parts all that `wire` holds?
    pure: bool,
}

impl<'a> MessageRef<'a> {
    /// `wire` was scanned; `pure` = no command lies between its parts.
    pub(crate) fn new(wire: &'a [u8], pure: bool) -> Self {
        Self { wire, pure }
    }

    /// Its parts: at least one.
    pub fn parts(&self) -> Parts<'a> {
        Parts::of(self.wire)
    }

    /// A copy of its own.
    pub fn to_message(&self) -> Message {
        if self.pure {
            return Message::of(self.wire.to_vec());
        }
        let mut wire = Vec::with_capacity(self.wire.len());
        write_parts(self.parts(), &mut wire);
        Message::of(wire)
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts()).finish()
    }
}

/// A message that owns its bytes. Cloning it copies none.
///
/// Invariant: `wire[start..]` is a run of frames, no commands, of which exactly the last has no MORE.
#[derive(Clone)]
pub struct Message {
    wire: Arc<Vec<u8>>,
    start: usize,
}

impl Message {
    /// A message of these parts, at least one.
    pub fn new<'a>(
        parts: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Self, ZmtpError> {
        let mut wire = Vec::new();
        write_message(parts, limits, &mut wire)?;
        Ok(Self::of(wire))
    }

    fn of(wire: Vec<u8>) -> Self {
        Self {
            wire: Arc::new(wire),
            start: 0,
        }
    }

    /// What is to be sent.
    pub fn wire(&self) -> &[u8] {
        &self.wire[self.start..]
    }

    /// Its parts: at least one.
    pub fn parts(&self) -> Parts<'_> {
        Parts::of(self.wire())
    }

    /// The first part.
    pub fn first(&self) -> &[u8] {
        self.parts().next().unwrap_or_default()
    }

    /// The same message behind one part more.
    pub(crate) fn behind(&self, part: &[u8]) -> Self {
        let mut head = Vec::with_capacity(frame_len(part.len()));
        write_head(MORE, part.len(), &mut head);
        head.extend_from_slice(part);
        self.behind_wire(&head)
    }

    /// The same message behind parts in wire form, each with MORE.
    pub(crate) fn behind_wire(&self, head: &[u8]) -> Self {
        Self::of([head, self.wire()].concat())
    }

    /// The message behind its first part; None: there is no other.
    pub(crate) fn without_first(mut self) -> Option<Self> {
        let mut parts = self.parts();
        parts.next();
        let left = parts.rest().len();
        self.start = self.wire.len() - left;
        (left > 0).then_some(self)
    }

    /// Parts up to the first empty one, in wire form, and the message behind that; None: there is no such.
    pub(crate) fn split_envelope(mut self) -> Option<(Box<[u8]>, Self)> {
        let mut parts = self.parts();
        parts.find(|part| part.is_empty())?;
        let left = parts.rest().len();
        let at = self.wire.len() - left;
        let envelope = self.wire[self.start..at].into();
        self.start = at;
        (left > 0).then_some((envelope, self))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.wire() == other.wire()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts()).finish()
    }
}

/// Appends a message of these parts; `out` is as before where it fails.
pub fn write_message<'a>(
    parts: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), ZmtpError> {
    let (mut count, mut size, start) = (0, 0_usize, out.len());
    let too_large = |what, len, max| Err(ZmtpError::SendTooLarge { what, len, max });
    let counted = parts.into_iter().map(|part| {
        count += 1;
        size = size.saturating_add(part.len());
        if part.len() > limits.max_frame {
            return too_large("message part", part.len(), limits.max_frame);
        }
        if size > limits.max_message {
            return too_large("message", size, limits.max_message);
        }
        if count > limits.max_parts {
            return too_large("number of parts", count, limits.max_parts);
        }
        Ok(part)
    });
    let mut failed = None;
    write_parts(
        counted.map_while(|part| part.map_err(|error| failed = Some(error)).ok()),
        out,
    );
    if let Some(error) = failed.or((count == 0).then_some(ZmtpError::NoParts)) {
        out.truncate(start);
        return Err(error);
    }
    Ok(())
}

fn write_parts<'a>(parts: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let more = if parts.peek().is_some() { MORE } else { 0 };
        out.reserve(frame_len(part.len()));
        write_head(more, part.len(), out);
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits {
        max_frame: 300,
        max_message: 400,
        max_parts: 3,
        max_command: 100,
        max_properties: 1,
    };

    fn message(parts: &[&[u8]]) -> Message {
        Message::new(parts.iter().copied(), &SMALL).unwrap()
    }

    #[test]
    fn parts_are_what_was_put_in() {
        let long = [7; 300];
        let parts: [&[u8]; 3] = [b"", &long, b"x"];
        assert_eq!(message(&parts).parts().collect::<Vec<_>>(), parts);
        assert_eq!(message(&[b"", b"x"]).wire(), b"\x01\0\0\x01x");
    }

    #[test]
    fn parts_are_put_before_and_taken_off() {
        let whole = message(&[b"a"]).behind(b"").behind(b"id");
        assert_eq!(whole, message(&[b"id", b"", b"a"]));
        let rest = whole.clone().without_first().unwrap();
        assert_eq!(
            (rest.wire(), rest.first()),
            (&b"\x01\0\0\x01a"[..], &b""[..])
        );
        assert_eq!(message(&[b"a"]).without_first(), None);

        let (envelope, body) = whole.clone().split_envelope().unwrap();
        assert_eq!(
            (&*envelope, body.wire()),
            (&b"\x01\x02id\x01\0"[..], &b"\0\x01a"[..])
        );
        assert_eq!(body.behind_wire(&envelope), whole);
        assert_eq!(message(&[b"id", b""]).split_envelope(), None);
        assert_eq!(message(&[b"id", b"a"]).split_envelope(), None);
    }

    #[test]
    fn what_is_too_large_leaves_nothing_behind() {
        let mut out = b"before".to_vec();
        let mut refused = |parts: &[&[u8]]| {
            let error = write_message(parts.iter().copied(), &SMALL, &mut out).unwrap_err();
            assert_eq!(out, b"before");
            assert!(error.is_local());
            error.to_string()
        };
        let long = [0; 301];
        assert_eq!(
            refused(&[b"", &long]),
            "message part of 301 exceeds the limit of 300"
        );
        assert_eq!(
            refused(&[&long[..201]; 2]),
            "message of 402 exceeds the limit of 400"
        );
        assert_eq!(
            refused(&[&b""[..]; 4]),
            "number of parts of 4 exceeds the limit of 3"
        );
        assert_eq!(refused(&[]), "a message needs at least one part");
    }
}

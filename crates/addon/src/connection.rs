//! One open connection of an endpoint: codec, what was received and not decoded, what has to be
//! written, weak holders, and how it ended. Knows no JavaScript but its weak references.

use rpyc_net::{Flushed, Socket, Waiter, WriteQueue};
use rpyc_wire::{frame, Codec, Names, Options, Outbound, Scan, WireError, Zlib};

use crate::big::Big;
use crate::holders::Holders;
use crate::inbox::Inbox;

/// How input ended. Every complete message before it is delivered first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Eof,
    Errno(i32),
    /// The peer broke the wire; `Connection::error` tells how.
    Protocol,
    /// TLS failed; `Connection::error` tells how.
    Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shut {
    No,
    /// Once the queue is empty.
    Wanted,
    Done,
}

/// A message whose layout is not known yet, with the memory that its words point to.
pub struct Held {
    words: Vec<i32>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    blobs: Vec<Vec<u8>>,
}

pub struct Connection {
    pub codec: Codec,
    pub inbox: Inbox,
    pub queue: WriteQueue,
    pub waiter: Waiter,
    pub holders: Holders,
    pub big: Option<Big>,
    pub end: Option<End>,
    /// The loop has told JavaScript about `end`.
    pub end_told: bool,
    /// Text of `End::Protocol` and `End::Tls`.
    pub error: String,
    pub bytes_in: u64,
    /// Nothing can be written any more: the errno. Reading goes on until it ends by itself.
    pub write_failed: Option<i32>,
    shut: Shut,
    held: Vec<Held>,
}

impl Connection {
    pub fn new(options: Options, high_water: usize, many_cpus: bool) -> Self {
        Self {
            codec: Codec::new(options),
            inbox: Inbox::default(),
            queue: WriteQueue::new(high_water),
            waiter: Waiter::new(many_cpus),
            holders: Holders::default(),
            big: None,
            end: None,
            end_told: false,
            error: String::new(),
            bytes_in: 0,
            write_failed: None,
            shut: Shut::No,
            held: Vec::new(),
        }
    }

    /// Is the peer still to answer something? Then what it has sent is acknowledged at once: stock
    /// RPyC writes without TCP_NODELAY, so the answer to a call behind the answer to a DEL would
    /// wait for our delayed acknowledgement (40 ms).
    pub fn awaits_answers(&self) -> bool {
        self.codec.awaits_answers()
    }

    /// Is there something to deliver that needs no reading?
    pub fn has_more(&self) -> bool {
        match &self.big {
            Some(big) => !big.told,
            None if self.end.is_some() => !self.end_told,
            None => !matches!(
                frame::scan(self.inbox.get(), self.codec.limits().max_frame),
                Ok(Scan::Need { .. })
            ),
        }
    }

    /// Has a peer that is still there more of our output to read than it should, without owing us an
    /// answer? (Its answer may be what it writes before it reads on: both would wait for the other.)
    pub fn is_too_slow(&self) -> bool {
        self.end.is_none() && self.queue.is_above() && !self.awaits_answers()
    }

    /// Should the loop read from this peer? Not while it does not read what we send, nor while a
    /// large message waits to be taken.
    pub fn wants_input(&self) -> bool {
        self.end.is_none() && self.big.is_none() && !self.is_too_slow()
    }

    pub fn wants_output(&self) -> bool {
        !self.queue.is_empty() && self.write_failed.is_none()
    }

    pub fn fail(&mut self, error: &WireError) {
        self.error = match self.mistaken() {
            Some(text) => text.into(),
            // Whoever prints where messages should be, or is no RPyC at all, is known by these.
            None if self.codec.messages().0 == 0 && self.inbox.len() != 0 => {
                format!("{error}; the peer began with {}", quoted(self.inbox.get()))
            }
            None => error.to_string(),
        };
        self.end = Some(End::Protocol);
    }

    /// Did the peer begin with something else that we know?
    fn mistaken(&self) -> Option<&'static str> {
        if self.codec.messages().0 != 0 {
            return None;
        }
        match self.inbox.get() {
            [0x15 | 0x16, 3, 0..=4, ..] => Some(
                "the peer speaks TLS, and this end does not: clients connect with sslConnect, servers take an SslAuthenticator",
            ),
            [b'R', b'P', b'Y', b'C', ..] => Some(
                "the server asks for a token before anything else: connect with the option token",
            ),
            _ => None,
        }
    }

    /// Encodes the message at `at` behind the queue; keeps a copy while nobody knows which layout
    /// the peer speaks.
    pub fn send(
        &mut self,
        tape: &Outbound<'_, [&[u8]]>,
        at: usize,
        words: usize,
        names: &Names,
        zlib: &mut Zlib,
    ) -> Result<(), WireError> {
        if self.write_failed.is_some() || self.shut != Shut::No {
            return Ok(());
        }
        if !self.codec.can_send() {
            self.held.push(Held {
                words: tape.words[at..at + words].to_vec(),
                floats: tape.floats.to_vec(),
                bytes: tape.bytes.to_vec(),
                blobs: tape.blobs.iter().map(|blob| blob.to_vec()).collect(),
            });
            return Ok(());
        }
        self.send_held(names, zlib)?;
        self.codec
            .encode_message(tape, at, names, zlib, self.queue.tail())
            .map(|_| self.queue.end_message())
    }

    /// Are there kept messages that can go now?
    pub fn can_release(&self) -> bool {
        !self.held.is_empty() && self.codec.can_send()
    }

    /// Encodes the kept messages.
    pub fn send_held(&mut self, names: &Names, zlib: &mut Zlib) -> Result<(), WireError> {
        let mut result = Ok(());
        for held in std::mem::take(&mut self.held) {
            let tape = Outbound {
                words: &held.words,
                floats: &held.floats,
                bytes: &held.bytes,
                blobs: &held.blobs[..],
            };
            let sent = self
                .codec
                .encode_message(&tape, 0, names, zlib, self.queue.tail());
            result = result.and(sent.map(|_| self.queue.end_message()));
        }
        result
    }

    /// Half-closes for writing once everything is written.
    pub fn shut(&mut self) {
        if self.shut == Shut::No {
            self.shut = Shut::Wanted;
        }
    }

    /// Will the next `flush` perhaps half-close?
    pub fn is_shutting(&self) -> bool {
        self.shut == Shut::Wanted
    }

    /// One write of what is queued, and the half-close that waited for it.
    pub fn flush(&mut self, socket: &mut Socket) {
        if self.write_failed.is_some() {
            return self.queue.clear();
        }
        match self.queue.flush(socket) {
            Ok(Flushed::Blocked) => {}
            Ok(Flushed::Empty) if self.shut == Shut::Wanted => {
                self.shut = Shut::Done;
                // It fails where the connection is gone; reading tells.
                let _ = socket.shutdown();
            }
            Ok(Flushed::Empty) => {}
            Err(error) => {
                self.write_failed = Some(error.raw_os_error().unwrap_or(libc::EIO));
                self.queue.clear();
            }
        }
    }
}

/// The first bytes that a peer sent, as a person can read them.
fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let text: String = String::from_utf8_lossy(shown)
        .chars()
        .flat_map(char::escape_debug)
        .collect();
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{text}\"{more}")
}

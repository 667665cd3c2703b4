//! One connection's state: what the peer speaks, what we speak, its references, its waiting threads.
//!
//! Receiving and sending layouts are separate: the first frame that arrives latches the one, options or that latch decide
//! the other. Whether they fit together is not judged here.

use crate::error::WireError;
use crate::form::{Form, THREAD_IDS};
use crate::head::Head;
use crate::limits::Limits;
use crate::refs::Refs;
use crate::zlib::Compress;
use std::collections::HashMap;

/// Whether what we send starts with thread ids (bind_threads).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// Never.
    Never,
    /// Always.
    Always,
    /// As soon as the peer did.
    #[default]
    Follow,
}

impl Bound {
    /// 0, 1, 2 of the addon's table; anything else is `Follow`.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Never,
            1 => Self::Always,
            _ => Self::Follow,
        }
    }
}

/// How a connection is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What the peer may cost us.
    pub limits: Limits,
    /// Compression of what we send.
    pub compress: Compress,
    /// 5, 6, or 0 to follow the peer.
    pub variant: u16,
    /// Thread ids in what we send.
    pub bound: Bound,
}

/// Decoder and encoder of one connection.
pub struct Codec {
    pub(crate) limits: Limits,
    pub(crate) compress: Compress,
    /// 5, 6, or 0 = follow.
    send: u16,
    bound: Bound,
    /// The first received frame's layout.
    received: Option<Form>,
    pub(crate) refs: Refs,
    /// Sender thread of each unanswered request of a bound peer, by seq.
    threads: HashMap<u64, u64>,
    pub(crate) keep_local: bool,
    pub(crate) head: Head,
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    /// Requests sent, and answers received.
    pub(crate) asked: u64,
    pub(crate) answered: u64,
}

impl Codec {
    /// A codec for a fresh connection.
    pub fn new(options: Options) -> Self {
        let limits = options.limits.clamped();
        let mut codec = Self {
            limits,
            compress: options.compress,
            send: 0,
            bound: options.bound,
            received: None,
            refs: Refs::new(&limits),
            threads: HashMap::new(),
            keep_local: false,
            head: Head::new(),
            messages_in: 0,
            messages_out: 0,
            asked: 0,
            answered: 0,
        };
        codec.set_variant(options.variant, options.bound);
        codec
    }

    /// The limits in force (clamped).
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The peer's references.
    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// What the peer speaks: 0 unknown, 5, 6; + 256 when with thread ids.
    pub fn variant(&self) -> u16 {
        self.received.map_or(0, Form::code)
    }

    /// What we speak (5, 6; + 256), or 0 as long as nothing can be sent.
    #[inline]
    pub fn send_variant(&self) -> u16 {
        let version = match self.send {
            0 => self.received.map_or(0, |form| form.version),
            fixed => fixed,
        };
        let bound = match self.bound {
            Bound::Never => false,
            Bound::Always => true,
            Bound::Follow => self.received.is_some_and(|form| form.bound),
        };
        if version != 0 && bound {
            version + 256
        } else {
            version
        }
    }

    /// Can messages be encoded yet?
    pub fn can_send(&self) -> bool {
        self.send_variant() != 0
    }

    /// Sets what we speak: 5, 6, or (anything else) follow the peer.
    pub fn set_variant(&mut self, variant: u16, bound: Bound) {
        self.send = if matches!(variant, 5 | 6) { variant } else { 0 };
        self.bound = bound;
    }

    /// Puts label-3 id_packs into [`Codec::refs`] too, and onto the tape as REF instead of LOCAL.
    ///
    /// For observers that are not the owner of those objects: relays that pass them on, and tests that re-encode what
    /// another pair of peers said. Records then have no `obj`.
    pub fn keep_local_packs(&mut self, on: bool) {
        self.keep_local = on;
    }

    /// Messages decoded and encoded so far.
    pub fn messages(&self) -> (u64, u64) {
        (self.messages_in, self.messages_out)
    }

    /// Does the peer owe us an answer? (One that answers what nobody asked is believed to owe nothing.)
    pub fn awaits_answers(&self) -> bool {
        self.asked > self.answered
    }

    #[inline]
    pub(crate) fn latch(&mut self, form: Form) -> Result<(), WireError> {
        match self.received {
            Some(first) if first == form => Ok(()),
            Some(first) => Err(WireError::MixedVariants {
                latched: first.code(),
                got: form.code(),
            }),
            None => {
                self.received = Some(form);
                Ok(())
            }
        }
    }

    /// Remembers which thread of the peer waits for the answer to `seq`.
    #[cold]
    pub(crate) fn remember_thread(&mut self, seq: u64, payload: &[u8]) -> Result<(), WireError> {
        debug_assert!(payload.len() > THREAD_IDS);
        if self.threads.len() >= self.limits.max_pending && !self.threads.contains_key(&seq) {
            return Err(WireError::TooManyPending {
                max: self.limits.max_pending,
            });
        }
        let sender = payload
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.threads.insert(seq, sender);
        Ok(())
    }

    /// The peer's thread that waits for the answer to `seq`; 0 = any.
    pub(crate) fn thread_of(&self, seq: u64) -> u64 {
        self.threads.get(&seq).copied().unwrap_or(0)
    }

    pub(crate) fn forget_thread(&mut self, seq: u64) {
        self.threads.remove(&seq);
    }

    /// Requests with thread ids that wait for our answer.
    pub fn pending_threads(&self) -> usize {
        self.threads.len()
    }
}

//! What a socket is made with, and what it answers its owner.

use crate::message::Message;
use crate::peer::PeerId;
use crate::pipe::Hwm;

/// What a socket is made with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What waits for one peer at most.
    pub send: Hwm,
    /// What one peer sent and nobody received yet, at most.
    pub receive: Hwm,
    /// Most topics of one subscriber.
    pub max_topics: usize,
    /// Most bytes of one subscriber's topics.
    pub max_topic_bytes: usize,
    /// Where a ROUTER's generated identities begin: any number, better not always the same.
    pub seed: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            send: Hwm::default(),
            receive: Hwm::default(),
            max_topics: 1024,
            max_topic_bytes: 256 << 10,
            seed: 1,
        }
    }
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Every peer that it could go to is full, or there is none: it comes back, to be sent later.
    WouldBlock(Message),
    /// It can never be sent, or not now; says why.
    Misuse(&'static str),
}

/// What became of a message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It waits to be received.
    Kept,
    /// Likewise, and the peer's queue is full now: read no more from it until [`Received::resume`] says so.
    KeptAndFull,
    /// It has no receiver here: an answer that nobody waits for, a topic that nobody wants.
    Dropped,
    /// The peer's queue was full already: it was not taken.
    Refused,
}

/// A message for the user of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who sent it; None: a peer that is gone.
    pub peer: Option<PeerId>,
    /// For a ROUTER with the peer's identity in front; for REQ and REP without the envelope.
    pub message: Message,
    /// The peer's queue was full and has room again: read on from it.
    pub resume: bool,
}

/// A message to be written to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To be written as [`Message::wire`].
    pub message: Message,
    /// The peer was full and has room again: what would block before may not now.
    pub unblocked: bool,
}

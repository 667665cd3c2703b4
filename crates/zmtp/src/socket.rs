//! What a socket of each type does with messages: which peer gets one, whose is received next, and who has to wait.
//!
//! The owner [attaches](Socket::attach) peers, hands in what their sessions heard, and takes out what is to be written
//! to each. A peer that has not connected yet can be attached: messages wait for it, as in ZeroMQ.

use std::collections::BTreeMap;

use crate::error::ZmtpError;
use crate::identities::Identities;
use crate::message::{Message, MessageRef};
use crate::outcome::{Delivered, Options, Outgoing, Received, SendError};
use crate::peer::{PeerId, Ring};
use crate::pipe::Pipe;
use crate::socket_type::SocketType;
use crate::subscribers::Subscribers;
use crate::topics::Topics;

use SocketType::*;

/// Whose turn it is on a REQ or REP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    /// REQ may ask, REP may receive; other types have no turns.
    Free,
    /// REQ: waits for this peer's answer.
    Asked(PeerId),
    /// REQ: the answer is here, and is to be received.
    Answered,
    /// REP: owes an answer to this peer (None: it is gone), behind this envelope.
    Owes(Option<PeerId>, Box<[u8]>),
}

#[derive(Clone, Debug)]
struct Peer {
    outbox: Pipe,
    inbox: Pipe,
    /// ROUTER: by which it is addressed, once it is known.
    identity: Option<Box<[u8]>>,
}

/// A socket's peers and the messages between them and its user.
///
/// Invariants: where messages go to peers in turn, `open` holds those whose outbox is not full; `heard` holds those whose inbox is not empty.
#[derive(Clone, Debug)]
pub struct Socket {
    kind: SocketType,
    options: Options,
    peers: BTreeMap<PeerId, Peer>,
    open: Ring,
    heard: Ring,
    /// What peers sent that are gone; together as much as one peer may have.
    departed: Pipe,
    turn: Turn,
    identities: Identities,
    subscribers: Subscribers,
    /// SUB: how many times each topic is wanted.
    wanted: Topics<usize>,
    dropped: u64,
}

impl Socket {
    /// A socket without peers. `kind` is one of DEALER, ROUTER, PUSH, PULL, PUB, SUB, REQ, REP.
    pub fn new(kind: SocketType, options: Options) -> Self {
        Self {
            kind,
            options,
            peers: BTreeMap::new(),
            open: Ring::default(),
            heard: Ring::default(),
            departed: Pipe::new(options.receive),
            turn: Turn::Free,
            identities: Identities::new(options.seed),
            subscribers: Subscribers::new(options.max_topics, options.max_topic_bytes),
            wanted: Topics::new(),
            dropped: 0,
        }
    }

    /// Its type.
    pub fn socket_type(&self) -> SocketType {
        self.kind
    }

    /// Messages that were dropped: for a full subscriber, an unknown identity, a peer that is gone, or malformed.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages that wait for a peer, of all peers.
    pub fn unsent(&self) -> usize {
        self.peers.values().map(|peer| peer.outbox.len()).sum()
    }

    /// A ROUTER's peer of this identity.
    pub fn find(&self, identity: &[u8]) -> Option<PeerId> {
        self.identities.find(identity)
    }

    // ---- peers

    /// A new peer, connected or to be connected. One that is attached already stays as it is.
    pub fn attach(&mut self, peer: PeerId) {
        if self.peers.contains_key(&peer) {
            return;
        }
        let entry = Peer {
            outbox: Pipe::new(self.options.send),
            inbox: Pipe::new(self.options.receive),
            identity: None,
        };
        self.peers.insert(peer, entry);
        self.reopen(peer);
    }

    /// The peer's handshake is over. An error ends it: a ROUTER has a peer of this identity.
    pub fn identify(&mut self, peer: PeerId, identity: &[u8]) -> Result<(), ZmtpError> {
        if let (Router, Some(entry)) = (self.kind, self.peers.get_mut(&peer)) {
            if let Some(old) = entry.identity.take() {
                self.identities.remove(&old);
            }
            entry.identity = Some(self.identities.add(peer, identity)?);
        }
        Ok(())
    }

    /// By which a ROUTER addresses the peer.
    pub fn identity(&self, peer: PeerId) -> Option<&[u8]> {
        self.peers.get(&peer)?.identity.as_deref()
    }

    /// The peer's connection is lost, and its owner makes a new one. Messages of a DEALER and PUSH still wait for it;
    /// all else was meant for the connection. True: a REQ will have no answer, and may ask again.
    pub fn reset(&mut self, peer: PeerId) -> bool {
        self.forget(peer);
        let kept = matches!(self.kind, Dealer | Push);
        if let Some(entry) = self.peers.get_mut(&peer).filter(|_| !kept) {
            let was_full = entry.outbox.is_full();
            self.dropped += entry.outbox.len() as u64;
            entry.outbox.clear();
            if was_full {
                self.reopen(peer);
            }
        }
        self.end_turn(peer)
    }

    /// The peer is gone for good. What it sent can still be received, except by REP. True: see [`Socket::reset`].
    pub fn detach(&mut self, peer: PeerId) -> bool {
        let identity = self.identity(peer).map(<[u8]>::to_vec);
        self.forget(peer);
        self.open.leave(peer);
        self.heard.leave(peer);
        let Some(mut entry) = self.peers.remove(&peer) else {
            return false;
        };
        self.dropped += entry.outbox.len() as u64;
        while let Some((message, _)) = entry.inbox.pop() {
            if self.kind == Rep || self.departed.is_full() {
                self.dropped += 1;
                continue;
            }
            self.departed.push(match &identity {
                Some(identity) => message.behind(identity),
                None => message,
            });
        }
        self.end_turn(peer)
    }

    /// Ends what the peer said of itself on its connection.
    fn forget(&mut self, peer: PeerId) {
        self.subscribers.forget(peer);
        let identity = self
            .peers
            .get_mut(&peer)
            .and_then(|entry| entry.identity.take());
        if let Some(identity) = identity {
            self.identities.remove(&identity);
        }
    }

    fn end_turn(&mut self, peer: PeerId) -> bool {
        match &mut self.turn {
            Turn::Owes(owed, _) if *owed == Some(peer) => *owed = None,
            Turn::Asked(asked) if *asked == peer => {
                self.turn = Turn::Free;
                return true;
            }
            _ => {}
        }
        false
    }

    // ---- from the user to peers

    /// Sends a message; appends to `to` the peers for which there is something to write now.
    ///
    /// DEALER, PUSH and REQ give it to the next peer that has room. A ROUTER takes the identity off its front; an unknown
    /// one means that it is dropped, a full one that it would block (libzmq drops it then as well: an answer would be lost
    /// without a word). PUB never blocks: whoever has no room goes without. REP answers the last request.
    pub fn send(&mut self, message: Message, to: &mut Vec<PeerId>) -> Result<(), SendError> {
        match self.kind {
            Dealer | Push => self.send_to_next(message, to).map(|_| ()),
            Req => self.ask(message, to),
            Rep => self.answer(message, to),
            Router => self.send_to_identity(message, to),
            Pub => {
                self.publish(&message, to);
                Ok(())
            }
            _ => Err(SendError::Misuse("a socket of this type sends no messages")),
        }
    }

    fn send_to_next(
        &mut self,
        message: Message,
        to: &mut Vec<PeerId>,
    ) -> Result<PeerId, SendError> {
        let Some(peer) = self.open.next() else {
            return Err(SendError::WouldBlock(message));
        };
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.outbox.push(message);
            if !entry.outbox.is_full() {
                self.open.join(peer);
            }
        }
        to.push(peer);
        Ok(peer)
    }

    fn ask(&mut self, message: Message, to: &mut Vec<PeerId>) -> Result<(), SendError> {
        if self.turn != Turn::Free {
            return Err(SendError::Misuse(
                "a REQ socket asks again after it received the answer",
            ));
        }
        match self.send_to_next(message.behind(b""), to) {
            Ok(peer) => {
                self.turn = Turn::Asked(peer);
                Ok(())
            }
            Err(SendError::WouldBlock(_)) => Err(SendError::WouldBlock(message)),
            Err(other) => Err(other),
        }
    }

    fn answer(&mut self, message: Message, to: &mut Vec<PeerId>) -> Result<(), SendError> {
        let Turn::Owes(peer, envelope) = &self.turn else {
            return Err(SendError::Misuse(
                "a REP socket answers a request that it received",
            ));
        };
        let peer = peer.and_then(|peer| Some((peer, self.peers.get(&peer)?)));
        match peer {
            Some((_, entry)) if entry.outbox.is_full() => {
                return Err(SendError::WouldBlock(message))
            }
            Some((peer, _)) => {
                let whole = message.behind_wire(envelope);
                self.push(peer, whole);
                to.push(peer);
            }
            None => self.dropped += 1,
        }
        self.turn = Turn::Free;
        Ok(())
    }

    fn send_to_identity(
        &mut self,
        message: Message,
        to: &mut Vec<PeerId>,
    ) -> Result<(), SendError> {
        let Some(peer) = self.identities.find(message.first()) else {
            self.dropped += 1;
            return Ok(());
        };
        if self
            .peers
            .get(&peer)
            .is_some_and(|entry| entry.outbox.is_full())
        {
            return Err(SendError::WouldBlock(message));
        }
        let Some(rest) = message.without_first() else {
            let what = "a ROUTER's message needs a part behind the identity";
            return Err(SendError::Misuse(what));
        };
        self.push(peer, rest);
        to.push(peer);
        Ok(())
    }

    fn publish(&mut self, message: &Message, to: &mut Vec<PeerId>) {
        for peer in self.subscribers.of(message.first()) {
            match self.peers.get_mut(&peer) {
                Some(entry) if !entry.outbox.is_full() => {
                    entry.outbox.push(message.clone());
                    to.push(peer);
                }
                _ => self.dropped += 1,
            }
        }
    }

    /// Appends to the outbox of a peer that is not full, and has no turns.
    fn push(&mut self, peer: PeerId, message: Message) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.outbox.push(message);
        }
    }

    /// A peer has room: it gets its turn, where peers have turns.
    fn reopen(&mut self, peer: PeerId) {
        if matches!(self.kind, Dealer | Push | Req) {
            self.open.join(peer);
        }
    }

    /// The next message to be written to a peer. Call it while the peer takes more.
    pub fn outgoing(&mut self, peer: PeerId) -> Option<Outgoing> {
        let (message, unblocked) = self.peers.get_mut(&peer)?.outbox.pop()?;
        if unblocked {
            self.reopen(peer);
        }
        Some(Outgoing { message, unblocked })
    }

    // ---- from peers to the user

    /// A message came from a peer.
    pub fn deliver(&mut self, peer: PeerId, message: MessageRef<'_>) -> Delivered {
        let Some(entry) = self.peers.get_mut(&peer) else {
            return Delivered::Dropped;
        };
        if entry.inbox.is_full() {
            return Delivered::Refused;
        }
        let first = message.parts().next().unwrap_or_default();
        let kept = match self.kind {
            Push | Pub => None,
            Sub if self.wanted.matching(first).next().is_none() => None,
            Router if entry.identity.is_none() => None,
            Req if self.turn != Turn::Asked(peer) || !first.is_empty() => None,
            Req => message.to_message().without_first(),
            // Judged here, split when it is received.
            Rep => {
                let mut behind = message.parts().skip_while(|part| !part.is_empty()).skip(1);
                behind.next().map(|_| message.to_message())
            }
            _ => Some(message.to_message()),
        };
        let Some(kept) = kept else {
            self.dropped += 1;
            return Delivered::Dropped;
        };
        if self.kind == Req {
            self.turn = Turn::Answered;
        }
        if entry.inbox.is_empty() {
            self.heard.join(peer);
        }
        entry.inbox.push(kept);
        match entry.inbox.is_full() {
            true => Delivered::KeptAndFull,
            false => Delivered::Kept,
        }
    }

    /// The next message, from each peer that sent some in turn. Misuse: a REP owes an answer first.
    pub fn receive(&mut self) -> Result<Option<Received>, SendError> {
        if let Turn::Owes(..) = self.turn {
            let what = "a REP socket receives again after it answered";
            return Err(SendError::Misuse(what));
        }
        let Some(mut received) = self.next_heard() else {
            return Ok(None);
        };
        match self.kind {
            Req => self.turn = Turn::Free,
            Rep => {
                let peer = received.peer;
                if let Some((envelope, body)) = received.message.clone().split_envelope() {
                    self.turn = Turn::Owes(peer, envelope);
                    received.message = body;
                }
            }
            _ => {}
        }
        Ok(Some(received))
    }

    fn next_heard(&mut self) -> Option<Received> {
        if let Some((message, _)) = self.departed.pop() {
            return Some(Received {
                peer: None,
                message,
                resume: false,
            });
        }
        let peer = self.heard.next()?;
        let entry = self.peers.get_mut(&peer)?;
        let (message, resume) = entry.inbox.pop()?;
        if !entry.inbox.is_empty() {
            self.heard.join(peer);
        }
        let message = match &entry.identity {
            Some(identity) => message.behind(identity),
            None => message,
        };
        Some(Received {
            peer: Some(peer),
            message,
            resume,
        })
    }

    // ---- subscriptions

    /// PUB: a subscriber wants what starts with `topic`. An error ends the peer: it wants too much.
    pub fn subscribe(&mut self, peer: PeerId, topic: &[u8]) -> Result<(), ZmtpError> {
        match self.peers.contains_key(&peer) {
            true => self.subscribers.add(peer, topic),
            false => Ok(()),
        }
    }

    /// PUB: takes [`Socket::subscribe`] back; a topic that was not subscribed to is no matter.
    pub fn cancel(&mut self, peer: PeerId, topic: &[u8]) {
        self.subscribers.remove(peer, topic);
    }

    /// SUB: wants what starts with `topic`. True: all publishers are to be told.
    pub fn want(&mut self, topic: &[u8]) -> bool {
        let times = self.wanted.entry(topic);
        *times += 1;
        *times == 1
    }

    /// SUB: takes one [`Socket::want`] back. True: it was the last, all publishers are to be told.
    pub fn unwant(&mut self, topic: &[u8]) -> bool {
        let Some(times) = self.wanted.get_mut(topic) else {
            return false;
        };
        *times -= 1;
        let last = *times == 0;
        if last {
            self.wanted.remove(topic);
        }
        last
    }

    /// SUB: the topics of which a new publisher is to be told.
    pub fn wanted(&self) -> impl Iterator<Item = &[u8]> {
        self.wanted.names()
    }
}

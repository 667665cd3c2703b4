//! A ZeroMQ socket: the messages (`rpyc_zmtp::Socket`) and the connections of all its peers, by
//! handle of their endpoints. Listening and connecting are JavaScript's.

use std::collections::BTreeMap;
use std::time::Instant;

use rpyc_zmtp::{Beats, Config, Message, PeerId, Received, Socket, SocketType};

/// A peer of a node.
pub struct Link {
    /// Its endpoint, while there is a connection.
    pub handle: Option<i32>,
    /// We connect to it, again and again: messages wait for it.
    dialed: bool,
}

pub struct Node {
    pub socket: Socket,
    pub config: Config,
    pub beats: Beats,
    /// Milliseconds that a handshake may take.
    pub handshake: u64,
    pub links: BTreeMap<PeerId, Link>,
    /// Why the last connection ended.
    pub reason: String,
    /// Received, and did not fit where it was to go.
    spare: Option<Received>,
    next: u32,
    start: Instant,
}

impl Node {
    pub fn new(socket: Socket, config: Config, beats: Beats, handshake: u64) -> Self {
        Self {
            socket,
            config,
            beats,
            handshake,
            links: BTreeMap::new(),
            reason: String::new(),
            spare: None,
            next: 0,
            start: Instant::now(),
        }
    }

    /// Milliseconds since it was made.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Does it answer peers by their identity?
    pub fn answers(&self) -> bool {
        self.config.socket_type == SocketType::Router
    }

    /// A new peer, without a connection yet.
    pub fn attach(&mut self, dialed: bool) -> PeerId {
        let id = PeerId(self.next);
        self.next += 1;
        self.socket.attach(id);
        let link = Link {
            handle: None,
            dialed,
        };
        self.links.insert(id, link);
        id
    }

    /// A peer's connection is over.
    pub fn disconnected(&mut self, id: PeerId, why: String) {
        self.reason = why;
        match self.links.get_mut(&id) {
            Some(link) if link.dialed => {
                link.handle = None;
                self.socket.reset(id);
            }
            _ => self.detach(id),
        }
    }

    /// A peer is given up.
    pub fn detach(&mut self, id: PeerId) {
        self.links.remove(&id);
        self.socket.detach(id);
    }

    /// The next message that somebody sent. None as well while a REP owes an answer.
    pub fn receive(&mut self) -> Option<Received> {
        match self.spare.take() {
            Some(received) => Some(received),
            None => self.socket.receive().ok().flatten(),
        }
    }

    /// Takes back what `receive` gave, to give it again.
    pub fn put_back(&mut self, received: Received) {
        self.spare = Some(received);
    }

    /// What the first part of a message names.
    pub fn addressee(&self, message: &Message) -> Option<PeerId> {
        self.socket.find(message.first())
    }
}

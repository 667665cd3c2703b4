//! One ZMTP connection of an endpoint: its session, what was received and not used, what has to be
//! written, its heartbeats. Knows no JavaScript. What it hears and says is the node's.

use rpyc_net::{Flushed, Read, Reading, Socket, WriteQueue};
use rpyc_zmtp::{Beat, Delivered, Event, Heartbeat, PeerId, Session, ZmtpError};

use crate::node::Node;

/// Bytes per system call, and calls per turn of the loop: fairness between peers.
const CHUNK: usize = 64 << 10;
const MAX_READS: usize = 8;
/// Messages are put together for one write up to so many bytes. While the kernel takes none, the
/// rest waits in the socket's own queue, whose mark then counts.
const FILL: usize = 256 << 10;

/// What JavaScript is to be told of.
#[derive(Default)]
pub struct News {
    /// The handshake is over.
    pub ready: bool,
    /// There is something to receive.
    pub messages: bool,
    /// What would block before may not now.
    pub sendable: bool,
}

pub struct Peer {
    /// Whose peer it is, and under which name.
    pub node: i32,
    pub id: PeerId,
    session: Session,
    input: Vec<u8>,
    /// Nothing happens before so much input is there.
    need: usize,
    pub queue: WriteQueue,
    beat: Option<Heartbeat>,
    since: u64,
    /// Our side has as many of its messages as it may have: nothing is read.
    pub paused: bool,
    /// Nothing can be written any more. Reading goes on until it ends by itself.
    broken: bool,
    /// The connection is over, and why.
    pub end: Option<String>,
}

impl Peer {
    /// A connection that begins now.
    pub fn new(handle: i32, id: PeerId, node: &Node) -> Result<Self, ZmtpError> {
        let mut queue = WriteQueue::new(FILL);
        let session = Session::new(node.config.clone(), queue.tail())?;
        Ok(Self {
            node: handle,
            id,
            session,
            input: Vec::new(),
            need: 0,
            queue,
            beat: None,
            since: node.now(),
            paused: false,
            broken: false,
            end: None,
        })
    }

    pub fn is_ready(&self) -> bool {
        self.session.is_ready()
    }

    /// A ROUTER does not read the requests of a peer that does not read its answers.
    pub fn wants_input(&self, answers: bool) -> bool {
        self.end.is_none() && !self.paused && !(answers && self.queue.len() >= FILL)
    }

    pub fn wants_output(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Looks at what is here and at what can be read.
    pub fn read(
        &mut self,
        socket: &Socket,
        node: &mut Node,
        scratch: &mut Vec<u8>,
        news: &mut News,
    ) {
        self.feed(&[], node, news);
        scratch.resize(CHUNK, 0);
        for _ in 0..MAX_READS {
            if !self.wants_input(node.answers()) {
                return;
            }
            match socket.read(scratch, Reading::Now) {
                Ok(Read::Bytes(count)) => {
                    if let Some(beat) = &mut self.beat {
                        beat.heard(node.now());
                    }
                    self.feed(&scratch[..count], node, news);
                    if count < CHUNK {
                        return;
                    }
                }
                Ok(Read::WouldBlock) => return,
                Ok(Read::Eof) => self.finish("the peer has closed the connection"),
                Err(error) => self.finish(error),
            }
        }
    }

    /// Writes what waits, as far as the kernel takes it.
    pub fn write(&mut self, socket: &Socket, node: &mut Node, news: &mut News) {
        if self.broken {
            return self.queue.clear();
        }
        loop {
            while self.is_ready() && self.queue.len() < FILL {
                let Some(outgoing) = node.socket.outgoing(self.id) else {
                    break;
                };
                news.sendable |= outgoing.unblocked;
                let wire = outgoing.message.wire();
                self.queue.tail().extend_from_slice(wire);
            }
            if self.queue.is_empty() {
                return;
            }
            match self.queue.flush(socket) {
                Ok(Flushed::Empty) => {}
                Ok(Flushed::Blocked) => return,
                Err(_) => {
                    self.broken = true;
                    return self.queue.clear();
                }
            }
        }
    }

    /// Tells the peer that we want, or no longer want, what starts with `topic`.
    pub fn subscribe(&mut self, topic: &[u8], on: bool) -> Result<(), ZmtpError> {
        match on {
            _ if !self.is_ready() => Ok(()),
            true => self.session.subscribe(topic, self.queue.tail()),
            false => self.session.cancel(topic, self.queue.tail()),
        }
    }

    /// The clock moved on: a PING, or the end of a peer that is silent or does not shake hands.
    pub fn tick(&mut self, node: &Node) {
        let (now, beats) = (node.now(), node.beats);
        match &mut self.beat {
            None if now >= self.since.saturating_add(node.handshake) => {
                self.finish("the peer did not shake hands in time");
            }
            None => {}
            Some(beat) => match beat.poll(now) {
                Beat::Wait(_) => {}
                Beat::Lost => self.finish("the peer has been silent for too long"),
                Beat::Ping if self.queue.len() >= FILL => {}
                Beat::Ping => {
                    // In tenths of a second, rounded up.
                    let ttl = beats.timeout.saturating_add(beats.interval).div_ceil(100);
                    let ttl = u16::try_from(ttl).unwrap_or(u16::MAX);
                    // It fails only for a session that is over.
                    let _ = self.session.ping(ttl, b"", self.queue.tail());
                }
            },
        }
    }

    /// Ends the connection; the first reason stays.
    pub fn finish(&mut self, why: impl ToString) {
        self.end.get_or_insert_with(|| why.to_string());
    }

    fn feed(&mut self, fresh: &[u8], node: &mut Node, news: &mut News) {
        let mut input = std::mem::take(&mut self.input);
        if input.is_empty() {
            let used = self.consume(fresh, node, news);
            input.extend_from_slice(&fresh[used..]);
        } else {
            input.extend_from_slice(fresh);
            let used = self.consume(&input, node, news);
            input.drain(..used);
            if input.is_empty() && input.capacity() > FILL {
                input = Vec::new();
            }
        }
        self.input = input;
    }

    /// Event by event, as long as there is one and the socket takes it: bytes that are done with.
    fn consume(&mut self, bytes: &[u8], node: &mut Node, news: &mut News) -> usize {
        let mut used = 0;
        while self.end.is_none() && !self.paused && bytes.len() - used >= self.need {
            let before = self.queue.len();
            let fed = match self.session.feed(&bytes[used..], self.queue.tail()) {
                Ok(fed) => fed,
                Err(error) => {
                    self.finish(error);
                    break;
                }
            };
            used += fed.used;
            self.need = fed.need;
            let Some(event) = fed.event else {
                break;
            };
            if let (Event::Ping { .. }, FILL..) = (&event, before) {
                // It asks, and does not read the answers.
                let answer = self.queue.len() - before;
                let tail = self.queue.tail();
                tail.truncate(tail.len() - answer);
            }
            if let Err(error) = self.hear(event, node, news) {
                self.finish(error);
            }
        }
        used
    }

    fn hear(
        &mut self,
        event: Event<'_>,
        node: &mut Node,
        news: &mut News,
    ) -> Result<(), ZmtpError> {
        match event {
            Event::Ready(ready) => {
                node.socket.identify(self.id, ready.identity)?;
                for topic in node.socket.wanted() {
                    self.session.subscribe(topic, self.queue.tail())?;
                }
                self.beat = Some(Heartbeat::new(node.beats, node.now()));
                news.ready = true;
            }
            Event::Message(message) => match node.socket.deliver(self.id, message) {
                Delivered::Kept => news.messages = true,
                Delivered::KeptAndFull => (news.messages, self.paused) = (true, true),
                Delivered::Dropped | Delivered::Refused => {}
            },
            Event::Subscribe(topic) => node.socket.subscribe(self.id, topic)?,
            Event::Cancel(topic) => node.socket.cancel(self.id, topic),
            Event::Ping { ttl } => self.beat.iter_mut().for_each(|beat| beat.ttl(ttl)),
            Event::Pong(_) => {}
        }
        Ok(())
    }
}

//! One side of a connection as its owner keeps it: a session, the bytes it has not used, what it wants to write.
#![allow(dead_code)] // each test program uses a part

pub mod fixtures;

use rpyc_zmtp::{Config, Event, Limits, Session, SocketType, ZmtpError};

/// An event that has left the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Ready(SocketType, Vec<u8>),
    Message(Vec<Vec<u8>>),
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    Ping(u16),
    Pong(Vec<u8>),
}

pub struct Side {
    pub session: Session,
    pub out: Vec<u8>,
    pub heard: Vec<Heard>,
    pub failed: Option<ZmtpError>,
    input: Vec<u8>,
}

impl Side {
    pub fn new(config: Config) -> Self {
        let mut out = Vec::new();
        let session = Session::new(config, &mut out).expect("a good configuration");
        Self {
            session,
            out,
            heard: Vec::new(),
            failed: None,
            input: Vec::new(),
        }
    }

    pub fn of(socket_type: SocketType) -> Self {
        Self::new(Config::new(socket_type))
    }

    /// Takes bytes off the wire. Holds the session to its promises; after an error to that it stays one.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        loop {
            match self.session.feed(&self.input, &mut self.out) {
                Err(error) => {
                    assert!(!error.is_local(), "{error}");
                    assert!(error.to_string().len() < 300);
                    let before = self.failed.get_or_insert_with(|| error.clone());
                    assert_eq!(*before, error);
                    return;
                }
                Ok(fed) => {
                    assert_eq!(self.failed, None);
                    let left = self.input.len() - fed.used;
                    let (used, need) = (fed.used, fed.need);
                    match fed.event {
                        Some(event) => {
                            assert_eq!(need, 0);
                            self.heard.push(owned(&event, self.session.limits()));
                            self.input.drain(..used);
                        }
                        None => {
                            assert!(need > left);
                            self.input.drain(..used);
                            self.assert_bounded(need);
                            return;
                        }
                    }
                }
            }
        }
    }

    /// What is waited for is no more than an unfinished message may have.
    fn assert_bounded(&self, need: usize) {
        let limits = self.session.limits();
        let most = limits.max_message.max(limits.max_command) + 9 * limits.max_parts + (64 << 10);
        assert!(need <= most + limits.max_frame + 9, "{need}");
    }

    pub fn say(&mut self, parts: &[Vec<u8>]) {
        let parts = parts.iter().map(Vec::as_slice);
        self.session.send(parts, &mut self.out).expect("it is sent");
    }
}

fn owned(event: &Event<'_>, limits: &Limits) -> Heard {
    match event {
        Event::Ready(ready) => {
            assert!(ready.metadata.clone().count() <= limits.max_properties);
            Heard::Ready(ready.socket_type, ready.identity.to_vec())
        }
        Event::Message(message) => {
            let parts: Vec<Vec<u8>> = message.parts().map(<[u8]>::to_vec).collect();
            assert!((1..=limits.max_parts).contains(&parts.len()));
            assert!(parts.iter().map(Vec::len).sum::<usize>() <= limits.max_message);
            let copy = message.to_message();
            assert!(copy.parts().eq(parts.iter().map(Vec::as_slice)));
            Heard::Message(parts)
        }
        Event::Subscribe(topic) => Heard::Subscribe(topic.to_vec()),
        Event::Cancel(topic) => Heard::Cancel(topic.to_vec()),
        Event::Ping { ttl } => Heard::Ping(*ttl),
        Event::Pong(context) => Heard::Pong(context.to_vec()),
    }
}

/// Lets two sides talk until neither has anything to write.
pub fn settle(one: &mut Side, other: &mut Side) {
    while !one.out.is_empty() || !other.out.is_empty() {
        other.receive(&std::mem::take(&mut one.out));
        one.receive(&std::mem::take(&mut other.out));
    }
}

/// Of the mutated streams, how many are tried: everything in release builds, every 16th in debug builds, or every
/// n-th with RPYC_WIRE_SAMPLE=n (emulators).
pub fn sample() -> usize {
    let default = if cfg!(debug_assertions) { 16 } else { 1 };
    std::env::var("RPYC_WIRE_SAMPLE").map_or(default, |text| {
        text.parse().expect("RPYC_WIRE_SAMPLE is a number")
    })
}

//! One connection: greeting, handshake, then messages and commands, without I/O.
//!
//! The owner reads bytes into memory of its own and [feeds](Session::feed) them; events borrow from there. What is to
//! be written is appended to the `out` that it hands in. No memory is kept here, so that a peer costs what its owner
//! holds: at most one unfinished message (`max_message` and the heads of its parts).

use crate::command::{self, Command, Ready};
use crate::error::ZmtpError;
use crate::frame::{scan, Frame, Scan, COMMAND, MORE};
use crate::greeting::{greeting, read_greeting, GREETING};
use crate::limits::{Limits, MAX_CONTEXT};
use crate::message::{write_message, MessageRef};
use crate::socket_type::SocketType;

/// Bytes of commands that may lie between the parts of one message: heartbeats do.
const MAX_BETWEEN: usize = 64 << 10;

/// What a session says of its own side.
#[derive(Clone, Debug)]
pub struct Config {
    /// Type of our socket.
    pub socket_type: SocketType,
    /// Our identity; empty: none.
    pub identity: Vec<u8>,
    /// We speak ZMTP 3.`minor`: 1, or 0 for the sake of a peer that is confused by 1.
    pub minor: u8,
    /// What the peer may cost us.
    pub limits: Limits,
}

impl Config {
    /// A socket of this type that speaks ZMTP 3.1 and has no identity.
    pub fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            identity: Vec::new(),
            minor: 1,
            limits: Limits::default(),
        }
    }
}

/// What the peer did, borrowed from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The handshake is over: we may send.
    Ready(Ready<'a>),
    /// A whole message.
    Message(MessageRef<'a>),
    /// A subscriber wants what starts with this topic.
    Subscribe(&'a [u8]),
    /// It does so no longer.
    Cancel(&'a [u8]),
    /// A heartbeat; the PONG is in `out`.
    Ping {
        /// Silence after which the peer wants us to take it for dead, in tenths of a second; 0: it does not say.
        ttl: u16,
    },
    /// The answer to a heartbeat of ours, with its context.
    Pong(&'a [u8]),
}

/// What [`Session::feed`] did with its input.
#[derive(Debug, PartialEq, Eq)]
pub struct Fed<'a> {
    /// So many bytes of the input are done with. The rest is to be fed again, from its start.
    pub used: usize,
    /// What they said.
    pub event: Option<Event<'a>>,
    /// Without an event: nothing happens before so many bytes lie behind `used`. With one: 0, feed again.
    pub need: usize,
}

#[derive(Clone, Debug)]
enum State {
    Greeting,
    Handshake,
    Ready,
    Failed(ZmtpError),
}

/// The message that is on its way, as far as it was looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Partial {
    /// Bytes from the start of its first frame: the next frame begins here.
    scanned: usize,
    parts: usize,
    size: usize,
    /// Bytes of commands among `scanned`.
    between: usize,
}

/// The state of one connection.
///
/// Invariant: `partial.scanned` is 0, or the unused input starts with so many bytes of whole frames.
#[derive(Clone, Debug)]
pub struct Session {
    config: Config,
    /// What may arrive: less than what may be sent, where we publish.
    inbound: Limits,
    state: State,
    /// The peer's minor version, once its greeting is there.
    minor: u8,
    partial: Partial,
}

impl Session {
    /// A new connection; our greeting goes to `out`. Fails where the identity of the configuration is none.
    pub fn new(config: Config, out: &mut Vec<u8>) -> Result<Self, ZmtpError> {
        command::check_identity(&config.identity)?;
        out.extend_from_slice(&greeting(config.minor));
        let mut inbound = config.limits;
        if config.socket_type.publishes() {
            // Subscriptions only: as a command, or as a message of ZMTP 3.0.
            inbound.max_frame = inbound.max_frame.min(inbound.max_command);
            inbound.max_message = inbound.max_frame;
        }
        Ok(Self {
            config,
            inbound,
            state: State::Greeting,
            minor: 0,
            partial: Partial::default(),
        })
    }

    /// Is the handshake over, and nothing wrong since?
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// The limits that hold for this connection.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Do both sides speak ZMTP 3.1, with its commands? Known once the session is ready.
    pub fn speaks_3_1(&self) -> bool {
        self.config.minor.min(self.minor) >= 1
    }

    /// Looks at received bytes up to the next event. Answers, shorter than what they answer, go to `out`; so does what is to be written before the
    /// connection is closed, where it fails. A failed session fails for ever.
    pub fn feed<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Result<Fed<'a>, ZmtpError> {
        let result = self.advance(input, out);
        if let Err(error) = &result {
            let refusing = !matches!(error, ZmtpError::Refused(_));
            if matches!(self.state, State::Handshake) && refusing {
                let reason = error.to_string();
                let reason = &reason.as_bytes()[..reason.len().min(255)];
                command::write("ERROR", &[&[reason.len() as u8], reason], out);
            }
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Appends a message.
    pub fn send<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), ZmtpError> {
        self.ready()?;
        write_message(parts, &self.config.limits, out)
    }

    /// Asks a publisher for what starts with `topic`, in the form that its version has.
    pub fn subscribe(&self, topic: &[u8], out: &mut Vec<u8>) -> Result<(), ZmtpError> {
        self.subscription("SUBSCRIBE", 1, topic, out)
    }

    /// Takes [`Session::subscribe`] back.
    pub fn cancel(&self, topic: &[u8], out: &mut Vec<u8>) -> Result<(), ZmtpError> {
        self.subscription("CANCEL", 0, topic, out)
    }

    /// Appends a heartbeat. `ttl` in tenths of a second; `context`, at most 16 bytes, comes back in the PONG.
    pub fn ping(&self, ttl: u16, context: &[u8], out: &mut Vec<u8>) -> Result<(), ZmtpError> {
        self.ready()?;
        within("context", context, MAX_CONTEXT)?;
        command::write("PING", &[&ttl.to_be_bytes(), context], out);
        Ok(())
    }

    fn ready(&self) -> Result<(), ZmtpError> {
        match &self.state {
            State::Ready => Ok(()),
            State::Failed(error) => Err(error.clone()),
            _ => Err(ZmtpError::NotReady),
        }
    }

    fn subscription(
        &self,
        name: &str,
        mark: u8,
        topic: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ZmtpError> {
        self.ready()?;
        // The longer form must fit what the peer, if it is like us, takes.
        within(
            "topic",
            topic,
            self.config.limits.max_command.saturating_sub(16),
        )?;
        if self.speaks_3_1() {
            command::write(name, &[topic], out);
            return Ok(());
        }
        let message = [&[mark], topic].concat();
        write_message([&message[..]], &self.config.limits, out)
    }

    fn advance<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Result<Fed<'a>, ZmtpError> {
        let mut used = 0;
        loop {
            let at = used + self.partial.scanned;
            if let State::Greeting = self.state {
                let Some(minor) = read_greeting(input)? else {
                    return Ok(missing(used, GREETING));
                };
                (self.minor, self.state) = (minor, State::Handshake);
                command::write_ready(self.config.socket_type, &self.config.identity, out);
                used = GREETING;
                continue;
            }
            if let State::Failed(error) = &self.state {
                return Err(error.clone());
            }
            self.expected(input.get(at))?;
            let frame = match scan(input, at, &self.inbound)? {
                Scan::Need { total } => return Ok(missing(used, total)),
                Scan::Frame(frame) => frame,
            };
            let (end, body) = (frame.body.end, &input[frame.body.clone()]);
            let event = if let State::Handshake = self.state {
                used = end;
                Some(self.handshake(body)?)
            } else if frame.flags & COMMAND != 0 {
                used = self.pass_command(used, at, end)?;
                self.command(body, out)?
            } else if self.part(&frame, end - used)? {
                let wire = &input[used..end];
                let partial = std::mem::take(&mut self.partial);
                used = end;
                self.message(wire, &partial, body)
            } else {
                None
            };
            if event.is_some() {
                let need = 0;
                return Ok(Fed { used, event, need });
            }
        }
    }

    /// Refuses a message where none may come, by the flags of its first frame, before the rest is waited for.
    fn expected(&self, flags: Option<&u8>) -> Result<(), ZmtpError> {
        match flags {
            Some(flags) if flags & COMMAND == 0 => {}
            _ => return Ok(()),
        }
        match (&self.state, self.config.socket_type) {
            (State::Handshake, _) => Err(ZmtpError::Unexpected("a message before its READY")),
            (_, SocketType::Push) => Err(ZmtpError::Unexpected("a message to a PUSH socket")),
            _ => Ok(()),
        }
    }

    fn handshake<'a>(&mut self, body: &'a [u8]) -> Result<Event<'a>, ZmtpError> {
        match command::read(body)? {
            Command::Ready(data) => {
                let ready = command::read_ready(data, &self.config.limits)?;
                let (ours, theirs) = (self.config.socket_type, ready.socket_type);
                if !ours.talks_to(theirs) {
                    return Err(ZmtpError::Incompatible { ours, theirs });
                }
                self.state = State::Ready;
                Ok(Event::Ready(ready))
            }
            Command::Error(reason) => Err(refused(reason)),
            _ => Err(ZmtpError::Unexpected("another command before its READY")),
        }
    }

    /// Goes past a command from `at` to `end`; what is used now.
    fn pass_command(&mut self, used: usize, at: usize, end: usize) -> Result<usize, ZmtpError> {
        if self.partial.scanned == 0 {
            return Ok(end);
        }
        // Within a message: it stays in the input with the message's parts.
        self.partial.between += end - at;
        self.partial.scanned += end - at;
        match self.partial.between {
            0..=MAX_BETWEEN => Ok(used),
            _ => Err(ZmtpError::TooManyCommands),
        }
    }

    fn command<'a>(
        &self,
        body: &'a [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, ZmtpError> {
        let publishes = self.config.socket_type.publishes();
        Ok(Some(match command::read(body)? {
            Command::Ping { ttl, context } => {
                command::write("PONG", &[context], out);
                Event::Ping { ttl }
            }
            Command::Pong(context) => Event::Pong(context),
            Command::Subscribe(topic) if publishes => Event::Subscribe(topic),
            Command::Cancel(topic) if publishes => Event::Cancel(topic),
            Command::Subscribe(_) | Command::Cancel(_) => {
                let what = "a subscription to a socket that does not publish";
                return Err(ZmtpError::Unexpected(what));
            }
            Command::Ready(_) => return Err(ZmtpError::Unexpected("READY a second time")),
            Command::Error(reason) => return Err(refused(reason)),
            Command::Other => return Ok(None),
        }))
    }

    /// Takes a part into account; is it the last one? `scanned` = where it ends, from the start of its message.
    fn part(&mut self, frame: &Frame, scanned: usize) -> Result<bool, ZmtpError> {
        let (limits, partial) = (&self.inbound, &mut self.partial);
        partial.scanned = scanned;
        partial.parts += 1;
        partial.size = partial.size.saturating_add(frame.body.len());
        if partial.parts > limits.max_parts {
            let max = limits.max_parts;
            return Err(ZmtpError::TooManyParts { max });
        }
        if partial.size > limits.max_message {
            let (len, max) = (partial.size as u64, limits.max_message);
            return Err(ZmtpError::MessageTooLarge { len, max });
        }
        Ok(frame.flags & MORE == 0)
    }

    /// A whole message in `wire`; `last` is its last part.
    fn message<'a>(&self, wire: &'a [u8], partial: &Partial, last: &'a [u8]) -> Option<Event<'a>> {
        if !self.config.socket_type.publishes() {
            let pure = partial.between == 0;
            return Some(Event::Message(MessageRef::new(wire, pure)));
        }
        // ZMTP 3.0 subscribes by messages; a message of another kind is for an XPUB.
        match (partial.parts, last.split_first()) {
            (1, Some((1, topic))) => Some(Event::Subscribe(topic)),
            (1, Some((0, topic))) => Some(Event::Cancel(topic)),
            _ => None,
        }
    }
}

fn missing<'a>(used: usize, total: usize) -> Fed<'a> {
    Fed {
        used,
        event: None,
        need: total - used,
    }
}

fn refused(reason: &[u8]) -> ZmtpError {
    ZmtpError::Refused(crate::error::printable(reason))
}

fn within(what: &'static str, bytes: &[u8], max: usize) -> Result<(), ZmtpError> {
    match bytes.len() {
        len if len > max => Err(ZmtpError::SendTooLarge { what, len, max }),
        _ => Ok(()),
    }
}

//! ZMTP 3.1, ZeroMQ's wire protocol, and what ZeroMQ's sockets do with messages.
//!
//! Pure Rust: no I/O, no clock, no unsafe. Mechanism NULL; peers of ZMTP 3.0 and 3.1. Per connection there is one
//! [`Session`], per socket one [`Socket`]; descriptors, timers and reconnecting are their owner's.
//!
//! ```
//! use rpyc_zmtp::{Config, Event, Message, Options, PeerId, Session, Socket, SocketType};
//! # fn main() -> Result<(), rpyc_zmtp::ZmtpError> {
//! // A DEALER that is connected to one ROUTER. What is in `out` is to be written.
//! let (peer, mut out) = (PeerId(1), Vec::new());
//! let config = Config::new(SocketType::Dealer);
//! let limits = config.limits;
//! let mut session = Session::new(config, &mut out)?;
//! let mut socket = Socket::new(SocketType::Dealer, Options::default());
//! socket.attach(peer);
//!
//! // Nothing was read yet, but a message can wait already.
//! let mut to = Vec::new();
//! let message = Message::new([&b""[..], b"hello"], &limits)?;
//! socket.send(message, &mut to).expect("it has room");
//! assert_eq!(to, [peer]);
//!
//! // The other side, as it would write.
//! let mut bytes = Vec::new();
//! let mut router = Session::new(Config::new(SocketType::Router), &mut bytes)?;
//! router.feed(&out.split_off(0), &mut bytes)?;
//!
//! // Bytes were read: an event at a time, as long as there is one; the rest is kept for the next read.
//! while let fed = session.feed(&bytes, &mut out)? {
//!     match fed.event {
//!         Some(Event::Ready(ready)) => socket.identify(peer, ready.identity)?,
//!         Some(Event::Message(message)) => drop(socket.deliver(peer, message)),
//!         Some(_) => {} // subscriptions, heartbeats
//!         None => break,
//!     }
//!     let used = fed.used;
//!     bytes.drain(..used);
//! }
//! // The peer is ready, so what waits for it is written.
//! while let Some(outgoing) = socket.outgoing(peer) {
//!     out.extend_from_slice(outgoing.message.wire());
//! }
//! assert!(out.ends_with(b"\x01\0\0\x05hello"));
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod command;
mod error;
mod frame;
mod greeting;
mod heartbeat;
mod identities;
mod limits;
mod message;
mod outcome;
mod peer;
mod pipe;
mod session;
mod socket;
mod socket_type;
mod subscribers;
mod topics;

pub use command::{Metadata, Ready};
pub use error::ZmtpError;
pub use greeting::{greeting, read_greeting, GREETING};
pub use heartbeat::{Beat, Beats, Heartbeat};
pub use limits::{Limits, MAX_CONTEXT, MAX_IDENTITY};
pub use message::{write_message, Message, MessageRef, Parts};
pub use outcome::{Delivered, Options, Outgoing, Received, SendError};
pub use peer::PeerId;
pub use pipe::Hwm;
pub use session::{Config, Event, Fed, Session};
pub use socket::Socket;
pub use socket_type::SocketType;

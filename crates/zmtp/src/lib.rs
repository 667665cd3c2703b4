//! ZMTP 3.1, ZeroMQ's wire protocol: what a connection says and hears ([`Session`]).
//!
//! Pure Rust: no I/O, no clock, no unsafe. Mechanism NULL; peers of ZMTP 3.0 and 3.1.
#![forbid(unsafe_code)]

mod command;
mod error;
mod frame;
mod greeting;
mod heartbeat;
mod limits;
mod message;
mod session;
mod socket_type;

pub use command::{Metadata, Ready};
pub use error::ZmtpError;
pub use greeting::{greeting, read_greeting, GREETING};
pub use heartbeat::{Beat, Beats, Heartbeat};
pub use limits::{Limits, MAX_CONTEXT, MAX_IDENTITY};
pub use message::{write_message, Message, MessageRef, Parts};
pub use session::{Config, Event, Fed, Session};
pub use socket_type::SocketType;

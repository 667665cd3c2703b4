//! Descriptors: connect, listen, accept, read, write queue and the blocking wait. No JavaScript and
//! no protocol in here.
//!
//! Every socket and pipe of this crate is used without blocking, but for the read that a `Waiter` sleeps in; it
//! is close-on-exec and never raises SIGPIPE; TCP sockets never delay small writes. Answers to RPyC's `core/stream.py` (`SocketStream`,
//! `PipeStream`), waiting included.

mod address;
mod ask;
mod child;
mod connect;
mod inherit;
mod listen;
mod openssl;
mod queue;
mod raw;
mod signals;
mod socket;
mod tls;
mod wait;

pub use address::{resolve, Address};
pub use ask::Question;
pub use child::{exit_of, Exit, Tail};
pub use connect::Connecting;
pub use inherit::{pair, take_stdio};
pub use listen::{listen_tcp, listen_unix, ListenFlags, Listener};
pub use queue::{Flushed, WriteQueue};
pub use raw::{Read, Reading};
pub use signals::Signals;
pub use socket::{KeepAlive, Socket};
pub use tls::{Handshake, Settings, TlsContext, TlsFailure, Verify};
pub use wait::{wait_ready, Wait, Waiter, SLICE};

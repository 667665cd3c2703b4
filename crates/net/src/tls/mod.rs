//! TLS over the descriptor of a `Socket`, by Node's own OpenSSL: contexts (certificates, what is
//! demanded of the peer), and one session per connection. The bytes go through a BIO of ours rather
//! than OpenSSL's: writes never block and never raise SIGPIPE, and a read sleeps in `recv` where the
//! blocking wait says so, once at most, on the same descriptor, without a copy between.
//!
//! A session never renegotiates, keeps no tickets and no cache. A peer that hangs up without TLS's
//! goodbye is an EOF like any other: stock RPyC does so, and each message knows its own length.

mod bio;
mod context;
mod failure;
mod pem;
mod session;

pub use context::{Settings, TlsContext, Verify};
pub use failure::TlsFailure;
pub use session::Handshake;

pub(crate) use session::Session;

//! RPyC's wire format as Node's engine needs it: brine, boxing, messages of 5.x and 6.x, bind_threads, frames, zlib.
//!
//! Pure Rust: no I/O, no clock, no unsafe. Bytes become a *tape* of words, and a tape becomes bytes; crates/DESIGN.md is
//! the contract for its words, [`tape`] its constants.
//!
//! Per thread there is one [`Names`] and one [`Zlib`]; per connection one [`Codec`].
//!
//! # Receiving
//! ```
//! use rpyc_wire::{frame, tape, Codec, Names, Options, TapeWriter, Zlib, Scan};
//! # fn main() -> Result<(), rpyc_wire::WireError> {
//! let (mut names, mut zlib) = (Names::new(), Zlib::new());
//! let mut codec = Codec::new(Options::default());
//! // The arena: bytes as they were read, words with room for one record, floats.
//! let bytes: &[u8] = b"\0\0\0\x0e\0\x01\x11\x50\x11\x51\x11\x51\x10\x08\x0d\x70\x69\x6e\x67\n";
//! let (mut words, mut floats) = ([0; 64], [0.0; 8]);
//! let mut tape = TapeWriter::new(&mut words, tape::RECORD_WORDS, &mut floats, 0);
//!
//! match frame::scan(bytes, codec.limits().max_frame)? {
//!     Scan::Need { total } => unreachable!("read until there are {total} bytes"),
//!     Scan::Frame { payload, compressed: false, total } => {
//!         // `base` = where the payload lies in the arena's bytes. False = keep-alive, no record.
//!         let base = payload.start;
//!         assert!(codec.decode_message(&bytes[payload], base, &mut names, &mut tape, 0)?);
//!         assert_eq!(total, bytes.len());
//!     }
//!     Scan::Frame { payload, .. } => {
//!         let mut inflated = Vec::new();
//!         zlib.inflate(&bytes[payload], codec.limits().max_inflated, &mut inflated)?;
//!     }
//! }
//! // Record: REQUEST, seq 0, handler 1 (PING), no obj, no name, value at 8, first argument at 10.
//! assert_eq!(words[..8], [1, 0, 0, 1, 0, 0, 8, 10]);
//! assert_eq!(words[8..10], [tape::TUPLE, 1]);
//! assert_eq!(words[10..13], [tape::word(tape::STR, 1), 15, 4]);
//! assert_eq!(&bytes[15..19], b"ping");
//! # Ok(()) }
//! ```
//!
//! # Sending
//! ```
//! use rpyc_wire::{tape::{self, kind, word, Header}, Codec, Names, Options, Outbound, Zlib};
//! # fn main() -> Result<(), rpyc_wire::WireError> {
//! let (names, mut zlib) = (Names::new(), Zlib::new());
//! let mut codec = Codec::new(Options { variant: 6, ..Options::default() });
//! // [handle, kind, seqLo, seqHi, a, b, words], then the value.
//! let words = [7, kind::REPLY, 3, 0, 0, 0, 8, word(tape::INT, 42)];
//! let tx = Outbound { words: &words, floats: &[], bytes: &[], blobs: &() };
//! let (mut at, mut out) = (0, Vec::new());
//! while at < words.len() {
//!     let header = Header::read(&words, at)?; // header.handle says which codec
//!     assert_eq!(header.handle, 7);
//!     at = codec.encode_message(&tx, at, &names, &mut zlib, &mut out)?;
//! }
//! assert_eq!(out, b"\0\0\0\x06\0\x02\x11\x53\x11\x51\x7a\n");
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod boxing;
mod brine;
mod codec;
mod decode;
mod encode;
mod error;
mod form;
pub mod frame;
mod head;
mod inbound;
mod limits;
mod measure;
mod names;
mod outbound;
mod reader;
mod refs;
mod table;
pub mod tape;
mod zlib;

pub use codec::{Bound, Codec, Options};
pub use decode::decode_value;
pub use encode::{encode_value, Blobs, Outbound};
pub use error::WireError;
pub use form::{detect, Form};
pub use frame::{scan, Scan};
pub use limits::{Limits, HARD_MAX_DEPTH, HARD_MAX_FRAME, MAX_INT_DIGITS};
pub use measure::measure;
pub use names::{Names, MAX_NAME, MAX_NAMES, MAX_PEER_NAME, MAX_PEER_NAMES};
pub use outbound::OUR_THREAD;
pub use refs::Refs;
pub use tape::{tape_bound, Header, TapeWriter, HEADER_WORDS, RECORD_WORDS};
pub use zlib::{Compress, Zlib, COMPRESSION_THRESHOLD};

//! Shared by the fuzz targets: the readers of the test crates. That of crates/wire walks a whole tape, and panics where it leaves its
//! payload. How to run them: Cargo.toml.

#[path = "../../wire/tests/support/mod.rs"]
pub mod support;

/// The other crate's: a connection as its owner keeps it, which panics where the session breaks a promise.
#[path = "../../zmtp/tests/support/mod.rs"]
pub mod zmtp;

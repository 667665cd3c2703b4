//! Shared by the fuzz targets: the test crate's reader, which walks a whole tape and panics where it leaves its payload.
//! How to run them: Cargo.toml.

#[path = "../../wire/tests/support/mod.rs"]
pub mod support;

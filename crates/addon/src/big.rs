//! Messages that do not fit an arena: decoded into memory of exactly their size, which `takeBig`
//! hands over. Their bytes were gathered as they arrived and become the result's memory as they
//! are.

use napi_sys as sys;
use rpyc_wire::{frame, measure, tape, Names, Scan, TapeWriter, WireError, Zlib};

use crate::call::Call;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// One decoded message, its record at word 0.
pub struct Big {
    words: Vec<i32>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    /// The loop has told JavaScript about it.
    pub told: bool,
}

/// Decodes the complete frame at the head of the inbox into `connection.big`. None is made of an
/// empty payload.
pub fn gather(
    connection: &mut Connection,
    names: &mut Names,
    zlib: &mut Zlib,
) -> std::result::Result<(), WireError> {
    let limits = *connection.codec.limits();
    let Scan::Frame {
        payload,
        compressed,
        total,
    } = frame::scan(connection.inbox.get(), limits.max_frame)?
    else {
        return Ok(());
    };
    let mut bytes = connection.inbox.take(total);
    let mut payload = payload;
    if compressed {
        let mut inflated = Vec::new();
        let len = zlib.inflate(&bytes[payload], limits.max_inflated, &mut inflated)?;
        (bytes, payload) = (inflated, 0..len);
    }
    let (words, floats) = measure(&bytes[payload.clone()], &limits)?;
    let (mut words, mut floats) = (vec![0; tape::RECORD_WORDS + words], vec![0.0; floats]);
    let mut tape = TapeWriter::new(&mut words, tape::RECORD_WORDS, &mut floats, 0);
    let base = payload.start;
    if connection
        .codec
        .decode_message(&bytes[payload], base, names, &mut tape, 0)?
    {
        let (at, fat) = (tape.at, tape.fat);
        words.truncate(at);
        floats.truncate(fat);
        connection.big = Some(Big {
            words,
            floats,
            bytes,
            told: false,
        });
    }
    Ok(())
}

/// `takeBig(handle)`
pub fn take_big(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let endpoint = call.endpoint(engine)?;
    let big = endpoint
        .connection
        .as_mut()
        .and_then(|connection| connection.big.take());
    let big =
        big.ok_or_else(|| Fault::argument(format!("no large message waits on handle {handle}")))?;
    engine.resume(handle);
    let env = call.env;
    let parts = [
        env.int_array(&big.words),
        env.float_array(&big.floats),
        env.byte_array(big.bytes),
    ];
    Ok(env.array(&parts))
}

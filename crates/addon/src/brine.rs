//! One bare brine value, which belongs to no connection: a message of RPyC's registry. A few hundred bytes, so it gets memory of its own.

use napi_sys as sys;
use rpyc_wire::{decode_value, encode_value, tape_bound, Limits, Outbound, TapeWriter, WireError};

use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// Longest value that is read: as much as a datagram holds.
const LONGEST: usize = 65_536;
/// Deepest nesting that is read.
const MAX_DEPTH: u32 = 16;

/// `dumpBrine(start, words, floats, bytes, blobs?)`
pub fn dump_brine(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let mut counts = [0; 4];
    for (index, count) in counts.iter_mut().enumerate() {
        *count = call.int_within(index, 0..=i32::MAX)? as usize;
    }
    let [start, words, floats, bytes] = counts;
    let blobs = call.blobs(4)?;
    let Some(memory) = &engine.transmit else {
        return Err(Fault::internal("no transmit tape was set"));
    };
    let (Some(words), Some(floats), Some(bytes)) = (
        memory.words.get().get(..words),
        memory.floats.get().get(..floats),
        memory.bytes.get().get(..bytes),
    ) else {
        return Err(Fault::argument("more than the transmit tape holds"));
    };
    let tape = Outbound {
        words,
        floats,
        bytes,
        blobs: &blobs,
    };
    let mut out = Vec::new();
    encode_value(&tape, start, &engine.names, &mut out)?;
    Ok(call.env.byte_array(out))
}

/// `loadBrine(bytes)`
pub fn load_brine(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let bytes = call.bytes(0)?;
    let len = bytes.len();
    if len > LONGEST {
        return Err(Fault::argument(format!("{len} bytes, over {LONGEST}")));
    }
    let (words, floats) = tape_bound(len);
    let (mut words, mut floats) = (vec![0; words], vec![0.0; floats]);
    let mut tape = TapeWriter::new(&mut words, 0, &mut floats, 0);
    let limits = Limits {
        max_depth: MAX_DEPTH,
        ..Limits::default()
    };
    match decode_value(bytes, 0, &limits, &mut tape) {
        Ok(_) => {}
        // What was sent is not yet, or not, a value: the caller's to judge.
        Err(WireError::Truncated { .. } | WireError::ContainerTooLong { .. }) => {
            return Ok(call.env.null());
        }
        Err(error) => return Err(Fault::Coded("ERR_RPYC_PROTOCOL", error.to_string())),
    }
    let (at, fat) = (tape.at, tape.fat);
    words.truncate(at);
    floats.truncate(fat);
    Ok(call
        .env
        .array(&[call.env.int_array(&words), call.env.float_array(&floats)]))
}

//! From the transmit tape to the write queues, and one write per connection that got something. One
//! message that cannot be encoded harms no other: its error is thrown when the rest is on its way.

use napi_sys as sys;
use rpyc_wire::tape::{kind, Header};
use rpyc_wire::Outbound;

use crate::call::Call;
use crate::codes::ctl;
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `flush(blobs?)`
pub fn flush(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    if engine.ctl(ctl::TX_WORDS) != 0 {
        let blobs = call.blobs(0)?;
        flush_tape(engine, &blobs)?;
    }
    Ok(std::ptr::null_mut())
}

/// Encodes and empties the transmit tape, then writes.
pub fn flush_tape(engine: &mut Engine, blobs: &[&[u8]]) -> Result<()> {
    let filled = [ctl::TX_WORDS, ctl::TX_FLOATS, ctl::TX_BYTES].map(|word| {
        let count = engine.ctl(word);
        engine.set_ctl(word, 0);
        usize::try_from(count).unwrap_or(0)
    });
    if filled[0] == 0 {
        return Ok(());
    }
    let encoded = encode(engine, filled, blobs);
    write_touched(engine);
    encoded
}

fn encode(engine: &mut Engine, [words, floats, bytes]: [usize; 3], blobs: &[&[u8]]) -> Result<()> {
    let env = engine.env;
    let Engine {
        transmit,
        endpoints,
        names,
        zlib,
        touched,
        ..
    } = engine;
    let Some(memory) = transmit else {
        return Err(Fault::internal("no transmit tape was set"));
    };
    let parts = (
        memory.words.get().get(..words),
        memory.floats.get().get(..floats),
        memory.bytes.get().get(..bytes),
    );
    let (Some(words), Some(floats), Some(bytes)) = parts else {
        return Err(Fault::internal(
            "the control block says more than the transmit tape holds",
        ));
    };
    let tape = Outbound {
        words,
        floats,
        bytes,
        blobs,
    };
    let (mut at, mut result) = (0, Ok(()));
    while at < words.len() {
        // Without its length the rest of the tape has no beginning.
        let header = Header::read(words, at).map_err(Fault::from)?;
        let found = endpoints
            .get(header.handle)
            .and_then(|endpoint| endpoint.connection.as_mut());
        // Messages of a closed handle go nowhere.
        if let Some(connection) = found {
            let sent = connection.send(&tape, at, header.words, names, zlib);
            if header.kind == kind::DEL && connection.codec.refs().pack(header.a as u32).is_none() {
                connection.holders.remove(env, header.a as usize);
            }
            if touched.last() != Some(&header.handle) && !touched.contains(&header.handle) {
                touched.push(header.handle);
            }
            result = result.and(sent.map_err(Fault::from));
        }
        at += header.words;
    }
    result
}

fn write_touched(engine: &mut Engine) {
    let mut touched = std::mem::take(&mut engine.touched);
    for id in touched.drain(..) {
        let Some(endpoint) = engine.endpoints.get(id) else {
            continue;
        };
        endpoint.flush();
        endpoint.rearm();
        let has_output = endpoint
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.queue.is_empty());
        let has_drained = endpoint
            .connection
            .as_ref()
            .is_some_and(|connection| connection.queue.has_drained());
        if matches!(endpoint.link, Link::Push) && has_output {
            engine.set_ctl(ctl::PUSH_OUTPUT, 1);
        }
        if has_drained {
            engine.kick(id);
        }
    }
    engine.touched = touched;
}

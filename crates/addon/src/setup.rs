//! What JavaScript gives the engine once: control block, callback, arenas, transmit tape, names.

use std::ptr::null_mut;

use napi_sys as sys;

use crate::call::Call;
use crate::codes::ctl;
use crate::engine::{Engine, Live};
use crate::error::{Fault, Result};
use crate::memory::Tape;

/// `init(ctl, onEvent)`
pub fn init(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    if engine.live.is_some() {
        return Err(Fault::internal("init was called before"));
    }
    let env = call.env;
    let on_event = call.function(1)?;
    if call.elements::<i32>(0)?.1 < ctl::LENGTH {
        return Err(Fault::argument(format!(
            "ctl has fewer than {} words",
            ctl::LENGTH
        )));
    }
    let receiver = env.object();
    engine.live = Some(Live {
        ctl: call.region(0)?,
        on_event: env.reference(on_event, true),
        context: env.async_context(receiver, "RPYC"),
        receiver: env.reference(receiver, true),
        no_op: env.reference(env.script("() => {}"), true),
    });
    Ok(null_mut())
}

/// `addArena(words, floats, bytes)`
pub fn add_arena(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let tape = tape(call)?;
    if tape.words.len() < 256 || tape.bytes.get().len() < 256 {
        tape.release(call.env);
        return Err(Fault::argument(
            "an arena needs 256 words and 256 bytes at least",
        ));
    }
    engine.arenas.push(tape);
    Ok(null_mut())
}

/// `setTransmit(words, floats, bytes)`
pub fn set_transmit(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let old = engine.transmit.replace(tape(call)?);
    old.into_iter().for_each(|old| old.release(call.env));
    Ok(null_mut())
}

fn tape(call: &Call) -> Result<Tape> {
    // All three are checked before the first is kept alive.
    call.elements::<i32>(0)?;
    call.elements::<f64>(1)?;
    call.elements::<u8>(2)?;
    Ok(Tape {
        words: call.region(0)?,
        floats: call.region(1)?,
        bytes: call.region(2)?,
    })
}

/// `intern(name)`
pub fn intern(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let id = engine.names.intern(&call.text(0)?);
    Ok(call.env.int(id as i32))
}

/// `name(id)`
pub fn name(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let id = call.int(0)?;
    let name = u32::try_from(id).ok().and_then(|id| engine.names.get(id));
    name.map(|name| call.env.text(name))
        .ok_or_else(|| Fault::argument(format!("no such name: {id}")))
}

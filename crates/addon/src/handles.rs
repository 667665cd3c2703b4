//! What JavaScript does with a handle between `open` and `close`, and asks of its connection: what
//! the peer speaks, counters, the last error.

use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_net::Socket;
use rpyc_wire::{Bound, Compress, Limits, Options};

use crate::call::Call;
use crate::connection::Connection;
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `open(handle, maxFrame, maxInflated, maxDepth, compress, variant, bound, highWater)`
pub fn open(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, mut connection) = (call.int(0)?, connection(engine, call, 1)?);
    let endpoint = engine.endpoint(handle)?;
    if endpoint.socket().is_some_and(Socket::is_secure) {
        connection.queue.write_singly();
    }
    if endpoint.socket().is_none() || !endpoint.is_unused() {
        return Err(Fault::wrong_kind(
            handle,
            "a connected socket that was not opened yet",
        ));
    }
    let connection = endpoint.connection.insert(connection);
    if matches!(&endpoint.link, Link::Socket(socket) if socket.is_pipes()) {
        connection.waiter.never_block();
    }
    endpoint.arm()?;
    Ok(null_mut())
}

/// The connection that the seven numbers from `first` on describe.
pub fn connection(engine: &Engine, call: &Call, first: usize) -> Result<Connection> {
    let size = |index: usize| {
        call.number(first + index, 0.0, f64::INFINITY)
            .map(|number| number as usize)
    };
    let limits = Limits {
        max_frame: size(0)?,
        max_inflated: size(1)?,
        max_depth: call.number(first + 2, 1.0, u32::MAX.into())? as u32,
        ..Limits::default()
    };
    let options = Options {
        limits,
        compress: Compress::from_code(call.int_within(first + 3, 0..=2)?),
        variant: spoken(call, first + 4)?,
        bound: Bound::from_code(call.int_within(first + 5, 0..=2)?),
    };
    Ok(Connection::new(options, size(6)?, engine.many_cpus))
}

/// `watch(handle, on)`
pub fn watch(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, on) = (call.int(0)?, call.boolean(1)?);
    let endpoint = engine.endpoint(handle)?;
    endpoint.watched = on;
    endpoint.paused = !on;
    endpoint.arm()?;
    engine.resume(handle);
    Ok(null_mut())
}

/// `ref(handle, on)`
pub fn set_ref(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let on = call.boolean(1)?;
    engine.endpoint(call.int(0)?)?.set_ref(on);
    Ok(null_mut())
}

/// `variant(handle)`
pub fn variant(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let variant = engine.connection(call.int(0)?)?.codec.variant();
    Ok(call.env.int(variant.into()))
}

/// `setVariant(handle, variant, bound)`
pub fn set_variant(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let variant = spoken(call, 1)?;
    let bound = Bound::from_code(call.int_within(2, 0..=2)?);
    let handle = call.int(0)?;
    engine.connection(handle)?.codec.set_variant(variant, bound);
    engine.release_held(handle)?;
    Ok(null_mut())
}

/// A variant to speak: 0, 5 or 6.
fn spoken(call: &Call, index: usize) -> Result<u16> {
    match call.int(index)? {
        known @ (0 | 5 | 6) => Ok(known as u16),
        other => Err(Fault::argument(format!("variant {other} is not 0, 5 or 6"))),
    }
}

/// `close(handle)`; a handle that is closed already stays so.
pub fn close(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    if let Some(endpoint) = engine.endpoints.remove(call.int(0)?) {
        endpoint.close(call.env);
    }
    Ok(null_mut())
}

/// `shutdown(handle)`
pub fn shutdown(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let endpoint = engine.endpoint(call.int(0)?)?;
    if let Some(connection) = &mut endpoint.connection {
        connection.shut();
    }
    endpoint.flush();
    endpoint.arm()?;
    Ok(null_mut())
}

/// `stats(handle, out)`
pub fn stats(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (out, room) = call.elements::<f64>(1)?;
    let connection = engine.connection(call.int(0)?)?;
    let (messages_in, messages_out) = connection.codec.messages();
    let figures = [
        connection.bytes_in as f64,
        connection.queue.written() as f64,
        messages_in as f64,
        messages_out as f64,
        connection.queue.len() as f64,
        connection.codec.refs().live() as f64,
        connection.inbox.len() as f64,
    ];
    for (index, figure) in figures.into_iter().enumerate().take(room) {
        // SAFETY: `out` has `room` elements and `index < room`.
        unsafe { *out.add(index) = figure };
    }
    Ok(null_mut())
}

/// `lastError(handle)`
pub fn last_error(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let connection = engine.connection(call.int(0)?)?;
    Ok(call.env.text(&connection.error))
}

//! Endpoints without a descriptor: another stream (TLS, ssh, a WebSocket) brings and takes the
//! bytes. Awaitable calls only.

use std::ptr::null_mut;

use napi_sys as sys;

use crate::call::Call;
use crate::connection::{Connection, End};
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::handles;

/// `openPush(maxFrame, maxInflated, maxDepth, compress, variant, bound, highWater)`
pub fn open_push(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let connection = handles::connection(engine, call, 0)?;
    let handle = engine.insert(Link::Push)?;
    engine.endpoint(handle)?.connection = Some(connection);
    Ok(call.env.int(handle))
}

/// `observe(handle)`: what is fed is one direction of a conversation between two others, so the
/// objects that come back to their owner are not ours. They are told by rid, as REF.
pub fn observe(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    push(engine, call)?.codec.keep_local_packs(true);
    Ok(null_mut())
}

/// `feed(handle, bytes)`
pub fn feed(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let bytes = call.bytes(1)?;
    let connection = push(engine, call)?;
    if !bytes.is_empty() && connection.end.is_none() {
        connection.inbox.append(bytes);
        connection.bytes_in += bytes.len() as u64;
    }
    Ok(null_mut())
}

/// `feedEnd(handle)`
pub fn feed_end(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    push(engine, call)?.end.get_or_insert(End::Eof);
    Ok(null_mut())
}

/// `takeOutput(handle)`
pub fn take_output(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let output = push(engine, call)?.queue.take();
    Ok(if output.is_empty() {
        call.env.null()
    } else {
        call.env.byte_array(output)
    })
}

fn push<'e>(engine: &'e mut Engine, call: &Call) -> Result<&'e mut Connection> {
    let handle = call.int(0)?;
    let endpoint = engine.endpoint(handle)?;
    match (&endpoint.link, &mut endpoint.connection) {
        (Link::Push, Some(connection)) => Ok(connection),
        _ => Err(Fault::wrong_kind(handle, "a push endpoint")),
    }
}

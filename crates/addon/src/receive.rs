//! Batches by handle, for whoever asks: the blocking wait, the loop, and JavaScript itself (`next`,
//! `takeBig`). Chooses the arena and the source; `batch.rs` does the work. Never calls into
//! JavaScript.

use napi_sys as sys;
use rpyc_net::Reading;

use crate::batch::Batch;
use crate::call::Call;
use crate::codes::{ctl, status};
use crate::connection::End;
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `next(handle)`
pub fn next(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let code = batch(engine, handle, Reading::No)?;
    engine.resume(handle);
    Ok(call.env.int(code))
}

/// `takeBig(handle)`
pub fn take_big(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let connection = engine.endpoint(handle)?.connection.as_mut();
    let big = connection
        .and_then(|connection| connection.big.take())
        .ok_or_else(|| Fault::argument(format!("no large message waits on handle {handle}")))?;
    engine.resume(handle);
    Ok(big.into_js(call.env))
}

/// The next batch of a connection into arena `ctl[DEPTH]`: a BatchCode, 0 when there is nothing.
/// Reads as far as `reading` says when no complete frame is there.
pub fn batch(engine: &mut Engine, id: i32, reading: Reading) -> Result<i32> {
    let depth = engine.ctl(ctl::DEPTH);
    let Engine {
        endpoints,
        arenas,
        names,
        zlib,
        ..
    } = &mut *engine;
    let Some(endpoint) = endpoints.get(id) else {
        return Ok(status::EOF);
    };
    let Endpoint {
        link,
        connection: Some(connection),
        ..
    } = endpoint
    else {
        return Err(Fault::wrong_kind(id, "open"));
    };
    let arena = usize::try_from(depth)
        .ok()
        .and_then(|depth| arenas.get_mut(depth));
    let Some(arena) = arena else {
        return Err(Fault::internal(format!("no arena for depth {depth}")));
    };
    // What TLS has read and not given out makes no descriptor readable, and neither does what it
    // has to write before it reads on.
    let (socket, reading) = match link {
        Link::Socket(socket) if reading != Reading::No => (Some(&*socket), reading),
        Link::Socket(socket) if socket.has_pending() || socket.is_stuck() => {
            (Some(&*socket), Reading::Now)
        }
        _ => (None, reading),
    };
    let code = Batch {
        connection,
        arena,
        names,
        zlib,
    }
    .next(socket, reading);
    if let Some(End::Errno(errno)) = connection.end {
        if code == status::ERRNO {
            engine.set_ctl(ctl::DETAIL, errno);
        }
        return Ok(code);
    }
    // A kept message that cannot be encoded has nobody left to be told; its call ends with the
    // connection.
    let _ = endpoint.release_held(names, zlib);
    Ok(code)
}

/// `batch` for the loop, which tells ends and large messages once.
pub fn for_loop(engine: &mut Engine, id: i32) -> i32 {
    match engine.find(id) {
        None => return 0,
        Some(connection)
            if connection.end_told || connection.big.as_ref().is_some_and(|big| big.told) =>
        {
            return 0
        }
        Some(_) => {}
    }
    let code = batch(engine, id, Reading::Now);
    let Some(connection) = engine.find(id) else {
        return 0;
    };
    let code = code.unwrap_or_else(|_| {
        connection.error = "no arena for this batch".into();
        connection.end = Some(End::Protocol);
        status::PROTOCOL
    });
    match code {
        status::BIG => connection.big.iter_mut().for_each(|big| big.told = true),
        ..0 => connection.end_told = true,
        _ => {}
    }
    code
}

//! A socket before it has a connection: bytes read and written one call at a time, and waiting for
//! it, by the loop or blocking. For authenticators and TLS's handshake.

use std::io;
use std::ptr::null_mut;
use std::time::Instant;

use napi_sys as sys;
use rpyc_net::{self as net, Read, Reading, Socket, Wait};

use crate::call::Call;
use crate::codes::{ctl, status};
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::uv::{READABLE, WRITABLE};

/// The code of an error that TLS is to blame for; its text is `net::TlsFailure`'s.
const TLS: &str = "ERR_RPYC_TLS";

/// `rawRead(handle, bytes)`
pub fn read(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (data, len) = call.elements::<u8>(1)?;
    let socket = socket(engine, call.int(0)?)?;
    if len == 0 {
        return Ok(call.env.int(0));
    }
    // SAFETY: `data` holds `len` bytes during this call, on whose only thread nobody else uses them.
    let into = unsafe { std::slice::from_raw_parts_mut(data, len) };
    Ok(call.env.int(
        match socket
            .read(into, Reading::Now)
            .map_err(|e| fault(&e, "read"))?
        {
            Read::Bytes(count) => count as i32,
            Read::WouldBlock => 0,
            Read::Eof => status::EOF,
        },
    ))
}

/// `rawWrite(handle, bytes)`
pub fn write(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let bytes = call.bytes(1)?;
    let socket = socket(engine, call.int(0)?)?;
    if bytes.is_empty() {
        return Ok(call.env.int(0));
    }
    let taken = socket.write(bytes).map_err(|e| fault(&e, "write"))?;
    Ok(call.env.int(taken.unwrap_or(0) as i32))
}

/// `rawAwait(handle, events)`
pub fn await_ready(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, events) = (call.int(0)?, events(call)?);
    socket(engine, handle)?;
    let endpoint = engine.endpoint(handle)?;
    endpoint.awaited = events;
    endpoint.arm()?;
    Ok(null_mut())
}

/// `rawWait(handle, events, timeoutMs)`
pub fn wait_ready(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, events, timeout) = (call.int(0)?, events(call)?, call.timeout(2)?);
    socket(engine, handle)?;
    let Some(fd) = engine.endpoint(handle)?.fd() else {
        return Err(Fault::wrong_kind(handle, "a connected socket"));
    };
    let until = Instant::now().checked_add(timeout);
    let mut signals = engine.signals.take();
    let code = loop {
        let left = until.map_or(net::SLICE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let (input, output) = (events & READABLE != 0, events & WRITABLE != 0);
        match net::wait_ready(fd, input, output, left, signals.as_mut()) {
            Err(error) => break Err(Fault::system(&error, "poll")),
            Ok(Wait::Ready(()) | Wait::Writable) => break Ok(0),
            Ok(Wait::Interrupted(signo)) => {
                engine.set_ctl(ctl::DETAIL, signo);
                break Ok(status::INTERRUPTED);
            }
            // A worker that is being terminated: nobody will look at the result.
            Ok(Wait::SliceEnd) if !call.env.can_run() => break Err(Fault::Thrown),
            Ok(Wait::SliceEnd) => {}
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            break Ok(status::TIMEOUT);
        }
    };
    engine.signals = signals;
    engine.follow_signals();
    Ok(call.env.int(code?))
}

/// The socket of a handle that has no connection yet.
pub fn socket(engine: &mut Engine, handle: i32) -> Result<&mut Socket> {
    let wrong = Fault::wrong_kind(handle, "a connected socket that was not opened yet");
    engine.endpoint(handle)?.unopened().ok_or(wrong)
}

/// What a read, write or handshake says is wrong.
pub fn fault(error: &io::Error, syscall: &'static str) -> Fault {
    match error.raw_os_error() {
        Some(_) => Fault::system(error, syscall),
        None => Fault::Coded(TLS, error.to_string()),
    }
}

fn events(call: &Call) -> Result<i32> {
    call.int_within(1, READABLE..=READABLE | WRITABLE)
}

//! Endpoints with a descriptor: made by connect, listen or adopt; opened, watched, closed.

use std::io;
use std::ptr::null_mut;
use std::time::Instant;

use napi_sys as sys;
use rpyc_net::{self as net, Address, Connecting, ListenFlags, Listener, Signals, Socket, Wait};
use rpyc_wire::{Bound, Compress, Limits, Options};

use crate::call::Call;
use crate::connection::Connection;
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::memory::ctl;
use crate::receive::status;
use crate::wait::timeout;

/// `connectTcp(address, port)`
pub fn connect_tcp(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (address, port) = (call.text(0)?, port(call, 1)?);
    let target = Address::numeric(&address, port).map_err(|e| Fault::system(&e, "connect"))?;
    let connecting =
        Connecting::tcp(&address, port).map_err(|e| Fault::system(&e, "connect").to(target))?;
    made(engine, call, Link::Connecting(connecting))
}

/// `connectUnix(path)`
pub fn connect_unix(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let path = call.text(0)?;
    let failed = |e: io::Error| Fault::system(&e, "connect").to(Address::Unix(path.clone().into()));
    let connecting = Connecting::unix(&path).map_err(failed)?;
    made(engine, call, Link::Connecting(connecting))
}

/// `connectWait(handle, timeoutMs)`
pub fn connect_wait(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, timeout) = (call.int(0)?, timeout(call, 1)?);
    let until = Instant::now().checked_add(timeout);
    let mut signals = engine.signals.take();
    let ended = connect_until(engine, handle, until, signals.as_mut(), call);
    engine.signals = signals;
    engine.follow_signals();
    let (code, detail) = ended?;
    engine.set_ctl(ctl::DETAIL, detail);
    Ok(call.env.int(code))
}

fn connect_until(
    engine: &mut Engine,
    handle: i32,
    until: Option<Instant>,
    mut signals: Option<&mut Signals>,
    call: &Call,
) -> Result<(i32, i32)> {
    let endpoint = engine.endpoint(handle)?;
    loop {
        let Link::Connecting(connecting) = &endpoint.link else {
            return match endpoint.link {
                Link::Socket(_) => Ok((0, 0)),
                _ => Err(Fault::wrong_kind(handle, "a started connect")),
            };
        };
        let left = until.map_or(net::SLICE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        match connecting
            .wait(left, signals.as_deref_mut())
            .map_err(|e| Fault::system(&e, "poll"))?
        {
            Wait::Ready(()) | Wait::Writable => match connecting.ended() {
                Ok(true) => {
                    endpoint.connected();
                    // See `events::rearm`.
                    let _ = endpoint.arm();
                    return Ok((0, 0));
                }
                Ok(false) => {}
                Err(error) => {
                    return Ok((status::ERRNO, error.raw_os_error().unwrap_or(libc::EIO)))
                }
            },
            Wait::Interrupted(signo) => return Ok((status::INTERRUPTED, signo)),
            // A worker that is being terminated: nobody will look at the result.
            Wait::SliceEnd if !call.env.can_run() => return Err(Fault::Thrown),
            Wait::SliceEnd => {}
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok((status::TIMEOUT, 0));
        }
    }
}

/// `resolve(host)`
pub fn resolve(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let host = call.text(0)?;
    let found = net::resolve(&host).map_err(|error| Fault::Resolve {
        host,
        message: error.to_string(),
    })?;
    let texts: Vec<_> = found.iter().map(|address| call.env.text(address)).collect();
    Ok(call.env.array(&texts))
}

/// `listenTcp(address, port, backlog, flags)`
pub fn listen_tcp(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (address, port, backlog, flags) =
        (call.text(0)?, port(call, 1)?, call.int(2)?, call.int(3)?);
    let target = Address::numeric(&address, port).map_err(|e| Fault::system(&e, "listen"))?;
    let flags = ListenFlags {
        reuse_address: flags & 1 != 0,
        reuse_port: flags & 2 != 0,
        v6_only: flags & 4 != 0,
    };
    let listener = net::listen_tcp(&address, port, backlog, flags)
        .map_err(|e| Fault::system(&e, "listen").to(target))?;
    listening(engine, call, listener)
}

/// `listenUnix(path, backlog)`
pub fn listen_unix(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (path, backlog) = (call.text(0)?, call.int(1)?);
    let failed = |e: io::Error| Fault::system(&e, "listen").to(Address::Unix(path.clone().into()));
    let listener = net::listen_unix(&path, backlog).map_err(failed)?;
    listening(engine, call, listener)
}

/// A listener tells of connections from the start.
fn listening(engine: &mut Engine, call: &Call, listener: Listener) -> Result<sys::napi_value> {
    let handle = insert(engine, Link::Listener(listener))?;
    let endpoint = engine.endpoint(handle)?;
    endpoint.watched = true;
    armed(endpoint)?;
    Ok(call.env.int(handle))
}

/// `adopt(fd)`
pub fn adopt(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let socket = Socket::adopt(descriptor(call)?).map_err(|e| Fault::system(&e, "adopt"))?;
    made(engine, call, Link::Socket(socket))
}

/// `closeFd(fd)`
pub fn close_fd(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    // SAFETY: JavaScript owns descriptors that ACCEPTED gave it, and gives this one up.
    match unsafe { libc::close(descriptor(call)?) } {
        0 => Ok(null_mut()),
        _ => Err(Fault::system(&io::Error::last_os_error(), "close")),
    }
}

/// `open(handle, maxFrame, maxInflated, maxDepth, compress, variant, bound, highWater)`
pub fn open(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, connection) = (call.int(0)?, connection(engine, call, 1)?);
    let endpoint = call.endpoint(engine)?;
    if endpoint.socket().is_none() || endpoint.connection.is_some() {
        return Err(Fault::wrong_kind(
            handle,
            "a connected socket that was not opened yet",
        ));
    }
    endpoint.connection = Some(connection);
    armed(endpoint)?;
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
        compress: Compress::from_code(code(call, first + 3, 0..=2)?),
        variant: variant(call, first + 4)?,
        bound: Bound::from_code(code(call, first + 5, 0..=2)?),
    };
    Ok(Connection::new(options, size(6)?, engine.many_cpus))
}

/// A variant to speak: 0, 5 or 6.
pub fn variant(call: &Call, index: usize) -> Result<u16> {
    match call.int(index)? {
        known @ (0 | 5 | 6) => Ok(known as u16),
        other => Err(Fault::argument(format!("variant {other} is not 0, 5 or 6"))),
    }
}

pub fn code(call: &Call, index: usize, range: std::ops::RangeInclusive<i32>) -> Result<i32> {
    let code = call.int(index)?;
    if range.contains(&code) {
        Ok(code)
    } else {
        Err(Fault::argument(format!(
            "argument {index} must be from {} to {}",
            range.start(),
            range.end()
        )))
    }
}

/// `watch(handle, on)`
pub fn watch(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let on = call.boolean(1)?;
    let endpoint = call.endpoint(engine)?;
    endpoint.watched = on;
    armed(endpoint)?;
    engine.resume(call.int(0)?);
    Ok(null_mut())
}

/// `ref(handle, on)`
pub fn set_ref(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let on = call.boolean(1)?;
    call.endpoint(engine)?.set_ref(on);
    Ok(null_mut())
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
    let endpoint = call.endpoint(engine)?;
    if let Some(connection) = &mut endpoint.connection {
        connection.shut();
    }
    endpoint.flush();
    armed(endpoint)?;
    Ok(null_mut())
}

fn made(engine: &mut Engine, call: &Call, link: Link) -> Result<sys::napi_value> {
    Ok(call.env.int(insert(engine, link)?))
}

pub fn insert(engine: &mut Engine, link: Link) -> Result<i32> {
    let home = engine.home();
    engine.insert(|id| Endpoint::new(home, id, link))
}

fn armed(endpoint: &mut Endpoint) -> Result<()> {
    endpoint.arm().map_err(|errno| Fault::System {
        errno,
        syscall: "uv_poll",
        target: None,
    })
}

fn port(call: &Call, index: usize) -> Result<u16> {
    call.number(index, 0.0, 65535.0).map(|port| port as u16)
}

fn descriptor(call: &Call) -> Result<i32> {
    code(call, 0, 0..=i32::MAX)
}

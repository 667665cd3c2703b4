//! Endpoints with a descriptor: made by connect, listen or adopt; their addresses.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::null_mut;
use std::time::Instant;

use napi_sys as sys;
use rpyc_net::{
    self as net, Address, Connecting, KeepAlive, ListenFlags, Listener, Signals, Socket, Wait,
};

use crate::call::Call;
use crate::codes::{ctl, status};
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::error::{Fault, Result};

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
    let (handle, timeout) = (call.int(0)?, call.timeout(1)?);
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
                    endpoint.rearm();
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
    let handle = engine.insert(Link::Listener(listener))?;
    let endpoint = engine.endpoint(handle)?;
    endpoint.watched = true;
    endpoint.arm()?;
    Ok(call.env.int(handle))
}

/// `adopt(fd)`: the descriptor is closed on failure, a full table included.
pub fn adopt(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let fd = descriptor(call)?;
    let socket = Socket::adopt(fd).map_err(|e| {
        // SAFETY: JavaScript owns descriptors that ACCEPTED gave it, and has given this one up.
        unsafe { libc::close(fd) };
        Fault::system(&e, "adopt")
    })?;
    made(engine, call, Link::Socket(socket))
}

/// `adoptPipes(input, output)`: the descriptors are closed on failure.
pub fn adopt_pipes(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (input, output) = (
        call.int_within(0, 0..=i32::MAX)?,
        call.int_within(1, 0..=i32::MAX)?,
    );
    // SAFETY: JavaScript gives up both descriptors.
    let (input, output) = unsafe { (OwnedFd::from_raw_fd(input), OwnedFd::from_raw_fd(output)) };
    let socket = Socket::pipes(input, output).map_err(|e| Fault::system(&e, "adopt"))?;
    made(engine, call, Link::Socket(socket))
}

/// `adoptListener(fd)`: the descriptor stays open on failure.
pub fn adopt_listener(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let listener = Listener::adopt(descriptor(call)?).map_err(|e| Fault::system(&e, "adopt"))?;
    listening(engine, call, listener)
}

/// `keepAlive(handle, idle, interval, count)`
pub fn keep_alive(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let times = KeepAlive {
        idle: call.int(1)?,
        interval: call.int(2)?,
        count: call.int(3)?,
    };
    if let Some(socket) = engine.endpoint(call.int(0)?)?.socket() {
        socket
            .keep_alive(times)
            .map_err(|e| Fault::system(&e, "setsockopt"))?;
    }
    Ok(null_mut())
}

/// `closeFd(fd)`
pub fn close_fd(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    // SAFETY: JavaScript owns descriptors that ACCEPTED gave it, and gives this one up.
    match unsafe { libc::close(descriptor(call)?) } {
        0 => Ok(null_mut()),
        _ => Err(Fault::system(&io::Error::last_os_error(), "close")),
    }
}

/// `localAddress(handle)`
pub fn local_address(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let endpoint = engine.endpoint(handle)?;
    let address = match &endpoint.link {
        Link::Socket(socket) => socket
            .local()
            .map_err(|e| Fault::system(&e, "getsockname"))?,
        Link::Listener(listener) => listener.address().clone(),
        _ => return Err(Fault::wrong_kind(handle, "a socket with an address")),
    };
    parts(call, &address)
}

/// `peerAddress(handle)`
pub fn peer_address(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    match peer(engine.endpoint(handle)?) {
        Some(address) => parts(
            call,
            &address.map_err(|e| Fault::system(&e, "getpeername"))?,
        ),
        None => Err(Fault::wrong_kind(handle, "a socket with a peer")),
    }
}

/// `isOwnListener(handle)`
pub fn is_own_listener(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    // A peer that is gone already is nobody's listener.
    let peer = peer(engine.endpoint(call.int(0)?)?).and_then(io::Result::ok);
    let own = peer.is_some_and(|peer| {
        engine
            .endpoints
            .values()
            .any(|other| other.listening().is_some_and(|bound| peer.reaches(bound)))
    });
    Ok(call.env.boolean(own))
}

/// `reaches(handle, address, port)`: is the peer a listener bound to that address? Port 0: to a path.
pub fn reaches(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (address, port) = (call.text(1)?, port(call, 2)?);
    let bound = match port {
        0 => Address::Unix(address.into()),
        _ => Address::numeric(&address, port).map_err(|e| Fault::system(&e, "reaches"))?,
    };
    let peer = peer(engine.endpoint(call.int(0)?)?).and_then(io::Result::ok);
    Ok(call
        .env
        .boolean(peer.is_some_and(|peer| peer.reaches(&bound))))
}

fn peer(endpoint: &Endpoint) -> Option<io::Result<Address>> {
    match &endpoint.link {
        Link::Socket(socket) => Some(socket.peer()),
        Link::Connecting(connecting) => Some(Ok(connecting.target().clone())),
        _ => None,
    }
}

fn parts(call: &Call, address: &Address) -> Result<sys::napi_value> {
    let (text, port) = address.parts();
    Ok(call
        .env
        .array(&[call.env.text(&text), call.env.int(port.into())]))
}

fn made(engine: &mut Engine, call: &Call, link: Link) -> Result<sys::napi_value> {
    Ok(call.env.int(engine.insert(link)?))
}

fn port(call: &Call, index: usize) -> Result<u16> {
    call.number(index, 0.0, 65535.0).map(|port| port as u16)
}

fn descriptor(call: &Call) -> Result<i32> {
    call.int_within(0, 0..=i32::MAX)
}

//! Child processes and standard streams: descriptors to hand over, how a child ended, what it said last.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use napi_sys as sys;
use rpyc_net::{self as net, Exit, Tail};

use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `takeStdio()`
pub fn take_stdio(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let drop_prints = call.boolean(0)?;
    both(
        call,
        net::take_stdio(drop_prints).map_err(|e| Fault::system(&e, "dup"))?,
    )
}

/// `socketPair()`
pub fn socket_pair(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    both(
        call,
        net::pair().map_err(|e| Fault::system(&e, "socketpair"))?,
    )
}

fn both(call: &Call, (one, other): (OwnedFd, OwnedFd)) -> Result<sys::napi_value> {
    let numbers = [one, other].map(|fd| call.env.int(fd.into_raw_fd()));
    Ok(call.env.array(&numbers))
}

/// `exitOf(pid, timeoutMs)`
pub fn exit_of(_: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (pid, timeout) = (call.int_within(0, 1..=i32::MAX)?, call.timeout(1)?);
    Ok(match net::exit_of(pid, timeout.min(MOST)) {
        Some(Exit::Status(status)) => call.env.int(status),
        Some(Exit::Signal(signo)) => call.env.int(-signo),
        None => call.env.null(),
    })
}

/// `tail(fd, forward)`: the descriptor is closed on failure, too.
pub fn tail(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (fd, forward) = (call.int_within(0, 0..=i32::MAX)?, call.boolean(1)?);
    // SAFETY: JavaScript gives the descriptor up.
    let pipe = unsafe { OwnedFd::from_raw_fd(fd) };
    let tail = Tail::start(pipe, forward).map_err(|e| Fault::system(&e, "thread"))?;
    engine.tails.push(Some(tail));
    Ok(call.env.int(engine.tails.len() as i32 - 1))
}

/// `tailText(tail, timeoutMs)`: and it is forgotten.
pub fn tail_text(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (tail, timeout) = (call.int(0)?, call.timeout(1)?);
    let taken = usize::try_from(tail)
        .ok()
        .and_then(|at| engine.tails.get_mut(at))
        .and_then(Option::take);
    while matches!(engine.tails.last(), Some(None)) {
        engine.tails.pop();
    }
    let text = taken.map(|tail| tail.text(timeout.min(MOST)));
    Ok(call.env.text(&text.unwrap_or_default()))
}

/// What a thread that has a loop to turn may wait here.
const MOST: Duration = Duration::from_secs(1);

//! One question to another service and its answer, blocking. See `ask` of rpyc-net.

use std::io;
use std::time::Instant;

use napi_sys as sys;
use rpyc_net::{Question, Wait, SLICE};

use crate::call::Call;
use crate::codes::ctl;
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `askDatagram(address, port, broadcast, message, timeoutMs)`
pub fn ask_datagram(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (address, port) = (call.text(0)?, call.number(1, 1.0, 65535.0)? as u16);
    let broadcast = call.boolean(2)?;
    let message = call.bytes(3)?;
    let question = Question::datagram(&address, port, broadcast, message);
    answer(engine, call, 4, |_| {
        question.map_err(|e| Fault::system(&e, "sendto"))
    })
}

/// `askStream(handle, message, timeoutMs)`
pub fn ask_stream(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let message = call.bytes(1)?;
    answer(engine, call, 2, |engine| {
        match &engine.endpoint(handle)?.link {
            Link::Socket(socket) => {
                Question::stream(socket, message).map_err(|e| Fault::system(&e, "send"))
            }
            _ => Err(Fault::wrong_kind(handle, "a connected socket")),
        }
    })
}

/// The answer, or null: with the number of the signal that ended the wait in DETAIL, or 0 when the time is over.
fn answer(
    engine: &mut Engine,
    call: &Call,
    timeout: usize,
    ask: impl for<'e> FnOnce(&'e mut Engine) -> Result<Question<'e>>,
) -> Result<sys::napi_value> {
    let until = Instant::now().checked_add(call.timeout(timeout)?);
    let mut signals = engine.signals.take();
    let ended = ask(engine).and_then(|mut question| loop {
        let left = until.map_or(SLICE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        match question.wait(left, signals.as_mut()) {
            Ok(Wait::Ready(answer)) => break Ok((Some(answer), 0)),
            Ok(Wait::Interrupted(signo)) => break Ok((None, signo)),
            // A worker that is being terminated: nobody will look at the result.
            Ok(_) if !call.env.can_run() => break Err(Fault::Thrown),
            Ok(_) if left.is_zero() => break Ok((None, 0)),
            Ok(_) => {}
            Err(error) => break Err(failed(&error)),
        }
    });
    engine.signals = signals;
    engine.follow_signals();
    let (answer, detail) = ended?;
    engine.set_ctl(ctl::DETAIL, detail);
    Ok(answer.map_or_else(|| call.env.null(), |answer| call.env.byte_array(answer)))
}

fn failed(error: &io::Error) -> Fault {
    Fault::system(error, "recv")
}

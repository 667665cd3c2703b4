//! The blocking side: wait for one connection, without the loop. Other connections are not read;
//! what is queued for them stays for the loop. One call sleeps for one slice at most and lets
//! JavaScript have its turn (`worker.terminate()`).

use std::time::{Duration, Instant};

use napi_sys as sys;
use rpyc_net::{Reading, Wait, SLICE};

use crate::call::Call;
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::memory::ctl;
use crate::receive::{self, status};
use crate::transmit;

/// `wait(handle, timeoutMs, blobs?)`
pub fn wait(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, timeout) = (call.int(0)?, timeout(call, 1)?);
    if engine.ctl(ctl::TX_WORDS) != 0 {
        let blobs = call.blobs(2)?;
        transmit::flush_tape(engine, &blobs)?;
    }
    engine.check_collected();
    let code = block(engine, handle, timeout)?;
    after(engine, handle);
    if let (0, Some(live)) = (code, &engine.live) {
        call.let_js_run(call.env.get(live.no_op));
    }
    Ok(call.env.int(code))
}

/// `next(handle)`
pub fn next(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let code = receive::batch(engine, handle, Reading::No)?;
    after(engine, handle);
    Ok(call.env.int(code))
}

/// A timeout in ms: -1 and Infinity are forever.
pub fn timeout(call: &Call, index: usize) -> Result<Duration> {
    let millis = call.number(index, -1.0, f64::INFINITY)?;
    let is_limited = (0.0..1e12).contains(&millis);
    Ok(if is_limited {
        Duration::from_secs_f64(millis / 1e3)
    } else {
        Duration::MAX
    })
}

fn block(engine: &mut Engine, handle: i32, timeout: Duration) -> Result<i32> {
    let Some(endpoint) = engine.endpoints.get(handle) else {
        return Ok(status::EOF);
    };
    let (Link::Socket(_), Some(fd), Some(connection)) =
        (&endpoint.link, endpoint.fd(), &endpoint.connection)
    else {
        return Err(Fault::wrong_kind(handle, "an open socket"));
    };
    if connection.waiter.continues() && !engine.env.can_run() {
        // This worker is being terminated. Its loop around us must turn quickly until V8 notices.
        return Ok(0);
    }
    // Both go back below; nothing in between looks at them.
    let mut waiter = connection.waiter;
    let mut signals = engine.signals.take();
    if let (Some(signals), 1..) = (&mut signals, engine.ctl(ctl::SIGNALS)) {
        engine.set_ctl(ctl::SIGNALS, 0);
        signals.arm();
    }
    let until = Instant::now() + timeout.min(SLICE);
    let code = loop {
        let output = wants_output(engine, handle);
        let left = until.saturating_duration_since(Instant::now());
        let mut fault = None;
        let waited = waiter.wait(
            fd,
            output,
            left,
            signals.as_mut(),
            |reading| match receive::batch(engine, handle, reading) {
                Ok(0) => Ok(None),
                Ok(code) => Ok(Some(code)),
                Err(error) => {
                    fault = Some(error);
                    Ok(Some(0))
                }
            },
        );
        match (waited, fault) {
            (_, Some(fault)) => break Err(fault),
            (Ok(Wait::Ready(code)), _) => break Ok(code),
            (Ok(Wait::SliceEnd), _) => break Ok(0),
            (Ok(Wait::Writable), _) => {
                engine
                    .endpoints
                    .get(handle)
                    .into_iter()
                    .for_each(|endpoint| endpoint.flush());
            }
            (Ok(Wait::Interrupted(signo)), _) => {
                engine.set_ctl(ctl::DETAIL, signo);
                break Ok(status::INTERRUPTED);
            }
            (Err(error), _) => break Err(Fault::system(&error, "poll")),
        }
    };
    engine.signals = signals;
    engine.follow_signals();
    if let Some(connection) = engine
        .endpoints
        .get(handle)
        .and_then(|endpoint| endpoint.connection.as_mut())
    {
        connection.waiter = waiter;
    }
    code
}

fn wants_output(engine: &mut Engine, handle: i32) -> bool {
    let connection = engine
        .endpoints
        .get(handle)
        .and_then(|endpoint| endpoint.connection.as_ref());
    connection.is_some_and(|connection| connection.wants_output())
}

/// What a batch outside of the loop leaves for the loop to do.
fn after(engine: &mut Engine, handle: i32) {
    let Some(endpoint) = engine.endpoints.get(handle) else {
        return;
    };
    // See `events::rearm`.
    let _ = endpoint.arm();
    let watched = endpoint.watched;
    let drained = endpoint
        .connection
        .as_ref()
        .is_some_and(|connection| connection.queue.has_drained());
    if drained || (watched && receive::has_more(engine, handle)) {
        engine.kick(handle);
    }
}

//! The blocking side: wait for one connection, without the loop. Other connections are not read;
//! what is queued for them stays for the loop. One call sleeps for one slice at most and lets
//! JavaScript have its turn (`worker.terminate()`).

use std::time::{Duration, Instant};

use napi_sys as sys;
use rpyc_net::{Reading, Socket, Wait, SLICE};

use crate::call::Call;
use crate::codes::{ctl, status};
use crate::endpoint::Link;
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::receive;
use crate::transmit;

/// Of a message that is still coming, before the clock is looked at.
const MAX_BATCHES: usize = 16;

/// `wait(handle, timeoutMs, blobs?)`
pub fn wait(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, timeout) = (call.int(0)?, call.timeout(1)?);
    if engine.ctl(ctl::TX_WORDS) != 0 {
        let blobs = call.blobs(2)?;
        transmit::flush_tape(engine, &blobs)?;
    }
    engine.check_collected();
    let code = block(engine, handle, timeout)?;
    engine.resume(handle);
    if let (0, Some(live)) = (code, &engine.live) {
        call.let_js_run(call.env.get(live.no_op));
    }
    Ok(call.env.int(code))
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
        let output = engine
            .endpoints
            .get(handle)
            .and_then(|endpoint| endpoint.output_fd());
        let left = until.saturating_duration_since(Instant::now());
        let mut fault = None;
        let waited = waiter.wait(fd, output, left, signals.as_mut(), |reading| {
            match batch(engine, handle, reading) {
                Ok(0) => Ok(None),
                Ok(code) => Ok(Some(code)),
                Err(error) => {
                    fault = Some(error);
                    Ok(Some(0))
                }
            }
        });
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
    if let Some(connection) = engine.find(handle) {
        connection.waiter = waiter;
    }
    code
}

/// `receive::batch`, and again where TLS holds bytes of which no readiness of the descriptor tells.
fn batch(engine: &mut Engine, handle: i32, mut reading: Reading) -> Result<i32> {
    for _ in 0..MAX_BATCHES {
        let code = receive::batch(engine, handle, reading)?;
        if code != 0 {
            return Ok(code);
        }
        let endpoint = engine.endpoints.get(handle);
        let is_pending = endpoint
            .and_then(|endpoint| endpoint.socket())
            .is_some_and(Socket::has_pending);
        if !is_pending {
            return Ok(0);
        }
        reading = Reading::Now;
    }
    Ok(0)
}

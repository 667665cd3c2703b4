//! TLS on a connected socket, before it is opened: contexts by handle, the handshake, what it told
//! about the peer.

use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_net::{Handshake, Settings, TlsContext, TlsFailure, Verify};

use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::raw;
use crate::uv::{READABLE, WRITABLE};

/// The code of settings that OpenSSL does not take.
const TLS_CONFIG: &str = "ERR_RPYC_TLS_CONFIG";

/// `tlsContext(role, cert, key, passphrase, ca, ciphers, suites, minVersion)`: bits of `role` are 1
/// server, 2 verify where there is a certificate, 4 demand one, 8 trust what is in `ca` even if it is
/// no root.
pub fn context(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let role = call.int_within(0, 0..=15)?;
    let texts: Vec<String> = (1..=6)
        .map(|index| call.text(index))
        .collect::<Result<_>>()?;
    let context = TlsContext::new(&Settings {
        server: role & 1 != 0,
        cert: &texts[0],
        key: &texts[1],
        passphrase: &texts[2],
        ca: &texts[3],
        ciphers: &texts[4],
        suites: &texts[5],
        min_version: call.number(7, 0.0, 65535.0)? as u16,
        verify: match role & 6 {
            0 => Verify::None,
            2 => Verify::Optional,
            _ => Verify::Required,
        },
        partial_chain: role & 8 != 0,
    })
    .map_err(misconfigured)?;
    let handle = engine.contexts.insert(|_| context);
    handle
        .map(|handle| call.env.int(handle))
        .ok_or_else(|| Fault::Coded("EMFILE", "too many TLS contexts".into()))
}

/// `tlsRelease(context)`; sessions made from it go on.
pub fn release(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    engine.contexts.remove(call.int(0)?);
    Ok(null_mut())
}

/// `tlsStart(handle, context, serverName, name)`
pub fn start(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, id) = (call.int(0)?, call.int(1)?);
    let (server_name, name) = (call.text(2)?, call.text(3)?);
    raw::socket(engine, handle)?;
    let Engine {
        endpoints,
        contexts,
        ..
    } = engine;
    let context = contexts.get(id).ok_or_else(|| Fault::bad_handle(id))?;
    let socket = endpoints
        .get(handle)
        .and_then(|endpoint| endpoint.unopened());
    let socket = socket.ok_or_else(|| Fault::bad_handle(handle))?;
    socket
        .secure(context, &server_name, &name)
        .map_err(misconfigured)?;
    Ok(null_mut())
}

/// `tlsHandshake(handle)`: what it waits for, 0 when it is over.
pub fn handshake(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let step = raw::socket(engine, call.int(0)?)?
        .handshake()
        .map_err(|e| raw::fault(&e, "read"))?;
    Ok(call.env.int(match step {
        Handshake::Done => 0,
        Handshake::Input => READABLE,
        Handshake::Output => WRITABLE,
    }))
}

/// `tlsPeer(handle)`
pub fn peer(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let der = raw::socket(engine, call.int(0)?)?.peer_certificate();
    Ok(match der {
        Some(der) => call.env.byte_array(der),
        None => call.env.null(),
    })
}

/// `tlsTerms(handle)`
pub fn terms(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let terms = raw::socket(engine, call.int(0)?)?.terms();
    Ok(match terms {
        Some((version, cipher)) => {
            let texts = [call.env.text(&version), call.env.text(&cipher)];
            call.env.array(&texts)
        }
        None => call.env.null(),
    })
}

fn misconfigured(failure: TlsFailure) -> Fault {
    Fault::Coded(TLS_CONFIG, failure.text)
}

//! Questions about a handle that change nothing: addresses, what the peer speaks, counters, classes
//! and id_packs. Cold.

use std::io;
use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_net::Address;
use rpyc_wire::Bound;

use crate::call::Call;
use crate::connection::Connection;
use crate::endpoint::{Endpoint, Link};
use crate::engine::Engine;
use crate::error::{Fault, Result};
use crate::sockets;

/// `localAddress(handle)`
pub fn local_address(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let handle = call.int(0)?;
    let endpoint = call.endpoint(engine)?;
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
    match peer(call.endpoint(engine)?) {
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
    let peer = peer(call.endpoint(engine)?).and_then(io::Result::ok);
    let own = peer.is_some_and(|peer| {
        engine
            .endpoints
            .values()
            .any(|other| other.listening().is_some_and(|bound| peer.reaches(bound)))
    });
    Ok(call.env.boolean(own))
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

/// `variant(handle)`
pub fn variant(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let variant = connection(engine, call)?.codec.variant();
    Ok(call.env.int(variant.into()))
}

/// `setVariant(handle, variant, bound)`
pub fn set_variant(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let variant = sockets::variant(call, 1)?;
    let bound = Bound::from_code(sockets::code(call, 2, 0..=2)?);
    connection(engine, call)?.codec.set_variant(variant, bound);
    engine.release_held(call.int(0)?)?;
    Ok(null_mut())
}

/// `stats(handle, out)`
pub fn stats(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (out, room) = call.elements::<f64>(1)?;
    let connection = connection(engine, call)?;
    let (messages_in, messages_out) = connection.codec.messages();
    let figures = [
        connection.bytes_in as f64,
        connection.queue.written() as f64,
        messages_in as f64,
        messages_out as f64,
        connection.queue.len() as f64,
        connection.codec.refs().live() as f64,
    ];
    for (index, figure) in figures.into_iter().enumerate().take(room) {
        // SAFETY: `out` has `room` elements and `index < room`.
        unsafe { *out.add(index) = figure };
    }
    Ok(null_mut())
}

/// `lastError(handle)`
pub fn last_error(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let connection = connection(engine, call)?;
    Ok(call.env.text(&connection.error))
}

/// `classInfo(handle, cls)`
pub fn class_info(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let class = call.int(1)?;
    let connection = connection(engine, call)?;
    match connection.codec.refs().class_info(class as u32) {
        Some((name, id)) => Ok(call.env.array(&[call.env.text(name), call.env.text(id)])),
        None => Err(Fault::argument(format!("no such class: {class}"))),
    }
}

/// `idPack(handle, rid)`
pub fn id_pack(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let rid = call.int(1)?;
    let connection = connection(engine, call)?;
    match connection.codec.refs().id_pack(rid as u32) {
        Some((class, instance)) => Ok(call
            .env
            .array(&[call.env.text(&class), call.env.text(&instance)])),
        None => Err(Fault::argument(format!("rid {rid} is not alive"))),
    }
}

fn connection<'e>(engine: &'e mut Engine, call: &Call) -> Result<&'e mut Connection> {
    let handle = call.int(0)?;
    call.endpoint(engine)?
        .connection
        .as_mut()
        .ok_or_else(|| Fault::wrong_kind(handle, "open"))
}

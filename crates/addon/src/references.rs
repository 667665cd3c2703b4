//! What JavaScript asks and tells about the peer's objects, by class index and rid: names of
//! classes, id_packs, and the holders (`holders.rs`).

use std::ptr::null_mut;

use napi_sys as sys;

use crate::call::Call;
use crate::codes::ctl;
use crate::engine::Engine;
use crate::error::{Fault, Result};

/// `classInfo(handle, cls)`
pub fn class_info(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let class = call.int(1)?;
    let connection = engine.connection(call.int(0)?)?;
    match connection.codec.refs().class_info(class as u32) {
        Some((name, id)) => Ok(call.env.array(&[call.env.text(name), call.env.text(id)])),
        None => Err(Fault::argument(format!("no such class: {class}"))),
    }
}

/// `idPack(handle, rid)`
pub fn id_pack(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let rid = call.int(1)?;
    let connection = engine.connection(call.int(0)?)?;
    match connection.codec.refs().id_pack(rid as u32) {
        Some((class, instance)) => Ok(call
            .env
            .array(&[call.env.text(&class), call.env.text(&instance)])),
        None => Err(not_alive(rid)),
    }
}

/// `setHolder(handle, rid, holder)`
pub fn set_holder(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (rid, holder) = (call.int(1)?, call.object(2)?);
    let connection = engine.connection(call.int(0)?)?;
    match usize::try_from(rid) {
        Ok(index) if connection.codec.refs().pack(rid as u32).is_some() => {
            connection.holders.set(call.env, index, holder);
            Ok(null_mut())
        }
        _ => Err(not_alive(rid)),
    }
}

/// `holder(handle, rid)`
pub fn holder(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, rid) = (call.int(0)?, call.int(1)?);
    // Undefined for a closed handle, too.
    Ok(engine.find(handle).map_or(null_mut(), |connection| {
        connection.holders.get(call.env, rid as usize)
    }))
}

/// `sweep(handle, start, limit, out)`
pub fn sweep(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (start, limit) = (call.int(1)?.max(0) as usize, call.int(2)?.max(0) as usize);
    let (out, room) = call.elements::<i32>(3)?;
    let handle = call.int(0)?;
    let Some(connection) = engine.find(handle) else {
        engine.set_ctl(ctl::DETAIL, 0);
        return Ok(call.env.int(0));
    };
    let holders = &connection.holders;
    let end = holders.len().min(start.saturating_add(limit));
    let (mut found, mut rid) = (0, start);
    while rid < end && found < room {
        // Scopes in steps: a value per living holder would fill the call's own scope.
        let until = end.min(rid + 256);
        call.env.scope(|| {
            while rid < until && found < room {
                if holders.is_dead(call.env, rid) {
                    // SAFETY: `out` has `room` elements and `found < room`.
                    unsafe { *out.add(found) = rid as i32 };
                    found += 1;
                }
                rid += 1;
            }
        });
    }
    let next = if rid < holders.len() { rid as i32 } else { 0 };
    engine.set_ctl(ctl::DETAIL, next);
    Ok(call.env.int(found as i32))
}

fn not_alive(rid: i32) -> Fault {
    Fault::argument(format!("rid {rid} is not alive"))
}

//! Which JavaScript object stands for a rid, weakly: the proxy of a netref lives as long as user
//! code holds it, and `sweep` finds the dead ones. A reference is freed with its rid (the last
//! DEL), when it is replaced, and at close.

use std::ptr::null_mut;

use napi_sys as sys;

use crate::call::Call;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::memory::ctl;

/// Weak references by rid; null where none is set.
#[derive(Default)]
pub struct Holders {
    weak: Vec<sys::napi_ref>,
}

impl Holders {
    #[inline]
    fn get(&self, rid: usize) -> sys::napi_ref {
        self.weak.get(rid).copied().unwrap_or(null_mut())
    }

    fn set(&mut self, env: Env, rid: usize, holder: sys::napi_value) {
        if rid >= self.weak.len() {
            self.weak.resize(rid + 1, null_mut());
        }
        env.delete(std::mem::replace(
            &mut self.weak[rid],
            env.reference(holder, false),
        ));
    }

    /// Forgets the holder of a rid that is free now.
    pub fn remove(&mut self, env: Env, rid: usize) {
        if let Some(weak) = self.weak.get_mut(rid) {
            env.delete(std::mem::replace(weak, null_mut()));
        }
    }

    pub fn clear(&mut self, env: Env) {
        for weak in std::mem::take(&mut self.weak) {
            env.delete(weak);
        }
    }
}

/// `setHolder(handle, rid, holder)`
pub fn set_holder(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (rid, holder) = (call.int(1)?, call.object(2)?);
    let connection = connection(engine, call)?;
    match usize::try_from(rid) {
        Ok(index) if connection.codec.refs().pack(rid as u32).is_some() => {
            connection.holders.set(call.env, index, holder);
            Ok(null_mut())
        }
        _ => Err(Fault::argument(format!("rid {rid} is not alive"))),
    }
}

/// `holder(handle, rid)`
pub fn holder(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (handle, rid) = (call.int(0)?, call.int(1)?);
    let connection = engine
        .endpoints
        .get(handle)
        .and_then(|endpoint| endpoint.connection.as_ref());
    // Undefined for a closed handle, too.
    Ok(connection.map_or(null_mut(), |connection| {
        call.env.get(connection.holders.get(rid as usize))
    }))
}

/// `sweep(handle, start, limit, out)`
pub fn sweep(engine: &mut Engine, call: &Call) -> Result<sys::napi_value> {
    let (start, limit) = (call.int(1)?.max(0) as usize, call.int(2)?.max(0) as usize);
    let (out, room) = call.elements::<i32>(3)?;
    let handle = call.int(0)?;
    let Some(connection) = engine
        .endpoints
        .get(handle)
        .and_then(|endpoint| endpoint.connection.as_mut())
    else {
        engine.set_ctl(ctl::DETAIL, 0);
        return Ok(call.env.int(0));
    };
    let weak = &connection.holders.weak;
    let end = weak.len().min(start.saturating_add(limit));
    let (mut found, mut rid) = (0, start);
    while rid < end && found < room {
        // Scopes in steps: a value per living holder would fill the call's own scope.
        let until = end.min(rid + 256);
        call.env.scope(|| {
            while rid < until && found < room {
                if !weak[rid].is_null() && call.env.get(weak[rid]).is_null() {
                    // SAFETY: `out` has `room` elements and `found < room`.
                    unsafe { *out.add(found) = rid as i32 };
                    found += 1;
                }
                rid += 1;
            }
        });
    }
    let next = if rid < weak.len() { rid as i32 } else { 0 };
    engine.set_ctl(ctl::DETAIL, next);
    Ok(call.env.int(found as i32))
}

fn connection<'e>(engine: &'e mut Engine, call: &Call) -> Result<&'e mut Connection> {
    let handle = call.int(0)?;
    let endpoint = call.endpoint(engine)?;
    endpoint
        .connection
        .as_mut()
        .ok_or_else(|| Fault::wrong_kind(handle, "open"))
}

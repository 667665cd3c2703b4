//! The Node-API addon: joins `rpyc-wire` (bytes <-> tape) and `rpyc-net` (descriptors) to the
//! JavaScript thread and its libuv loop. No protocol decision in here. `exports.rs` is the mirror
//! of `src/native/addon.ts`; crates/DESIGN.md describes the seam.
//!
//! Two rules hold everywhere: state lives per environment (`Engine`), and no borrow of it survives
//! a call into JavaScript, which may close any handle; only `events.rs` makes such calls, and
//! `exports.rs` when its function has ended. Imports go downward only: crates/DESIGN.md has the floors.

mod ask;
mod batch;
mod big;
mod brine;
mod call;
mod children;
mod codes;
mod connection;
mod endpoint;
mod engine;
mod env;
mod error;
mod events;
mod exports;
mod guard;
mod handles;
mod holders;
mod inbox;
mod inflated;
mod memory;
mod node;
mod peer;
mod push;
mod raw;
mod receive;
mod references;
mod setup;
mod slab;
mod sockets;
mod tls;
mod transmit;
mod uv;
mod wait;
mod zmq;

use napi_sys as sys;

/// What Node calls, once per environment that loads the addon.
///
/// # Safety
/// For Node only: `env` and `exports` must be its own.
#[no_mangle]
pub unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    let env = env::Env(env);
    guard::throwing(env, || exports::register(env, exports));
    exports
}

/// The Node-API level that we ask for.
#[no_mangle]
pub extern "C" fn node_api_module_get_api_version_v1() -> i32 {
    9
}

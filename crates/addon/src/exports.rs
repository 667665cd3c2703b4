//! The export table: the mirror of `src/native/addon.ts`, same names, same order.

use std::ffi::CStr;
use std::ptr::null_mut;

use napi_sys as sys;

use crate::engine::Engine;
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::{big, call, holders, info, push, setup, sockets, transmit, wait};

type Entry = (&'static CStr, sys::napi_callback);

macro_rules! exports {
    ($($name:literal => $function:path,)*) => {
        const EXPORTS: &[Entry] = &[$((
            $name,
            {
                unsafe extern "C" fn entry(
                    env: sys::napi_env,
                    info: sys::napi_callback_info,
                ) -> sys::napi_value {
                    // SAFETY: Node calls this with what `register` gave it.
                    unsafe { call::enter(env, info, $function) }
                }
                Some(entry)
            },
        )),*];
    };
}

exports! {
    c"init" => setup::init,
    c"addArena" => setup::add_arena,
    c"setTransmit" => setup::set_transmit,
    c"intern" => setup::intern,
    c"name" => setup::name,

    c"connectTcp" => sockets::connect_tcp,
    c"connectUnix" => sockets::connect_unix,
    c"connectWait" => sockets::connect_wait,
    c"resolve" => sockets::resolve,
    c"listenTcp" => sockets::listen_tcp,
    c"listenUnix" => sockets::listen_unix,
    c"adopt" => sockets::adopt,
    c"closeFd" => sockets::close_fd,
    c"localAddress" => info::local_address,
    c"peerAddress" => info::peer_address,
    c"isOwnListener" => info::is_own_listener,

    c"open" => sockets::open,
    c"openPush" => push::open_push,
    c"watch" => sockets::watch,
    c"ref" => sockets::set_ref,
    c"variant" => info::variant,
    c"setVariant" => info::set_variant,
    c"close" => sockets::close,
    c"shutdown" => sockets::shutdown,
    c"stats" => info::stats,
    c"lastError" => info::last_error,

    c"flush" => transmit::flush,
    c"wait" => wait::wait,
    c"next" => wait::next,
    c"feed" => push::feed,
    c"feedEnd" => push::feed_end,
    c"takeOutput" => push::take_output,
    c"takeBig" => big::take_big,

    c"classInfo" => info::class_info,
    c"idPack" => info::id_pack,
    c"setHolder" => holders::set_holder,
    c"holder" => holders::holder,
    c"sweep" => holders::sweep,
}

/// Makes the environment's engine and puts the functions on `exports`.
pub fn register(env: Env, exports: sys::napi_value) -> Result<()> {
    let engine = Engine::install(env)?;
    for (name, entry) in EXPORTS {
        let mut function = null_mut();
        // SAFETY: a live environment; the engine outlives its functions.
        let status = unsafe {
            let len = name.to_bytes().len() as isize;
            sys::napi_create_function(
                env.0,
                name.as_ptr(),
                len,
                *entry,
                engine.cast(),
                &mut function,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(Fault::internal("a function could not be made"));
        }
        env.set(exports, name, function);
    }
    Ok(())
}

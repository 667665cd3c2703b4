//! The export table: the mirror of `src/native/addon.ts`, same names, same order; and the way in of
//! every function on it.

use std::ffi::CStr;
use std::ptr::null_mut;

use napi_sys as sys;

use crate::call::Call;
use crate::engine::Engine;
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::{
    ask, brine, children, events, guard, handles, push, raw, receive, references, setup, sockets,
    tls, transmit, wait, zmq,
};

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
                    unsafe { enter(env, info, $function) }
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
    c"adoptPipes" => sockets::adopt_pipes,
    c"adoptListener" => sockets::adopt_listener,
    c"keepAlive" => sockets::keep_alive,
    c"closeFd" => sockets::close_fd,
    c"localAddress" => sockets::local_address,
    c"peerAddress" => sockets::peer_address,
    c"isOwnListener" => sockets::is_own_listener,
    c"reaches" => sockets::reaches,

    c"takeStdio" => children::take_stdio,
    c"socketPair" => children::socket_pair,
    c"exitOf" => children::exit_of,
    c"tail" => children::tail,
    c"tailText" => children::tail_text,

    c"tlsContext" => tls::context,
    c"tlsRelease" => tls::release,
    c"tlsStart" => tls::start,
    c"tlsHandshake" => tls::handshake,
    c"tlsPeer" => tls::peer,
    c"tlsTerms" => tls::terms,
    c"rawRead" => raw::read,
    c"rawWrite" => raw::write,
    c"rawAwait" => raw::await_ready,
    c"rawWait" => raw::wait_ready,

    c"open" => handles::open,
    c"openPush" => push::open_push,
    c"observe" => push::observe,
    c"watch" => handles::watch,
    c"ref" => handles::set_ref,
    c"variant" => handles::variant,
    c"setVariant" => handles::set_variant,
    c"close" => handles::close,
    c"shutdown" => handles::shutdown,
    c"stats" => handles::stats,
    c"lastError" => handles::last_error,

    c"flush" => transmit::flush,
    c"wait" => wait::wait,
    c"next" => receive::next,
    c"feed" => push::feed,
    c"feedEnd" => push::feed_end,
    c"takeOutput" => push::take_output,
    c"takeBig" => receive::take_big,

    c"askDatagram" => ask::ask_datagram,
    c"askStream" => ask::ask_stream,
    c"dumpBrine" => brine::dump_brine,
    c"loadBrine" => brine::load_brine,

    c"classInfo" => references::class_info,
    c"idPack" => references::id_pack,
    c"setHolder" => references::set_holder,
    c"holder" => references::holder,
    c"sweep" => references::sweep,

    c"zmqSocket" => zmq::socket,
    c"zmqAttach" => zmq::attach,
    c"zmqOpen" => zmq::open,
    c"zmqDetach" => zmq::detach,
    c"zmqClose" => zmq::close,
    c"zmqSend" => zmq::send,
    c"zmqReceive" => zmq::receive,
    c"zmqSubscribe" => zmq::subscribe,
    c"zmqTick" => zmq::tick,
    c"zmqStats" => zmq::stats,
    c"zmqReason" => zmq::reason,
}

/// Makes the environment's engine and puts the functions on `exports`.
pub fn register(env: Env, exports: sys::napi_value) -> Result<()> {
    let engine = Engine::install(env, &events::CALLBACKS)?;
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

/// Runs an exported function on the engine that it was made with.
///
/// # Safety
/// `env` and `info` are those of the callback that Node runs, made by `register`.
#[inline]
unsafe fn enter(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    function: impl FnOnce(&mut Engine, &Call) -> Result<sys::napi_value>,
) -> sys::napi_value {
    let mut call = Call::new(Env(env));
    // SAFETY: as above; `data` is the environment's engine, which outlives its functions. No other
    // borrow exists: we hold none across calls into JavaScript, and nothing that is reached from an
    // exported function makes one.
    let engine = unsafe { &mut *call.read(info).cast::<Engine>() };
    let result = guard::throwing(call.env, || function(engine, &call)).unwrap_or(null_mut());
    call.take_turn();
    result
}

//! All state of one environment: tapes, names, endpoints, the loop's helpers. Made when the addon
//! is loaded, put to rest by the environment's cleanup hook, freed with its instance data. Methods
//! here never call into JavaScript.

use std::ffi::c_void;
use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_net::Signals;
use rpyc_wire::{Names, Zlib};

use crate::endpoint::Endpoint;
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::events;
use crate::memory::{ctl, Region, Tape};
use crate::receive;
use crate::slab::Slab;
use crate::uv::{self, Check, Idle};

pub struct Engine {
    pub env: Env,
    pub uv_loop: *mut sys::uv_loop_s,
    /// From `init` until the cleanup hook.
    pub live: Option<Live>,
    pub names: Names,
    pub zlib: Zlib,
    pub endpoints: Slab<Endpoint>,
    pub arenas: Vec<Tape>,
    pub transmit: Option<Tape>,
    /// Handles that have messages, or news, which no readiness of their descriptor will tell; see
    /// `kick`.
    pub backlog: Vec<i32>,
    /// Scratch of `transmit`: connections written to.
    pub touched: Vec<i32>,
    /// SIGINT and SIGTERM, on the main thread only.
    pub signals: Option<Signals>,
    pub many_cpus: bool,
    sentinel: sys::napi_ref,
    idle: Option<Idle>,
    /// Tells that the loop turned, while signals are watched.
    check: Option<Check>,
}

/// Loop and engine of an endpoint.
#[derive(Clone, Copy)]
pub struct Home {
    pub uv_loop: *mut sys::uv_loop_s,
    pub engine: *mut Engine,
}

/// What exists once JavaScript called `init`.
pub struct Live {
    pub ctl: Region<i32>,
    pub on_event: sys::napi_ref,
    pub context: sys::napi_async_context,
    pub receiver: sys::napi_ref,
    /// `() => {}`; see `Call::let_js_run`.
    pub no_op: sys::napi_ref,
}

impl Engine {
    /// Makes the engine of `env`, which owns it from here on.
    pub fn install(env: Env) -> Result<*mut Engine> {
        let engine = Box::into_raw(Box::new(Engine {
            env,
            uv_loop: env.uv_loop(),
            live: None,
            names: Names::new(),
            zlib: Zlib::new(),
            endpoints: Slab::new(),
            arenas: Vec::new(),
            transmit: None,
            backlog: Vec::new(),
            touched: Vec::new(),
            signals: is_main_thread().then(Signals::new),
            many_cpus: std::thread::available_parallelism().is_ok_and(|n| n.get() > 1),
            sentinel: null_mut(),
            idle: None,
            check: None,
        }));
        // SAFETY: a live environment. Node runs the hook before the finalizer, each once, on this
        // thread.
        let status = unsafe {
            sys::napi_add_env_cleanup_hook(env.0, Some(rest), engine.cast());
            sys::napi_set_instance_data(env.0, engine.cast(), Some(free), null_mut())
        };
        if status == sys::Status::napi_ok {
            Ok(engine)
        } else {
            Err(Fault::internal("the environment took no instance data"))
        }
    }

    /// A word of the control block; 0 before `init`.
    #[inline]
    pub fn ctl(&self, word: usize) -> i32 {
        self.live.as_ref().map_or(0, |live| live.ctl.get()[word])
    }

    #[inline]
    pub fn set_ctl(&mut self, word: usize, value: i32) {
        if let Some(live) = &mut self.live {
            live.ctl.get_mut()[word] = value;
        }
    }

    /// Where endpoints live.
    pub fn home(&mut self) -> Home {
        Home {
            uv_loop: self.uv_loop,
            engine: self,
        }
    }

    /// Sends what a connection kept until it knew what its peer speaks.
    pub fn release_held(&mut self, handle: i32) -> Result<()> {
        let Engine {
            endpoints,
            names,
            zlib,
            ..
        } = self;
        let Some(endpoint) = endpoints.get(handle) else {
            return Ok(());
        };
        let Some(connection) = &mut endpoint.connection else {
            return Ok(());
        };
        let sent = if connection.can_release() {
            connection.send_held(names, zlib)
        } else {
            Ok(())
        };
        endpoint.flush();
        // See `events::rearm`.
        let _ = endpoint.arm();
        sent.map_err(Fault::from)
    }

    pub fn insert(&mut self, make: impl FnOnce(i32) -> Endpoint) -> Result<i32> {
        self.endpoints
            .insert(make)
            .ok_or_else(|| Fault::Coded("EMFILE", "too many open handles".into()))
    }

    /// The open endpoint of a handle.
    pub fn endpoint(&mut self, handle: i32) -> Result<&mut Endpoint> {
        self.endpoints
            .get(handle)
            .ok_or_else(|| Fault::bad_handle(handle))
    }

    /// Lets the loop look at a handle in its next turn, readable or not.
    pub fn kick(&mut self, handle: i32) {
        if !self.backlog.contains(&handle) {
            self.backlog.push(handle);
        }
        if self.idle.is_none() {
            let engine: *mut Engine = self;
            // Without an idle handle (out of memory) the next readiness has to do.
            self.idle = Idle::new(self.uv_loop, uv::Target { engine, id: 0 }).ok();
        }
        if let Some(idle) = &mut self.idle {
            idle.set(true, events::on_idle);
        }
    }

    /// Goes on with a handle whose reading had stopped.
    pub fn resume(&mut self, handle: i32) {
        let Some(endpoint) = self.endpoints.get(handle) else {
            return;
        };
        // See `events::rearm`.
        let _ = endpoint.arm();
        if endpoint.watched && receive::has_more(self, handle) {
            self.kick(handle);
        }
    }

    /// Takes the backlog; the idle handle stops.
    pub fn take_backlog(&mut self) -> Vec<i32> {
        if let Some(idle) = &mut self.idle {
            idle.set(false, events::on_idle);
        }
        std::mem::take(&mut self.backlog)
    }

    /// Sets `ctl[GC]` when a garbage collection happened: an object that only a weak reference held
    /// is gone. In a scope of its own: the caller's may stay open while JavaScript runs, and a
    /// handle in it would keep the sentinel alive.
    #[inline]
    pub fn check_collected(&mut self) {
        let env = self.env;
        if self.sentinel.is_null() || env.scope(|| env.get(self.sentinel).is_null()) {
            self.renew_sentinel();
        }
    }

    #[cold]
    fn renew_sentinel(&mut self) {
        let env = self.env;
        if !self.sentinel.is_null() {
            env.delete(self.sentinel);
            self.set_ctl(ctl::GC, 1);
        }
        self.sentinel = env.scope(|| env.reference(env.object(), false));
    }

    /// After a blocking wait: while a signal handler of ours is in place, each loop turn forgets
    /// what its listeners have seen.
    pub fn follow_signals(&mut self) {
        if self.check.is_none() && self.signals.as_ref().is_some_and(Signals::is_armed) {
            let engine: *mut Engine = self;
            self.check =
                Check::start(self.uv_loop, uv::Target { engine, id: 0 }, events::on_check).ok();
        }
    }

    /// Closes everything that belongs to the loop or to the kernel.
    fn rest(&mut self) {
        for endpoint in self.endpoints.drain() {
            endpoint.close(self.env);
        }
        self.idle = None;
        self.check = None;
        self.signals = None;
        self.backlog.clear();
        for tape in self.arenas.drain(..).chain(self.transmit.take()) {
            tape.release(self.env);
        }
        self.env
            .delete(std::mem::replace(&mut self.sentinel, null_mut()));
        if let Some(live) = self.live.take() {
            live.ctl.release(self.env);
            self.env.delete(live.on_event);
            self.env.delete(live.receiver);
            self.env.delete(live.no_op);
            // SAFETY: made by `init` in this environment, destroyed once.
            unsafe { sys::napi_async_destroy(self.env.0, live.context) };
        }
    }
}

unsafe extern "C" fn rest(engine: *mut c_void) {
    // SAFETY: the hook's argument is the engine, still alive; frames of ours that are on the stack
    // (process.exit in a callback) are either never returned to or look at `live` first.
    crate::call::guard_silently(|| unsafe { (*engine.cast::<Engine>()).rest() });
}

unsafe extern "C" fn free(_: sys::napi_env, engine: *mut c_void, _: *mut c_void) {
    // SAFETY: the instance data is the engine; Node calls this once, after `rest`, when no function
    // of ours can run any more.
    crate::call::guard_silently(|| drop(unsafe { Box::from_raw(engine.cast::<Engine>()) }));
}

/// Only Node's main thread runs signal listeners.
fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: no preconditions.
    unsafe {
        libc::gettid() == libc::getpid()
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: no preconditions.
    unsafe {
        libc::pthread_main_np() == 1
    }
}

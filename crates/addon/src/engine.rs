//! All state of one environment: tapes, names, endpoints, the loop's helpers. Made when the addon
//! is loaded, put to rest by the environment's cleanup hook, freed with its instance data. Methods
//! here never call into JavaScript. Knows nothing of what is done with the state: the loop's
//! callbacks are given to `install`.

use std::ffi::c_void;
use std::ptr::null_mut;

use napi_sys as sys;
use rpyc_net::{Signals, Tail, TlsContext};
use rpyc_wire::{Names, Zlib};

use crate::codes::ctl;
use crate::connection::Connection;
use crate::endpoint::{Endpoint, Link};
use crate::env::Env;
use crate::error::{Fault, Result};
use crate::guard;
use crate::memory::{Region, Tape};
use crate::node::Node;
use crate::slab::Slab;
use crate::uv::{Callbacks, Check, Idle, Loop};

pub struct Engine {
    pub env: Env,
    /// The environment's loop; its owner is this engine.
    uv: Loop,
    /// From `init` until the cleanup hook.
    pub live: Option<Live>,
    pub names: Names,
    pub zlib: Zlib,
    pub endpoints: Slab<Endpoint>,
    /// TLS contexts by handle.
    pub contexts: Slab<TlsContext>,
    /// ZeroMQ sockets by handle; their peers are endpoints.
    pub nodes: Slab<Node>,
    /// Where peers of those are read into.
    pub scratch: Vec<u8>,
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
    /// What children write to their standard error; see `children`.
    pub tails: Vec<Option<Tail>>,
    sentinel: sys::napi_ref,
    idle: Option<Idle>,
    /// Tells that the loop turned, while signals are watched.
    check: Option<Check>,
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
    pub fn install(env: Env, callbacks: &'static Callbacks) -> Result<*mut Engine> {
        let engine = Box::into_raw(Box::new(Engine {
            env,
            uv: Loop {
                raw: env.uv_loop(),
                owner: null_mut(),
                callbacks,
            },
            live: None,
            names: Names::new(),
            zlib: Zlib::new(),
            endpoints: Slab::new(),
            contexts: Slab::new(),
            nodes: Slab::new(),
            scratch: Vec::new(),
            arenas: Vec::new(),
            transmit: None,
            backlog: Vec::new(),
            touched: Vec::new(),
            signals: is_main_thread().then(Signals::new),
            many_cpus: std::thread::available_parallelism().is_ok_and(|n| n.get() > 1),
            tails: Vec::new(),
            sentinel: null_mut(),
            idle: None,
            check: None,
        }));
        // SAFETY: the engine made above, which nobody else knows yet, and a live environment. Node
        // runs the hook before the finalizer, each once, on this thread.
        let status = unsafe {
            (*engine).uv.owner = engine.cast();
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

    pub fn insert(&mut self, link: Link) -> Result<i32> {
        let uv = self.uv;
        self.endpoints
            .insert(|id| Endpoint::new(uv, id, link))
            .ok_or_else(|| Fault::Coded("EMFILE", "too many open handles".into()))
    }

    /// The endpoint of a handle.
    #[inline]
    pub fn endpoint(&mut self, handle: i32) -> Result<&mut Endpoint> {
        self.endpoints
            .get(handle)
            .ok_or_else(|| Fault::bad_handle(handle))
    }

    /// The connection of an opened handle.
    pub fn connection(&mut self, handle: i32) -> Result<&mut Connection> {
        self.endpoint(handle)?
            .connection
            .as_mut()
            .ok_or_else(|| Fault::wrong_kind(handle, "open"))
    }

    /// The same where a handle that is closed, or not opened, is no error.
    #[inline]
    pub fn find(&mut self, handle: i32) -> Option<&mut Connection> {
        self.endpoints.get(handle)?.connection.as_mut()
    }

    /// Sends what a connection kept until it knew what its peer speaks.
    pub fn release_held(&mut self, handle: i32) -> Result<()> {
        let Some(endpoint) = self.endpoints.get(handle) else {
            return Ok(());
        };
        endpoint
            .release_held(&self.names, &mut self.zlib)
            .map_err(Fault::from)
    }

    /// Lets the loop look at a handle in its next turn, readable or not.
    pub fn kick(&mut self, handle: i32) {
        if !self.backlog.contains(&handle) {
            self.backlog.push(handle);
        }
        if self.idle.is_none() {
            // Without an idle handle (out of memory) the next readiness has to do.
            self.idle = Idle::new(&self.uv).ok();
        }
        if let Some(idle) = &mut self.idle {
            idle.set(true);
        }
    }

    /// Lets the loop go on with a handle: after a batch that it did not read itself, and where its
    /// reading had stopped.
    pub fn resume(&mut self, handle: i32) {
        let Some(endpoint) = self.endpoints.get(handle) else {
            return;
        };
        endpoint.rearm();
        let (watched, has_unread) = (endpoint.watched, endpoint.has_unread());
        if has_unread
            || endpoint.connection.as_ref().is_some_and(|connection| {
                connection.queue.has_drained() || (watched && connection.has_more())
            })
        {
            self.kick(handle);
        }
    }

    /// Takes the backlog; the idle handle stops.
    pub fn take_backlog(&mut self) -> Vec<i32> {
        if let Some(idle) = &mut self.idle {
            idle.set(false);
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
            self.check = Check::start(&self.uv).ok();
        }
    }

    /// Closes everything that belongs to the loop or to the kernel.
    fn rest(&mut self) {
        for endpoint in self.endpoints.drain() {
            endpoint.close(self.env);
        }
        drop(self.nodes.drain());
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
    guard::silently(|| unsafe { (*engine.cast::<Engine>()).rest() });
}

unsafe extern "C" fn free(_: sys::napi_env, engine: *mut c_void, _: *mut c_void) {
    // SAFETY: the instance data is the engine; Node calls this once, after `rest`, when no function
    // of ours can run any more.
    guard::silently(|| drop(unsafe { Box::from_raw(engine.cast::<Engine>()) }));
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

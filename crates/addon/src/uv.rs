//! The few libuv calls that we need, declared by hand, and handles that close themselves. A
//! handle's memory is freed in its close callback only; a callback finds whom it is for through the
//! handle's data, and none runs after the drop. What the callbacks do is for others to know.

use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::ffi::{c_char, c_int, c_void, CStr};
use std::os::fd::RawFd;

use napi_sys::uv_loop_s;

pub const READABLE: c_int = 1;
pub const WRITABLE: c_int = 2;
/// The peer has ended its half, or the connection broke.
pub const DISCONNECT: c_int = 4;

const UV_CHECK: c_int = 2;
const UV_IDLE: c_int = 6;
const UV_POLL: c_int = 8;

type Raw = *mut c_void;

extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_handle_get_data(handle: Raw) -> *mut c_void;
    fn uv_handle_set_data(handle: Raw, data: *mut c_void);
    fn uv_handle_get_type(handle: Raw) -> c_int;
    fn uv_close(handle: Raw, done: extern "C" fn(Raw));
    fn uv_ref(handle: Raw);
    fn uv_unref(handle: Raw);
    fn uv_poll_init(uv_loop: *mut uv_loop_s, handle: Raw, fd: c_int) -> c_int;
    fn uv_poll_start(handle: Raw, events: c_int, callback: OnReady) -> c_int;
    fn uv_poll_stop(handle: Raw) -> c_int;
    fn uv_idle_init(uv_loop: *mut uv_loop_s, handle: Raw) -> c_int;
    fn uv_idle_start(handle: Raw, callback: OnTurn) -> c_int;
    fn uv_idle_stop(handle: Raw) -> c_int;
    fn uv_check_init(uv_loop: *mut uv_loop_s, handle: Raw) -> c_int;
    fn uv_check_start(handle: Raw, callback: OnTurn) -> c_int;
    fn uv_strerror(error: c_int) -> *const c_char;
}

type OnReady = extern "C" fn(Raw, c_int, c_int);
type OnTurn = extern "C" fn(Raw);

/// What libuv calls for the handles of each type.
pub struct Callbacks {
    pub poll: OnReady,
    pub idle: OnTurn,
    pub check: OnTurn,
}

/// One environment's loop, whom its handles' callbacks are for, and which they are.
#[derive(Clone, Copy)]
pub struct Loop {
    pub raw: *mut uv_loop_s,
    /// Opaque here: the callbacks get it back by `target`.
    pub owner: *mut c_void,
    pub callbacks: &'static Callbacks,
}

/// Whom a callback is for.
#[derive(Clone, Copy)]
pub struct Target {
    pub owner: *mut c_void,
    /// The endpoint, 0 for the owner itself.
    pub id: i32,
}

/// An initialised handle of any type. Dropping it stops and closes it.
struct Handle(Raw);

impl Handle {
    fn new(
        kind: c_int,
        uv: &Loop,
        id: i32,
        init: impl FnOnce(Raw) -> c_int,
    ) -> Result<Self, c_int> {
        let layout = layout(kind);
        // SAFETY: libuv's handles have a size other than zero.
        let raw: Raw = unsafe { alloc(layout) }.cast();
        if raw.is_null() {
            handle_alloc_error(layout);
        }
        let status = init(raw);
        if status < 0 {
            // SAFETY: allocated above with the same layout; libuv keeps nothing of a handle whose
            // init failed.
            unsafe { dealloc(raw.cast(), layout) };
            return Err(-status);
        }
        let target = Target {
            owner: uv.owner,
            id,
        };
        // SAFETY: initialised just now.
        unsafe { uv_handle_set_data(raw, Box::into_raw(Box::new(target)).cast()) };
        Ok(Self(raw))
    }

    fn set_ref(&self, on: bool) {
        // SAFETY: a live handle.
        unsafe {
            if on {
                uv_ref(self.0);
            } else {
                uv_unref(self.0);
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: live and not closing yet; `closed` frees it when libuv is done with it.
        unsafe { uv_close(self.0, closed) };
    }
}

extern "C" fn closed(raw: Raw) {
    // SAFETY: `raw` and its data came from `Handle::new`, and libuv calls this once, at the end.
    unsafe {
        drop(Box::from_raw(uv_handle_get_data(raw).cast::<Target>()));
        dealloc(raw.cast(), layout(uv_handle_get_type(raw)));
    }
}

/// The target of a handle whose callback runs.
pub fn target(raw: Raw) -> Target {
    // SAFETY: called from callbacks only: the handle is live, and its data is a Target until
    // `closed`.
    unsafe { *uv_handle_get_data(raw).cast::<Target>() }
}

/// Readiness of one descriptor, which must stay open while this lives.
pub struct Poll {
    handle: Handle,
    callback: OnReady,
    events: c_int,
}

impl Poll {
    pub fn new(uv: &Loop, fd: RawFd, id: i32) -> Result<Self, c_int> {
        // SAFETY: the environment's loop, memory of a uv_poll_t, an open descriptor with no other
        // poll handle.
        let handle = Handle::new(UV_POLL, uv, id, |raw| unsafe {
            uv_poll_init(uv.raw, raw, fd)
        })?;
        Ok(Self {
            handle,
            callback: uv.callbacks.poll,
            events: 0,
        })
    }

    /// Asks for `events` (0: none), if that is a change.
    pub fn set(&mut self, events: c_int) -> Result<(), c_int> {
        if events == self.events {
            return Ok(());
        }
        // SAFETY: a live poll handle.
        let status = unsafe {
            if events == 0 {
                uv_poll_stop(self.handle.0)
            } else {
                uv_poll_start(self.handle.0, events, self.callback)
            }
        };
        if status < 0 {
            return Err(-status);
        }
        self.events = events;
        Ok(())
    }

    /// libuv stops a handle whose descriptor has an error before it calls back: the next `set` starts
    /// it again.
    pub fn was_stopped(&mut self) {
        self.events = 0;
    }

    pub fn set_ref(&self, on: bool) {
        self.handle.set_ref(on);
    }
}

/// Runs once per loop turn while started, and keeps the loop from sleeping.
pub struct Idle {
    handle: Handle,
    callback: OnTurn,
    started: bool,
}

impl Idle {
    pub fn new(uv: &Loop) -> Result<Self, c_int> {
        // SAFETY: the environment's loop and memory of a uv_idle_t.
        let handle = Handle::new(UV_IDLE, uv, 0, |raw| unsafe { uv_idle_init(uv.raw, raw) })?;
        Ok(Self {
            handle,
            callback: uv.callbacks.idle,
            started: false,
        })
    }

    pub fn set(&mut self, on: bool) {
        if on != self.started {
            self.started = on;
            // SAFETY: a live idle handle. Both calls succeed on one.
            unsafe {
                if on {
                    uv_idle_start(self.handle.0, self.callback);
                } else {
                    uv_idle_stop(self.handle.0);
                }
            }
        }
    }
}

/// Runs after each turn's I/O; does not keep the process alive.
pub struct Check {
    _handle: Handle,
}

impl Check {
    pub fn start(uv: &Loop) -> Result<Self, c_int> {
        // SAFETY: the environment's loop and memory of a uv_check_t.
        let handle = Handle::new(UV_CHECK, uv, 0, |raw| unsafe { uv_check_init(uv.raw, raw) })?;
        // SAFETY: a live check handle; starting one cannot fail.
        unsafe { uv_check_start(handle.0, uv.callbacks.check) };
        handle.set_ref(false);
        Ok(Self { _handle: handle })
    }
}

/// `('ECONNREFUSED', 'connection refused')` of a positive errno.
pub fn error_texts(errno: c_int) -> (String, String) {
    // SAFETY: a NUL-terminated string for any number.
    let text = |of: *const c_char| unsafe { CStr::from_ptr(of) }.to_string_lossy().into_owned();
    let name = err_name().map_or_else(
        || format!("errno {errno}"),
        |err_name| text(err_name(-errno)),
    );
    // SAFETY: no preconditions.
    (name, text(unsafe { uv_strerror(-errno) }))
}

/// `uv_err_name`, which Deno does not export.
fn err_name() -> Option<extern "C" fn(c_int) -> *const c_char> {
    // SAFETY: looks a symbol up by a NUL-terminated name.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"uv_err_name".as_ptr()) };
    // SAFETY: libuv declares the function so; a null pointer is None.
    unsafe { std::mem::transmute(symbol) }
}

fn layout(kind: c_int) -> Layout {
    // SAFETY: `kind` is one of the types above; the call only looks it up.
    let size = unsafe { uv_handle_size(kind) };
    // Fails only for a size near isize::MAX: then this is no libuv, and there is nothing to go on with.
    Layout::from_size_align(size, 16).expect("libuv's handle sizes are a few hundred bytes")
}

//! A thin face of Node-API: making values, references and errors. Every function tolerates an
//! environment that is going down: it then returns null, undefined or nothing, and Node discards
//! the result.

use std::ffi::{c_char, c_void, CStr};
use std::ptr::null_mut;

use napi_sys as sys;

/// The environment of one thread; only ever used on it.
#[derive(Clone, Copy)]
pub struct Env(pub sys::napi_env);

macro_rules! make {
    ($call:ident($($argument:expr),*)) => {{
        let mut value = null_mut();
        // SAFETY: a live environment on its own thread; pointers are valid for the call.
        unsafe { sys::$call($($argument,)* &mut value) };
        value
    }};
}

impl Env {
    #[inline]
    pub fn int(self, value: i32) -> sys::napi_value {
        make!(napi_create_int32(self.0, value))
    }

    pub fn null(self) -> sys::napi_value {
        make!(napi_get_null(self.0))
    }

    pub fn boolean(self, value: bool) -> sys::napi_value {
        make!(napi_get_boolean(self.0, value))
    }

    pub fn object(self) -> sys::napi_value {
        make!(napi_create_object(self.0))
    }

    pub fn text(self, text: &str) -> sys::napi_value {
        make!(napi_create_string_utf8(
            self.0,
            text.as_ptr().cast::<c_char>(),
            text.len() as isize
        ))
    }

    pub fn array(self, items: &[sys::napi_value]) -> sys::napi_value {
        let array = make!(napi_create_array_with_length(self.0, items.len()));
        for (index, item) in items.iter().enumerate() {
            // SAFETY: a live environment, an array and a value of the present scope.
            unsafe { sys::napi_set_element(self.0, array, index as u32, *item) };
        }
        array
    }

    pub fn set(self, object: sys::napi_value, key: &CStr, value: sys::napi_value) {
        // SAFETY: a live environment and values of the present scope; nulls are refused by
        // Node-API.
        unsafe { sys::napi_set_named_property(self.0, object, key.as_ptr(), value) };
    }

    /// A new Error or TypeError with a `code`.
    pub fn error(self, code: &str, message: &str, is_type_error: bool) -> sys::napi_value {
        let (code, message) = (self.text(code), self.text(message));
        if is_type_error {
            make!(napi_create_type_error(self.0, code, message))
        } else {
            make!(napi_create_error(self.0, code, message))
        }
    }

    pub fn throw(self, error: sys::napi_value) {
        // SAFETY: a live environment and an error of the present scope.
        unsafe { sys::napi_throw(self.0, error) };
    }

    /// Takes the pending exception, if there is one.
    pub fn take_exception(self) -> Option<sys::napi_value> {
        let mut pending = false;
        // SAFETY: a live environment; `pending` is valid for the write.
        unsafe { sys::napi_is_exception_pending(self.0, &mut pending) };
        pending.then(|| make!(napi_get_and_clear_last_exception(self.0)))
    }

    /// Raises `error` as uncaught.
    pub fn uncaught(self, error: sys::napi_value) {
        // SAFETY: a live environment and a value of the present scope.
        unsafe { sys::napi_fatal_exception(self.0, error) };
    }

    /// Calls a function that takes nothing; an exception stays pending.
    pub fn call(self, function: sys::napi_value) {
        let receiver = make!(napi_get_undefined(self.0));
        // SAFETY: a live environment and a function of the present scope; no borrow of the engine
        // is held.
        unsafe { sys::napi_call_function(self.0, receiver, function, 0, null_mut(), null_mut()) };
    }

    /// The value of a script.
    pub fn script(self, source: &str) -> sys::napi_value {
        let source = self.text(source);
        make!(napi_run_script(self.0, source))
    }

    /// Can JavaScript still run? Not while a worker is being terminated.
    pub fn can_run(self) -> bool {
        let mut value = null_mut();
        let yes = self.boolean(true);
        // SAFETY: a live environment. Converting a boolean runs nothing, but is refused where
        // JavaScript may not run.
        unsafe { sys::napi_coerce_to_bool(self.0, yes, &mut value) == sys::Status::napi_ok }
    }

    /// A reference; `strong` keeps the object alive.
    pub fn reference(self, value: sys::napi_value, strong: bool) -> sys::napi_ref {
        make!(napi_create_reference(self.0, value, strong.into()))
    }

    /// The object of a reference; null when it is dead.
    #[inline]
    pub fn get(self, reference: sys::napi_ref) -> sys::napi_value {
        if reference.is_null() {
            return null_mut();
        }
        make!(napi_get_reference_value(self.0, reference))
    }

    pub fn delete(self, reference: sys::napi_ref) {
        if !reference.is_null() {
            // SAFETY: made by `reference` in this environment and deleted once.
            unsafe { sys::napi_delete_reference(self.0, reference) };
        }
    }

    /// Runs `body` in a handle scope of its own.
    pub fn scope<T>(self, body: impl FnOnce() -> T) -> T {
        let mut scope = null_mut();
        // SAFETY: a live environment; the scope is closed below, in order.
        unsafe { sys::napi_open_handle_scope(self.0, &mut scope) };
        let result = body();
        // SAFETY: the scope opened above, if it was.
        unsafe {
            if !scope.is_null() {
                sys::napi_close_handle_scope(self.0, scope);
            }
        }
        result
    }

    pub fn uv_loop(self) -> *mut sys::uv_loop_s {
        make!(napi_get_uv_event_loop(self.0))
    }

    /// `resource` must be kept alive as long as the context.
    pub fn async_context(self, resource: sys::napi_value, name: &str) -> sys::napi_async_context {
        let name = self.text(name);
        make!(napi_async_init(self.0, resource, name))
    }

    /// A typed array over `bytes`, without copying where the runtime allows it.
    pub fn byte_array(self, bytes: Vec<u8>) -> sys::napi_value {
        let len = bytes.len();
        let buffer = if len == 0 {
            null_mut()
        } else {
            self.external(bytes)
        };
        let buffer = if buffer.is_null() {
            self.buffer(&[] as &[u8])
        } else {
            buffer
        };
        make!(napi_create_typedarray(
            self.0,
            sys::TypedarrayType::uint8_array,
            len,
            buffer,
            0
        ))
    }

    pub fn int_array(self, words: &[i32]) -> sys::napi_value {
        make!(napi_create_typedarray(
            self.0,
            sys::TypedarrayType::int32_array,
            words.len(),
            self.buffer(words),
            0
        ))
    }

    pub fn float_array(self, floats: &[f64]) -> sys::napi_value {
        make!(napi_create_typedarray(
            self.0,
            sys::TypedarrayType::float64_array,
            floats.len(),
            self.buffer(floats),
            0
        ))
    }

    /// An ArrayBuffer with a copy of `items`.
    fn buffer<T: Copy>(self, items: &[T]) -> sys::napi_value {
        let mut data: *mut c_void = null_mut();
        let size = size_of_val(items);
        let buffer = make!(napi_create_arraybuffer(self.0, size, &mut data));
        if size != 0 && !data.is_null() {
            // SAFETY: `data` is the new buffer's memory, `size` bytes long; plain numbers are
            // copied.
            unsafe {
                std::ptr::copy_nonoverlapping(items.as_ptr().cast::<u8>(), data.cast(), size)
            };
        }
        buffer
    }

    fn external(self, bytes: Vec<u8>) -> sys::napi_value {
        let boxed = Box::new(bytes);
        let (data, len) = (boxed.as_ptr().cast_mut().cast::<c_void>(), boxed.len());
        let hint = Box::into_raw(boxed);
        let mut buffer = null_mut();
        // SAFETY: the Vec stays where it is until `free_vec` gets it back through the hint.
        let status = unsafe {
            sys::napi_create_external_arraybuffer(
                self.0,
                data,
                len,
                Some(free_vec),
                hint.cast(),
                &mut buffer,
            )
        };
        if status != sys::Status::napi_ok {
            // Electron has no external buffers. SAFETY: the hint was not taken, so the Vec is ours
            // again.
            let bytes = unsafe { Box::from_raw(hint) };
            return self.buffer(&bytes);
        }
        buffer
    }
}

unsafe extern "C" fn free_vec(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
    // SAFETY: `hint` came from `external`, and Node calls this once.
    drop(unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) });
}

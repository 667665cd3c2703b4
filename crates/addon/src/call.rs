//! One call from JavaScript: reading its arguments and checking their ranges. What the arguments
//! mean, and whom they are for, is for the callers to know.

use std::cell::Cell;
use std::ffi::c_void;
use std::ops::RangeInclusive;
use std::ptr::null_mut;
use std::time::Duration;

use napi_sys as sys;

use crate::env::Env;
use crate::error::{Fault, Result};
use crate::memory::Region;

/// Most arguments that a function of the export table takes.
const MAX_ARGUMENTS: usize = 8;

/// Arguments of the call under way. Values live until it returns.
pub struct Call {
    pub env: Env,
    arguments: [sys::napi_value; MAX_ARGUMENTS],
    /// A JavaScript function to be called when the engine is not borrowed any more; see `let_js_run`.
    turn: Cell<sys::napi_value>,
}

impl Call {
    /// A call without arguments; see `read`.
    #[inline]
    pub fn new(env: Env) -> Self {
        Self {
            env,
            arguments: [null_mut(); MAX_ARGUMENTS],
            turn: Cell::new(null_mut()),
        }
    }

    /// Reads the arguments, in place; returns the data that the function was made with.
    ///
    /// # Safety
    /// `info` is that of the callback that Node runs, in the environment of this call.
    #[inline]
    pub unsafe fn read(&mut self, info: sys::napi_callback_info) -> *mut c_void {
        let mut count = MAX_ARGUMENTS;
        let mut data: *mut c_void = null_mut();
        // SAFETY: `arguments` has room for `count` values; missing ones become undefined.
        unsafe {
            sys::napi_get_cb_info(
                self.env.0,
                info,
                &mut count,
                self.arguments.as_mut_ptr(),
                null_mut(),
                &mut data,
            );
        }
        data
    }

    /// Calls what `let_js_run` was given. No borrow of the engine may be held.
    #[inline]
    pub fn take_turn(&self) {
        if !self.turn.get().is_null() {
            self.env.call(self.turn.get());
        }
    }

    /// Has a no-op function called before this call returns. Calling one is where V8 notices that a
    /// worker is being terminated: a loop around a native function alone runs on for many turns.
    pub fn let_js_run(&self, no_op: sys::napi_value) {
        self.turn.set(no_op);
    }

    #[inline]
    pub fn int(&self, index: usize) -> Result<i32> {
        let mut value = 0;
        // SAFETY: a live environment and a value of this call.
        match unsafe { sys::napi_get_value_int32(self.env.0, self.arguments[index], &mut value) } {
            sys::Status::napi_ok => Ok(value),
            _ => Err(Fault::argument(format!(
                "argument {index} must be a number"
            ))),
        }
    }

    /// An integer within `range`.
    pub fn int_within(&self, index: usize, range: RangeInclusive<i32>) -> Result<i32> {
        let value = self.int(index)?;
        if range.contains(&value) {
            Ok(value)
        } else {
            Err(Fault::argument(format!(
                "argument {index} must be from {} to {}",
                range.start(),
                range.end()
            )))
        }
    }

    /// A number within `min..=max`.
    pub fn number(&self, index: usize, min: f64, max: f64) -> Result<f64> {
        let mut value = 0.0;
        // SAFETY: a live environment and a value of this call.
        let status =
            unsafe { sys::napi_get_value_double(self.env.0, self.arguments[index], &mut value) };
        if status != sys::Status::napi_ok || !(min..=max).contains(&value) {
            return Err(Fault::argument(format!(
                "argument {index} must be a number from {min} to {max}"
            )));
        }
        Ok(value)
    }

    /// A timeout in ms: -1 and Infinity are forever.
    pub fn timeout(&self, index: usize) -> Result<Duration> {
        let millis = self.number(index, -1.0, f64::INFINITY)?;
        let is_limited = (0.0..1e12).contains(&millis);
        Ok(if is_limited {
            Duration::from_secs_f64(millis / 1e3)
        } else {
            Duration::MAX
        })
    }

    pub fn boolean(&self, index: usize) -> Result<bool> {
        let mut value = false;
        // SAFETY: a live environment and a value of this call.
        match unsafe { sys::napi_get_value_bool(self.env.0, self.arguments[index], &mut value) } {
            sys::Status::napi_ok => Ok(value),
            _ => Err(Fault::argument(format!(
                "argument {index} must be a boolean"
            ))),
        }
    }

    pub fn text(&self, index: usize) -> Result<String> {
        let mut len = 0;
        let wrong = || Fault::argument(format!("argument {index} must be a string"));
        // SAFETY: a null buffer only asks for the length.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env.0,
                self.arguments[index],
                null_mut(),
                0,
                &mut len,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(wrong());
        }
        let mut bytes = vec![0u8; len + 1];
        // SAFETY: the buffer has room for the text and its final NUL.
        unsafe {
            let at = bytes.as_mut_ptr().cast();
            sys::napi_get_value_string_utf8(
                self.env.0,
                self.arguments[index],
                at,
                bytes.len(),
                &mut len,
            );
        }
        bytes.truncate(len);
        String::from_utf8(bytes).map_err(|_| wrong())
    }

    pub fn object(&self, index: usize) -> Result<sys::napi_value> {
        match self.type_of(index) {
            sys::ValueType::napi_object | sys::ValueType::napi_function => {
                Ok(self.arguments[index])
            }
            _ => Err(Fault::argument(format!(
                "argument {index} must be an object"
            ))),
        }
    }

    pub fn function(&self, index: usize) -> Result<sys::napi_value> {
        match self.type_of(index) {
            sys::ValueType::napi_function => Ok(self.arguments[index]),
            _ => Err(Fault::argument(format!(
                "argument {index} must be a function"
            ))),
        }
    }

    pub fn is_undefined(&self, index: usize) -> bool {
        self.type_of(index) == sys::ValueType::napi_undefined
    }

    fn type_of(&self, index: usize) -> sys::napi_valuetype {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: a live environment and a value of this call.
        unsafe { sys::napi_typeof(self.env.0, self.arguments[index], &mut kind) };
        kind
    }

    /// The memory of a typed array, kept alive until released.
    pub fn region<T: Element>(&self, index: usize) -> Result<Region<T>> {
        let (data, len) = self.elements(index)?;
        Ok(Region::new(
            data,
            len,
            self.env.reference(self.arguments[index], true),
        ))
    }

    /// The memory of a typed array, for this call.
    pub fn elements<T: Element>(&self, index: usize) -> Result<(*mut T, usize)> {
        let (kind, data, len) = typed_array(self.env, self.arguments[index])
            .ok_or_else(|| Fault::argument(format!("argument {index} must be a typed array")))?;
        if kind != T::KIND {
            return Err(Fault::argument(format!(
                "argument {index} is a typed array of another type"
            )));
        }
        Ok((data.cast(), len))
    }

    /// The bytes of a Uint8Array, for this call.
    pub fn bytes(&self, index: usize) -> Result<&[u8]> {
        let (data, len) = self.elements::<u8>(index)?;
        if len == 0 {
            return Ok(&[]);
        }
        // SAFETY: `data` holds `len` bytes during this call, on whose only thread nobody writes to them.
        Ok(unsafe { std::slice::from_raw_parts(data, len) })
    }

    /// The bodies of BLOB words: an array of views, or nothing. The slices are good for this call.
    pub fn blobs(&self, index: usize) -> Result<Vec<&[u8]>> {
        let array = self.arguments[index];
        if array.is_null() || self.is_undefined(index) {
            return Ok(Vec::new());
        }
        let mut len = 0;
        // SAFETY: a live environment and a value of this call; anything but an array is refused.
        if unsafe { sys::napi_get_array_length(self.env.0, array, &mut len) }
            != sys::Status::napi_ok
        {
            return Err(Fault::argument(format!(
                "argument {index} must be an array of views"
            )));
        }
        let mut blobs = Vec::with_capacity(len as usize);
        for at in 0..len {
            let mut item = null_mut();
            // SAFETY: a live environment and an array of this call. Ours are plain arrays: no
            // getter runs.
            unsafe { sys::napi_get_element(self.env.0, array, at, &mut item) };
            let (data, len) = view(self.env, item)
                .ok_or_else(|| Fault::argument(format!("blob {at} is no view")))?;
            if len == 0 {
                blobs.push(&[] as &[u8]);
                continue;
            }
            // SAFETY: the view is alive during this call, on whose only thread nobody writes to it.
            blobs.push(unsafe { std::slice::from_raw_parts(data, len) });
        }
        Ok(blobs)
    }
}

/// Element types of the typed arrays that cross.
pub trait Element: Copy {
    const KIND: sys::napi_typedarray_type;
}

impl Element for i32 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::int32_array;
}

impl Element for f64 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::float64_array;
}

impl Element for u8 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::uint8_array;
}

fn typed_array(
    env: Env,
    value: sys::napi_value,
) -> Option<(sys::napi_typedarray_type, *mut c_void, usize)> {
    let (mut kind, mut len, mut data) = (0, 0, null_mut());
    // SAFETY: a live environment; anything but a typed array is refused.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.0,
            value,
            &mut kind,
            &mut len,
            &mut data,
            null_mut(),
            null_mut(),
        )
    };
    (status == sys::Status::napi_ok).then_some((kind, data, len))
}

/// Bytes of any ArrayBufferView.
fn view(env: Env, value: sys::napi_value) -> Option<(*const u8, usize)> {
    if let Some((kind, data, len)) = typed_array(env, value) {
        let size = match kind {
            sys::TypedarrayType::int16_array | sys::TypedarrayType::uint16_array => 2,
            sys::TypedarrayType::int32_array
            | sys::TypedarrayType::uint32_array
            | sys::TypedarrayType::float32_array => 4,
            sys::TypedarrayType::float64_array
            | sys::TypedarrayType::bigint64_array
            | sys::TypedarrayType::biguint64_array => 8,
            _ => 1,
        };
        return Some((data.cast(), len * size));
    }
    let (mut len, mut data) = (0, null_mut());
    // SAFETY: a live environment; anything but a DataView is refused.
    let status = unsafe {
        sys::napi_get_dataview_info(env.0, value, &mut len, &mut data, null_mut(), null_mut())
    };
    (status == sys::Status::napi_ok).then_some((data.cast::<u8>().cast_const(), len))
}

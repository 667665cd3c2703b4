//! Memory that JavaScript allocated and Rust fills or reads: the control block, arenas, the
//! transmit tape. A strong reference keeps each typed array alive; both sides run on one thread, so
//! nobody writes while the other looks.

use napi_sys as sys;

use crate::env::Env;

/// The elements of one typed array.
pub struct Region<T> {
    data: *mut T,
    len: usize,
    keep: sys::napi_ref,
}

impl<T: Copy> Region<T> {
    /// `data` and `len` must be those of the typed array that `keep` keeps alive.
    pub fn new(data: *mut T, len: usize, keep: sys::napi_ref) -> Self {
        Self { data, len, keep }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn get(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: see the module: alive, `len` elements, not written while we look.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    #[inline]
    pub fn get_mut(&mut self) -> &mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as above, and `&mut self` makes it the only Rust view.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }

    pub fn release(&self, env: Env) {
        env.delete(self.keep);
    }
}

/// Three typed arrays: an arena, or the transmit tape.
pub struct Tape {
    pub words: Region<i32>,
    pub floats: Region<f64>,
    pub bytes: Region<u8>,
}

impl Tape {
    pub fn release(&self, env: Env) {
        self.words.release(env);
        self.floats.release(env);
        self.bytes.release(env);
    }
}

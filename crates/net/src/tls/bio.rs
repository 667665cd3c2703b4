//! The BIO between a session and its descriptor: what it knows, and the three functions that OpenSSL
//! calls.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_long, c_void};
use std::io;
use std::os::fd::RawFd;
use std::sync::OnceLock;

use crate::openssl::{self as ssl, api, Api, Opaque};
use crate::raw::{receive, send, Read, Reading};

/// What the BIO's functions know.
pub(super) struct Io {
    pub(super) fd: RawFd,
    /// The next read from the descriptor may sleep.
    pub(super) may_block: Cell<bool>,
    /// Bytes read during the current call on the session.
    pub(super) read: Cell<usize>,
    /// Errno of the last system call that failed; 0: none did.
    pub(super) errno: Cell<c_int>,
    /// More will be written at once: what is written now may wait in `unsent`.
    pub(super) more: Cell<bool>,
    /// Records that were taken and not written, so that many small ones cost one system call.
    pub(super) unsent: RefCell<Vec<u8>>,
    pub(super) eof: Cell<bool>,
    /// The peer's first byte.
    pub(super) first: Cell<Option<u8>>,
}

/// Unsent records beyond which they are written although more comes.
const MAX_UNSENT: usize = 64 * 1024;

/// Bytes that one call on the session reads, and a read more: the longest record, and what TLS adds to it.
/// OpenSSL reads on by itself behind records without data (key updates, tickets), so a peer that never
/// stops sending them would keep the thread; now the descriptor stays readable, and others have their turn.
const MAX_READ: usize = 17 * 1024;

impl Io {
    pub(super) fn new(fd: RawFd) -> Self {
        Self {
            fd,
            may_block: Cell::new(false),
            read: Cell::new(0),
            errno: Cell::new(0),
            more: Cell::new(false),
            unsent: RefCell::default(),
            eof: Cell::new(false),
            first: Cell::new(None),
        }
    }

    /// Writes what is unsent; false while the kernel has no room for it.
    pub(super) fn push(&self) -> io::Result<bool> {
        let mut unsent = self.unsent.borrow_mut();
        match send(self.fd, &unsent) {
            Ok(taken) => {
                unsent.drain(..taken.unwrap_or(0));
                let done = unsent.is_empty();
                if done && unsent.capacity() > MAX_UNSENT {
                    *unsent = Vec::new();
                }
                Ok(done)
            }
            Err(error) => {
                *unsent = Vec::new();
                Err(error)
            }
        }
    }

    /// A record: kept while more comes, else written with what was kept. `None`: there is no room.
    fn write(&self, record: &[u8]) -> io::Result<Option<usize>> {
        if self.unsent.borrow().len() >= MAX_UNSENT && !self.push()? {
            return Ok(None);
        }
        if !self.more.get() && self.unsent.borrow().is_empty() {
            return send(self.fd, record);
        }
        self.unsent.borrow_mut().extend_from_slice(record);
        if !self.more.get() {
            self.push()?;
        }
        Ok(Some(record.len()))
    }
}

/// The BIO's kind, made once.
pub(super) fn method(api: &'static Api) -> Option<Opaque> {
    struct Method(Opaque);
    // SAFETY: never changed after it was made, and never freed.
    unsafe impl Send for Method {}
    // SAFETY: as above.
    unsafe impl Sync for Method {}
    static METHOD: OnceLock<Method> = OnceLock::new();
    let made = METHOD.get_or_init(|| {
        // SAFETY: no preconditions; functions of these signatures.
        unsafe {
            let kind = (api.BIO_get_new_index)() | ssl::BIO_TYPE_SOURCE_SINK;
            let method = (api.BIO_meth_new)(kind, c"rpyc socket".as_ptr());
            if !method.is_null() {
                (api.BIO_meth_set_read)(method, bio_read);
                (api.BIO_meth_set_write)(method, bio_write);
                (api.BIO_meth_set_ctrl)(method, bio_control);
            }
            Method(method)
        }
    });
    (!made.0.is_null()).then_some(made.0)
}

/// The session's side of a BIO, with its flags cleared.
///
/// # Safety
/// `bio` is one of ours, during a call on its session.
unsafe fn io_of<'a>(bio: Opaque) -> Option<(&'static Api, &'a Io)> {
    let api = api().ok()?;
    // SAFETY: the data of our BIOs is their session's `Io`, which outlives them.
    unsafe {
        (api.BIO_clear_flags)(
            bio,
            ssl::BIO_FLAGS_READ | ssl::BIO_FLAGS_WRITE | ssl::BIO_FLAGS_SHOULD_RETRY,
        );
        Some((api, (api.BIO_get_data)(bio).cast::<Io>().as_ref()?))
    }
}

unsafe extern "C" fn bio_read(bio: Opaque, into: *mut c_char, len: c_int) -> c_int {
    // SAFETY: OpenSSL calls this during a call on the session.
    let Some((api, io)) = (unsafe { io_of(bio) }) else {
        return -1;
    };
    if len <= 0 {
        return 0;
    }
    // SAFETY: OpenSSL's buffer of `len` bytes.
    let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), len as usize) };
    let reading = if io.may_block.replace(false) {
        Reading::Block
    } else {
        Reading::Now
    };
    let received = if io.read.get() < MAX_READ {
        receive(io.fd, into, reading)
    } else {
        Ok(Read::WouldBlock)
    };
    match received {
        Ok(Read::Bytes(count)) => {
            io.read.set(io.read.get() + count);
            if io.first.get().is_none() {
                io.first.set(Some(into[0]));
            }
            count as c_int
        }
        Ok(Read::WouldBlock) => {
            // SAFETY: a live BIO.
            unsafe { (api.BIO_set_flags)(bio, ssl::BIO_FLAGS_READ | ssl::BIO_FLAGS_SHOULD_RETRY) };
            -1
        }
        Ok(Read::Eof) => {
            io.eof.set(true);
            0
        }
        Err(error) => {
            io.errno.set(error.raw_os_error().unwrap_or(libc::EIO));
            -1
        }
    }
}

unsafe extern "C" fn bio_write(bio: Opaque, from: *const c_char, len: c_int) -> c_int {
    // SAFETY: OpenSSL calls this during a call on the session.
    let Some((api, io)) = (unsafe { io_of(bio) }) else {
        return -1;
    };
    if len <= 0 {
        return 0;
    }
    // SAFETY: OpenSSL's buffer of `len` bytes.
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len as usize) };
    match io.write(from) {
        Ok(Some(count)) => count as c_int,
        Ok(None) => {
            // SAFETY: a live BIO.
            unsafe { (api.BIO_set_flags)(bio, ssl::BIO_FLAGS_WRITE | ssl::BIO_FLAGS_SHOULD_RETRY) };
            -1
        }
        Err(error) => {
            io.errno.set(error.raw_os_error().unwrap_or(libc::EIO));
            -1
        }
    }
}

unsafe extern "C" fn bio_control(_: Opaque, command: c_int, _: c_long, _: *mut c_void) -> c_long {
    // There is nothing to flush; nothing else is known, or asked.
    c_long::from(command == ssl::BIO_CTRL_FLUSH)
}

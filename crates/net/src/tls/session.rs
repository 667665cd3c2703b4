//! TLS on one descriptor: the handshake, reading, writing, the goodbye.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::ptr::null_mut;

use crate::openssl::{self as ssl, text, Api, Opaque};
use crate::raw::{send, Read, Reading};
use crate::tls::bio::{method, Io};
use crate::tls::context::TlsContext;
use crate::tls::failure::{c_text, failed, TlsFailure};

/// What the handshake waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// Nothing: it is over.
    Done,
    /// The peer.
    Input,
    /// Room to write.
    Output,
}

/// TLS on one descriptor, which it does not own.
pub(crate) struct Session {
    api: &'static Api,
    ssl: Opaque,
    /// Given to the BIO by its address.
    io: Box<Io>,
    server: bool,
    established: Cell<bool>,
    /// Nothing may be written any more, the goodbye included.
    broken: Cell<bool>,
    /// The last read ran out of bytes: what OpenSSL holds is the beginning of a record.
    dry: Cell<bool>,
    /// The last read has something to write first.
    stuck: Cell<bool>,
    /// How it ended behind the bytes that the last read gave: for the next one, of which no readiness
    /// of the descriptor need tell.
    ended: RefCell<Option<io::Result<Read>>>,
}

// SAFETY: OpenSSL's objects belong to no thread, and one at a time may use them; the `Cell`s see to
// that.
unsafe impl Send for Session {}

impl Session {
    /// `name`: whose certificate the peer must have, a host name or an address; `server_name`: whom we
    /// ask for (SNI). Empty for none.
    pub(crate) fn new(
        context: &TlsContext,
        fd: RawFd,
        server_name: &str,
        name: &str,
    ) -> Result<Self, TlsFailure> {
        let api = context.api;
        let io = Box::new(Io::new(fd));
        let method = method(api).ok_or_else(|| failed(api, "a BIO could not be made"))?;
        // SAFETY: a live context and method; `io` is boxed, and outlives the BIO, which the session
        // owns from SSL_set_bio on.
        let raw = unsafe {
            (api.ERR_clear_error)();
            let bio = (api.BIO_new)(method);
            let raw = (api.SSL_new)(context.raw);
            if bio.is_null() || raw.is_null() {
                if !bio.is_null() {
                    (api.BIO_free)(bio);
                }
                if !raw.is_null() {
                    (api.SSL_free)(raw);
                }
                return Err(failed(api, "a TLS session could not be made"));
            }
            (api.BIO_set_data)(bio, (&raw const *io).cast_mut().cast());
            (api.BIO_set_init)(bio, 1);
            (api.SSL_set_bio)(raw, bio, bio);
            if context.server {
                (api.SSL_set_accept_state)(raw);
            } else {
                (api.SSL_set_connect_state)(raw);
            }
            raw
        };
        let session = Self {
            api,
            ssl: raw,
            io,
            server: context.server,
            established: Cell::new(false),
            broken: Cell::new(false),
            dry: Cell::new(true),
            stuck: Cell::new(false),
            ended: RefCell::default(),
        };
        session.expect(server_name, name)?;
        Ok(session)
    }

    fn expect(&self, server_name: &str, name: &str) -> Result<(), TlsFailure> {
        let (api, raw) = (self.api, self.ssl);
        if !server_name.is_empty() {
            let server_name = c_text(server_name, "servername")?;
            // SAFETY: a live session, and a text that OpenSSL copies.
            let taken = unsafe {
                (api.SSL_ctrl)(
                    raw,
                    ssl::SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    ssl::TLSEXT_NAMETYPE_HOST_NAME,
                    server_name.as_ptr().cast_mut().cast(),
                )
            };
            if taken != 1 {
                return Err(failed(api, "servername"));
            }
        }
        if !name.is_empty() {
            let c_name = c_text(name, "servername")?;
            // SAFETY: a live session, its parameters, and a text that OpenSSL copies.
            let taken = unsafe {
                let wanted = (api.SSL_get0_param)(raw);
                (api.X509_VERIFY_PARAM_set_hostflags)(
                    wanted,
                    ssl::X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                );
                if name.parse::<IpAddr>().is_ok() {
                    (api.X509_VERIFY_PARAM_set1_ip_asc)(wanted, c_name.as_ptr())
                } else {
                    (api.X509_VERIFY_PARAM_set1_host)(wanted, c_name.as_ptr(), 0)
                }
            };
            if taken != 1 {
                return Err(failed(api, "servername"));
            }
        }
        Ok(())
    }

    /// Goes on with the handshake, without blocking.
    pub(crate) fn handshake(&self) -> io::Result<Handshake> {
        self.begin(false);
        // SAFETY: a live session on its own thread.
        let result = unsafe { (self.api.SSL_do_handshake)(self.ssl) };
        if result == 1 {
            self.established.set(true);
            self.dry.set(false);
            return Ok(Handshake::Done);
        }
        match self.why(result) {
            ssl::SSL_ERROR_WANT_READ => Ok(Handshake::Input),
            ssl::SSL_ERROR_WANT_WRITE => Ok(Handshake::Output),
            _ => Err(self.failure()),
        }
    }

    /// Reads as many bytes as are there and fit; sleeps for the first ones if `reading` says so.
    pub(crate) fn read(&self, into: &mut [u8], reading: Reading) -> io::Result<Read> {
        if reading == Reading::No {
            return Ok(Read::WouldBlock);
        }
        if let Some(ended) = self.ended.take() {
            return ended;
        }
        let mut filled = 0;
        loop {
            self.begin(reading == Reading::Block && filled == 0);
            self.stuck.set(false);
            let room = (into.len() - filled).min(c_int::MAX as usize);
            // SAFETY: a live session on its own thread; `into` is valid for writes of `room` bytes.
            let count = unsafe {
                let at = into.as_mut_ptr().add(filled).cast();
                (self.api.SSL_read)(self.ssl, at, room as c_int)
            };
            if count > 0 {
                filled += count as usize;
                self.dry.set(false);
                if filled < into.len() && self.has_pending() {
                    continue;
                }
                return Ok(Read::Bytes(filled));
            }
            let why = self.why(count);
            if matches!(why, ssl::SSL_ERROR_WANT_READ | ssl::SSL_ERROR_WANT_WRITE) {
                self.dry.set(true);
                self.stuck.set(why == ssl::SSL_ERROR_WANT_WRITE);
            } else {
                let is_end = why == ssl::SSL_ERROR_ZERO_RETURN
                    || (self.io.eof.get() && self.established.get());
                let ended = if is_end {
                    // OpenSSL may have left a word about it in the thread's queue, which is Node's, too.
                    self.begin(false);
                    Ok(Read::Eof)
                } else {
                    Err(self.failure())
                };
                if filled == 0 {
                    return ended;
                }
                self.ended.replace(Some(ended));
            }
            return Ok(if filled == 0 {
                Read::WouldBlock
            } else {
                Read::Bytes(filled)
            });
        }
    }

    /// Writes until all is taken or the kernel has no room. What was refused is to be written again,
    /// with whatever came behind it. `more` will follow at once.
    pub(crate) fn write(&self, bytes: &[u8], more: bool) -> io::Result<Option<usize>> {
        let mut taken = 0;
        while taken < bytes.len() {
            self.begin(false);
            let rest = &bytes[taken..];
            // A record holds 16 KiB: a longer rest needs several of them.
            self.io.more.set(more || rest.len() > MAX_RECORD);
            let len = rest.len().min(c_int::MAX as usize) as c_int;
            // SAFETY: a live session on its own thread; `rest` is valid for reads of `len` bytes.
            let count = unsafe { (self.api.SSL_write)(self.ssl, rest.as_ptr().cast(), len) };
            if count > 0 {
                taken += count as usize;
            } else if self.why(count) == ssl::SSL_ERROR_WANT_WRITE {
                break;
            } else {
                return Err(self.failure());
            }
        }
        if !more {
            self.push()?;
        }
        Ok((taken > 0).then_some(taken))
    }

    /// Writes what is unsent; false while the kernel has no room for it.
    pub(crate) fn push(&self) -> io::Result<bool> {
        if !self.has_unsent() {
            return Ok(true);
        }
        self.begin(false);
        self.io.push().inspect_err(|_| self.broken.set(true))
    }

    /// Are there bytes to read that no readiness of the descriptor tells of?
    pub(crate) fn has_pending(&self) -> bool {
        self.ended.borrow().is_some()
            // SAFETY: a live session on its own thread.
            || (!self.dry.get() && unsafe { (self.api.SSL_has_pending)(self.ssl) } != 0)
    }

    /// Does reading wait for room to write?
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.get()
    }

    /// Does something that was taken wait for room to write?
    pub(crate) fn has_unsent(&self) -> bool {
        !self.io.unsent.borrow().is_empty()
    }

    /// Says goodbye (close_notify), if there is room for it.
    pub(crate) fn say_goodbye(&self) {
        if self.established.get() && !self.broken.replace(true) {
            self.begin(false);
            // SAFETY: a live session on its own thread.
            unsafe { (self.api.SSL_shutdown)(self.ssl) };
            self.begin(false);
        }
    }

    /// The peer's certificate, DER.
    pub(crate) fn peer_certificate(&self) -> Option<Vec<u8>> {
        // SAFETY: a live session; the certificate is a reference of ours, and `der` has the room that
        // the first call asked for.
        unsafe {
            let cert = (self.api.SSL_get1_peer_certificate)(self.ssl);
            if cert.is_null() {
                return None;
            }
            let len = (self.api.i2d_X509)(cert, null_mut());
            let mut der = vec![0; usize::try_from(len).unwrap_or(0)];
            let mut at = der.as_mut_ptr();
            if !der.is_empty() {
                (self.api.i2d_X509)(cert, &mut at);
            }
            (self.api.X509_free)(cert);
            Some(der)
        }
    }

    /// Version and cipher in OpenSSL's words.
    pub(crate) fn terms(&self) -> (String, String) {
        // SAFETY: a live session; both texts are OpenSSL's own. A null cipher has the name `(NONE)`.
        unsafe {
            let cipher = (self.api.SSL_get_current_cipher)(self.ssl);
            (
                text((self.api.SSL_get_version)(self.ssl)),
                text((self.api.SSL_CIPHER_get_name)(cipher)),
            )
        }
    }

    /// Before each call that may fail: SSL_get_error looks at the thread's queue of errors, to which
    /// anybody may have added.
    fn begin(&self, may_block: bool) {
        self.io.may_block.set(may_block);
        self.io.read.set(0);
        self.io.more.set(false);
        self.io.errno.set(0);
        // SAFETY: no preconditions.
        unsafe { (self.api.ERR_clear_error)() }
    }

    fn why(&self, result: c_int) -> c_int {
        // SAFETY: a live session; the result of the last call on it.
        unsafe { (self.api.SSL_get_error)(self.ssl, result) }
    }

    fn failure(&self) -> io::Error {
        self.broken.set(true);
        // An alert, perhaps. Nothing else leaves any more.
        let _ = self.io.push();
        self.io.unsent.take();
        let errno = self.io.errno.get();
        if errno != 0 {
            return io::Error::from_raw_os_error(errno);
        }
        let mut failure = failed(self.api, "");
        if failure.reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            // SAFETY: a live session; the text is OpenSSL's own.
            unsafe {
                failure.verify = (self.api.SSL_get_verify_result)(self.ssl);
                failure.text = text((self.api.X509_verify_cert_error_string)(failure.verify));
            }
        } else if failure.reason == 0 && self.io.eof.get() {
            failure.text = "end of stream".into();
        }
        failure.plain = !self.established.get()
            && self
                .io
                .first
                .get()
                .is_some_and(|first| !RECORDS.contains(&first));
        if failure.plain && self.server {
            // OpenSSL is silent then. A client that speaks RPyC plainly knows an alert when it sees one.
            let _ = send(self.io.fd, &UNEXPECTED_MESSAGE);
        }
        io::Error::other(failure)
    }
}

const SSL_R_CERTIFICATE_VERIFY_FAILED: u32 = 134;

/// Bytes of a message's part that one record takes.
const MAX_RECORD: usize = 16 * 1024;

/// First bytes of an alert and of a handshake message.
const RECORDS: [u8; 2] = [0x15, 0x16];

/// A fatal alert, in a record of its own.
const UNEXPECTED_MESSAGE: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 10];

impl Drop for Session {
    fn drop(&mut self) {
        self.say_goodbye();
        // SAFETY: made by `new`, freed once; its BIO goes with it, before `io`.
        unsafe { (self.api.SSL_free)(self.ssl) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("established", &self.established.get())
            .finish_non_exhaustive()
    }
}

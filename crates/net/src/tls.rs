//! TLS over the descriptor of a `Socket`, by Node's own OpenSSL: contexts (certificates, what is
//! demanded of the peer), and one session per connection. The bytes go through a BIO of ours rather
//! than OpenSSL's: writes never block and never raise SIGPIPE, and a read sleeps in `recv` where the
//! blocking wait says so, once at most, on the same descriptor, without a copy between.
//!
//! A session never renegotiates, keeps no tickets and no cache. A peer that hangs up without TLS's
//! goodbye is an EOF like any other: stock RPyC does so, and each message knows its own length.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_long, c_void, CString};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::sync::OnceLock;

use crate::openssl::{self as ssl, api, text, Api, Opaque};
use crate::raw::{receive, send, Read, Reading};

/// Why TLS failed. Displayed as `reason verify plain text`, for the TypeScript side to put into words.
#[derive(Debug, Clone)]
pub struct TlsFailure {
    /// OpenSSL's reason within its library; 0 where it gave none.
    pub reason: u32,
    /// What verifying the peer's certificate came to, an X509_V_ERR number; 0: nothing against it.
    pub verify: c_long,
    /// The peer's first bytes are no TLS.
    pub plain: bool,
    /// In OpenSSL's words, or ours.
    pub text: String,
}

impl TlsFailure {
    fn plainly(text: impl Into<String>) -> Self {
        Self {
            reason: 0,
            verify: 0,
            plain: false,
            text: text.into(),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = u8::from(self.plain);
        write!(f, "{} {} {plain} {}", self.reason, self.verify, self.text)
    }
}

impl std::error::Error for TlsFailure {}

/// What is demanded of the peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Nothing. (A server does not ask for one.)
    None,
    /// Servers: asked for, and verified where the client has one.
    Optional,
    /// It must have one that an authority of ours has signed.
    Required,
}

/// What a context is made from; all texts are PEM or OpenSSL's own notation, empty for none.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// Is it a server's?
    pub server: bool,
    /// Our certificate, and those between it and its authority.
    pub cert: &'a str,
    /// The private key of `cert`.
    pub key: &'a str,
    /// What `key` is encrypted with.
    pub passphrase: &'a str,
    /// Authorities.
    pub ca: &'a str,
    /// Ciphers up to TLS 1.2.
    pub ciphers: &'a str,
    /// Ciphers of TLS 1.3.
    pub suites: &'a str,
    /// 0x0303 is TLS 1.2.
    pub min_version: u16,
    /// What is demanded of the peer.
    pub verify: Verify,
    /// Is a certificate in `ca` trusted although it is no root?
    pub partial_chain: bool,
}

/// One side's certificates and demands; sessions are made from it. Freed when the last of them is.
pub struct TlsContext {
    api: &'static Api,
    raw: Opaque,
    server: bool,
}

impl TlsContext {
    /// A context. The error says which part of the settings OpenSSL did not take, and why.
    pub fn new(settings: &Settings<'_>) -> Result<Self, TlsFailure> {
        let api = api().map_err(|name| {
            TlsFailure::plainly(format!("no OpenSSL in this process: {name} is missing"))
        })?;
        // SAFETY: no preconditions; the context is ours, and freed by `drop`.
        let raw = unsafe {
            (api.ERR_clear_error)();
            let method = if settings.server {
                (api.TLS_server_method)()
            } else {
                (api.TLS_client_method)()
            };
            (api.SSL_CTX_new)(method)
        };
        if raw.is_null() {
            return Err(failed(api, "a TLS context could not be made"));
        }
        let context = Self {
            api,
            raw,
            server: settings.server,
        };
        context.configure(settings)?;
        Ok(context)
    }

    fn configure(&self, settings: &Settings<'_>) -> Result<(), TlsFailure> {
        let (api, raw) = (self.api, self.raw);
        let check = |ok: bool, what: &str| if ok { Ok(()) } else { Err(failed(api, what)) };
        // SAFETY: a live context; integers, and texts that outlive the calls.
        unsafe {
            let control = |command, number| (api.SSL_CTX_ctrl)(raw, command, number, null_mut());
            (api.SSL_CTX_set_options)(
                raw,
                ssl::SSL_OP_NO_RENEGOTIATION
                    | ssl::SSL_OP_NO_COMPRESSION
                    | ssl::SSL_OP_NO_TICKET
                    | ssl::SSL_OP_IGNORE_UNEXPECTED_EOF,
            );
            (api.SSL_CTX_set_num_tickets)(raw, 0);
            control(ssl::SSL_CTRL_SET_SESS_CACHE_MODE, ssl::SSL_SESS_CACHE_OFF);
            control(
                ssl::SSL_CTRL_MODE,
                ssl::SSL_MODE_ENABLE_PARTIAL_WRITE
                    | ssl::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                    | ssl::SSL_MODE_RELEASE_BUFFERS,
            );
            control(ssl::SSL_CTRL_SET_READ_AHEAD, 1);
            let min = settings.min_version.into();
            check(
                control(ssl::SSL_CTRL_SET_MIN_PROTO_VERSION, min) == 1,
                "minVersion",
            )?;
            if !settings.ciphers.is_empty() {
                let list = c_text(settings.ciphers, "ciphers")?;
                check(
                    (api.SSL_CTX_set_cipher_list)(raw, list.as_ptr()) == 1,
                    "ciphers",
                )?;
            }
            if !settings.suites.is_empty() {
                let list = c_text(settings.suites, "ciphers")?;
                check(
                    (api.SSL_CTX_set_ciphersuites)(raw, list.as_ptr()) == 1,
                    "ciphers",
                )?;
            }
            let mode = match settings.verify {
                Verify::None => ssl::SSL_VERIFY_NONE,
                Verify::Optional => ssl::SSL_VERIFY_PEER,
                Verify::Required => ssl::SSL_VERIFY_PEER | ssl::SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            };
            (api.SSL_CTX_set_verify)(raw, mode, null_mut());
        }
        self.identify(settings)?;
        self.trust(settings)
    }

    /// Our own certificate, its chain, its key.
    fn identify(&self, settings: &Settings<'_>) -> Result<(), TlsFailure> {
        if settings.cert.is_empty() {
            return Ok(());
        }
        let (api, raw) = (self.api, self.raw);
        for (index, cert) in Certificates::of(api, settings.cert, "cert")?
            .0
            .iter()
            .enumerate()
        {
            // SAFETY: a live context and certificate; both calls take a reference of their own.
            let taken = unsafe {
                if index == 0 {
                    (api.SSL_CTX_use_certificate)(raw, *cert).into()
                } else {
                    (api.SSL_CTX_ctrl)(raw, ssl::SSL_CTRL_CHAIN_CERT, 1, *cert)
                }
            };
            if taken != 1 {
                return Err(failed(api, "cert"));
            }
        }
        let passphrase = c_text(settings.passphrase, "passphrase")?;
        let pem = Memory::of(api, settings.key)?;
        // SAFETY: a live BIO and context. With a passphrase, be it empty, OpenSSL asks no terminal.
        unsafe {
            let key = (api.PEM_read_bio_PrivateKey)(
                pem.raw,
                null_mut(),
                null_mut(),
                passphrase.as_ptr().cast_mut().cast(),
            );
            if key.is_null() {
                return Err(failed(api, "key"));
            }
            let fits = (api.SSL_CTX_use_PrivateKey)(raw, key) == 1
                && (api.SSL_CTX_check_private_key)(raw) == 1;
            (api.EVP_PKEY_free)(key);
            if fits {
                Ok(())
            } else {
                Err(failed(api, "key does not belong to cert"))
            }
        }
    }

    /// The authorities that the peer's certificate may come from.
    fn trust(&self, settings: &Settings<'_>) -> Result<(), TlsFailure> {
        if settings.ca.is_empty() {
            return Ok(());
        }
        let (api, raw) = (self.api, self.raw);
        for cert in &Certificates::of(api, settings.ca, "ca")?.0 {
            // SAFETY: a live context, its store, and a certificate of which both take a reference.
            let taken = unsafe {
                (api.X509_STORE_add_cert)((api.SSL_CTX_get_cert_store)(raw), *cert) == 1
                    && (!self.server || (api.SSL_CTX_add_client_CA)(raw, *cert) == 1)
            };
            if !taken {
                return Err(failed(api, "ca"));
            }
        }
        if settings.partial_chain {
            // SAFETY: a live context and its store.
            unsafe {
                let store = (api.SSL_CTX_get_cert_store)(raw);
                (api.X509_STORE_set_flags)(store, ssl::X509_V_FLAG_PARTIAL_CHAIN);
            }
        }
        Ok(())
    }
}

impl Drop for TlsContext {
    fn drop(&mut self) {
        // SAFETY: made by `new`; sessions hold references of their own.
        unsafe { (self.api.SSL_CTX_free)(self.raw) }
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsContext")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

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
}

// SAFETY: OpenSSL's objects belong to no thread, and one at a time may use them; the `Cell`s see to
// that.
unsafe impl Send for Session {}

/// What the BIO's functions know.
struct Io {
    fd: RawFd,
    /// The next read from the descriptor may sleep.
    may_block: Cell<bool>,
    /// Errno of the last system call that failed; 0: none did.
    errno: Cell<c_int>,
    /// More will be written at once: what is written now may wait in `unsent`.
    more: Cell<bool>,
    /// Records that were taken and not written, so that many small ones cost one system call.
    unsent: RefCell<Vec<u8>>,
    eof: Cell<bool>,
    /// The peer's first byte.
    first: Cell<Option<u8>>,
}

/// Unsent records beyond which they are written although more comes.
const MAX_UNSENT: usize = 64 * 1024;

impl Io {
    /// Writes what is unsent; false while the kernel has no room for it.
    fn push(&self) -> io::Result<bool> {
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
        let io = Box::new(Io {
            fd,
            may_block: Cell::new(false),
            errno: Cell::new(0),
            more: Cell::new(false),
            unsent: RefCell::default(),
            eof: Cell::new(false),
            first: Cell::new(None),
        });
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
            } else if filled == 0 {
                // With bytes before it, an end is told by the next read: OpenSSL says it again.
                let is_end = why == ssl::SSL_ERROR_ZERO_RETURN
                    || (self.io.eof.get() && self.established.get());
                return if is_end {
                    // OpenSSL may have left a word about it in the thread's queue, which is Node's, too.
                    self.begin(false);
                    Ok(Read::Eof)
                } else {
                    Err(self.failure())
                };
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
        if self.io.unsent.borrow().is_empty() {
            return Ok(true);
        }
        self.begin(false);
        self.io.push().inspect_err(|_| self.broken.set(true))
    }

    /// Are there bytes to read that no readiness of the descriptor tells of?
    pub(crate) fn has_pending(&self) -> bool {
        // SAFETY: a live session on its own thread.
        !self.dry.get() && unsafe { (self.api.SSL_has_pending)(self.ssl) } != 0
    }

    /// Does something wait for room to write: reading, or what was taken?
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.get() || !self.io.unsent.borrow().is_empty()
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

/// The BIO's kind, made once.
fn method(api: &'static Api) -> Option<Opaque> {
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
    match receive(io.fd, into, reading) {
        Ok(Read::Bytes(count)) => {
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

/// PEM in memory, to be read by OpenSSL.
struct Memory<'a> {
    api: &'static Api,
    raw: Opaque,
    _text: &'a str,
}

impl<'a> Memory<'a> {
    fn of(api: &'static Api, pem: &'a str) -> Result<Self, TlsFailure> {
        let len =
            c_int::try_from(pem.len()).map_err(|_| TlsFailure::plainly("a PEM is too long"))?;
        // SAFETY: the BIO only reads `pem`, which outlives it.
        let raw = unsafe { (api.BIO_new_mem_buf)(pem.as_ptr().cast(), len) };
        if raw.is_null() {
            return Err(failed(api, "a PEM could not be read"));
        }
        Ok(Self {
            api,
            raw,
            _text: pem,
        })
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `of`, freed once.
        unsafe { (self.api.BIO_free)(self.raw) };
    }
}

/// The certificates of a PEM, freed when dropped.
struct Certificates(Vec<Opaque>, &'static Api);

impl Certificates {
    fn of(api: &'static Api, pem: &str, what: &str) -> Result<Self, TlsFailure> {
        let memory = Memory::of(api, pem)?;
        let mut found = Self(Vec::new(), api);
        loop {
            // SAFETY: a live BIO. The empty passphrase keeps OpenSSL from asking a terminal.
            let cert = unsafe {
                (api.PEM_read_bio_X509)(
                    memory.raw,
                    null_mut(),
                    null_mut(),
                    c"".as_ptr().cast_mut().cast(),
                )
            };
            if cert.is_null() {
                break;
            }
            found.0.push(cert);
        }
        let failure = failed(api, what);
        // It ends with "no start line", which is no error behind a certificate.
        if found.0.is_empty() || failure.reason != PEM_R_NO_START_LINE {
            return Err(failure);
        }
        Ok(found)
    }
}

const PEM_R_NO_START_LINE: u32 = 108;

impl Drop for Certificates {
    fn drop(&mut self) {
        for cert in &self.0 {
            // SAFETY: read by `of`, freed once.
            unsafe { (self.1.X509_free)(*cert) };
        }
    }
}

/// The first error of this thread's queue, which is empty then; `what` was tried.
fn failed(api: &Api, what: &str) -> TlsFailure {
    // SAFETY: no preconditions; the text is OpenSSL's own.
    let (code, reason) = unsafe {
        let code = (api.ERR_get_error)();
        (api.ERR_clear_error)();
        (code, text((api.ERR_reason_error_string)(code)))
    };
    let text = match (what, reason.as_str()) {
        ("", reason) => reason.to_string(),
        (what, "") => what.to_string(),
        (what, reason) => format!("{what}: {reason}"),
    };
    TlsFailure {
        reason: (code & 0x7f_ffff) as u32,
        verify: 0,
        plain: false,
        text,
    }
}

fn c_text(text: &str, what: &str) -> Result<CString, TlsFailure> {
    CString::new(text).map_err(|_| TlsFailure::plainly(format!("{what} holds a zero byte")))
}

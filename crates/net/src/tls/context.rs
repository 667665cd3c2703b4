//! One side's settings, made into a context of OpenSSL's.

use std::fmt;
use std::ptr::null_mut;

use crate::openssl::{self as ssl, api, Api, Opaque};
use crate::tls::failure::{c_text, failed, TlsFailure};
use crate::tls::pem::{Certificates, Memory};

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
    pub(super) api: &'static Api,
    pub(super) raw: Opaque,
    pub(super) server: bool,
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

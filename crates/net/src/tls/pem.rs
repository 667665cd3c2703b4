//! Certificates and keys as PEM texts, to be read by OpenSSL.

use std::ffi::c_int;
use std::ptr::null_mut;

use crate::openssl::{Api, Opaque};
use crate::tls::failure::{failed, TlsFailure};

/// PEM in memory, to be read by OpenSSL.
pub(super) struct Memory<'a> {
    api: &'static Api,
    pub(super) raw: Opaque,
    _text: &'a str,
}

impl<'a> Memory<'a> {
    pub(super) fn of(api: &'static Api, pem: &'a str) -> Result<Self, TlsFailure> {
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
pub(super) struct Certificates(pub(super) Vec<Opaque>, &'static Api);

impl Certificates {
    pub(super) fn of(api: &'static Api, pem: &str, what: &str) -> Result<Self, TlsFailure> {
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

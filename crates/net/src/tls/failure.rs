//! What is wrong with TLS, and how it is read off OpenSSL's queue of errors.

use std::ffi::{c_long, CString};
use std::fmt;

use crate::openssl::{text, Api};

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
    pub(super) fn plainly(text: impl Into<String>) -> Self {
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

/// The first error of this thread's queue, which is empty then; `what` was tried.
pub(super) fn failed(api: &Api, what: &str) -> TlsFailure {
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

/// A text for OpenSSL; `what` it is.
pub(super) fn c_text(text: &str, what: &str) -> Result<CString, TlsFailure> {
    CString::new(text).map_err(|_| TlsFailure::plainly(format!("{what} holds a zero byte")))
}

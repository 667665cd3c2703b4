//! The OpenSSL inside the running Node, found by name at run time: the few functions that `tls` calls, and the
//! numbers that are macros in its headers (`test/abi` compares them with the headers). Owns nothing else.
//!
//! Node exports its OpenSSL to addons, whether it is linked into the binary (3.0 on Node 20, 3.5 later) or a
//! library of the system. Linking another one would bring a second set of root certificates, settings and bugs.

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void, CStr};
use std::sync::OnceLock;

/// An object of OpenSSL's that is only passed around.
pub(crate) type Opaque = *mut c_void;

pub(crate) const SSL_CTRL_MODE: c_int = 33;
pub(crate) const SSL_CTRL_SET_READ_AHEAD: c_int = 41;
pub(crate) const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
pub(crate) const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
pub(crate) const SSL_CTRL_CHAIN_CERT: c_int = 89;
pub(crate) const SSL_CTRL_SET_MIN_PROTO_VERSION: c_int = 123;
pub(crate) const TLSEXT_NAMETYPE_HOST_NAME: c_long = 0;
pub(crate) const SSL_SESS_CACHE_OFF: c_long = 0x0;
pub(crate) const SSL_MODE_ENABLE_PARTIAL_WRITE: c_long = 0x1;
pub(crate) const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER: c_long = 0x2;
pub(crate) const SSL_MODE_RELEASE_BUFFERS: c_long = 0x10;
pub(crate) const SSL_OP_IGNORE_UNEXPECTED_EOF: u64 = 0x80;
pub(crate) const SSL_OP_NO_TICKET: u64 = 0x4000;
pub(crate) const SSL_OP_NO_COMPRESSION: u64 = 0x2_0000;
pub(crate) const SSL_OP_NO_RENEGOTIATION: u64 = 0x4000_0000;
pub(crate) const SSL_VERIFY_NONE: c_int = 0x0;
pub(crate) const SSL_VERIFY_PEER: c_int = 0x1;
pub(crate) const SSL_VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 0x2;
pub(crate) const SSL_ERROR_WANT_READ: c_int = 2;
pub(crate) const SSL_ERROR_WANT_WRITE: c_int = 3;
pub(crate) const SSL_ERROR_ZERO_RETURN: c_int = 6;
pub(crate) const BIO_TYPE_SOURCE_SINK: c_int = 0x400;
pub(crate) const BIO_CTRL_FLUSH: c_int = 11;
pub(crate) const BIO_FLAGS_READ: c_int = 0x1;
pub(crate) const BIO_FLAGS_WRITE: c_int = 0x2;
pub(crate) const BIO_FLAGS_SHOULD_RETRY: c_int = 0x8;
pub(crate) const X509_V_FLAG_PARTIAL_CHAIN: c_ulong = 0x8_0000;
pub(crate) const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS: c_uint = 0x4;

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// OpenSSL's functions, by their own names.
        #[allow(non_snake_case)]
        pub(crate) struct Api {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            fn find() -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        let address = symbol(concat!(stringify!($name), "\0"))
                            .ok_or(stringify!($name))?;
                        // SAFETY: a function of this name in Node's OpenSSL has this signature
                        // since 3.0; all of them are part of its stable interface.
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($argument),*) $(-> $result)?,
                            >(address)
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    TLS_client_method: fn() -> Opaque;
    TLS_server_method: fn() -> Opaque;
    SSL_CTX_new: fn(Opaque) -> Opaque;
    SSL_CTX_free: fn(Opaque);
    SSL_CTX_ctrl: fn(Opaque, c_int, c_long, *mut c_void) -> c_long;
    SSL_CTX_set_options: fn(Opaque, u64) -> u64;
    SSL_CTX_set_verify: fn(Opaque, c_int, *mut c_void);
    SSL_CTX_set_cipher_list: fn(Opaque, *const c_char) -> c_int;
    SSL_CTX_set_ciphersuites: fn(Opaque, *const c_char) -> c_int;
    SSL_CTX_set_num_tickets: fn(Opaque, usize) -> c_int;
    SSL_CTX_use_certificate: fn(Opaque, Opaque) -> c_int;
    SSL_CTX_use_PrivateKey: fn(Opaque, Opaque) -> c_int;
    SSL_CTX_check_private_key: fn(Opaque) -> c_int;
    SSL_CTX_get_cert_store: fn(Opaque) -> Opaque;
    SSL_CTX_add_client_CA: fn(Opaque, Opaque) -> c_int;
    SSL_new: fn(Opaque) -> Opaque;
    SSL_free: fn(Opaque);
    SSL_set_bio: fn(Opaque, Opaque, Opaque);
    SSL_set_connect_state: fn(Opaque);
    SSL_set_accept_state: fn(Opaque);
    SSL_ctrl: fn(Opaque, c_int, c_long, *mut c_void) -> c_long;
    SSL_do_handshake: fn(Opaque) -> c_int;
    SSL_read: fn(Opaque, *mut c_void, c_int) -> c_int;
    SSL_write: fn(Opaque, *const c_void, c_int) -> c_int;
    SSL_shutdown: fn(Opaque) -> c_int;
    SSL_has_pending: fn(Opaque) -> c_int;
    SSL_get_error: fn(Opaque, c_int) -> c_int;
    SSL_get_verify_result: fn(Opaque) -> c_long;
    SSL_get1_peer_certificate: fn(Opaque) -> Opaque;
    SSL_get0_param: fn(Opaque) -> Opaque;
    SSL_get_version: fn(Opaque) -> *const c_char;
    SSL_get_current_cipher: fn(Opaque) -> Opaque;
    SSL_CIPHER_get_name: fn(Opaque) -> *const c_char;
    X509_VERIFY_PARAM_set1_host: fn(Opaque, *const c_char, usize) -> c_int;
    X509_VERIFY_PARAM_set1_ip_asc: fn(Opaque, *const c_char) -> c_int;
    X509_VERIFY_PARAM_set_hostflags: fn(Opaque, c_uint);
    X509_STORE_add_cert: fn(Opaque, Opaque) -> c_int;
    X509_STORE_set_flags: fn(Opaque, c_ulong) -> c_int;
    X509_verify_cert_error_string: fn(c_long) -> *const c_char;
    X509_free: fn(Opaque);
    i2d_X509: fn(Opaque, *mut *mut u8) -> c_int;
    EVP_PKEY_free: fn(Opaque);
    PEM_read_bio_X509: fn(Opaque, *mut Opaque, *mut c_void, *mut c_void) -> Opaque;
    PEM_read_bio_PrivateKey: fn(Opaque, *mut Opaque, *mut c_void, *mut c_void) -> Opaque;
    BIO_new: fn(Opaque) -> Opaque;
    BIO_new_mem_buf: fn(*const c_void, c_int) -> Opaque;
    BIO_free: fn(Opaque) -> c_int;
    BIO_get_new_index: fn() -> c_int;
    BIO_meth_new: fn(c_int, *const c_char) -> Opaque;
    BIO_meth_set_read: fn(Opaque, unsafe extern "C" fn(Opaque, *mut c_char, c_int) -> c_int) -> c_int;
    BIO_meth_set_write: fn(Opaque, unsafe extern "C" fn(Opaque, *const c_char, c_int) -> c_int) -> c_int;
    BIO_meth_set_ctrl: fn(Opaque, unsafe extern "C" fn(Opaque, c_int, c_long, *mut c_void) -> c_long) -> c_int;
    BIO_set_data: fn(Opaque, *mut c_void);
    BIO_get_data: fn(Opaque) -> *mut c_void;
    BIO_set_init: fn(Opaque, c_int);
    BIO_set_flags: fn(Opaque, c_int);
    BIO_clear_flags: fn(Opaque, c_int);
    ERR_get_error: fn() -> c_ulong;
    ERR_clear_error: fn();
    ERR_reason_error_string: fn(c_ulong) -> *const c_char;
}

/// The functions, or the name of the first that this process lacks.
pub(crate) fn api() -> Result<&'static Api, &'static str> {
    static API: OnceLock<Result<Api, &'static str>> = OnceLock::new();
    API.get_or_init(Api::find).as_ref().map_err(|name| *name)
}

fn symbol(name: &'static str) -> Option<*mut c_void> {
    // SAFETY: `functions!` ends each name with a zero; RTLD_DEFAULT asks all that is loaded.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr().cast()) };
    (!address.is_null()).then_some(address)
}

/// A text of OpenSSL's, which lives as long as the process.
///
/// # Safety
/// `text` is null, or what one of the functions above returned as its text.
pub(crate) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

//! What can go wrong in a call, and its one translation into a JavaScript error with a `code`. Four
//! blames: see `src/errors.ts`.

use std::io;

use napi_sys as sys;
use rpyc_net::Address;
use rpyc_wire::WireError;

use crate::env::Env;
use crate::uv;

/// An error on its way to JavaScript.
#[derive(Debug)]
pub enum Fault {
    /// A system call failed.
    System {
        errno: i32,
        syscall: &'static str,
        target: Option<Address>,
    },
    /// A name that the resolver does not know, or could not ask for.
    Resolve { host: String, message: String },
    /// A wrong argument: TypeError with this code and text.
    Argument(&'static str, String),
    /// Any other error with this code and text.
    Coded(&'static str, String),
    /// An exception is pending already.
    Thrown,
}

pub type Result<T> = std::result::Result<T, Fault>;

pub const BAD_HANDLE: &str = "ERR_RPYC_BAD_HANDLE";
pub const BAD_ARGUMENT: &str = "ERR_RPYC_BAD_ARGUMENT";
pub const INTERNAL: &str = "ERR_RPYC_INTERNAL";
pub const FRAME_TOO_LARGE: &str = "ERR_RPYC_FRAME_TOO_LARGE";

/// What the encoder refused: our own side is to blame.
impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        let code = match error {
            WireError::MessageTooLarge { .. } => FRAME_TOO_LARGE,
            _ => INTERNAL,
        };
        Self::Coded(code, error.to_string())
    }
}

impl Fault {
    pub fn system(error: &io::Error, syscall: &'static str) -> Self {
        match error.raw_os_error() {
            Some(errno) => Self::System {
                errno,
                syscall,
                target: None,
            },
            None => Self::Argument(BAD_ARGUMENT, error.to_string()),
        }
    }

    pub fn to(self, address: Address) -> Self {
        match self {
            Self::System { errno, syscall, .. } => Self::System {
                errno,
                syscall,
                target: Some(address),
            },
            other => other,
        }
    }

    pub fn bad_handle(handle: i32) -> Self {
        Self::Argument(BAD_HANDLE, format!("no such handle: {handle}"))
    }

    pub fn wrong_kind(handle: i32, wanted: &str) -> Self {
        Self::Argument(BAD_HANDLE, format!("handle {handle} is not {wanted}"))
    }

    pub fn argument(text: impl Into<String>) -> Self {
        Self::Argument(BAD_ARGUMENT, text.into())
    }

    pub fn internal(text: impl Into<String>) -> Self {
        Self::Coded(INTERNAL, text.into())
    }

    /// The error object; null when one is pending already or JavaScript cannot run any more.
    pub fn into_js(self, env: Env) -> sys::napi_value {
        match self {
            Self::Thrown => std::ptr::null_mut(),
            Self::Argument(code, text) => env.error(code, &text, true),
            Self::Coded(code, text) => env.error(code, &text, false),
            Self::Resolve { host, message } => {
                let code = if message.contains("Temporary") {
                    "EAI_AGAIN"
                } else {
                    "ENOTFOUND"
                };
                let error = env.error(code, &format!("getaddrinfo {code} {host}"), false);
                env.set(error, c"syscall", env.text("getaddrinfo"));
                env.set(error, c"hostname", env.text(&host));
                error
            }
            Self::System {
                errno,
                syscall,
                target,
            } => {
                let (code, text) = uv::error_texts(errno);
                let parts = target.as_ref().map(Address::parts);
                let place = match &parts {
                    Some((path, 0)) => format!(" {path}"),
                    Some((address, port)) if address.contains(':') => {
                        format!(" [{address}]:{port}")
                    }
                    Some((address, port)) => format!(" {address}:{port}"),
                    None => String::new(),
                };
                let error = env.error(&code, &format!("{syscall} {code}{place}: {text}"), false);
                // Negative, as Node has it.
                env.set(error, c"errno", env.int(-errno));
                env.set(error, c"syscall", env.text(syscall));
                if let Some((address, port)) = parts {
                    env.set(error, c"address", env.text(&address));
                    env.set(error, c"port", env.int(port.into()));
                }
                error
            }
        }
    }

    /// Makes it the pending exception.
    pub fn throw(self, env: Env) {
        let error = self.into_js(env);
        if !error.is_null() {
            env.throw(error);
        }
    }
}

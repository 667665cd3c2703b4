//! The border that neither a fault nor a panic crosses: everything that Node or libuv calls runs
//! within one of these.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::env::Env;
use crate::error::{Fault, Result};

/// Runs `body` and throws what it fails with, panics included.
pub fn throwing<T>(env: Env, body: impl FnOnce() -> Result<T>) -> Option<T> {
    let fault = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(fault)) => fault,
        Err(panic) => Fault::internal(panic_text(&*panic)),
    };
    fault.throw(env);
    None
}

/// Runs `body` where nobody can be told of a panic.
pub fn silently(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the engine panicked: {}", text.unwrap_or("no message"))
}

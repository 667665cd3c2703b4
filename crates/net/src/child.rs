//! What a parent wants to know of a child process that ended while it was blocked: how, and what it
//! said last. Neither needs the event loop.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of its last words that are kept.
const KEPT: usize = 4096;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// How a child ended, waiting `timeout` at most; `None`: it runs, or somebody was told already. It
/// stays to be waited for by whoever started it.
pub fn exit_of(pid: i32, timeout: Duration) -> Option<Exit> {
    let until = Instant::now() + timeout;
    loop {
        // SAFETY: siginfo_t is plain data; waitid fills it where a child ended, and leaves si_pid 0
        // where none did.
        let (done, info) = unsafe {
            let mut info: libc::siginfo_t = mem::zeroed();
            let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let done = libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, how);
            (done, info)
        };
        if done != 0 {
            return None;
        }
        // SAFETY: the fields of SIGCHLD are set, or zero.
        let (ended, status) = unsafe { (info.si_pid() == pid, info.si_status()) };
        if ended {
            return Some(if info.si_code == libc::CLD_EXITED {
                Exit::Status(status)
            } else {
                Exit::Signal(status)
            });
        }
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[derive(Default)]
struct Said {
    last: Vec<u8>,
    ended: bool,
}

/// The end of what a child writes to a pipe, read by a thread of its own until the pipe's end, so
/// that the child never waits for us.
pub struct Tail(Arc<(Mutex<Said>, Condvar)>);

impl Tail {
    /// Reads `pipe` from now on; `forward` writes everything on to our own standard error.
    pub fn start(pipe: OwnedFd, forward: bool) -> io::Result<Self> {
        let shared = Arc::<(Mutex<Said>, Condvar)>::default();
        let written = Arc::clone(&shared);
        thread::Builder::new()
            .name("rpyc-tail".into())
            .spawn(move || {
                read_to_end(File::from(pipe), forward, &written.0);
                written
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .ended = true;
                written.1.notify_all();
            })?;
        Ok(Self(shared))
    }

    /// What was said last, waiting at most `timeout` for the end of the pipe.
    pub fn text(&self, timeout: Duration) -> String {
        let said = self.0 .0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, _) = self
            .0
             .1
            .wait_timeout_while(said, timeout, |said| !said.ended)
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said.last).into_owned()
    }
}

fn read_to_end(mut pipe: File, forward: bool, said: &Mutex<Said>) {
    let mut buffer = [0; 4096];
    loop {
        let count = match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let new = &buffer[..count];
        if forward {
            // Where our own standard error is gone nobody is left to read it.
            let _ = io::stderr().write_all(new);
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = (said.last.len() + count).saturating_sub(KEPT);
        let gone = excess.min(said.last.len());
        said.last.drain(..gone);
        said.last
            .extend_from_slice(&new[count.saturating_sub(KEPT)..]);
    }
}

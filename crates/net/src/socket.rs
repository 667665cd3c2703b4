//! One connected stream socket: reading, writing, half-closing. Owns the descriptor
//! and closes it when dropped. Knows nothing about who waits for it; see `wait` and the addon's
//! uv_poll.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::address::Address;

/// How far a read goes for its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// No system call: what was received before has to do.
    No,
    /// What is there now.
    Now,
    /// Until something is there, a signal arrives, or the socket's time is over (see `Waiter`).
    Block,
}

/// Outcome of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// That many bytes, at least 1.
    Bytes(usize),
    /// Nothing there now.
    WouldBlock,
    /// The peer will send no more.
    Eof,
}

/// A connected stream socket (TCP or Unix).
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    tcp: bool,
}

impl Socket {
    /// Takes over an open, connected stream socket. On error the descriptor stays the caller's.
    pub fn adopt(fd: RawFd) -> io::Result<Self> {
        let kind: libc::c_int = option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
        if kind != libc::SOCK_STREAM {
            return Err(io::Error::from_raw_os_error(libc::EPROTOTYPE));
        }
        Address::query(fd, libc::getpeername)?;
        prepare(fd)?;
        // SAFETY: the caller hands over `fd`, and getsockopt has just proven it open.
        Ok(Self::new(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn new(fd: OwnedFd) -> Self {
        let raw = fd.as_raw_fd();
        let tcp = Address::query(raw, libc::getsockname).is_ok_and(|a| matches!(a, Address::Ip(_)));
        if tcp {
            // A socket that cannot be told loses latency, not correctness.
            let _ = set_option(raw, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
        }
        Self { fd, tcp }
    }

    /// One `recv` into `into`, which must not be empty. Restarts after a signal, unless it blocks.
    pub fn read(&self, into: &mut [u8], reading: Reading) -> io::Result<Read> {
        debug_assert!(!into.is_empty());
        let flags = match reading {
            Reading::No => return Ok(Read::WouldBlock),
            Reading::Now => libc::MSG_DONTWAIT,
            Reading::Block => 0,
        };
        loop {
            // SAFETY: `into` is valid for writes of its whole length.
            let n = unsafe {
                libc::recv(
                    self.as_raw_fd(),
                    into.as_mut_ptr().cast(),
                    into.len(),
                    flags,
                )
            };
            match n {
                0 => return Ok(Read::Eof),
                n if n > 0 => return Ok(Read::Bytes(n as usize)),
                _ => match io::Error::last_os_error() {
                    e if e.kind() == io::ErrorKind::Interrupted && reading == Reading::Now => {}
                    e if e.kind() == io::ErrorKind::Interrupted => return Ok(Read::WouldBlock),
                    e if e.kind() == io::ErrorKind::WouldBlock => return Ok(Read::WouldBlock),
                    e => return Err(e),
                },
            }
        }
    }

    /// One write without SIGPIPE: bytes taken, or `None` when the kernel has no room.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        loop {
            // SAFETY: send only reads `bytes`, which outlive the call.
            let n = unsafe {
                libc::send(
                    self.as_raw_fd(),
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    NO_SIGNAL | libc::MSG_DONTWAIT,
                )
            };
            if n >= 0 {
                return Ok(Some(n as usize));
            }
            match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                e => return Err(e),
            }
        }
    }

    /// Tells the kernel to acknowledge at once what it has received. To be called after each read
    /// that leaves a frame incomplete: peers that write a frame in several parts without
    /// TCP_NODELAY (stock RPyC does) wait for that acknowledgement.
    pub fn quick_ack(&self) {
        #[cfg(target_os = "linux")]
        if self.tcp {
            // Failure costs latency only.
            let _ = set_option(self.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_QUICKACK, 1);
        }
    }

    /// Ends our direction; the peer reads EOF after what was written.
    pub fn shutdown(&self) -> io::Result<()> {
        // SAFETY: plain system call on a descriptor that we own.
        check(unsafe { libc::shutdown(self.as_raw_fd(), libc::SHUT_WR) }).map(drop)
    }

    /// Our end.
    pub fn local(&self) -> io::Result<Address> {
        Address::query(self.as_raw_fd(), libc::getsockname)
    }

    /// The peer's end.
    pub fn peer(&self) -> io::Result<Address> {
        Address::query(self.as_raw_fd(), libc::getpeername)
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(target_os = "linux")]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
/// Elsewhere `prepare` sets SO_NOSIGPIPE instead.
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: libc::c_int = 0;

/// A new non-blocking, close-on-exec stream socket.
pub(crate) fn stream(family: libc::c_int) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    #[cfg(not(target_os = "linux"))]
    let flags = 0;
    // SAFETY: plain system call; the descriptor it returns is new and ours.
    let fd =
        unsafe { OwnedFd::from_raw_fd(check(libc::socket(family, libc::SOCK_STREAM | flags, 0))?) };
    prepare(fd.as_raw_fd())?;
    Ok(fd)
}

/// Non-blocking, close-on-exec, no SIGPIPE: for descriptors that were not born so.
pub(crate) fn prepare(fd: RawFd) -> io::Result<()> {
    // SAFETY: fcntl with integer arguments on an open descriptor.
    unsafe {
        let status = check(libc::fcntl(fd, libc::F_GETFL))?;
        if status & libc::O_NONBLOCK == 0 {
            check(libc::fcntl(fd, libc::F_SETFL, status | libc::O_NONBLOCK))?;
        }
        check(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC))?;
    }
    #[cfg(not(target_os = "linux"))]
    set_option(fd, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)?;
    Ok(())
}

pub(crate) fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` is a c_int and `len` is its size.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) }).map(drop)
}

/// Lets reads without MSG_DONTWAIT block, `limit` at most. Everything else here says MSG_DONTWAIT.
pub(crate) fn allow_blocking(fd: RawFd, limit: Duration) -> io::Result<()> {
    let time = libc::timeval {
        tv_sec: limit.as_secs() as _,
        tv_usec: limit.subsec_micros() as _,
    };
    let len = mem::size_of::<libc::timeval>() as libc::socklen_t;
    // SAFETY: `time` is a timeval and `len` is its size; fcntl with integer arguments.
    unsafe {
        check(libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const time).cast(),
            len,
        ))?;
        let status = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, status & !libc::O_NONBLOCK)).map(drop)
    }
}

/// Takes the pending error of a socket (SO_ERROR), if any.
pub(crate) fn take_error(fd: RawFd) -> io::Result<Option<io::Error>> {
    let code = option(fd, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok((code != 0).then(|| io::Error::from_raw_os_error(code)))
}

fn option(fd: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut len = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` is a c_int and `len` is its size.
    check(unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &mut len) })?;
    Ok(value)
}

pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

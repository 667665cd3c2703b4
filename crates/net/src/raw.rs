//! `recv` and `send` on a descriptor, as everything here calls them: without SIGPIPE, and without
//! blocking but for a read that is told to.

use std::io;
use std::os::fd::RawFd;

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

/// One `recv` into `into`, which must not be empty. Restarts after a signal, unless it blocks.
#[inline]
pub(crate) fn receive(fd: RawFd, into: &mut [u8], reading: Reading) -> io::Result<Read> {
    let flags = match reading {
        Reading::Block => 0,
        _ => libc::MSG_DONTWAIT,
    };
    let (at, len) = (into.as_mut_ptr().cast(), into.len());
    // SAFETY: `into` is valid for writes of its whole length.
    input(reading, || unsafe { libc::recv(fd, at, len, flags) })
}

/// `receive` from a descriptor that is no socket, and never blocks.
pub(crate) fn read_pipe(fd: RawFd, into: &mut [u8], reading: Reading) -> io::Result<Read> {
    let (at, len) = (into.as_mut_ptr().cast(), into.len());
    // SAFETY: `into` is valid for writes of its whole length.
    input(reading, || unsafe { libc::read(fd, at, len) })
}

#[inline]
fn input(reading: Reading, call: impl Fn() -> libc::ssize_t) -> io::Result<Read> {
    if reading == Reading::No {
        return Ok(Read::WouldBlock);
    }
    loop {
        match call() {
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

/// One `send`: bytes taken, or `None` when the kernel has no room.
#[inline]
pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> io::Result<Option<usize>> {
    let flags = NO_SIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: send only reads `bytes`, which outlive the call.
    output(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// `send` to a descriptor that is no socket, and never blocks. Node ignores SIGPIPE.
pub(crate) fn write_pipe(fd: RawFd, bytes: &[u8]) -> io::Result<Option<usize>> {
    // SAFETY: write only reads `bytes`, which outlive the call.
    output(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

#[inline]
fn output(call: impl Fn() -> libc::ssize_t) -> io::Result<Option<usize>> {
    loop {
        let n = call();
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

#[cfg(target_os = "linux")]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
/// Elsewhere `socket::prepare` sets SO_NOSIGPIPE instead.
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: libc::c_int = 0;

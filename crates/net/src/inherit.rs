//! Descriptors that a process was given by its parent, or gives to a child: its standard streams, and
//! pairs of connected sockets.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::socket::check;

/// Takes standard input and output for a connection: they come back under other numbers, close-on-exec.
/// What the program still reads from 0 is empty, and what it still writes to 1 goes to 2, or nowhere
/// (`drop_prints`), so that no stray print gets between the messages. Under inetd 2 is the connection as
/// well: then both go nowhere.
pub fn take_stdio(drop_prints: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let (input, output) = (duplicate(0)?, duplicate(1)?);
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    let errors_to_peer = file_of(1)? == file_of(2)?;
    // SAFETY: dup2 on descriptors that are open; 0, 1 and 2 are replaced and stay open.
    unsafe {
        check(libc::dup2(null.as_raw_fd(), 0))?;
        if errors_to_peer {
            check(libc::dup2(null.as_raw_fd(), 2))?;
        }
        check(libc::dup2(
            if drop_prints { null.as_raw_fd() } else { 2 },
            1,
        ))?;
    }
    Ok((input, output))
}

/// Two connected Unix sockets, close-on-exec. They block, as whoever inherits one expects; adopting
/// one changes that.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    #[cfg(target_os = "linux")]
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let kind = libc::SOCK_STREAM;
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: `fds` has room for two descriptors, which are new and ours.
    let (one, other) = unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()))?;
        (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
    };
    #[cfg(not(target_os = "linux"))]
    for fd in fds {
        // SAFETY: fcntl with integer arguments on an open descriptor.
        check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    Ok((one, other))
}

/// Which file a descriptor is of: device and inode.
fn file_of(fd: RawFd) -> io::Result<(libc::dev_t, libc::ino_t)> {
    // SAFETY: `stat` is plain data that fstat fills in.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        check(libc::fstat(fd, &mut stat))?;
        Ok((stat.st_dev, stat.st_ino))
    }
}

/// A copy above the standard streams.
fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with integer arguments; the descriptor it returns is new and ours.
    unsafe {
        let copy = check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

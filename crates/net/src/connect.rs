//! A connect under way: started without blocking, finished through SO_ERROR. Owns the descriptor
//! until it is connected. Deadlines and the order of several addresses are the caller's.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use crate::address::Address;
use crate::signals::Signals;
use crate::socket::{check, stream, take_error, Socket};
use crate::wait::{wait_ready, Wait};

/// A started connect. It has ended, one way or the other, when its descriptor is writable.
#[derive(Debug)]
pub struct Connecting {
    fd: OwnedFd,
    target: Address,
}

impl Connecting {
    /// Starts connecting to a numeric address.
    pub fn tcp(address: &str, port: u16) -> io::Result<Self> {
        Self::start(Address::numeric(address, port)?)
    }

    /// Starts connecting to a Unix socket. A full backlog is an error here (EAGAIN), as the kernel
    /// does not queue us.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::start(Address::Unix(path.as_ref().to_path_buf()))
    }

    fn start(target: Address) -> io::Result<Self> {
        let (raw, len) = target.raw()?;
        let fd = stream(target.family())?;
        // SAFETY: `raw` holds a sockaddr of `len` bytes.
        match check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const raw).cast(), len) }) {
            Ok(_) => {}
            // Interrupted: the connect goes on by itself (POSIX), as with EINPROGRESS.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {}
            Err(e) => return Err(e),
        }
        Ok(Self { fd, target })
    }

    /// Where to.
    pub fn target(&self) -> &Address {
        &self.target
    }

    /// Has it ended? To be asked when the descriptor became writable; the error is why it failed.
    pub fn ended(&self) -> io::Result<bool> {
        if let Some(error) = take_error(self.fd.as_raw_fd())? {
            return Err(error);
        }
        match Address::query(self.fd.as_raw_fd(), libc::getpeername) {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => Ok(false),
            // Connected, and the peer is gone again: reading tells.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Blocks until it may have ended (ask `ended`), one slice and `timeout` at most.
    pub fn wait(&self, timeout: Duration, signals: Option<&mut Signals>) -> io::Result<Wait<()>> {
        wait_ready(self.fd.as_raw_fd(), false, true, timeout, signals)
    }

    /// The socket, once `ended` said true.
    pub fn into_socket(self) -> Socket {
        Socket::new(self.fd)
    }
}

impl AsRawFd for Connecting {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

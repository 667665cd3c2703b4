//! Listening sockets, TCP and Unix: bind, listen, accept. A Unix listener owns its socket file: a
//! stale one (nobody listens) is replaced at bind, and ours is removed when the listener is
//! dropped.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::socket::{check, option, prepare, set_option, stream};

/// How `listen_tcp` binds.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListenFlags {
    /// SO_REUSEADDR: bind although old connections linger in TIME_WAIT.
    pub reuse_address: bool,
    /// SO_REUSEPORT: several listeners share the port, the kernel spreads connections.
    pub reuse_port: bool,
    /// IPv6 only; otherwise an IPv6 wildcard takes IPv4 too.
    pub v6_only: bool,
}

/// A listening, non-blocking socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    address: Address,
    /// Our socket file and its (device, inode).
    file: Option<(PathBuf, (u64, u64))>,
    /// Given up for a moment when the process has no descriptor left, to take a connection and drop
    /// it: it would stay in the backlog otherwise, and keep the listener readable for ever.
    spare: Option<File>,
}

/// Listens on a numeric address; port 0 = any.
pub fn listen_tcp(
    address: &str,
    port: u16,
    backlog: i32,
    flags: ListenFlags,
) -> io::Result<Listener> {
    let address = Address::numeric(address, port)?;
    let fd = stream(address.family())?;
    let raw = fd.as_raw_fd();
    let option = |level, name, on: bool| set_option(raw, level, name, on.into());
    option(libc::SOL_SOCKET, libc::SO_REUSEADDR, flags.reuse_address)?;
    if flags.reuse_port {
        option(libc::SOL_SOCKET, libc::SO_REUSEPORT, true)?;
    }
    if address.family() == libc::AF_INET6 {
        option(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, flags.v6_only)?;
    }
    Listener::bind(fd, &address, backlog)
}

/// Listens on a Unix socket. A socket file that nobody listens on is replaced; anything else there
/// is EADDRINUSE.
pub fn listen_unix(path: impl AsRef<Path>, backlog: i32) -> io::Result<Listener> {
    let path = path.as_ref();
    let address = Address::Unix(path.to_path_buf());
    address.raw()?;
    if is_stale(path) {
        fs::remove_file(path)?;
    }
    let mut listener = Listener::bind(stream(libc::AF_UNIX)?, &address, backlog)?;
    let made = fs::symlink_metadata(path)?;
    listener.file = Some((fs::canonicalize(path)?, (made.dev(), made.ino())));
    Ok(listener)
}

impl Listener {
    /// Takes over a listening stream socket that this process was started with (systemd). Its socket
    /// file, if it has one, stays whoever's made it. On error the descriptor stays the caller's.
    pub fn adopt(fd: RawFd) -> io::Result<Self> {
        let kind = option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
        if kind != libc::SOCK_STREAM {
            return Err(io::Error::from_raw_os_error(libc::EPROTOTYPE));
        }
        if option(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let address = Address::query(fd, libc::getsockname)?;
        prepare(fd)?;
        Ok(Self {
            // SAFETY: the caller hands over `fd`, and getsockopt has just proven it open.
            fd: unsafe { OwnedFd::from_raw_fd(fd) },
            address,
            file: None,
            spare: File::open("/dev/null").ok(),
        })
    }

    fn bind(fd: OwnedFd, address: &Address, backlog: i32) -> io::Result<Self> {
        let (raw, len) = address.raw()?;
        // SAFETY: `raw` holds a sockaddr of `len` bytes; the descriptor is ours.
        unsafe {
            check(libc::bind(fd.as_raw_fd(), (&raw const raw).cast(), len))?;
            check(libc::listen(fd.as_raw_fd(), backlog.max(1)))?;
        }
        let address = Address::query(fd.as_raw_fd(), libc::getsockname)?;
        Ok(Self {
            fd,
            address,
            file: None,
            spare: File::open("/dev/null").ok(),
        })
    }

    /// Where we listen, the port filled in.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection's descriptor, non-blocking and close-on-exec; `None` when none waits.
    pub fn accept(&mut self) -> io::Result<Option<RawFd>> {
        loop {
            match accept(self.fd.as_raw_fd()) {
                Ok(fd) => return Ok(Some(fd.into_raw_fd())),
                Err(e) => match e.raw_os_error() {
                    Some(libc::EINTR | libc::ECONNABORTED) => {}
                    _ if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Some(libc::EMFILE | libc::ENFILE) => {
                        self.refuse_one();
                        return Err(e);
                    }
                    _ => return Err(e),
                },
            }
        }
    }

    fn refuse_one(&mut self) {
        if self.spare.take().is_some() {
            drop(accept(self.fd.as_raw_fd()));
            self.spare = File::open("/dev/null").ok();
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((path, id)) = &self.file {
            if fs::symlink_metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == *id) {
                // It may be gone already; nobody is left to tell.
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn accept(fd: RawFd) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    // SAFETY: null address means that we do not ask for the peer's; the descriptor returned is new
    // and ours.
    let accepted = unsafe {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        OwnedFd::from_raw_fd(check(libc::accept4(
            fd,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            flags,
        ))?)
    };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    let accepted = unsafe {
        OwnedFd::from_raw_fd(check(libc::accept(
            fd,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        ))?)
    };
    #[cfg(not(target_os = "linux"))]
    prepare(accepted.as_raw_fd())?;
    Ok(accepted)
}

fn is_stale(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
}

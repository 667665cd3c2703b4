//! One connected stream: a socket, or a descriptor to read from and another to write to (pipes).
//! Reading, writing, half-closing, in TLS or plainly. Owns its descriptors and closes them when dropped. Knows nothing
//! about who waits for it; see `wait` and the addon's uv_poll.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Address;
use crate::raw::{read_pipe, receive, send, write_pipe, Read, Reading};
use crate::tls::{Handshake, Session, TlsContext, TlsFailure};

/// Where a connection's output goes.
#[derive(Debug)]
enum Output {
    /// To the socket that its input comes from.
    Same,
    /// To a descriptor of its own.
    Pipe(OwnedFd),
    /// Nowhere any more: our direction of the pipes has ended.
    Closed,
}

/// A connected stream socket (TCP or Unix), or two descriptors that are used as one.
#[derive(Debug)]
pub struct Socket {
    /// Before `fd`: its goodbye needs the descriptor.
    tls: Option<Box<Session>>,
    fd: OwnedFd,
    output: Output,
    tcp: bool,
}

/// When the kernel asks whether a silent peer is still there, and when it gives it up.
#[derive(Debug, Clone, Copy)]
pub struct KeepAlive {
    /// Seconds of silence before the first question.
    pub idle: i32,
    /// Seconds between questions.
    pub interval: i32,
    /// Unanswered questions that end the connection.
    pub count: i32,
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

    /// Takes over a descriptor to read from and one to write to: pipes, a terminal, or sockets. Two
    /// descriptors of one socket (inetd) are that socket. Regular files cannot be waited for.
    pub fn pipes(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        let (one, other) = (status(input.as_raw_fd())?, status(output.as_raw_fd())?);
        for kind in [one.st_mode, other.st_mode] {
            if !matches!(
                kind & libc::S_IFMT,
                libc::S_IFIFO | libc::S_IFSOCK | libc::S_IFCHR
            ) {
                return Err(io::Error::from_raw_os_error(libc::ENOTSUP));
            }
        }
        let is_socket = one.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        if is_socket && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino) {
            drop(output);
            Address::query(input.as_raw_fd(), libc::getpeername)?;
            prepare(input.as_raw_fd())?;
            return Ok(Self::new(input));
        }
        for (fd, kind) in [(&input, one.st_mode), (&output, other.st_mode)] {
            if kind & libc::S_IFMT == libc::S_IFSOCK {
                prepare(fd.as_raw_fd())?;
            } else {
                set_flags(fd.as_raw_fd())?;
            }
        }
        Ok(Self {
            tls: None,
            fd: input,
            output: Output::Pipe(output),
            tcp: false,
        })
    }

    pub(crate) fn new(fd: OwnedFd) -> Self {
        let raw = fd.as_raw_fd();
        let tcp = Address::query(raw, libc::getsockname).is_ok_and(|a| matches!(a, Address::Ip(_)));
        if tcp {
            // A socket that cannot be told loses latency, not correctness.
            let _ = set_option(raw, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
        }
        Self {
            tls: None,
            fd,
            output: Output::Same,
            tcp,
        }
    }

    /// Where to wait until output is taken, if that is another descriptor than the input's.
    pub fn output_fd(&self) -> Option<RawFd> {
        match &self.output {
            Output::Pipe(fd) => Some(fd.as_raw_fd()),
            Output::Same | Output::Closed => None,
        }
    }

    /// Are input and output two descriptors? Then neither can be read nor written but without
    /// blocking, and what can only be done with sockets fails.
    pub fn is_pipes(&self) -> bool {
        !matches!(self.output, Output::Same)
    }

    /// Has the kernel notice a peer that vanished without a word. Only TCP has it; others know at once.
    pub fn keep_alive(&self, times: KeepAlive) -> io::Result<()> {
        if !self.tcp {
            return Ok(());
        }
        let set = |level, name, value| set_option(self.as_raw_fd(), level, name, value);
        #[cfg(target_os = "macos")]
        set(libc::IPPROTO_TCP, libc::TCP_KEEPALIVE, times.idle)?;
        #[cfg(not(target_os = "macos"))]
        set(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, times.idle)?;
        set(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, times.interval)?;
        set(libc::IPPROTO_TCP, libc::TCP_KEEPCNT, times.count)?;
        // While something sent is not acknowledged the kernel asks nothing: give up as soon then.
        #[cfg(target_os = "linux")]
        set(
            libc::IPPROTO_TCP,
            libc::TCP_USER_TIMEOUT,
            (times.idle + times.interval * times.count).saturating_mul(1000),
        )?;
        set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)
    }

    /// One read into `into`, which must not be empty. Restarts after a signal, unless it blocks.
    #[inline]
    pub fn read(&self, into: &mut [u8], reading: Reading) -> io::Result<Read> {
        match (&self.tls, &self.output) {
            (Some(session), _) => session.read(into, reading),
            (None, Output::Same) => receive(self.as_raw_fd(), into, reading),
            (None, _) => read_pipe(self.as_raw_fd(), into, reading),
        }
    }

    /// One write without SIGPIPE: bytes taken, or `None` when the kernel has no room.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        self.write_part(bytes, false)
    }

    /// `write`; with TLS, `more` will follow at once, so that it need not leave yet.
    #[inline]
    pub fn write_part(&self, bytes: &[u8], more: bool) -> io::Result<Option<usize>> {
        match (&self.tls, &self.output) {
            (Some(session), _) => session.write(bytes, more),
            (None, Output::Same) => send(self.as_raw_fd(), bytes),
            (None, Output::Pipe(fd)) => write_pipe(fd.as_raw_fd(), bytes),
            (None, Output::Closed) => Err(io::Error::from_raw_os_error(libc::EPIPE)),
        }
    }

    /// Does it speak TLS?
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Speaks TLS from here on; `handshake` comes next. `server_name` is whom we ask for, `name` whose
    /// certificate it must be, empty for none.
    pub fn secure(
        &mut self,
        context: &TlsContext,
        server_name: &str,
        name: &str,
    ) -> Result<(), TlsFailure> {
        let session = Session::new(context, self.as_raw_fd(), server_name, name)?;
        self.tls = Some(Box::new(session));
        Ok(())
    }

    /// Goes on with TLS's handshake, without blocking.
    pub fn handshake(&self) -> io::Result<Handshake> {
        self.tls
            .as_ref()
            .map_or(Ok(Handshake::Done), |session| session.handshake())
    }

    /// Are there bytes to read that no readiness of the descriptor tells of?
    #[inline]
    pub fn has_pending(&self) -> bool {
        self.tls
            .as_ref()
            .is_some_and(|session| session.has_pending())
    }

    /// Writes what TLS has taken and not written yet; false while the kernel has no room for it.
    pub fn push(&self) -> io::Result<bool> {
        self.tls.as_ref().map_or(Ok(true), |session| session.push())
    }

    /// Does reading wait for room to write? Until then it gives nothing, however readable the
    /// descriptor is.
    #[inline]
    pub fn is_stuck(&self) -> bool {
        self.tls.as_ref().is_some_and(|session| session.is_stuck())
    }

    /// Does something that TLS has taken wait for room to write?
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.tls
            .as_ref()
            .is_some_and(|session| session.has_unsent())
    }

    /// The peer's certificate, DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.tls.as_ref()?.peer_certificate()
    }

    /// TLS's version and cipher.
    pub fn terms(&self) -> Option<(String, String)> {
        self.tls.as_ref().map(|session| session.terms())
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

    /// Ends our direction; the peer reads EOF after what was written. Of pipes this closes the output.
    pub fn shutdown(&mut self) -> io::Result<()> {
        if self.is_pipes() {
            self.output = Output::Closed;
            return Ok(());
        }
        if let Some(session) = &self.tls {
            session.say_goodbye();
        }
        // SAFETY: plain system call on a descriptor that we own.
        check(unsafe { libc::shutdown(self.as_raw_fd(), libc::SHUT_WR) }).map(drop)
    }

    /// Our end. Pipes have no address: an empty path.
    pub fn local(&self) -> io::Result<Address> {
        if self.is_pipes() {
            return Ok(Address::Unix(PathBuf::new()));
        }
        Address::query(self.as_raw_fd(), libc::getsockname)
    }

    /// The peer's end.
    pub fn peer(&self) -> io::Result<Address> {
        if self.is_pipes() {
            return Ok(Address::Unix(PathBuf::new()));
        }
        Address::query(self.as_raw_fd(), libc::getpeername)
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

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

/// Non-blocking, close-on-exec, no SIGPIPE: for sockets that were not born so.
pub(crate) fn prepare(fd: RawFd) -> io::Result<()> {
    set_flags(fd)?;
    #[cfg(not(target_os = "linux"))]
    set_option(fd, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)?;
    Ok(())
}

fn set_flags(fd: RawFd) -> io::Result<()> {
    // SAFETY: fcntl with integer arguments on an open descriptor.
    unsafe {
        let status = check(libc::fcntl(fd, libc::F_GETFL))?;
        if status & libc::O_NONBLOCK == 0 {
            check(libc::fcntl(fd, libc::F_SETFL, status | libc::O_NONBLOCK))?;
        }
        check(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC)).map(drop)
    }
}

fn status(fd: RawFd) -> io::Result<libc::stat> {
    let mut found = mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills `found` where it succeeds.
    unsafe {
        check(libc::fstat(fd, found.as_mut_ptr()))?;
        Ok(found.assume_init())
    }
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

pub(crate) fn option(fd: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<libc::c_int> {
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

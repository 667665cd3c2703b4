//! Socket addresses of the three families we speak, between text, std and `sockaddr`. Owns no
//! descriptor. IPv6 zones are written the usual way (`fe80::1%eth0` or `%2`); Unix paths are bytes
//! that happen to be UTF-8.

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One end of a socket. An unnamed Unix socket has an empty path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP over IPv4 or IPv6.
    Ip(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// Blocking name resolution (getaddrinfo): numeric addresses in the resolver's order, zones
/// included.
pub fn resolve(host: &str) -> io::Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for address in (host, 0).to_socket_addrs()? {
        let text = ip_text(&address);
        if !found.contains(&text) {
            found.push(text);
        }
    }
    Ok(found)
}

impl Address {
    /// Reads a numeric IPv4 or IPv6 address; names are refused with `InvalidInput`.
    pub fn numeric(address: &str, port: u16) -> io::Result<Self> {
        let refused = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("not a numeric address: {address}"),
            )
        };
        let (ip, zone) = match address.split_once('%') {
            Some((ip, zone)) => (ip, Some(zone)),
            None => (address, None),
        };
        let ip = match ip.parse::<IpAddr>().map_err(|_| refused())? {
            IpAddr::V4(v4) if zone.is_none() => SocketAddr::V4(SocketAddrV4::new(v4, port)),
            IpAddr::V4(_) => return Err(refused()),
            IpAddr::V6(v6) => SocketAddr::V6(SocketAddrV6::new(
                v6,
                port,
                0,
                zone.map_or(Ok(0), zone_index)?,
            )),
        };
        Ok(Self::Ip(ip))
    }

    /// `(address, port)`, or `(path, 0)` for a Unix socket.
    pub fn parts(&self) -> (String, u16) {
        match self {
            Self::Ip(ip) => (ip_text(ip), ip.port()),
            Self::Unix(path) => (path.to_string_lossy().into_owned(), 0),
        }
    }

    /// Would a connect to `self` reach a listener bound to `bound`? Wildcards and IPv4-mapped IPv6
    /// included.
    pub fn reaches(&self, bound: &Address) -> bool {
        match (self, bound) {
            (Self::Unix(a), Self::Unix(b)) => !a.as_os_str().is_empty() && a == b,
            (Self::Ip(peer), Self::Ip(bound)) => {
                let (peer_ip, bound_ip) = (unmapped(peer.ip()), unmapped(bound.ip()));
                peer.port() == bound.port()
                    && (peer_ip == bound_ip || (bound_ip.is_unspecified() && is_local(peer_ip)))
            }
            _ => false,
        }
    }

    pub(crate) fn family(&self) -> libc::c_int {
        match self {
            Self::Ip(SocketAddr::V4(_)) => libc::AF_INET,
            Self::Ip(SocketAddr::V6(_)) => libc::AF_INET6,
            Self::Unix(_) => libc::AF_UNIX,
        }
    }

    /// The `sockaddr` form and its length.
    pub(crate) fn raw(&self) -> io::Result<(libc::sockaddr_storage, libc::socklen_t)> {
        // SAFETY: sockaddr_storage is plain data; all zeroes is a valid value.
        let mut storage: libc::sockaddr_storage = unsafe { mem::zeroed() };
        let at = (&raw mut storage).cast::<u8>();
        let len = match self {
            Self::Ip(SocketAddr::V4(v4)) => {
                // SAFETY: sockaddr_in is plain data and smaller than, and no more aligned than,
                // sockaddr_storage.
                let raw = unsafe { &mut *at.cast::<libc::sockaddr_in>() };
                raw.sin_family = libc::AF_INET as libc::sa_family_t;
                raw.sin_port = v4.port().to_be();
                raw.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                mem::size_of::<libc::sockaddr_in>()
            }
            Self::Ip(SocketAddr::V6(v6)) => {
                // SAFETY: as above, for sockaddr_in6.
                let raw = unsafe { &mut *at.cast::<libc::sockaddr_in6>() };
                raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                raw.sin6_port = v6.port().to_be();
                raw.sin6_addr.s6_addr = v6.ip().octets();
                raw.sin6_scope_id = v6.scope_id();
                mem::size_of::<libc::sockaddr_in6>()
            }
            Self::Unix(path) => {
                let bytes = path.as_os_str().as_bytes();
                // SAFETY: as above, for sockaddr_un.
                let raw = unsafe { &mut *at.cast::<libc::sockaddr_un>() };
                if bytes.is_empty() || bytes.contains(&0) || bytes.len() >= raw.sun_path.len() {
                    return Err(io::Error::from_raw_os_error(
                        if bytes.len() >= raw.sun_path.len() {
                            libc::ENAMETOOLONG
                        } else {
                            libc::EINVAL
                        },
                    ));
                }
                raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
                for (to, from) in raw.sun_path.iter_mut().zip(bytes) {
                    *to = *from as libc::c_char;
                }
                mem::offset_of!(libc::sockaddr_un, sun_path) + bytes.len() + 1
            }
        };
        Ok((storage, len as libc::socklen_t))
    }

    /// Reads what the kernel filled in.
    pub(crate) fn from_raw(
        storage: &libc::sockaddr_storage,
        len: libc::socklen_t,
    ) -> io::Result<Self> {
        let at = (&raw const *storage).cast::<u8>();
        match libc::c_int::from(storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the kernel said AF_INET, so the storage holds a sockaddr_in.
                let raw = unsafe { &*at.cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
                Ok(Self::Ip(SocketAddr::V4(SocketAddrV4::new(
                    ip,
                    u16::from_be(raw.sin_port),
                ))))
            }
            libc::AF_INET6 => {
                // SAFETY: the kernel said AF_INET6, so the storage holds a sockaddr_in6.
                let raw = unsafe { &*at.cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                Ok(Self::Ip(SocketAddr::V6(SocketAddrV6::new(
                    ip,
                    port,
                    0,
                    raw.sin6_scope_id,
                ))))
            }
            libc::AF_UNIX => {
                let start = mem::offset_of!(libc::sockaddr_un, sun_path);
                let len = (len as usize).clamp(start, mem::size_of::<libc::sockaddr_un>());
                // SAFETY: `start..len` lies inside sockaddr_un, which fits sockaddr_storage; every
                // byte is initialised.
                let path = unsafe { std::slice::from_raw_parts(at.add(start), len - start) };
                let end = path.iter().position(|&b| b == 0).unwrap_or(path.len());
                Ok(Self::Unix(
                    Path::new(OsStr::from_bytes(&path[..end])).to_path_buf(),
                ))
            }
            _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
        }
    }

    /// Runs a `getsockname`-shaped call.
    pub(crate) fn query(
        fd: libc::c_int,
        call: unsafe extern "C" fn(
            libc::c_int,
            *mut libc::sockaddr,
            *mut libc::socklen_t,
        ) -> libc::c_int,
    ) -> io::Result<Self> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut len = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: storage and len are valid for writes, and len tells the room; zeroed storage is
        // initialised.
        let (done, storage) = unsafe {
            let done = call(fd, storage.as_mut_ptr().cast(), &mut len);
            (done, storage.assume_init())
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Self::from_raw(&storage, len)
    }
}

fn ip_text(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    }
}

fn zone_index(zone: &str) -> io::Result<u32> {
    if let Ok(index) = zone.parse() {
        return Ok(index);
    }
    let name = CString::new(zone)?;
    // SAFETY: `name` is a NUL-terminated string that outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Is `ip` an address of this machine? Asked by binding a datagram socket to it, which sends
/// nothing.
fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || std::net::UdpSocket::bind((ip, 0)).is_ok()
}

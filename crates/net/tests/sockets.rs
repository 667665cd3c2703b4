//! Connecting, listening, adopting, reading and the ends of a connection, over every family.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rpyc_net::{
    listen_tcp, listen_unix, resolve, Address, Connecting, ListenFlags, Listener, Read, Reading,
    Socket, Wait,
};

const SOON: Duration = Duration::from_secs(5);

fn connected(connecting: Connecting) -> Socket {
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        let waited = connecting.wait(SOON, None).unwrap();
        if waited == Wait::Ready(()) && connecting.ended().unwrap() {
            return connecting.into_socket();
        }
    }
    panic!("not connected in time");
}

fn failed(connecting: Connecting) -> std::io::Error {
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        connecting.wait(SOON, None).unwrap();
        if let Err(error) = connecting.ended() {
            return error;
        }
    }
    panic!("did not fail in time");
}

fn accepted(listener: &mut Listener) -> Socket {
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        if let Some(fd) = listener.accept().unwrap() {
            return Socket::adopt(fd).unwrap();
        }
        std::thread::yield_now();
    }
    panic!("nothing to accept in time");
}

fn received(socket: &Socket) -> Read {
    let end = Instant::now() + SOON;
    let mut buffer = [0; 64];
    while Instant::now() < end {
        match socket.read(&mut buffer, Reading::Now).unwrap() {
            Read::WouldBlock => std::thread::yield_now(),
            other => return other,
        }
    }
    panic!("nothing to read in time");
}

fn temporary(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("rpyc-net-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn talk(mut listener: Listener, connecting: Connecting) {
    let (mut client, server) = (connected(connecting), accepted(&mut listener));
    assert_eq!(
        client.read(&mut [0; 8], Reading::Now).unwrap(),
        Read::WouldBlock
    );
    assert_eq!(client.write(b"hello").unwrap(), Some(5));
    assert_eq!(received(&server), Read::Bytes(5));
    client.shutdown().unwrap();
    assert_eq!(received(&server), Read::Eof);
    // The other direction is still open.
    assert_eq!(server.write(b"bye").unwrap(), Some(3));
    assert_eq!(received(&client), Read::Bytes(3));
    assert!(client.peer().unwrap().reaches(listener.address()));
    drop(server);
    assert_eq!(received(&client), Read::Eof);
}

fn tcp_on(address: &str) {
    let listener = listen_tcp(
        address,
        0,
        8,
        ListenFlags {
            reuse_address: true,
            ..Default::default()
        },
    )
    .unwrap();
    let (address, port) = listener.address().parts();
    assert_ne!(port, 0);
    talk(listener, Connecting::tcp(&address, port).unwrap());
}

#[test]
fn tcp_over_ipv4_carries_bytes_both_ways_and_half_closes() {
    tcp_on("127.0.0.1");
}

#[test]
fn tcp_over_ipv6_carries_bytes_both_ways_and_half_closes() {
    tcp_on("::1");
}

#[test]
fn a_unix_listener_owns_its_socket_file() {
    let path = temporary("owned");
    let listener = listen_unix(&path, 8).unwrap();
    assert_eq!(
        listener.address().parts(),
        (path.to_string_lossy().into_owned(), 0)
    );
    talk(listener, Connecting::unix(&path).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_stale_unix_socket_file_is_replaced_and_a_live_one_is_not() {
    let path = temporary("stale");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = listen_unix(&path, 8).unwrap();
    assert_eq!(
        listen_unix(&path, 8).unwrap_err().raw_os_error(),
        Some(libc::EADDRINUSE)
    );
    assert!(path.exists());
    drop(first);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let path = temporary("file");
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(
        listen_unix(&path, 8).unwrap_err().raw_os_error(),
        Some(libc::EADDRINUSE)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn an_ipv6_wildcard_takes_ipv4_unless_told_not_to() {
    let mut both = listen_tcp("::", 0, 8, ListenFlags::default()).unwrap();
    let client = connected(Connecting::tcp("127.0.0.1", both.address().parts().1).unwrap());
    accepted(&mut both);
    assert!(client.peer().unwrap().reaches(both.address()));

    let only = listen_tcp(
        "::",
        0,
        8,
        ListenFlags {
            v6_only: true,
            ..Default::default()
        },
    )
    .unwrap();
    let refused = Connecting::tcp("127.0.0.1", only.address().parts().1)
        .map(failed)
        .unwrap_or_else(|e| e);
    assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
}

#[test]
fn two_listeners_share_a_port_with_reuse_port_only() {
    let shared = ListenFlags {
        reuse_address: true,
        reuse_port: true,
        ..Default::default()
    };
    let first = listen_tcp("127.0.0.1", 0, 8, shared).unwrap();
    let port = first.address().parts().1;
    listen_tcp("127.0.0.1", port, 8, shared).unwrap();
    let alone = ListenFlags {
        reuse_address: true,
        ..Default::default()
    };
    assert_eq!(
        listen_tcp("127.0.0.1", port, 8, alone)
            .unwrap_err()
            .raw_os_error(),
        Some(libc::EADDRINUSE)
    );
}

#[test]
fn a_refused_connect_says_so() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = Connecting::tcp("127.0.0.1", port)
        .map(failed)
        .unwrap_or_else(|e| e);
    assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    let error = Connecting::unix(temporary("nobody")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
}

#[test]
fn names_and_zones_are_told_from_numeric_addresses() {
    assert!(Address::numeric("localhost", 1).is_err());
    assert!(Address::numeric("127.0.0.1%lo", 1).is_err());
    assert_eq!(
        Address::numeric("fe80::1%7", 1).unwrap().parts(),
        ("fe80::1%7".into(), 1)
    );
    assert!(resolve("localhost")
        .unwrap()
        .iter()
        .any(|a| a == "127.0.0.1" || a == "::1"));
    assert!(resolve("no.such.host.invalid").is_err());
}

#[test]
fn an_adopted_socket_becomes_non_blocking_without_delay_and_close_on_exec() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let fd = listener.accept().unwrap().0.into_raw_fd();
    let socket = Socket::adopt(fd).unwrap();
    assert_eq!(
        socket.read(&mut [0; 1], Reading::Now).unwrap(),
        Read::WouldBlock
    );
    // SAFETY: only asks about an open descriptor.
    let flags = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFD) };
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    // SAFETY: the duplicate is new and ours.
    let same = TcpStream::from(unsafe { OwnedFd::from_raw_fd(libc::dup(socket.as_raw_fd())) });
    assert!(same.nodelay().unwrap());
    drop(peer);
}

#[test]
fn what_is_no_connected_stream_is_not_adopted_and_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(
        Socket::adopt(listener.as_raw_fd())
            .unwrap_err()
            .raw_os_error(),
        Some(libc::ENOTCONN)
    );
    assert!(listener.local_addr().is_ok());
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(
        Socket::adopt(file.as_raw_fd()).unwrap_err().raw_os_error(),
        Some(libc::ENOTSOCK)
    );
    let datagram = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(
        Socket::adopt(datagram.as_raw_fd())
            .unwrap_err()
            .raw_os_error(),
        Some(libc::EPROTOTYPE)
    );
    assert_eq!(
        Socket::adopt(-1).unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
}

#[test]
fn writing_to_a_peer_that_is_gone_is_an_error_and_no_signal() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let socket = Socket::adopt(ours.into_raw_fd()).unwrap();
    drop(theirs);
    let error = socket.write(b"x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    assert_eq!(socket.read(&mut [0; 1], Reading::Now).unwrap(), Read::Eof);
}

#[test]
fn bytes_before_a_reset_are_lost_but_reported_as_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let socket = Socket::adopt(listener.accept().unwrap().0.into_raw_fd()).unwrap();
    peer.write_all(b"late").unwrap();
    assert_eq!(received(&socket), Read::Bytes(4));
    // Unread input at close makes the kernel reset instead of finish.
    socket.write(b"never read").unwrap();
    peer.peek(&mut [0; 1]).unwrap();
    drop(peer);
    let end = Instant::now() + SOON;
    loop {
        match socket.read(&mut [0; 8], Reading::Now) {
            Ok(Read::WouldBlock) => assert!(Instant::now() < end),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET)),
        }
    }
}

#[test]
fn std_peers_read_what_we_write() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let socket = Socket::adopt(ours.into_raw_fd()).unwrap();
    socket.quick_ack();
    socket.write(b"abcd").unwrap();
    let mut got = [0; 4];
    theirs.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"abcd");
}

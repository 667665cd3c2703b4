//! Two descriptors as one connection, standard streams apart: pipes, one socket given twice, a listener
//! that was inherited, and what a child leaves behind.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use rpyc_net::{
    exit_of, listen_tcp, pair, Exit, KeepAlive, ListenFlags, Listener, Read, Reading, Socket, Tail,
    Wait, Waiter,
};

const SOON: Duration = Duration::from_secs(5);

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for two descriptors.
    assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
    // SAFETY: both were just made, and are nobody else's.
    unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) }
}

fn crossed() -> (Socket, Socket) {
    let ((read1, write1), (read2, write2)) = (pipe(), pipe());
    (
        Socket::pipes(read1, write2).unwrap(),
        Socket::pipes(read2, write1).unwrap(),
    )
}

fn wait(waiter: &mut Waiter, socket: &Socket, output: bool) -> Wait<Read> {
    let mut buffer = [0; 64];
    let output = output.then(|| socket.output_fd()).flatten();
    for _ in 0..100 {
        let waited = waiter.wait(
            socket.as_raw_fd(),
            output,
            SOON,
            None,
            |reading| match socket.read(&mut buffer, reading)? {
                Read::WouldBlock => Ok(None),
                read => Ok(Some(read)),
            },
        );
        match waited.unwrap() {
            Wait::SliceEnd => {}
            other => return other,
        }
    }
    panic!("nothing in time");
}

#[test]
fn pipes_carry_both_directions_and_the_end_of_one_reaches_the_other() {
    let (mut one, other) = crossed();
    assert!(one.is_pipes());
    assert_eq!(one.write(b"hello").unwrap(), Some(5));
    let mut waiter = Waiter::new(false);
    waiter.never_block();
    assert_eq!(
        wait(&mut waiter, &other, false),
        Wait::Ready(Read::Bytes(5))
    );
    assert_eq!(
        other.read(&mut [0; 8], Reading::Now).unwrap(),
        Read::WouldBlock
    );
    one.shutdown().unwrap();
    assert_eq!(wait(&mut waiter, &other, false), Wait::Ready(Read::Eof));
    assert_eq!(
        one.write(b"x").unwrap_err().raw_os_error(),
        Some(libc::EPIPE)
    );
    assert_eq!(other.write(b"bye").unwrap(), Some(3));
    assert_eq!(wait(&mut waiter, &one, false), Wait::Ready(Read::Bytes(3)));
    assert_eq!(one.peer().unwrap().parts(), (String::new(), 0));
}

#[test]
fn a_full_pipe_takes_nothing_until_it_was_read() {
    let (one, other) = crossed();
    let chunk = vec![1; 1 << 20];
    let taken = one.write(&chunk).unwrap().unwrap();
    assert!(taken < chunk.len());
    assert_eq!(one.write(&chunk).unwrap(), None);
    let mut room = vec![0; taken];
    assert_eq!(
        other.read(&mut room, Reading::Now).unwrap(),
        Read::Bytes(taken)
    );
    let mut waiter = Waiter::new(false);
    waiter.never_block();
    assert_eq!(wait(&mut waiter, &one, true), Wait::Writable);
}

#[test]
fn one_socket_given_twice_is_a_socket_and_a_file_is_refused() {
    let (ours, theirs) = pair().unwrap();
    let copy = ours.try_clone().unwrap();
    let socket = Socket::pipes(ours, copy).unwrap();
    assert!(!socket.is_pipes());
    drop(theirs);
    assert_eq!(socket.read(&mut [0; 8], Reading::Now).unwrap(), Read::Eof);

    let file = OwnedFd::from(File::open("/proc/self/exe").unwrap());
    let refused = Socket::pipes(file, pipe().1).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENOTSUP));
}

#[test]
fn an_inherited_listener_accepts_and_anything_else_is_refused() {
    let made = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut listener = Listener::adopt(made.into_raw_fd()).unwrap();
    let (_, port) = listener.address().parts();
    assert!(listener.accept().unwrap().is_none());
    let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let fd = (0..1000)
        .find_map(|_| {
            std::thread::yield_now();
            listener.accept().unwrap()
        })
        .unwrap();
    let socket = Socket::adopt(fd).unwrap();
    let times = KeepAlive {
        idle: 60,
        interval: 60,
        count: 5,
    };
    socket.keep_alive(times).unwrap();
    assert_eq!(option(&socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
    assert_eq!(option(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT), 5);

    let refused = Listener::adopt(client.as_raw_fd()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
    let refused = Listener::adopt(pipe().0.as_raw_fd()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENOTSOCK));
    drop(listen_tcp("127.0.0.1", 0, 1, ListenFlags::default()).unwrap());
}

fn option(socket: &Socket, level: i32, name: i32) -> i32 {
    let (mut value, mut len) = (0, 4);
    let at = (&raw mut value).cast();
    // SAFETY: `at` points to the four bytes that `len` says.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, at, &mut len) };
    assert_eq!(result, 0);
    value
}

#[test]
fn the_exit_of_a_child_is_seen_before_it_is_waited_for() {
    let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    let pid = child.id() as i32;
    assert_eq!(exit_of(pid, SOON), Some(Exit::Status(7)));
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(exit_of(pid, Duration::ZERO), None);

    let mut child = Command::new("sh").stdin(Stdio::piped()).spawn().unwrap();
    let pid = child.id() as i32;
    assert_eq!(exit_of(pid, Duration::from_millis(1)), None);
    child.kill().unwrap();
    assert_eq!(exit_of(pid, SOON), Some(Exit::Signal(libc::SIGKILL)));
    child.wait().unwrap();
}

#[test]
fn of_what_a_child_says_the_end_is_kept() -> io::Result<()> {
    let (read, write) = pipe();
    let tail = Tail::start(read, false)?;
    let mut write = File::from(write);
    for line in 0..3000 {
        writeln!(write, "line {line}")?;
    }
    drop(write);
    let text = tail.text(SOON);
    assert!(text.len() <= 4096 && text.ends_with("line 2999\n"));
    Ok(())
}

//! The blocking wait: readiness, slices, timeouts, output. Time is only bounded from below, and
//! generously from above.

use std::io::Write as _;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rpyc_net::{Read, Socket, Wait, Waiter, SLICE};

const FOREVER: Duration = Duration::MAX;
const LATE: Duration = Duration::from_secs(10);

fn pair() -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Socket::adopt(ours.into_raw_fd()).unwrap(), theirs)
}

fn read_wait(waiter: &mut Waiter, socket: &Socket, output: bool, timeout: Duration) -> Wait<Read> {
    let mut buffer = [0; 16];
    let attempt = |reading| {
        Ok(match socket.read(&mut buffer, reading)? {
            Read::WouldBlock => None,
            other => Some(other),
        })
    };
    waiter
        .wait(
            socket.as_raw_fd(),
            output.then(|| socket.as_raw_fd()),
            timeout,
            None,
            attempt,
        )
        .unwrap()
}

#[test]
fn what_is_there_is_taken_without_waiting() {
    let (socket, mut theirs) = pair();
    theirs.write_all(b"abc").unwrap();
    for many_cpus in [false, true] {
        let mut waiter = Waiter::new(many_cpus);
        theirs.write_all(b"abc").unwrap();
        assert!(matches!(
            read_wait(&mut waiter, &socket, false, Duration::ZERO),
            Wait::Ready(Read::Bytes(_))
        ));
        assert_eq!(
            read_wait(&mut waiter, &socket, false, Duration::ZERO),
            Wait::SliceEnd
        );
    }
}

#[test]
fn a_wait_ends_with_its_slice_or_its_timeout_whichever_is_first() {
    let (socket, _theirs) = pair();
    for many_cpus in [false, true] {
        let mut waiter = Waiter::new(many_cpus);
        for (timeout, least) in [
            (FOREVER, SLICE),
            (Duration::from_millis(5), Duration::from_millis(5)),
        ] {
            let start = Instant::now();
            assert_eq!(
                read_wait(&mut waiter, &socket, false, timeout),
                Wait::SliceEnd
            );
            assert!(start.elapsed() >= least && start.elapsed() < LATE);
            assert!(waiter.continues());
        }
    }
}

#[test]
fn bytes_and_eof_end_a_sleep() {
    for many_cpus in [false, true] {
        let (socket, mut theirs) = pair();
        let peer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            theirs.write_all(b"abc").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        });
        let mut waiter = Waiter::new(many_cpus);
        for expected in [Read::Bytes(3), Read::Eof] {
            let start = Instant::now();
            let got = loop {
                match read_wait(&mut waiter, &socket, false, FOREVER) {
                    Wait::SliceEnd => assert!(start.elapsed() < LATE),
                    other => break other,
                }
            };
            assert_eq!(got, Wait::Ready(expected));
            assert!(!waiter.continues());
        }
        peer.join().unwrap();
    }
}

#[test]
fn a_writable_descriptor_ends_the_wait_only_where_output_is_queued() {
    let (socket, mut theirs) = pair();
    let mut waiter = Waiter::new(false);
    assert_eq!(
        read_wait(&mut waiter, &socket, true, FOREVER),
        Wait::Writable
    );
    assert_eq!(
        read_wait(&mut waiter, &socket, false, FOREVER),
        Wait::SliceEnd
    );
    // Input goes first.
    theirs.write_all(b"x").unwrap();
    assert_eq!(
        read_wait(&mut waiter, &socket, true, FOREVER),
        Wait::Ready(Read::Bytes(1))
    );
}

#[test]
fn an_error_of_the_read_is_the_error_of_the_wait() {
    let (socket, _theirs) = pair();
    let mut waiter = Waiter::new(true);
    let failing = |_| Err::<Option<()>, _>(std::io::Error::from_raw_os_error(libc::ECONNRESET));
    let error = waiter
        .wait(socket.as_raw_fd(), None, FOREVER, None, failing)
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
}

#[test]
fn ping_pong_against_a_thread_works_however_the_spin_adapts() {
    let (socket, theirs) = pair();
    let echo = Socket::adopt(theirs.into_raw_fd()).unwrap();
    let peer = std::thread::spawn(move || {
        let mut waiter = Waiter::new(true);
        loop {
            match read_wait(&mut waiter, &echo, false, FOREVER) {
                Wait::Ready(Read::Bytes(_)) => {
                    assert_eq!(echo.write(b"y").unwrap(), Some(1))
                }
                Wait::Ready(_) => return,
                _ => {}
            }
        }
    });
    let mut waiter = Waiter::new(true);
    for _ in 0..500 {
        socket.write(b"x").unwrap();
        let start = Instant::now();
        while read_wait(&mut waiter, &socket, false, FOREVER) != Wait::Ready(Read::Bytes(1)) {
            assert!(start.elapsed() < LATE);
        }
    }
    drop(socket);
    peer.join().unwrap();
}

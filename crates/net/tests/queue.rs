//! The write queue against a peer that reads slowly, or not at all.

use std::io::Read as _;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use rpyc_net::{Flushed, Socket, WriteQueue};

fn pair() -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Socket::adopt(ours.into_raw_fd()).unwrap(), theirs)
}

/// Bytes that tell their position.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// Reads everything while flushing, and checks that nothing was lost, doubled or moved.
fn drain(queue: &mut WriteQueue, socket: Socket, mut theirs: UnixStream, expected: &[u8]) {
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).unwrap();
        got
    });
    while queue.flush(&socket).unwrap() == Flushed::Blocked {
        std::thread::yield_now();
    }
    assert!(queue.is_empty());
    assert_eq!(queue.written(), expected.len() as u64);
    drop(socket);
    assert!(reader.join().unwrap() == expected, "bytes differ");
}

#[test]
fn a_small_queue_leaves_in_one_write() {
    let (socket, mut theirs) = pair();
    let mut queue = WriteQueue::new(100);
    assert_eq!(queue.flush(&socket).unwrap(), Flushed::Empty);
    queue.tail().extend_from_slice(b"abc");
    queue.tail().extend_from_slice(b"def");
    assert_eq!(queue.len(), 6);
    assert_eq!(queue.flush(&socket).unwrap(), Flushed::Empty);
    assert_eq!((queue.len(), queue.written()), (0, 6));
    let mut got = [0; 6];
    theirs.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"abcdef");
}

#[test]
fn a_partial_write_keeps_the_rest_in_order() {
    let (socket, theirs) = pair();
    let mut queue = WriteQueue::new(usize::MAX);
    let bytes = pattern(5 << 20);
    for part in bytes.chunks(700_001) {
        queue.tail().extend_from_slice(part);
        queue.flush(&socket).unwrap();
    }
    assert!(!queue.is_empty());
    drain(&mut queue, socket, theirs, &bytes);
}

#[test]
fn the_high_water_mark_is_told_once_and_falls_at_half() {
    let (socket, mut theirs) = pair();
    let mut queue = WriteQueue::new(1 << 20);
    queue.tail().extend_from_slice(&pattern(4 << 20));
    assert!(!queue.is_above());
    assert_eq!(queue.flush(&socket).unwrap(), Flushed::Blocked);
    assert!(queue.is_above() && !queue.drained());
    let mut buffer = vec![0; 64 * 1024];
    while queue.len() > 1 << 19 {
        assert!(queue.is_above() && !queue.drained());
        assert_ne!(theirs.read(&mut buffer).unwrap(), 0);
        queue.flush(&socket).unwrap();
    }
    assert!(queue.has_drained());
    assert!(queue.drained());
    assert!(!queue.drained() && !queue.is_above());
}

#[test]
fn taking_the_output_empties_the_queue() {
    let mut queue = WriteQueue::new(10);
    queue.tail().extend_from_slice(b"abc");
    assert_eq!(queue.take(), b"abc");
    assert_eq!((queue.len(), queue.written()), (0, 3));
    assert!(queue.take().is_empty());
}

#[test]
fn a_gone_peer_is_an_error() {
    let (socket, theirs) = pair();
    drop(theirs);
    let mut queue = WriteQueue::new(10);
    queue.tail().push(1);
    assert_eq!(
        queue.flush(&socket).unwrap_err().raw_os_error(),
        Some(libc::EPIPE)
    );
}

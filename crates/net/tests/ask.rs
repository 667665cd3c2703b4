//! One question and its answer: over datagrams, over a stream, from the wrong port, and none at all.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use rpyc_net::{Connecting, Question, Socket, Wait};

const SOON: Duration = Duration::from_secs(5);
const HOST: &str = "127.0.0.1";

fn answer(question: &mut Question) -> Vec<u8> {
    for _ in 0..1000 {
        match question.wait(SOON, None).unwrap() {
            Wait::Ready(answer) => return answer,
            Wait::SliceEnd => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("no answer in time");
}

fn connected(port: u16) -> Socket {
    let connecting = Connecting::tcp(HOST, port).unwrap();
    while !connecting.ended().unwrap() {
        connecting.wait(SOON, None).unwrap();
    }
    connecting.into_socket()
}

#[test]
fn a_datagram_is_answered() {
    let registry = UdpSocket::bind((HOST, 0)).unwrap();
    let port = registry.local_addr().unwrap().port();
    let mut question = Question::datagram(HOST, port, false, b"where?").unwrap();
    let mut buffer = [0; 64];
    let (len, from) = registry.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"where?");
    registry.send_to(b"here", from).unwrap();
    assert_eq!(answer(&mut question), b"here");
}

#[test]
fn a_datagram_from_another_port_is_no_answer() {
    let registry = UdpSocket::bind((HOST, 0)).unwrap();
    let port = registry.local_addr().unwrap().port();
    let mut question = Question::datagram(HOST, port, false, b"where?").unwrap();
    let (_, from) = registry.recv_from(&mut [0; 64]).unwrap();
    let other = UdpSocket::bind((HOST, 0)).unwrap();
    other.send_to(b"forged", from).unwrap();
    registry.send_to(b"here", from).unwrap();
    assert_eq!(answer(&mut question), b"here");
}

#[test]
fn nothing_within_the_time_is_the_end_of_a_slice() {
    let silent = UdpSocket::bind((HOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut question = Question::datagram(HOST, port, false, b"where?").unwrap();
    let waited = question.wait(Duration::from_millis(5), None).unwrap();
    assert_eq!(waited, Wait::SliceEnd);
}

#[test]
fn a_broadcast_needs_to_be_asked_for() {
    assert!(Question::datagram("255.255.255.255", 9, false, b"x").is_err());
}

#[test]
fn a_name_or_a_wrong_address_is_refused() {
    assert!(Question::datagram("localhost", 9, false, b"x").is_err());
    assert!(Question::datagram("1.2.3", 9, false, b"x").is_err());
}

#[test]
fn a_stream_is_answered_when_it_ends() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let socket = connected(listener.local_addr().unwrap().port());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 6];
        stream.read_exact(&mut buffer).unwrap();
        stream.write_all(b"he").unwrap();
        stream.write_all(b"re").unwrap();
        buffer
    });
    let mut question = Question::stream(&socket, b"where?").unwrap();
    assert_eq!(answer(&mut question), b"here");
    assert_eq!(&served.join().unwrap(), b"where?");
}

#[test]
fn an_answer_without_end_is_cut() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let socket = connected(listener.local_addr().unwrap().port());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[7; 4096]).is_ok() {}
    });
    let mut question = Question::stream(&socket, b"where?").unwrap();
    assert_eq!(answer(&mut question).len(), 65_536);
    drop(socket);
    served.join().unwrap();
}

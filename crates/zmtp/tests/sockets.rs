//! What sockets of each type do with messages, between peers that are numbers.

mod support;

use rpyc_zmtp::{
    Delivered, Hwm, Limits, Message, Options, PeerId, Received, SendError, Socket, SocketType,
    ZmtpError,
};
use SocketType::*;

const A: PeerId = PeerId(1);
const B: PeerId = PeerId(2);
const C: PeerId = PeerId(3);

fn socket(kind: SocketType, peers: &[PeerId]) -> Socket {
    small(kind, peers, 4)
}

fn small(kind: SocketType, peers: &[PeerId], messages: usize) -> Socket {
    let hwm = Hwm {
        messages,
        bytes: 1000,
    };
    let options = Options {
        send: hwm,
        receive: hwm,
        seed: 7,
        ..Options::default()
    };
    let mut socket = Socket::new(kind, options);
    for &peer in peers {
        socket.attach(peer);
        socket.identify(peer, b"").expect("an identity");
    }
    socket
}

fn message(parts: &[&str]) -> Message {
    Message::new(parts.iter().map(|part| part.as_bytes()), &Limits::default()).expect("a message")
}

/// Where a message went.
fn send(socket: &mut Socket, parts: &[&str]) -> Result<Vec<PeerId>, SendError> {
    let mut to = Vec::new();
    socket.send(message(parts), &mut to).map(|()| to)
}

fn blocks(socket: &mut Socket, parts: &[&str]) -> bool {
    match send(socket, parts) {
        Err(SendError::WouldBlock(back)) => {
            assert_eq!(back, message(parts)); // as it was, to be sent again
            true
        }
        other => other.map(|_| false).expect("no misuse"),
    }
}

fn misused<T: std::fmt::Debug>(result: Result<T, SendError>) -> bool {
    matches!(result, Err(SendError::Misuse(_)))
}

/// What is to be written to a peer, as parts.
fn written(socket: &mut Socket, peer: PeerId) -> Option<Vec<String>> {
    socket
        .outgoing(peer)
        .map(|outgoing| texts(&outgoing.message))
}

fn texts(message: &Message) -> Vec<String> {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    message.parts().map(text).collect()
}

fn deliver(socket: &mut Socket, peer: PeerId, parts: &[&str]) -> Delivered {
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.as_bytes().to_vec()).collect();
    let mut speaker = support::Side::of(Dealer);
    let mut hearer = support::Side::of(Dealer);
    support::settle(&mut speaker, &mut hearer);
    speaker.say(&parts);
    let fed = hearer.session.feed(&speaker.out, &mut hearer.out);
    match fed.expect("a message").event {
        Some(rpyc_zmtp::Event::Message(message)) => socket.deliver(peer, message),
        other => panic!("{other:?}"),
    }
}

fn receive(socket: &mut Socket) -> Option<Received> {
    socket.receive().expect("no misuse")
}

fn heard(socket: &mut Socket) -> Option<(Option<PeerId>, Vec<String>)> {
    receive(socket).map(|it| (it.peer, texts(&it.message)))
}

#[test]
fn a_dealer_and_a_pusher_give_each_peer_a_message_in_turn_and_skip_who_is_full() {
    for kind in [Dealer, Push] {
        let mut socket = small(kind, &[A, B], 2);
        for expected in [A, B, A, B] {
            assert_eq!(send(&mut socket, &["m"]), Ok(vec![expected]));
        }
        assert!(blocks(&mut socket, &["m"]));
        // Half of B's mark is free: it is open again, and A is not.
        let taken = socket.outgoing(B).expect("a message");
        assert!(taken.unblocked);
        assert_eq!(send(&mut socket, &["n"]), Ok(vec![B]));
        assert!(blocks(&mut socket, &["m"]));
        socket.detach(B);
        assert_eq!(socket.dropped(), 2);
        socket.attach(C);
        assert_eq!(send(&mut socket, &["o"]), Ok(vec![C]));
        assert_eq!(written(&mut socket, C), Some(vec!["o".into()]));
        assert_eq!(written(&mut socket, C), None);
    }
}

#[test]
fn without_a_peer_a_dealer_blocks_and_a_publisher_does_not() {
    assert!(blocks(&mut socket(Dealer, &[]), &["m"]));
    assert!(blocks(&mut socket(Push, &[]), &["m"]));
    assert!(blocks(&mut socket(Req, &[]), &["m"]));
    assert_eq!(send(&mut socket(Pub, &[]), &["m"]), Ok(vec![]));
}

#[test]
fn messages_of_a_dealer_wait_for_a_peer_whose_connection_is_made_anew() {
    let mut socket = socket(Dealer, &[A]);
    send(&mut socket, &["m"]).expect("sent");
    assert!(!socket.reset(A));
    assert_eq!(written(&mut socket, A), Some(vec!["m".into()]));
}

#[test]
fn peers_are_heard_in_turn_however_much_each_sends() {
    for kind in [Dealer, Pull] {
        let mut socket = socket(kind, &[A, B, C]);
        for peer in [A, A, A, B, C, C] {
            assert_eq!(deliver(&mut socket, peer, &["m"]), Delivered::Kept);
        }
        let order: Vec<_> = std::iter::from_fn(|| heard(&mut socket)?.0).collect();
        assert_eq!(order, [A, B, C, A, C, A]);
    }
}

#[test]
fn a_peer_that_sends_too_fast_is_stopped_and_resumed() {
    let mut socket = socket(Pull, &[A]);
    let delivered = [(); 5].map(|()| deliver(&mut socket, A, &["m"]));
    use Delivered::{Kept, KeptAndFull, Refused};
    assert_eq!(delivered, [Kept, Kept, Kept, KeptAndFull, Refused]);
    let resumed: Vec<bool> =
        std::iter::from_fn(|| receive(&mut socket).map(|it| it.resume)).collect();
    assert_eq!(resumed, [false, true, false, false]);
}

#[test]
fn what_a_peer_sent_before_it_left_is_still_received_within_bounds() {
    let mut pull = socket(Pull, &[A, B, C]);
    for peer in [A, B, C] {
        for _ in 0..3 {
            deliver(&mut pull, peer, &["m"]);
        }
        pull.detach(peer);
    }
    let left = std::iter::from_fn(|| receive(&mut pull)).map(|it| it.peer);
    assert_eq!(left.collect::<Vec<_>>(), [None; 4]); // one queue for all that are gone
    assert_eq!(pull.dropped(), 5);

    let mut router = socket(Router, &[A]);
    deliver(&mut router, A, &["", "m"]);
    router.detach(A);
    let parts = ["\0\0\0\0\x07", "", "m"].map(String::from).to_vec();
    assert_eq!(heard(&mut router), Some((None, parts)));
}

#[test]
fn a_router_addresses_by_identity_and_drops_for_unknown_ones() {
    let mut router = socket(Router, &[A]);
    router.attach(B);
    assert_eq!(deliver(&mut router, B, &["early"]), Delivered::Dropped);
    router.identify(B, b"me").expect("an identity");
    assert_eq!(router.identity(A), Some(&b"\0\0\0\0\x07"[..]));

    deliver(&mut router, B, &["", "ask"]);
    let asked = ["me", "", "ask"].map(String::from).to_vec();
    assert_eq!(heard(&mut router), Some((Some(B), asked)));
    assert_eq!(send(&mut router, &["me", "", "answer"]), Ok(vec![B]));
    assert_eq!(
        written(&mut router, B),
        Some(vec!["".into(), "answer".into()])
    );

    assert_eq!(send(&mut router, &["nobody", "m"]), Ok(vec![]));
    router.detach(B);
    assert_eq!(send(&mut router, &["me", "m"]), Ok(vec![]));
    assert!(misused(send(&mut router, &["\0\0\0\0\x07"])));
    assert_eq!(router.dropped(), 3);
}

#[test]
fn a_router_blocks_for_a_full_peer_alone() {
    let mut router = small(Router, &[A, B], 1);
    let (a, b) = ("\0\0\0\0\x07", "\0\0\0\0\x08");
    assert_eq!(send(&mut router, &[a, "m"]), Ok(vec![A]));
    assert!(blocks(&mut router, &[a, "m"]));
    assert_eq!(send(&mut router, &[b, "m"]), Ok(vec![B]));
    assert!(router.outgoing(A).expect("a message").unblocked);
    assert_eq!(send(&mut router, &[a, "m"]), Ok(vec![A]));
}

#[test]
fn an_identity_that_is_taken_is_refused_until_its_holder_leaves() {
    let mut router = socket(Router, &[]);
    router.attach(A);
    router.attach(B);
    router.identify(A, b"me").expect("an identity");
    assert_eq!(router.identify(B, b"me"), Err(ZmtpError::DuplicateIdentity));
    router.reset(A);
    router.identify(B, b"me").expect("an identity");
    assert_eq!(send(&mut router, &["me", "m"]), Ok(vec![B]));
}

#[test]
fn a_publisher_sends_by_topic_and_drops_for_who_is_slow() {
    let mut publisher = small(Pub, &[A, B, C], 2);
    publisher.subscribe(A, b"").expect("room");
    publisher.subscribe(B, b"ne").expect("room");
    publisher.subscribe(B, b"news").expect("room");
    assert_eq!(send(&mut publisher, &["news", "1"]), Ok(vec![A, B]));
    assert_eq!(send(&mut publisher, &["old"]), Ok(vec![A]));
    assert_eq!(send(&mut publisher, &["news", "2"]), Ok(vec![B])); // A is full
    assert_eq!(publisher.dropped(), 1);
    publisher.cancel(B, b"ne");
    publisher.cancel(B, b"news");
    assert!(publisher.outgoing(A).is_some());
    assert_eq!(send(&mut publisher, &["news", "3"]), Ok(vec![A]));
    // One encoding for all of them.
    let second = ["old", "news"].map(|first| written(&mut publisher, A).expect("one")[0] == first);
    assert_eq!(second, [true, true]);
    publisher.reset(A);
    assert_eq!(send(&mut publisher, &["news", "4"]), Ok(vec![]));
}

#[test]
fn a_subscriber_hears_what_it_wants() {
    let mut subscriber = socket(Sub, &[A]);
    assert_eq!(deliver(&mut subscriber, A, &["news"]), Delivered::Dropped);
    assert!(subscriber.want(b"ne"));
    assert!(!subscriber.want(b"ne")); // told already
    assert!(subscriber.want(b"z"));
    assert_eq!(subscriber.wanted().collect::<Vec<_>>(), [&b"ne"[..], b"z"]);
    assert_eq!(deliver(&mut subscriber, A, &["news"]), Delivered::Kept);
    assert!(!subscriber.unwant(b"ne"));
    assert!(subscriber.unwant(b"ne"));
    assert!(!subscriber.unwant(b"ne"));
    assert_eq!(deliver(&mut subscriber, A, &["news"]), Delivered::Dropped);
    assert!(misused(send(&mut subscriber, &["m"])));
}

#[test]
fn a_requester_asks_one_peer_at_a_time_and_hears_only_that_one() {
    let mut req = socket(Req, &[A, B]);
    assert_eq!(send(&mut req, &["ask"]), Ok(vec![A]));
    assert_eq!(written(&mut req, A), Some(vec!["".into(), "ask".into()]));
    assert!(misused(send(&mut req, &["again"])));
    assert_eq!(
        deliver(&mut req, B, &["", "wrong peer"]),
        Delivered::Dropped
    );
    assert_eq!(deliver(&mut req, A, &["no delimiter"]), Delivered::Dropped);
    assert_eq!(deliver(&mut req, A, &[""]), Delivered::Dropped);
    assert_eq!(deliver(&mut req, A, &["", "answer", "2"]), Delivered::Kept);
    assert_eq!(deliver(&mut req, A, &["", "another"]), Delivered::Dropped);
    assert!(misused(send(&mut req, &["again"])));
    let answer = vec!["answer".into(), "2".into()];
    assert_eq!(heard(&mut req), Some((Some(A), answer)));
    assert_eq!(send(&mut req, &["ask"]), Ok(vec![B]));
}

#[test]
fn a_requester_whose_peer_is_lost_is_told_and_asks_again() {
    for lose in [Socket::reset, Socket::detach] {
        let mut req = socket(Req, &[A, B]);
        send(&mut req, &["ask"]).expect("sent");
        assert!(!lose(&mut req, B));
        assert!(lose(&mut req, A));
        assert_eq!(written(&mut req, A), None); // a new connection is not asked the old question
        assert!(!misused(send(&mut req, &["ask"])));
    }
    // An answer that came before is still there.
    let mut req = socket(Req, &[A]);
    send(&mut req, &["ask"]).expect("sent");
    deliver(&mut req, A, &["", "answer"]);
    assert!(!req.detach(A));
    assert_eq!(heard(&mut req), Some((None, vec!["answer".into()])));
}

#[test]
fn a_replier_answers_behind_the_envelope_of_the_request() {
    let mut rep = socket(Rep, &[A, B]);
    assert!(misused(send(&mut rep, &["nobody asked"])));
    assert_eq!(
        deliver(&mut rep, A, &["no", "delimiter"]),
        Delivered::Dropped
    );
    assert_eq!(deliver(&mut rep, A, &["no body", ""]), Delivered::Dropped);
    deliver(&mut rep, A, &["id", "hop", "", "ask", "", "x"]);
    deliver(&mut rep, B, &["", "ask"]);
    let asked = vec!["ask".into(), "".into(), "x".into()];
    assert_eq!(heard(&mut rep), Some((Some(A), asked)));
    assert!(misused(rep.receive())); // it owes an answer
    assert_eq!(send(&mut rep, &["answer"]), Ok(vec![A]));
    let answer = ["id", "hop", "", "answer"].map(String::from).to_vec();
    assert_eq!(written(&mut rep, A), Some(answer));

    assert_eq!(heard(&mut rep), Some((Some(B), vec!["ask".into()])));
    rep.detach(B);
    assert_eq!(send(&mut rep, &["too late"]), Ok(vec![]));
    assert_eq!(rep.dropped(), 3);
    assert_eq!(heard(&mut rep), None);
}

#[test]
fn one_message_of_any_size_fits_an_empty_queue() {
    let mut socket = socket(Push, &[A]);
    let large = "x".repeat(5000);
    assert_eq!(send(&mut socket, &[&large]), Ok(vec![A]));
    assert!(blocks(&mut socket, &["m"]));
    assert_eq!(written(&mut socket, A), Some(vec![large]));
    assert_eq!(send(&mut socket, &["m"]), Ok(vec![A]));
}

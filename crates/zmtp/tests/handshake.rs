//! Handshakes that fail, and what a peer may not do: each is one typed error, told to the peer where it can be.

mod support;

use rpyc_zmtp::{greeting, Config, Limits, SocketType, ZmtpError};
use support::{settle, Heard, Side};

fn command(body: &[u8]) -> Vec<u8> {
    [&[4, body.len() as u8], body].concat()
}

fn ready(kind: &[u8]) -> Vec<u8> {
    let body = [
        b"\x05READY\x0bSocket-Type\0\0\0",
        &[kind.len() as u8][..],
        kind,
    ]
    .concat();
    command(&body)
}

/// A side that is ready, with nothing to write.
fn connected(kind: SocketType, peer: &[u8]) -> Side {
    let mut side = Side::of(kind);
    side.receive(&[&greeting(1)[..], &ready(peer)].concat());
    assert!(side.session.is_ready());
    side.out.clear();
    side
}

fn error_of(kind: SocketType, peer: &[u8], bytes: &[u8]) -> ZmtpError {
    let mut side = connected(kind, peer);
    side.receive(bytes);
    side.failed.expect("an error")
}

#[test]
fn socket_types_that_do_not_talk_are_refused_on_both_sides() {
    let mut one = Side::of(SocketType::Push);
    let mut other = Side::of(SocketType::Sub);
    settle(&mut one, &mut other);
    let refusal = |ours, theirs| Some(ZmtpError::Incompatible { ours, theirs });
    assert_eq!(one.failed, refusal(SocketType::Push, SocketType::Sub));
    assert_eq!(other.failed, refusal(SocketType::Sub, SocketType::Push));
    assert!(one.heard.is_empty() && other.heard.is_empty());
}

#[test]
fn every_pair_of_types_is_ready_or_refused_as_the_table_says() {
    use SocketType::*;
    let all = [
        Dealer, Router, Push, Pull, Pub, Sub, Req, Rep, Xpub, Xsub, Pair,
    ];
    for (ours, theirs) in all.iter().flat_map(|one| all.map(|other| (*one, other))) {
        let (mut one, mut other) = (Side::of(ours), Side::of(theirs));
        settle(&mut one, &mut other);
        let ready = one.session.is_ready() && other.session.is_ready();
        assert_eq!(ready, ours.talks_to(theirs), "{ours:?} {theirs:?}");
    }
}

#[test]
fn an_identity_is_told_and_has_bounds() {
    let config = Config {
        identity: b"worker-1".to_vec(),
        ..Config::new(SocketType::Dealer)
    };
    let (mut dealer, mut router) = (Side::new(config), Side::of(SocketType::Router));
    settle(&mut dealer, &mut router);
    let told = Heard::Ready(SocketType::Dealer, b"worker-1".to_vec());
    assert_eq!(router.heard, [told]);

    for identity in [b"\0generated".to_vec(), vec![1; 256]] {
        let config = Config {
            identity,
            ..Config::new(SocketType::Dealer)
        };
        let error = rpyc_zmtp::Session::new(config, &mut Vec::new()).map(drop);
        assert!(matches!(error, Err(ZmtpError::BadIdentity { .. })));
    }
}

#[test]
fn nothing_but_ready_or_error_may_come_first() {
    let message = b"\0\x05hello";
    for (bytes, what) in [
        (message.to_vec(), "a message before its READY"),
        (b"\x01".to_vec(), "a message before its READY"), // by its flags, not by its end
        (command(b"\x04PING\0\0"), "another command before its READY"),
        (
            command(b"\x09SUBSCRIBE"),
            "another command before its READY",
        ),
    ] {
        let mut side = Side::of(SocketType::Router);
        side.receive(&greeting(1));
        side.out.clear();
        side.receive(&bytes);
        assert_eq!(side.failed, Some(ZmtpError::Unexpected(what)));
        // The peer is told.
        assert!(side.out.starts_with(b"\x04"));
        assert_eq!(&side.out[2..8], b"\x05ERROR");
    }
}

#[test]
fn a_peer_that_refuses_us_is_quoted() {
    let mut side = Side::of(SocketType::Dealer);
    side.receive(&[&greeting(1)[..], &command(b"\x05ERROR\x07go away")].concat());
    assert_eq!(side.failed, Some(ZmtpError::Refused("go away".into())));
    assert!(!String::from_utf8_lossy(&side.out).contains("ERROR"));
}

#[test]
fn nothing_is_sent_before_the_handshake_or_after_an_error() {
    let mut side = Side::of(SocketType::Dealer);
    let send = |side: &Side| side.session.send([&b"x"[..]], &mut Vec::new());
    assert_eq!(send(&side), Err(ZmtpError::NotReady));
    assert_eq!(
        side.session.ping(0, b"", &mut Vec::new()),
        Err(ZmtpError::NotReady)
    );
    side.receive(b"SSH-2.0");
    let error = ZmtpError::NotZmtp { at: 0, byte: b'S' };
    assert_eq!(send(&side), Err(error.clone()));
    side.receive(&greeting(1)); // a failed session stays failed
    assert_eq!(side.failed, Some(error));
}

#[test]
fn what_has_no_place_after_the_handshake_is_refused() {
    use SocketType::*;
    let unexpected = |what| ZmtpError::Unexpected(what);
    assert_eq!(
        error_of(Router, b"DEALER", &ready(b"DEALER")),
        unexpected("READY a second time")
    );
    assert_eq!(
        error_of(Pull, b"PUSH", &command(b"\x09SUBSCRIBE")),
        unexpected("a subscription to a socket that does not publish")
    );
    assert_eq!(
        error_of(Push, b"PULL", b"\x01"),
        unexpected("a message to a PUSH socket")
    );
    assert_eq!(
        error_of(Router, b"DEALER", b"\x05"),
        ZmtpError::BadFlags { flags: 5 }
    );
}

#[test]
fn commands_of_other_names_are_passed_over() {
    let mut side = connected(SocketType::Pull, b"PUSH");
    side.receive(&[&command(b"\x04JOINx")[..], b"\0\x01m"].concat());
    assert_eq!(side.heard[1..], [Heard::Message(vec![b"m".to_vec()])]);
}

#[test]
fn heartbeats_between_the_parts_of_a_message_do_not_tear_it() {
    let mut side = connected(SocketType::Pull, b"PUSH");
    let stream = [
        b"\x01\x01a",
        &command(b"\x04PING\0\x0ahi")[..],
        b"\x01\0",
        &command(b"\x05OTHER"),
        &command(b"\x04PONGyo"),
        b"\0\x01b",
        b"\0\x01c",
    ]
    .concat();
    let message =
        |parts: &[&[u8]]| Heard::Message(parts.iter().map(|part| part.to_vec()).collect());
    let expected = [
        Heard::Ping(10),
        Heard::Pong(b"yo".to_vec()),
        message(&[b"a", b"", b"b"]),
        message(&[b"c"]),
    ];
    for cut in 0..stream.len() {
        let mut side = connected(SocketType::Pull, b"PUSH");
        side.receive(&stream[..cut]);
        side.receive(&stream[cut..]);
        assert_eq!((side.failed, &side.heard[1..]), (None, &expected[..]));
        assert_eq!(side.out, command(b"\x04PONGhi"));
    }
    // But they cannot pile up there.
    let ping = command(b"\x04PING\0\0");
    side.receive(b"\x01\0");
    for _ in 0..=(64 << 10) / ping.len() {
        side.receive(&ping);
        side.out.clear();
    }
    assert_eq!(side.failed, Some(ZmtpError::TooManyCommands));
}

#[test]
fn a_publisher_takes_subscriptions_in_both_forms_and_nothing_else() {
    let mut side = connected(SocketType::Pub, b"SUB");
    let stream = [
        &command(b"\x09SUBSCRIBEa")[..],
        &b"\0\x02\x01b"[..],
        b"\0\x01\0",
        b"\0\x02\x02x", // a user's message to an XPUB
        b"\x01\x01\x01\0\0",
        b"\0\0",
        &command(b"\x06CANCELa"),
    ];
    side.receive(&stream.concat());
    let expected = [
        Heard::Subscribe(b"a".to_vec()),
        Heard::Subscribe(b"b".to_vec()),
        Heard::Cancel(Vec::new()),
        Heard::Cancel(b"a".to_vec()),
    ];
    assert_eq!((side.failed, &side.heard[1..]), (None, &expected[..]));
    // No large message needs to be waited for, to be thrown away.
    let large = [&[2][..], &(1_u64 << 20).to_be_bytes()].concat();
    assert_eq!(
        error_of(SocketType::Pub, b"SUB", &large),
        ZmtpError::FrameTooLarge {
            len: 1 << 20,
            max: 16 << 10
        }
    );
}

#[test]
fn a_message_is_bounded_in_parts_and_bytes_before_it_is_whole() {
    let limits = Limits {
        max_frame: 100,
        max_message: 150,
        max_parts: 3,
        max_command: 60,
        max_properties: 2,
    };
    let failed = |stream: &[&[u8]]| {
        let mut side = Side::new(Config {
            limits,
            ..Config::new(SocketType::Pull)
        });
        side.receive(&[&greeting(1)[..], &ready(b"PUSH")].concat());
        side.receive(&stream.concat());
        side.failed
    };
    let part = [&[1, 80][..], &[7; 80]].concat();
    let (len, max) = (101, 100);
    assert_eq!(
        failed(&[b"\0\x65"]),
        Some(ZmtpError::FrameTooLarge { len, max })
    );
    let (len, max) = (160, 150);
    assert_eq!(
        failed(&[&part, &part]),
        Some(ZmtpError::MessageTooLarge { len, max })
    );
    assert_eq!(
        failed(&[&b"\x01\0"[..]; 4]),
        Some(ZmtpError::TooManyParts { max: 3 })
    );
    let (len, max) = (61, 60);
    assert_eq!(
        failed(&[b"\x04\x3d"]),
        Some(ZmtpError::CommandTooLarge { len, max })
    );
    assert_eq!(
        failed(&[b"\x01\0", b"\x01\0", b"\0\0", &part, b"\0\0"]),
        None
    );
}

#[test]
fn misused_input_is_no_panic() {
    let mut side = connected(SocketType::Pull, b"PUSH");
    let mut out = Vec::new();
    let fed = side
        .session
        .feed(b"\x01\x01a", &mut out)
        .expect("unfinished");
    assert_eq!((fed.used, fed.need), (0, 5));
    // The owner should have kept those bytes.
    assert!(side
        .session
        .feed(b"", &mut out)
        .expect("nothing")
        .event
        .is_none());
}

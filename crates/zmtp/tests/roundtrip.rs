//! Whatever is said is heard, however the bytes are cut; and any bytes are events or an error.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use rpyc_zmtp::{Config, SocketType};
use support::{settle, Heard, Side};

#[derive(Clone, Debug)]
enum Said {
    Message(Vec<Vec<u8>>),
    Ping(u16, Vec<u8>),
}

fn said() -> impl Strategy<Value = Said> {
    let part = prop_oneof![
        12 => vec(any::<u8>(), 0..8),
        6 => vec(any::<u8>(), 250..260),
        1 => (any::<u8>(), 65_530..65_540_usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop_oneof![
        4 => vec(part, 1..5).prop_map(Said::Message),
        1 => (any::<u16>(), vec(any::<u8>(), 0..17)).prop_map(|(ttl, context)| Said::Ping(ttl, context)),
    ]
}

fn subscription() -> impl Strategy<Value = (bool, Vec<u8>)> {
    (any::<bool>(), vec(any::<u8>(), 0..300))
}

/// Feeds a stream in pieces of these lengths, repeated.
fn in_pieces(side: &mut Side, mut bytes: &[u8], lengths: &[usize]) {
    for len in lengths.iter().cycle() {
        let (piece, rest) = bytes.split_at((*len).min(bytes.len()));
        side.receive(piece);
        bytes = rest;
        if bytes.is_empty() {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 32 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_said_is_heard_however_it_is_cut(said in vec(said(), 0..6), lengths in vec(1..700_usize, 1..6)) {
        let mut speaker = Side::of(SocketType::Dealer);
        let mut silent = Side::of(SocketType::Router);
        settle(&mut speaker, &mut silent);
        let mut stream = Side::of(SocketType::Dealer).out; // its greeting
        let mut hearer = Side::of(SocketType::Router);
        let mut ready = Side::of(SocketType::Dealer);
        ready.receive(&hearer.out);
        stream.extend_from_slice(&ready.out[64..]);
        hearer.out.clear();

        let mut expected = vec![Heard::Ready(SocketType::Dealer, Vec::new())];
        let mut contexts = Vec::new();
        for each in said {
            match each {
                Said::Message(parts) => {
                    speaker.say(&parts);
                    expected.push(Heard::Message(parts));
                }
                Said::Ping(ttl, context) => {
                    speaker.session.ping(ttl, &context, &mut speaker.out).expect("it is sent");
                    expected.push(Heard::Ping(ttl));
                    contexts.push(Heard::Pong(context));
                }
            }
        }
        stream.append(&mut speaker.out);
        in_pieces(&mut hearer, &stream, &lengths);
        prop_assert_eq!(&hearer.failed, &None);
        prop_assert_eq!(&hearer.heard, &expected);
        // And each PING was answered with its context.
        let at = hearer.out.len() - contexts.iter().map(|it| match it {
            Heard::Pong(context) => 7 + context.len(),
            _ => 0,
        }).sum::<usize>();
        speaker.heard.clear();
        speaker.receive(&hearer.out[at..]);
        prop_assert_eq!(speaker.heard, contexts);
    }

    #[test]
    fn subscriptions_are_heard_in_either_form(topics in vec(subscription(), 0..6), minor in 0..2_u8, lengths in vec(1..90_usize, 1..4)) {
        let mut subscriber = Side::new(Config { minor, ..Config::new(SocketType::Sub) });
        let mut publisher = Side::of(SocketType::Pub);
        settle(&mut subscriber, &mut publisher);
        prop_assert_eq!(publisher.session.speaks_3_1(), minor == 1);
        publisher.heard.clear();
        let mut expected = Vec::new();
        for (subscribe, topic) in topics {
            if subscribe {
                subscriber.session.subscribe(&topic, &mut subscriber.out).expect("it is sent");
                expected.push(Heard::Subscribe(topic));
            } else {
                subscriber.session.cancel(&topic, &mut subscriber.out).expect("it is sent");
                expected.push(Heard::Cancel(topic));
            }
        }
        in_pieces(&mut publisher, &subscriber.out, &lengths);
        prop_assert_eq!(publisher.heard, expected);
    }

    #[test]
    fn any_bytes_are_events_or_an_error(
        frames in vec((0..8_u8, prop_oneof![Just(&b""[..]), Just(&b"\x04PING\0\x01"[..]), Just(&b"\x09SUBSCRIBE"[..]), Just(&b"\x05READY"[..])], vec(any::<u8>(), 0..20)), 0..8),
        noise in vec(any::<u8>(), 0..40),
        kind in prop_oneof![Just(SocketType::Dealer), Just(SocketType::Pub), Just(SocketType::Push), Just(SocketType::Rep)],
        ready: bool,
    ) {
        let peer = if kind == SocketType::Pub { SocketType::Sub } else if kind == SocketType::Push { SocketType::Pull } else { SocketType::Dealer };
        let (mut side, mut other) = (Side::of(kind), Side::of(peer));
        if ready {
            settle(&mut side, &mut other);
        } else {
            side.receive(&other.out);
        }
        for (flags, start, rest) in frames {
            let body = [start, &rest].concat();
            let mut frame = vec![flags];
            if flags & 2 == 0 {
                frame.push(body.len() as u8);
            } else {
                frame.extend_from_slice(&(body.len() as u64).to_be_bytes());
            }
            side.receive(&[&frame[..], &body].concat());
        }
        side.receive(&noise);
    }
}

//! Whatever happens to a socket's peers, no message is lost without being counted, none comes twice, and no queue grows beyond its mark.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use rpyc_zmtp::{
    Delivered, Event, Hwm, Limits, Message, Options, PeerId, SendError, Socket, SocketType,
};
use SocketType::*;

const MARK: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Attach(u32),
    Detach(u32),
    Reset(u32),
    Subscribe(u32),
    Send(u32),
    Deliver(u32),
    Write(u32),
    Receive,
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..4_u32;
    prop_oneof![
        3 => peer.clone().prop_map(Step::Attach),
        1 => peer.clone().prop_map(Step::Detach),
        1 => peer.clone().prop_map(Step::Reset),
        2 => peer.clone().prop_map(Step::Subscribe),
        6 => peer.clone().prop_map(Step::Send),
        6 => peer.clone().prop_map(Step::Deliver),
        4 => peer.prop_map(Step::Write),
        4 => Just(Step::Receive),
    ]
}

/// A message as it lies in the input of a session.
fn delivered(socket: &mut Socket, peer: PeerId, parts: &[&[u8]]) -> Delivered {
    let (mut speaker, mut hearer) = (support::Side::of(Dealer), support::Side::of(Dealer));
    support::settle(&mut speaker, &mut hearer);
    speaker.say(&parts.iter().map(|part| part.to_vec()).collect::<Vec<_>>());
    match hearer
        .session
        .feed(&speaker.out, &mut hearer.out)
        .map(|fed| fed.event)
    {
        Ok(Some(Event::Message(message))) => socket.deliver(peer, message),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 200 } else { 1000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn messages_are_kept_given_out_or_counted(
        kind in prop_oneof![Just(Dealer), Just(Router), Just(Push), Just(Pull), Just(Pub), Just(Sub), Just(Req), Just(Rep)],
        steps in vec(step(), 0..120),
    ) {
        let mark = Hwm { messages: MARK, bytes: 1 << 20 };
        let mut socket = Socket::new(kind, Options { send: mark, receive: mark, ..Options::default() });
        socket.want(b"");
        let mut attached = [false; 4];
        let mut number = 0_u32;
        // Copies that went into outboxes, and that were kept in inboxes; what came out of them.
        let (mut into, mut out_of, mut heard, mut received) = (0_u64, 0_u64, 0_u64, 0_u64);
        // Refused or dropped at once, by the answers.
        let mut told = 0_u64;
        for step in steps {
            match step {
                Step::Attach(peer) => {
                    socket.attach(PeerId(peer));
                    attached[peer as usize] = true;
                    if socket.identity(PeerId(peer)).is_none() {
                        socket.identify(PeerId(peer), &[b'a' + peer as u8]).expect("its own");
                    }
                }
                Step::Detach(peer) => {
                    socket.detach(PeerId(peer));
                    attached[peer as usize] = false;
                }
                Step::Reset(peer) => {
                    socket.reset(PeerId(peer));
                }
                Step::Subscribe(peer) => socket.subscribe(PeerId(peer), b"").expect("one topic"),
                Step::Send(peer) => {
                    number += 1;
                    let text = number.to_string();
                    let parts = [&[b'a' + peer as u8][..], text.as_bytes()];
                    let message = Message::new(parts, &Limits::default()).expect("a message");
                    let (mut to, before) = (Vec::new(), socket.dropped());
                    match socket.send(message.clone(), &mut to) {
                        Ok(()) => {
                            into += to.len() as u64;
                            told += socket.dropped() - before;
                            prop_assert!(to.iter().all(|peer| attached[peer.0 as usize]));
                        }
                        Err(SendError::WouldBlock(back)) => {
                            prop_assert_eq!(back, message);
                            prop_assert!(kind != Pub && to.is_empty());
                        }
                        Err(SendError::Misuse(_)) => prop_assert!(to.is_empty()),
                    }
                }
                Step::Deliver(peer) => {
                    let (parts, before) = ([&b""[..], b"m"], socket.dropped());
                    match delivered(&mut socket, PeerId(peer), &parts) {
                        Delivered::Kept | Delivered::KeptAndFull => heard += 1,
                        Delivered::Dropped | Delivered::Refused => told += socket.dropped() - before,
                    }
                }
                Step::Write(peer) => out_of += u64::from(socket.outgoing(PeerId(peer)).is_some()),
                Step::Receive => {
                    if let Ok(Some(got)) = socket.receive() {
                        received += 1;
                        prop_assert!(got.peer.is_none_or(|peer| attached[peer.0 as usize]));
                    }
                }
            }
        }
        // What is still in the queues comes out now; no queue holds more than its mark.
        for peer in 0..4 {
            let left = std::iter::from_fn(|| socket.outgoing(PeerId(peer))).count();
            prop_assert!(left <= MARK);
            out_of += left as u64;
        }
        loop {
            match socket.receive() {
                Ok(Some(_)) => received += 1,
                Ok(None) => break,
                Err(_) => {
                    let answer = Message::new([&b"answer"[..]], &Limits::default()).expect("a message");
                    let (mut to, before) = (Vec::new(), socket.dropped());
                    if let Err(SendError::WouldBlock(answer)) = socket.send(answer, &mut to) {
                        // The answers of this loop, which count on neither side, have filled that outbox.
                        for peer in 0..4 {
                            while socket.outgoing(PeerId(peer)).is_some() {}
                        }
                        socket.send(answer, &mut to).expect("room");
                    }
                    told += socket.dropped() - before;
                }
            }
        }
        let lost = socket.dropped() - told;
        prop_assert_eq!(into + heard, out_of + received + lost);
    }
}

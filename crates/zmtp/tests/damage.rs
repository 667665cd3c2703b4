//! Every taped connection, cut anywhere and with any one bit flipped: events or an error, and nothing else.

mod support;

use support::{fixtures, sample, Heard, Side};

struct Tape {
    ours: rpyc_zmtp::SocketType,
    bytes: Vec<u8>,
}

fn tapes() -> Vec<Tape> {
    fixtures::connections(&fixtures::load())
        .into_iter()
        .flat_map(|each| {
            let tape = |ours, bytes| Tape { ours, bytes };
            [
                tape(each.connecter.socket_type, each.binder.wrote),
                tape(each.binder.socket_type, each.connecter.wrote),
            ]
        })
        .collect()
}

fn received(tape: &Tape, bytes: &[u8]) -> Side {
    let mut side = Side::of(tape.ours);
    side.receive(bytes);
    side
}

#[test]
fn every_prefix_is_the_start_of_the_same_events() {
    for tape in tapes() {
        let whole = received(&tape, &tape.bytes).heard;
        for len in 0..tape.bytes.len() {
            let side = received(&tape, &tape.bytes[..len]);
            assert_eq!(side.failed, None);
            assert!(whole.starts_with(&side.heard));
            assert!(side.heard.len() < whole.len());
        }
    }
}

#[test]
fn every_single_bit_flip_is_an_error_or_other_events() {
    let (mut errors, mut harmless, mut case, every) = (0, 0, 0, sample());
    for tape in tapes() {
        let mut bytes = tape.bytes.clone();
        for bit in 0..bytes.len() * 8 {
            case += 1;
            if case % every != 0 {
                continue;
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
            match received(&tape, &bytes).failed {
                Some(_) => errors += 1,
                None => harmless += 1,
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    println!("{errors} errors, {harmless} without");
    assert!(errors > 1000 / every && harmless > 1000 / every);
}

#[test]
fn a_flip_in_the_greeting_or_the_handshake_never_lets_a_message_through_first() {
    for tape in tapes() {
        let mut bytes = tape.bytes.clone();
        for bit in 0..104 * 8 {
            if bit / 8 >= bytes.len() {
                break;
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
            let first = received(&tape, &bytes).heard.into_iter().next();
            assert!(matches!(first, None | Some(Heard::Ready(..))));
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

//! Layouts of 5.x, 6.x and bind_threads: told apart, latched, followed.

mod support;

use rpyc_wire::{detect, Bound, Codec, Form, Names, Options, WireError};
use support::{hex, payload, Arena, Tx, Value};

const GETROOT_6: &str = "01 11 50 11 53 11 51 02";
const GETROOT_5: &str = "12 51 50 11 53 11 51 02";
/// What a pthread of the peer looks like, and no recipient.
const THREADS: &str = "00007f6cdea42b80 0000000000000000";

fn bound(message: &str) -> Vec<u8> {
    hex(&format!("{THREADS} {message}"))
}

fn codec(variant: u16, bound: Bound) -> Codec {
    Codec::new(Options {
        variant,
        bound,
        ..Options::default()
    })
}

fn receive(codec: &mut Codec, payload: &[u8]) -> Result<(), WireError> {
    Arena::decode(payload, codec, &mut Names::new()).map(drop)
}

/// One message, without its frame.
fn send(codec: &mut Codec, kind: i32, seq: u64, a: i32, b: i32) -> Result<Vec<u8>, WireError> {
    let mut tx = Tx::default();
    tx.start(kind, seq, a, b);
    match kind {
        4 => {}
        _ => {
            tx.value(&Value::Tuple(Vec::new()));
        }
    }
    tx.end();
    Ok(payload(&tx.encode(codec, &Names::new())?).to_vec())
}

#[test]
fn each_layout_is_told_by_its_first_bytes() {
    let form = |version, bound, start| {
        Ok(Form {
            version,
            bound,
            start,
        })
    };
    assert_eq!(detect(&hex(GETROOT_6)), form(6, false, 0));
    assert_eq!(detect(&hex(GETROOT_5)), form(5, false, 0));
    assert_eq!(detect(&bound(GETROOT_6)), form(6, true, 16));
    assert_eq!(detect(&bound(GETROOT_5)), form(5, true, 16));
    for odd in [
        "ff", "01", "00 11", "04 11", "12 50", "12 54", "13 51", "01 12", THREADS, "00",
    ] {
        assert!(
            matches!(detect(&hex(odd)), Err(WireError::NotAMessage { .. })),
            "{odd}"
        );
    }
}

#[test]
fn the_first_frame_latches_the_layout_and_a_mix_is_refused() {
    let all = [
        hex(GETROOT_6),
        hex(GETROOT_5),
        bound(GETROOT_6),
        bound(GETROOT_5),
    ];
    let codes = [6, 5, 262, 261];
    for (first, latched) in all.iter().zip(codes) {
        let mut codec = codec(0, Bound::Follow);
        assert_eq!((codec.variant(), codec.can_send()), (0, false));
        assert_eq!(send(&mut codec, 1, 0, 3, 0), Err(WireError::VariantUnknown));
        assert_eq!(receive(&mut codec, first), Ok(()));
        assert_eq!((codec.variant(), codec.send_variant()), (latched, latched));
        for (next, got) in all.iter().zip(codes) {
            let expected = if got == latched {
                Ok(())
            } else {
                Err(WireError::MixedVariants { latched, got })
            };
            assert_eq!(receive(&mut codec, next), expected);
        }
    }
}

#[test]
fn what_we_send_and_what_we_receive_are_separate() {
    // A client that probes with v6 receives a v5 server's CLOSE: it is decoded, and variant() tells.
    let mut codec = codec(6, Bound::Never);
    assert_eq!(send(&mut codec, 1, 0, 3, 0), Ok(hex(GETROOT_6)));
    assert_eq!(receive(&mut codec, &hex("12 51 50 11 52 11 51 02")), Ok(()));
    assert_eq!((codec.variant(), codec.send_variant()), (5, 6));
    assert_eq!(send(&mut codec, 1, 0, 3, 0), Ok(hex(GETROOT_6)));
    // Told to follow, it does.
    codec.set_variant(0, Bound::Follow);
    assert_eq!(send(&mut codec, 1, 0, 3, 0), Ok(hex(GETROOT_5)));
    // A bound CLOSE to an unbound client is decoded, too, and does not bind it.
    let mut codec = self::codec(6, Bound::Never);
    assert_eq!(
        receive(&mut codec, &bound("01 11 50 11 52 11 51 02")),
        Ok(())
    );
    assert_eq!((codec.variant(), codec.send_variant()), (262, 6));
    // Odd options mean: follow.
    assert!(!self::codec(4, Bound::Always).can_send());
}

#[test]
fn thread_ids_are_sent_always_never_or_as_the_peer_does() {
    let ours = "0000000000000001";
    let request = hex(&format!("{ours} 0000000000000000 {GETROOT_6}"));
    assert_eq!(
        send(&mut codec(6, Bound::Always), 1, 0, 3, 0),
        Ok(request.clone())
    );
    assert_eq!(
        send(&mut codec(6, Bound::Follow), 1, 0, 3, 0),
        Ok(hex(GETROOT_6))
    );
    let mut follower = codec(0, Bound::Follow);
    receive(&mut follower, &bound("01 11 55 11 53 11 51 02")).expect("decodes");
    assert_eq!(follower.pending_threads(), 1);
    // A request nested in the peer's request 5 goes to the thread that waits for it, another to any.
    assert_eq!(send(&mut follower, 1, 0, 3, 0), Ok(request));
    let nested = hex(&format!("{ours} 00007f6cdea42b80 {GETROOT_6}"));
    assert_eq!(send(&mut follower, 1, 0, 3, 6), Ok(nested.clone()));
    assert_eq!(
        send(&mut follower, 1, 0, 3, 7).map(|bytes| bytes[..16].to_vec()),
        Ok(hex(&format!("{ours} 0000000000000000")))
    );
    // So does the reply, once; then the thread waits no longer.
    let reply = hex(&format!("{ours} 00007f6cdea42b80 02 11 55 11 51 02"));
    assert_eq!(send(&mut follower, 2, 5, 0, 0), Ok(reply));
    assert_eq!(follower.pending_threads(), 0);
    assert_eq!(
        send(&mut follower, 3, 5, 0, 0).map(|bytes| bytes[8..16].to_vec()),
        Ok(vec![0; 8])
    );
    // A reply that could not be encoded leaves the thread waiting.
    receive(&mut follower, &bound("01 11 55 11 53 11 51 02")).expect("decodes");
    let mut broken = Tx::default();
    broken.start(2, 5, 0, 0).push(&[99]).end();
    assert!(broken.encode(&mut follower, &Names::new()).is_err());
    assert_eq!(follower.pending_threads(), 1);
}

#[test]
fn all_kinds_are_written_in_both_layouts() {
    for (variant, kind, expected) in [
        (6, 1, "01 11 57 11 54 11 51 02"),
        (5, 1, "12 51 57 11 54 11 51 02"),
        (6, 2, "02 11 57 11 51 02"),
        (5, 2, "12 52 57 11 51 02"),
        (6, 3, "03 11 57 02"),
        (5, 3, "12 53 57 02"),
    ] {
        assert_eq!(
            send(&mut codec(variant, Bound::Never), kind, 7, 4, 0),
            Ok(hex(expected))
        );
    }
}

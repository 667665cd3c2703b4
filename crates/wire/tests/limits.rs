//! What a peer may not do to us: depth, sizes, counts, bombs. Each limit is met from both sides.

mod support;

use rpyc_wire::tape::{self, record};
use rpyc_wire::{
    measure, scan, tape_bound, Codec, Limits, Names, Options, Scan, TapeWriter, WireError, Zlib,
    RECORD_WORDS,
};
use support::{hex, Arena, Tx, Value};

fn options(limits: Limits) -> Options {
    Options {
        variant: 6,
        limits,
        ..Options::default()
    }
}

fn decode(payload: &[u8], limits: Limits) -> Result<Arena, WireError> {
    Arena::decode(payload, &mut Codec::new(options(limits)), &mut Names::new())
}

/// A reply whose value is nested this deep.
fn nested(open: &[u8], core: &[u8], close: &[u8], depth: usize) -> Vec<u8> {
    [
        &hex("02 11 50 11 51")[..],
        &open.repeat(depth),
        core,
        &close.repeat(depth),
    ]
    .concat()
}

#[test]
fn values_nested_400_deep_are_fine_and_401_are_not() {
    // Tuples, frozensets, slices.
    for (open, core, close) in [
        (&b"\x10"[..], &b"\x51"[..], &b""[..]),
        (b"\x1a\x10", b"\x51", b""),
        (b"\x19\x12", b"\x51", b"\0\0"),
    ] {
        let fine = nested(open, core, close, 400);
        assert!(decode(&fine, Limits::default()).is_ok());
        assert!(measure(&fine, &Limits::default()).is_ok());
        let deep = nested(open, core, close, 401);
        assert_eq!(
            decode(&deep, Limits::default()).err(),
            Some(WireError::TooDeep { max: 400 })
        );
    }
    // Boxes of boxes.
    let boxes = |depth| {
        [
            &b"\x02\x11\x50"[..],
            &b"\x11\x52\x10".repeat(depth),
            b"\x11\x51\x51",
        ]
        .concat()
    };
    assert!(decode(&boxes(400), Limits::default()).is_ok());
    assert_eq!(
        decode(&boxes(401), Limits::default()).err(),
        Some(WireError::TooDeep { max: 400 })
    );
}

#[test]
fn a_depth_limit_above_what_the_stack_bears_is_clamped() {
    let limits = Limits {
        max_depth: u32::MAX,
        ..Limits::default()
    };
    // On a stack as small as a thread may have (unoptimised code needs more).
    let stack = if cfg!(debug_assertions) {
        16 << 20
    } else {
        1 << 20
    };
    let run = move || {
        assert!(decode(&nested(b"\x10", b"\x51", b"", 1000), limits).is_ok());
        let deep = decode(&nested(b"\x10", b"\x51", b"", 1001), limits);
        assert_eq!(deep.err(), Some(WireError::TooDeep { max: 1000 }));
    };
    let thread = std::thread::Builder::new().stack_size(stack).spawn(run);
    thread.expect("thread").join().expect("no overflow");
}

#[test]
fn measuring_does_not_recurse_and_ends_at_the_depth_limit() {
    let deep = nested(b"\x10", b"\x51", b"", 1_000_000);
    assert_eq!(
        measure(&deep, &Limits::default()),
        Err(WireError::TooDeep { max: 400 })
    );
}

#[test]
fn a_container_is_never_longer_than_the_bytes_left() {
    let huge = hex("02 11 50 11 51 15 ffffffff 51 51");
    assert_eq!(
        decode(&huge, Limits::default()).err(),
        Some(WireError::ContainerTooLong {
            count: u32::MAX,
            left: 2
        })
    );
    assert!(measure(&huge, &Limits::default()).is_err());
    let boxes = hex("02 11 50 11 52 14 ff 51");
    assert_eq!(
        decode(&boxes, Limits::default()).err(),
        Some(WireError::ContainerTooLong {
            count: 255,
            left: 1
        })
    );
    let text = hex("02 11 50 11 51 08 0f ffffffff 61");
    assert_eq!(
        decode(&text, Limits::default()).err(),
        Some(WireError::Truncated { at: text.len() })
    );
}

#[test]
fn a_frame_is_refused_by_its_announced_length() {
    assert_eq!(scan(b"\0\0\0", 10), Ok(Scan::Need { total: 5 }));
    assert_eq!(scan(b"\0\0\0\x0a\0", 10), Ok(Scan::Need { total: 16 }));
    assert_eq!(
        scan(b"\0\0\0\x0b\0", 10),
        Err(WireError::FrameTooLarge { len: 11, max: 10 })
    );
    assert_eq!(
        scan(b"\0\0\0\0\x07x rest", 10),
        Ok(Scan::Frame {
            payload: 5..5,
            compressed: true,
            total: 6
        })
    );
    assert_eq!(
        scan(b"\0\0\0\x02\0abXY", 2),
        Ok(Scan::Frame {
            payload: 5..7,
            compressed: false,
            total: 8
        })
    );
}

#[test]
fn an_empty_payload_is_ignored() {
    let (mut words, mut names) = ([-1; 8], Names::new());
    let mut tape = TapeWriter::new(&mut words, 8, &mut [], 0);
    assert_eq!(
        Codec::new(Options::default()).decode_message(b"", 0, &mut names, &mut tape, 0),
        Ok(false)
    );
    assert_eq!(words, [-1; 8]);
    assert_eq!(measure(b"", &Limits::default()), Ok((0, 0)));
}

/// zlib of `len` equal bytes: our own encoder makes it.
fn bomb(len: usize) -> Vec<u8> {
    let mut tx = Tx::default();
    tx.start(2, 0, 0, 0)
        .value(&Value::Bytes(vec![b'a'; len]))
        .end();
    let frame = tx
        .encode(&mut Codec::new(options(Limits::default())), &Names::new())
        .expect("encodes");
    assert_eq!(frame[4], 1);
    assert!(frame.len() < len / 50);
    frame[5..frame.len() - 1].to_vec()
}

#[test]
fn a_zlib_bomb_stops_at_the_limit_while_inflating() {
    let len = 8 << 20;
    let (bomb, inflated) = (bomb(len), len + 10);
    let mut zlib = Zlib::new();
    let mut out = b"before".to_vec();
    for max in [0, 1, 4096, 1 << 20, inflated - 1] {
        assert_eq!(
            zlib.inflate(&bomb, max, &mut out),
            Err(WireError::InflatedTooLarge { max: max as u64 })
        );
        assert_eq!(out, b"before");
        assert!(
            out.capacity() <= 2 * (max + 4096 + 6),
            "{} bytes for {max}",
            out.capacity()
        );
    }
    assert_eq!(zlib.inflate(&bomb, inflated, &mut out), Ok(inflated));
    assert_eq!(out.len(), inflated + 6);
    out.clear();
    assert_eq!(zlib.inflate(&bomb, usize::MAX, &mut out), Ok(inflated));

    let mut arena = vec![0; inflated];
    assert_eq!(zlib.inflate_into(&bomb, &mut arena), Ok(Some(inflated)));
    assert_eq!(arena, out);
    assert_eq!(
        zlib.inflate_into(&bomb, &mut arena[..inflated - 1]),
        Ok(None)
    );
    assert_eq!(zlib.inflate_into(&bomb, &mut []), Ok(None));
}

#[test]
fn zlib_is_as_lenient_as_python_and_no_more() {
    // zlib.compress(GETROOT, 9), from the probes.
    let stream = hex("789c63140c100c160c640200 04df012b");
    let mut zlib = Zlib::new();
    let mut out = Vec::new();
    let stream = &stream[..];
    let first = zlib.inflate(stream, 100, &mut out);
    let junk = zlib.inflate(&[stream, b"junk"].concat(), 100, &mut Vec::new());
    assert_eq!(first, junk);
    assert_eq!(out, hex("0111501153115102"));
    for len in 0..stream.len() {
        assert_eq!(
            zlib.inflate(&stream[..len], 100, &mut out),
            Err(WireError::TruncatedZlib),
            "{len}"
        );
        assert_eq!(
            zlib.inflate_into(&stream[..len], &mut [0; 8]),
            Err(WireError::TruncatedZlib),
            "{len}"
        );
    }
    let mut wrong = stream.to_vec();
    *wrong.last_mut().expect("not empty") ^= 1;
    assert_eq!(
        zlib.inflate(&wrong, 100, &mut out),
        Err(WireError::BadZlib),
        "checksum"
    );
    assert_eq!(
        zlib.inflate(&hex("1f8b0800000000000003"), 100, &mut out),
        Err(WireError::BadZlib),
        "gzip"
    );
}

#[test]
fn a_tape_too_small_is_refused_before_anything_changes_and_measure_says_how_much_is_needed() {
    // A reply of (REMOTE, 'abc', 1.0, 12345678).
    let payload = hex("02 11 50 11 52 13 1154 12080a785152 1151 080c616263 1151 183ff0000000000000 1151 16083132333435363738");
    let mut codec = Codec::new(Options::default());
    let mut names = Names::new();
    let (need, floats) = measure(&payload, &Limits::default()).expect("measures");
    for (words, fl) in [
        (0, floats),
        (3, floats),
        (need - 1, floats),
        (need, floats - 1),
    ] {
        let (mut words, mut fl) = (vec![0; RECORD_WORDS + words], vec![0.0; fl]);
        let mut tape = TapeWriter::new(&mut words, RECORD_WORDS, &mut fl, 0);
        let result = codec.decode_message(&payload, 0, &mut names, &mut tape, 0);
        assert_eq!(
            result,
            Err(WireError::TapeFull {
                words: need,
                floats
            })
        );
    }
    assert_eq!(
        (codec.variant(), codec.refs().live(), names.len()),
        (0, 0, 0)
    );
    let (mut words, mut fl) = (vec![0; RECORD_WORDS + need], vec![0.0; floats]);
    let mut tape = TapeWriter::new(&mut words, RECORD_WORDS, &mut fl, 0);
    assert_eq!(
        codec.decode_message(&payload, 0, &mut names, &mut tape, 0),
        Ok(true)
    );
    assert!(tape.at <= RECORD_WORDS + need && tape.fat == floats);
    assert_eq!(words[record::POS], RECORD_WORDS as i32);
    assert_eq!(words[RECORD_WORDS], tape::BOX);
    // Offsets must fit a word, and the record its place.
    let mut tape = TapeWriter::new(&mut words, RECORD_WORDS, &mut fl, 0);
    assert!(matches!(
        codec.decode_message(&payload, i32::MAX as usize, &mut names, &mut tape, 0),
        Err(WireError::TapeFull { .. })
    ));
    let far = tape.words.len() - 7;
    assert!(matches!(
        codec.decode_message(&payload, 0, &mut names, &mut tape, far),
        Err(WireError::TapeFull { .. })
    ));
    assert_eq!(codec.refs().boxes(1), Some(1));
}

#[test]
fn the_bound_of_a_payload_holds_for_the_densest_values() {
    let complexes = b"\x1b\x3f\xf0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0".repeat(200);
    for (count, body) in [
        (200, complexes),
        (200, vec![0x02; 200]),
        (200, b"\x10\x02".repeat(200)),
        (200, b"\x16\x078388608".repeat(200)),
    ] {
        let payload = [&hex("02 11 50 11 51 14")[..], &[count as u8], &body].concat();
        let arena = decode(&payload, Limits::default()).expect("fits the bound");
        let (words, floats) = measure(&payload, &Limits::default()).expect("measures");
        assert!(arena.at <= RECORD_WORDS + words && arena.fat <= floats);
        let (most, most_floats) = tape_bound(payload.len());
        assert!(words <= most && floats <= most_floats);
    }
}

#[test]
fn live_references_classes_and_pending_requests_are_limited() {
    let limits = Limits {
        max_refs: 2,
        max_classes: 3,
        max_pending: 2,
        ..Limits::default()
    };
    let mut codec = Codec::new(options(limits));
    let mut names = Names::new();
    let remote = |class: u8, instance: u8| {
        [
            &hex("02 11 50 11 54 12 080a78")[..],
            &[0x50 + class, 0x50 + instance],
        ]
        .concat()
    };
    let mut receive = |codec: &mut Codec, class, instance| {
        Arena::decode(&remote(class, instance), codec, &mut names).map(drop)
    };
    assert_eq!(receive(&mut codec, 1, 1), Ok(()));
    assert_eq!(receive(&mut codec, 1, 2), Ok(()));
    assert_eq!(receive(&mut codec, 1, 2), Ok(()));
    assert_eq!(
        receive(&mut codec, 1, 3),
        Err(WireError::TooManyRefs { max: 2 })
    );
    let mut del = Tx::default();
    del.start(4, 0, 1, 1).end();
    for class in [2, 3, 4] {
        del.encode(&mut codec, &Names::new()).expect("DEL");
        let expected = if class < 4 {
            Ok(())
        } else {
            Err(WireError::TooManyClasses { max: 3 })
        };
        assert_eq!(receive(&mut codec, class, 9), expected);
    }

    let mut codec = Codec::new(options(limits));
    let request = |seq: u8| {
        [
            &7_u64.to_be_bytes()[..],
            &[0; 8],
            &[1, 0x11, 0x50 + seq],
            &hex("11 53 11 51 02"),
        ]
        .concat()
    };
    for (seq, expected) in [
        (0, Ok(())),
        (1, Ok(())),
        (1, Ok(())),
        (2, Err(WireError::TooManyPending { max: 2 })),
    ] {
        assert_eq!(
            Arena::decode(&request(seq), &mut codec, &mut Names::new()).map(drop),
            expected
        );
    }
    assert_eq!(codec.pending_threads(), 2);
}

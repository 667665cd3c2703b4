//! From tape to frames: our objects, theirs, blobs, compression, limits, and tapes that break the contract.

mod support;

use rpyc_wire::tape::{self, kind, word};
use rpyc_wire::{
    Bound, Codec, Compress, Header, Limits, Names, Options, Outbound, WireError, Zlib,
    COMPRESSION_THRESHOLD,
};
use support::{hex, payload, Arena, Tx, Value};

fn codec(compress: Compress) -> Codec {
    Codec::new(Options {
        variant: 6,
        compress,
        bound: Bound::Never,
        limits: Limits {
            max_frame: 1 << 20,
            ..Limits::default()
        },
    })
}

/// The box of a reply with these words.
fn boxed(codec: &mut Codec, names: &Names, words: &[i32]) -> Result<Vec<u8>, WireError> {
    let mut tx = Tx::default();
    tx.start(kind::REPLY, 0, 0, 0).push(words).end();
    Ok(payload(&tx.encode(codec, names)?)[3..].to_vec())
}

#[test]
fn objects_go_out_by_label() {
    let (mut codec, mut names) = (codec(Compress::Never), Names::new());
    let list = names.intern("builtins.list") as i32;
    let theirs = hex("12 080a78 160331 3630 17 00000003 313630");
    let reply = [&hex("02 11 50 11 54")[..], &theirs].concat();
    let arena = Arena::decode(&reply, &mut codec, &mut names).expect("decodes");
    let rid = arena.words[9];

    let mut encoded = |words: &[i32]| boxed(&mut codec, &names, words).expect("encodes");
    let ours = hex("11 54 12 080e0d 6275696c74696e732e6c697374 53 1603313630");
    assert_eq!(encoded(&[tape::EXPORT, list, 3, 160]), ours);
    assert_eq!(
        encoded(&[tape::REF, rid]),
        [&hex("11 53")[..], &theirs].concat(),
        "as it came, odd form included"
    );
    assert_eq!(encoded(&[tape::RELAY, rid]), reply[3..]);
    assert_eq!(
        encoded(&[tape::IDPACK, rid]),
        [&hex("11 51")[..], &theirs].concat()
    );
    assert_eq!(
        encoded(&[tape::NAME, list]),
        hex("11 51 080e0d 6275696c74696e732e6c697374")
    );
    let mixed = [
        tape::BOX,
        3,
        tape::BOX,
        0,
        tape::TUPLE,
        1,
        tape::TRUE,
        tape::EXPORT,
        list,
        3,
        160,
    ];
    assert_eq!(
        encoded(&mixed),
        [&hex("11 52 12 11 52 02 11 51 10 03")[..], &ours].concat()
    );
}

#[test]
fn a_del_gives_boxes_back_and_frees_the_rid_when_none_is_out() {
    let (mut codec, mut names) = (codec(Compress::Never), Names::new());
    let mut receive = |codec: &mut Codec, instance: u8| {
        let reply = [&hex("02 11 50 11 54 12 080a78 51")[..], &[0x50 + instance]].concat();
        Arena::decode(&reply, codec, &mut names)
            .expect("decodes")
            .words[9]
    };
    let del = |codec: &mut Codec, rid: i32, count: i32| {
        let mut tx = Tx::default();
        tx.start(kind::DEL, 4, rid, count).end();
        tx.encode(codec, &Names::new())
    };
    let rid = receive(&mut codec, 1);
    assert_eq!(receive(&mut codec, 1), rid);
    let other = receive(&mut codec, 2);
    assert_ne!(rid, other);
    assert_eq!(
        (codec.refs().boxes(rid as u32), codec.refs().live()),
        (Some(2), 2)
    );
    // It arrives once more while the DEL of the first two is on the transmit tape.
    assert_eq!(receive(&mut codec, 1), rid);
    let frame = del(&mut codec, rid, 2).expect("encodes");
    assert_eq!(
        payload(&frame),
        hex("01 11 54 11 5f 11 52 11 11 53 12 080a78 51 51 11 51 52")
    );
    assert_eq!(codec.refs().boxes(rid as u32), Some(1));
    assert!(del(&mut codec, rid, 1).is_ok());
    assert_eq!(
        (codec.refs().boxes(rid as u32), codec.refs().live()),
        (None, 1)
    );
    // Now it is free: not to be named, and given to the next.
    assert!(matches!(
        del(&mut codec, rid, 1),
        Err(WireError::BadTape { .. })
    ));
    assert!(boxed(&mut codec, &Names::new(), &[tape::REF, rid]).is_err());
    assert_eq!(receive(&mut codec, 3), rid);
    for (rid, count) in [(rid, 0), (rid, -1), (0, 1), (-1, 1), (99, 1)] {
        assert!(matches!(
            del(&mut codec, rid, count),
            Err(WireError::BadTape { .. })
        ));
    }
    // More given back than received: freed, not below 0.
    assert!(del(&mut codec, rid, i32::MAX).is_ok());
    assert_eq!(codec.refs().live(), 1);
}

#[test]
fn blobs_are_bytes_or_str() {
    let (mut codec, names, mut zlib) = (codec(Compress::Never), Names::new(), Zlib::new());
    let blobs = [vec![1, 2, 3, 4, 5], "h\u{e9}".into(), vec![]];
    for (words, expected) in [
        ([word(tape::BLOB, 0), 0], "0e050102030405"),
        ([word(tape::BLOB, 1), 1], "080c68c3a9"),
        ([word(tape::BLOB, 0), 2], "01"),
        ([word(tape::BLOB, 1), 2], "0801"),
    ] {
        let words = [&[0, kind::REPLY, 0, 0, 0, 0, 9][..], &words].concat();
        let tape = Outbound {
            words: &words,
            floats: &[],
            bytes: &[],
            blobs: &blobs,
        };
        let mut out = Vec::new();
        assert_eq!(
            codec.encode_message(&tape, 0, &names, &mut zlib, &mut out),
            Ok(9)
        );
        assert_eq!(payload(&out)[5..], hex(expected));
    }
    assert!(matches!(
        boxed(&mut codec, &names, &[tape::BLOB, 0]),
        Err(WireError::BadTape { .. })
    ));
}

/// The frame's flag and size for a payload of this many bytes.
fn compressed(mode: Compress, body: Vec<u8>) -> (bool, usize) {
    let mut tx = Tx::default();
    tx.start(kind::REPLY, 0, 0, 0)
        .value(&Value::Bytes(body.clone()))
        .end();
    let mut codec = codec(mode);
    let frame = tx.encode(&mut codec, &Names::new()).expect("encodes");
    let (mut zlib, mut out) = (Zlib::new(), Vec::new());
    let content = &frame[5..frame.len() - 1];
    if frame[4] != 0 {
        zlib.inflate(content, 1 << 20, &mut out).expect("inflates");
    } else {
        out.extend_from_slice(content);
    }
    let arena = Arena::decode(&out, &mut codec, &mut Names::new()).expect("decodes");
    let message = arena.message(&out, &codec, &Names::new());
    assert_eq!(
        message.content,
        support::Content::Reply(support::Boxed::Value(Value::Bytes(body)))
    );
    (frame[4] != 0, frame.len())
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn payloads_over_3000_bytes_are_compressed_when_asked_and_when_they_shrink() {
    // 5 bytes of message and box, 5 of the head of bytes.
    let at = COMPRESSION_THRESHOLD - 10;
    for mode in [Compress::Large, Compress::Probe] {
        assert_eq!(compressed(mode, vec![b'a'; at]), (false, 3006));
        assert!(compressed(mode, vec![b'a'; at + 1]).0);
        assert_eq!(compressed(mode, noise(5000)), (false, 5016));
        assert!(compressed(mode, vec![b'a'; 500_000]).1 < 5000);
    }
    assert!(!compressed(Compress::Never, vec![b'a'; 5000]).0);
    // A probe looks at the middle only.
    let mut sandwich = vec![b'a'; 9000];
    sandwich[3000..6000].copy_from_slice(&noise(3000));
    assert!(compressed(Compress::Large, sandwich.clone()).0);
    assert!(!compressed(Compress::Probe, sandwich).0);
}

#[test]
fn a_message_over_max_frame_is_refused_and_leaves_no_trace() {
    let mut codec = codec(Compress::Large);
    let names = Names::new();
    let (mut zlib, mut out) = (Zlib::new(), b"earlier".to_vec());
    let max = 1 << 20;
    let mut fits = Tx::default();
    fits.start(kind::REPLY, 0, 0, 0)
        .value(&Value::Bytes(vec![0; max - 10]))
        .end();
    assert!(fits.encode(&mut codec, &names).is_ok());
    for body in [max - 9, 2 * max] {
        let mut tx = Tx::default();
        tx.start(kind::REPLY, 0, 0, 0)
            .value(&Value::Bytes(vec![0; body]))
            .end();
        let result = codec.encode_message(&tx.outbound(), 0, &names, &mut zlib, &mut out);
        assert!(
            matches!(result, Err(WireError::MessageTooLarge { len, max: 0x100000 }) if len as usize > max),
            "{result:?}"
        );
        assert_eq!(out, b"earlier");
    }
    // Many small values add up, too.
    let mut tx = Tx::default();
    tx.start(kind::REPLY, 0, 0, 0)
        .push(&[tape::TUPLE, max as i32])
        .push(&vec![tape::NONE; max])
        .end();
    let result = tx.encode(&mut codec, &names);
    assert_eq!(
        result,
        Err(WireError::MessageTooLarge {
            len: max as u64 + 10,
            max: max as u64
        })
    );
    assert_eq!(
        result.unwrap_err().to_string(),
        "message of 1048586 bytes exceeds maxFrame 1 MiB"
    );
    assert_eq!(codec.messages(), (0, 1));
}

#[test]
fn ints_that_python_would_refuse_are_refused() {
    let names = Names::new();
    let encode = |text: &str| {
        let mut tx = Tx::default();
        tx.start(kind::REPLY, 0, 0, 0)
            .push(&[tape::BIGINT, 0, text.len() as i32])
            .end();
        tx.bytes = text.into();
        tx.encode(&mut codec(Compress::Never), &names)
            .map(|frame| payload(&frame)[5..].to_vec())
    };
    assert_eq!(
        encode(&"9".repeat(4301)),
        Err(WireError::SendIntTooLong { digits: 4301 })
    );
    assert_eq!(
        encode(&format!("-{}", "9".repeat(4300))).map(|bytes| bytes.len()),
        Ok(5 + 4301)
    );
    for bad in ["", "-", "1x", "+1", "1.0"] {
        assert!(
            matches!(encode(bad), Err(WireError::BadTape { .. })),
            "{bad}"
        );
    }
    // Python's own text of it.
    assert_eq!(encode("007"), Ok(hex("57")));
    assert_eq!(encode("-0"), Ok(hex("50")));
    assert_eq!(
        encode("-000000000000000000000000160"),
        Ok(hex("16042d313630"))
    );
}

#[test]
fn broken_tapes_are_errors_and_leave_no_trace() {
    let (mut codec, names) = (codec(Compress::Never), Names::new());
    let values: &[&[i32]] = &[
        &[],
        &[26],
        &[-1],
        &[tape::TUPLE],
        &[tape::TUPLE, 2, tape::NONE],
        &[tape::TUPLE, -1],
        &[tape::TUPLE, i32::MAX],
        &[tape::BOX, 1],
        &[tape::BOX, i32::MIN],
        &[tape::SLICE, tape::NONE, tape::NONE],
        &[tape::STR, 0, 1],
        &[tape::STR, -1, 0],
        &[tape::STR, i32::MAX, i32::MAX],
        &[tape::BYTES, 0, -1],
        &[tape::BIGINT, 0],
        &[tape::FLOAT],
        &[tape::FLOAT, 0],
        &[tape::INT53, -1],
        &[tape::COMPLEX, 0],
        &[tape::NAME, 0],
        &[tape::NAME, -1],
        &[tape::EXPORT, 1, 1],
        &[tape::EXPORT, 1, 1, 1],
        &[tape::REF, 1],
        &[tape::RELAY, 0],
        &[tape::IDPACK, -1],
        &[tape::BLOB, 0],
        &[tape::REMOTE, 1, 0],
        &[tape::LOCAL, 1],
        &[tape::TUPLE, 1, tape::BOX, 0],
        &[tape::TUPLE, 1, tape::EXPORT, 1, 1, 1],
        &[tape::NONE, tape::NONE],
    ];
    for words in values {
        let result = boxed(&mut codec, &names, words);
        assert!(
            matches!(result, Err(WireError::BadTape { .. })),
            "{words:?}: {result:?}"
        );
    }
    let deep = [tape::TUPLE, 1].repeat(100_000);
    assert!(boxed(&mut codec, &names, &[&deep[..], &[tape::NONE]].concat()).is_err());
    let mut tx = Tx::default();
    tx.start(kind::REPLY, 0, 0, 0).push(&[tape::INT53, 0]).end();
    for float in [0.5, f64::NAN, f64::INFINITY, 9007199254740992.0] {
        tx.floats = vec![float];
        assert!(matches!(
            tx.encode(&mut codec, &names),
            Err(WireError::BadTape { .. })
        ));
    }
    assert_eq!(codec.messages(), (0, 0));
}

#[test]
fn broken_headers_are_errors() {
    let fine = [0, kind::REQUEST, 0, 0, 3, 0, 9, tape::TUPLE, 0];
    assert_eq!(
        Header::read(&fine, 0),
        Ok(Header {
            handle: 0,
            kind: 1,
            seq: 0,
            a: 3,
            b: 0,
            words: 9
        })
    );
    let with = |at: usize, word: i32| {
        let mut words = fine;
        words[at] = word;
        let tape = Outbound {
            words: &words,
            floats: &[],
            bytes: &[],
            blobs: &(),
        };
        codec(Compress::Never).encode_message(
            &tape,
            0,
            &Names::new(),
            &mut Zlib::new(),
            &mut Vec::new(),
        )
    };
    assert_eq!(with(0, 5), Ok(9));
    assert_eq!(with(3, 0x1f_ffff), Ok(9));
    for (at, word) in [
        (1, 0),
        (1, 5),
        (1, -1),
        (3, 1 << 21),
        (3, -1),
        (6, 0),
        (6, 6),
        (6, 7),
        (6, 8),
        (6, 10),
        (6, -9),
        (7, tape::NONE),
    ] {
        assert!(
            matches!(with(at, word), Err(WireError::BadTape { .. })),
            "{word} at {at}"
        );
    }
    assert!(Header::read(&fine, 3).is_err());
    assert!(Header::read(&fine, 100).is_err());
    assert!(Header::read(&[], 0).is_err());
}

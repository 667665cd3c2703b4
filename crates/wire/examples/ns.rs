//! Nanoseconds per message: one CALLATTR(obj, "add", (5, 10), ()) decoded to tape, the same encoded, a reply each way, and
//! a reference from a Python peer. `cargo run --release -p rpyc-wire --example ns`. A first look; bench/ holds the real ones.

use rpyc_wire::tape::{self, kind, word};
use rpyc_wire::{
    scan, Bound, Codec, Compress, Names, Options, Outbound, Scan, TapeWriter, Zlib, RECORD_WORDS,
};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 1000;
const ROUNDS: usize = 300;

fn measure(what: &str, len: usize, mut batch: impl FnMut()) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            batch();
            start.elapsed().as_nanos() as f64 / BATCH as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{what:44} {len:4} bytes  p50 {:6.1} ns  p99 {:6.1} ns",
        times[ROUNDS / 2],
        times[ROUNDS * 99 / 100]
    );
}

fn codec() -> Codec {
    Codec::new(Options {
        variant: 6,
        bound: Bound::Follow,
        compress: Compress::Large,
        ..Options::default()
    })
}

/// Frames of one kind, received again and again.
fn decode(what: &str, payload: &[u8]) {
    let frame = [
        &(payload.len() as u32).to_be_bytes()[..],
        &[0],
        payload,
        b"\n",
    ]
    .concat();
    let stream = frame.repeat(BATCH);
    let (mut codec, mut names) = (codec(), Names::new());
    let mut words = vec![0; BATCH * (RECORD_WORDS + 2 * frame.len())];
    let mut floats = vec![0.0; BATCH * frame.len()];
    measure(what, frame.len(), || {
        let mut tape = TapeWriter::new(&mut words, BATCH * RECORD_WORDS, &mut floats, 0);
        let (mut at, mut record) = (0, 0);
        while at < stream.len() {
            let Ok(Scan::Frame { payload, total, .. }) = scan(&stream[at..], 1 << 20) else {
                panic!("no frame")
            };
            let base = at + payload.start;
            let payload = &stream[base..at + payload.end];
            assert_eq!(
                codec.decode_message(payload, base, &mut names, &mut tape, record),
                Ok(true)
            );
            record += RECORD_WORDS;
            at += total;
        }
        black_box(&tape);
    });
}

fn encode(what: &str, codec: &mut Codec, names: &Names, message: &[i32], bytes: &[u8]) {
    let words = message.repeat(BATCH);
    let (mut out, mut zlib) = (Vec::with_capacity(1 << 20), Zlib::new());
    let tape = Outbound {
        words: &words,
        floats: &[],
        bytes,
        blobs: &(),
    };
    let mut len = 0;
    measure(what, 0, || {
        out.clear();
        let mut at = 0;
        while at < words.len() {
            at = codec
                .encode_message(&tape, at, names, &mut zlib, &mut out)
                .expect("encodes");
        }
        len = out.len() / BATCH;
    });
    println!("{:44} {len:4} bytes", "");
}

fn id_pack(name: &str, ids: [&str; 2]) -> Vec<u8> {
    let int = |text: &str| [&[0x16, text.len() as u8], text.as_bytes()].concat();
    [
        &[0x12, 0x08, 0x0e, name.len() as u8],
        name.as_bytes(),
        &int(ids[0]),
        &int(ids[1]),
    ]
    .concat()
}

fn main() {
    let seq = b"\x16\x0512345";
    let tail = b"\x11\x51\x08\x0cadd\x11\x51\x11\x55\x5a\x11\x51\x02";
    let request = |pack: &[u8]| {
        [
            &[1, 0x11][..],
            seq,
            &[0x11, 0x58, 0x11, 0x52, 0x13, 0x11, 0x53],
            pack,
            tail,
        ]
        .concat()
    };
    let ours = id_pack("js.CalculatorService", ["160", "1061"]);
    let theirs = id_pack("services.CapService", ["94649057380608", "140478093153440"]);

    decode("decode CALLATTR of our object", &request(&ours));
    decode("decode CALLATTR, ids of Python", &request(&theirs));
    decode(
        "decode reply int",
        &[&[2, 0x11][..], seq, &[0x11, 0x51, 0x5f]].concat(),
    );
    decode(
        "decode reply reference, known",
        &[&[2, 0x11][..], seq, &[0x11, 0x54], &theirs].concat(),
    );

    let (mut codec, mut names) = (codec(), Names::new());
    let (mut words, mut floats) = ([0; 256], [0.0; 32]);
    let mut tape = TapeWriter::new(&mut words, RECORD_WORDS, &mut floats, 0);
    let root = [&[2, 0x11, 0x50, 0x11, 0x54][..], &theirs].concat();
    assert_eq!(
        codec.decode_message(&root, 0, &mut names, &mut tape, 0),
        Ok(true)
    );
    let rid = words[RECORD_WORDS + 1];
    let add = names.intern("add") as i32;
    let int = |value| word(tape::INT, value);
    let mut call = vec![
        0,
        kind::REQUEST,
        12345,
        0,
        8,
        0,
        0,
        tape::BOX,
        4,
        tape::REF,
        rid,
        tape::NAME,
        add,
        tape::TUPLE,
        2,
        int(5),
        int(10),
        tape::TUPLE,
        0,
    ];
    call[6] = call.len() as i32;
    encode("encode CALLATTR", &mut codec, &names, &call, b"");
    encode(
        "encode reply int",
        &mut codec,
        &names,
        &[0, kind::REPLY, 12345, 0, 0, 0, 8, int(15)],
        b"",
    );
    encode(
        "encode reply str",
        &mut codec,
        &names,
        &[
            0,
            kind::REPLY,
            12345,
            0,
            0,
            0,
            10,
            word(tape::STR, 1),
            0,
            11,
        ],
        b"hello world",
    );
    let list = names.intern("builtins.list") as i32;
    encode(
        "encode reply of our object",
        &mut codec,
        &names,
        &[
            0,
            kind::REPLY,
            12345,
            0,
            0,
            0,
            11,
            tape::EXPORT,
            list,
            160,
            1061,
        ],
        b"",
    );
}

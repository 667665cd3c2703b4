//! A transmit tape of any words: an error that leaves no trace, or a frame that decodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire::{Codec, Compress, Names, Options, Outbound, Zlib};
use rpyc_wire_fuzz::support::Arena;

fuzz_target!(|input: &[u8]| {
    let Some((variant, input)) = input.split_first() else {
        return;
    };
    let mut words: Vec<i32> = input
        .chunks_exact(2)
        .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    if words.len() >= 7 {
        words[6] = words.len() as i32;
    }
    let mut names = Names::new();
    names.intern("builtins.list");
    let mut codec = Codec::new(Options {
        variant: 5 + u16::from(variant & 1),
        compress: Compress::Never,
        ..Options::default()
    });
    let known = b"\x02\x11\x50\x11\x54\x12\x08\x0ax\x51\x52";
    let known = if variant & 1 == 1 {
        known.to_vec()
    } else {
        [b"\x12\x52", &known[2..]].concat()
    };
    Arena::decode(&known, &mut codec, &mut names).expect("decodes");
    let tape = Outbound {
        words: &words,
        floats: &[1.0, -0.0, 1e300],
        bytes: b"0123456789abc",
        blobs: &[b"blob"],
    };
    let mut out = b"kept".to_vec();
    match codec.encode_message(&tape, 0, &names, &mut Zlib::new(), &mut out) {
        Ok(end) => {
            assert_eq!(end, words.len());
            let payload = &out[9..out.len() - 1];
            let mut reader = Codec::new(Options::default());
            let arena = Arena::decode(payload, &mut reader, &mut names)
                .expect("what was encoded can be decoded");
            arena.message(payload, &reader, &names);
        }
        Err(error) => {
            assert!(error.is_local(), "{error}");
            assert_eq!(out, b"kept");
        }
    }
});

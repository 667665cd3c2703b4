//! A stream of frames, as a connection receives it: scan, inflate, decode, walk the tape.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire::{scan, Codec, Names, Options, Scan, Zlib};
use rpyc_wire_fuzz::support::Arena;

fuzz_target!(|stream: &[u8]| {
    let (mut codec, mut names, mut zlib) =
        (Codec::new(Options::default()), Names::new(), Zlib::new());
    let mut at = 0;
    while let Ok(Scan::Frame {
        payload,
        compressed,
        total,
    }) = scan(&stream[at..], 1 << 16)
    {
        let mut content = stream[at..][payload].to_vec();
        at += total;
        if compressed {
            let mut inflated = Vec::new();
            if zlib.inflate(&content, 1 << 18, &mut inflated).is_err() {
                return;
            }
            content = inflated;
        }
        if content.is_empty() {
            continue;
        }
        match Arena::decode_at(&content, 9, &mut codec, &mut names) {
            Ok(arena) => drop(arena.message(&content, &codec, &names)),
            Err(_) => return,
        }
    }
});

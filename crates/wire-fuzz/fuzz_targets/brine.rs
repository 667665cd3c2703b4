//! One plain value: decoded, walked, encoded, decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire::{decode_value, encode_value, Codec, Limits, Names, Options, Outbound, TapeWriter};
use rpyc_wire_fuzz::support::{Arena, Reader, Value};

/// The value at the start of the bytes, as data and said again.
fn read(bytes: &[u8]) -> Option<(Value, Vec<u8>)> {
    let (codec, names) = (Codec::new(Options::default()), Names::new());
    let mut arena = Arena::new(bytes.len(), 0);
    let mut writer = TapeWriter::new(&mut arena.words, 0, &mut arena.floats, 0);
    let used = decode_value(bytes, 0, &Limits::default(), &mut writer).ok()?;
    assert!(used <= bytes.len());
    (arena.at, arena.fat) = (writer.at, writer.fat);
    let mut reader = Reader {
        arena: &arena,
        payload: bytes,
        codec: &codec,
        names: &names,
        at: 0,
    };
    let value = reader.value();
    assert_eq!(reader.at, arena.at);
    let tape = Outbound {
        words: &arena.words[..arena.at],
        floats: &arena.floats,
        bytes,
        blobs: &(),
    };
    let mut again = Vec::new();
    encode_value(&tape, 0, &names, &mut again).expect("what was decoded can be encoded");
    Some((value, again))
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((_, canonical)) = read(bytes) {
        let (value, again) = read(&canonical).expect("what was encoded can be decoded");
        assert_eq!(again, canonical);
        assert_eq!(read(&again).map(|(value, _)| value), Some(value));
    }
});

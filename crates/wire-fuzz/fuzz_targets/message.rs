//! One payload: decoded, measured, walked; then said again by a relay and decoded to the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire::{measure, Bound, Codec, Compress, Names, Options, Outbound, Zlib, RECORD_WORDS};
use rpyc_wire_fuzz::support::{relay, Arena, Boxed, Content};

/// Is there something else than an id_pack under label 3? A receiver takes it for an unknown object; no relay can say it again.
fn has_unknown(content: &Content) -> bool {
    fn inside(boxed: &Boxed) -> bool {
        match boxed {
            Boxed::Tuple(items) => items.iter().any(inside),
            Boxed::Ours(..) => true,
            _ => false,
        }
    }
    match content {
        Content::Request(_, boxed) | Content::Reply(boxed) => inside(boxed),
        Content::Exception(_) => false,
    }
}

fuzz_target!(|payload: &[u8]| {
    if payload.is_empty() {
        return;
    }
    let mut names = Names::new();
    let mut owner = Codec::new(Options::default());
    if let Ok(arena) = Arena::decode(payload, &mut owner, &mut names) {
        arena.message(payload, &owner, &names);
    }
    let mut codec = Codec::new(Options {
        compress: Compress::Never,
        ..Options::default()
    });
    codec.keep_local_packs(true);
    let Ok(arena) = Arena::decode(payload, &mut codec, &mut names) else {
        return;
    };
    let (words, floats) = measure(payload, codec.limits()).expect("what decodes can be measured");
    assert!(arena.at <= RECORD_WORDS + words && arena.fat <= floats);
    let message = arena.message(payload, &codec, &names);
    if has_unknown(&message.content) {
        return;
    }

    let words = relay(&arena);
    codec.set_variant(codec.variant() & 255, Bound::Never);
    let tape = Outbound {
        words: &words,
        floats: &arena.floats,
        bytes: payload,
        blobs: &(),
    };
    let mut frame = Vec::new();
    codec
        .encode_message(&tape, 0, &names, &mut Zlib::new(), &mut frame)
        .expect("what was decoded can be encoded");
    let again = &frame[5..frame.len() - 1];
    let mut reader = Codec::new(Options {
        compress: Compress::Never,
        ..Options::default()
    });
    reader.keep_local_packs(true);
    let arena =
        Arena::decode(again, &mut reader, &mut names).expect("what was encoded can be decoded");
    // Text of ints becomes canonical the first time, so the second and third are compared.
    let second = arena.message(again, &reader, &names);
    let words = relay(&arena);
    let tape = Outbound {
        words: &words,
        floats: &arena.floats,
        bytes: again,
        blobs: &(),
    };
    let mut third = Vec::new();
    reader
        .encode_message(&tape, 0, &names, &mut Zlib::new(), &mut third)
        .expect("encodes");
    if reader.variant() == codec.send_variant() {
        assert_eq!(third, frame);
    }
    assert_eq!(second.seq, message.seq);
});

//! Whatever can be said is understood as it was meant: random values, boxes and messages in every layout.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use rpyc_wire::{scan, Bound, Codec, Compress, Names, Options, Scan, Zlib};
use support::{Arena, Boxed, Content, Message, Tx, Value};

fn value() -> impl Strategy<Value = Value> {
    let int = prop_oneof![
        any::<i8>().prop_map(|int| int.to_string()),
        any::<i32>().prop_map(|int| int.to_string()),
        any::<i64>().prop_map(|int| int.to_string()),
        any::<i128>().prop_map(|int| int.to_string()),
        (-9007199254740999_i64..-9007199254740985).prop_map(|int| int.to_string()),
        "-?[1-9][0-9]{250,260}",
    ];
    let leaf = prop_oneof![
        Just(Value::None),
        Just(Value::True),
        Just(Value::False),
        Just(Value::Ellipsis),
        Just(Value::NotImplemented),
        int.prop_map(Value::Int),
        any::<u64>().prop_map(Value::Float),
        any::<(u64, u64)>().prop_map(|(real, imaginary)| Value::Complex(real, imaginary)),
        ".{0,6}".prop_map(Value::Str),
        "[a-z]{250,260}".prop_map(Value::Str),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        vec(any::<u8>(), 253..258).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::Tuple),
            vec(inner.clone(), 0..4).prop_map(Value::Frozenset),
            vec(inner, 3).prop_map(Value::Slice),
        ]
    })
}

/// A box of our own: by value, or one of our objects.
fn boxed() -> impl Strategy<Value = Boxed> {
    let export = ("[a-z.]{1,40}", 1..i32::MAX, 0..i32::MAX);
    let leaf = prop_oneof![
        value().prop_map(Boxed::Value),
        export.prop_map(|(name, class, instance)| Boxed::Remote([
            name,
            class.to_string(),
            instance.to_string()
        ])),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| vec(inner, 0..6).prop_map(Boxed::Tuple))
}

fn message() -> impl Strategy<Value = Message> {
    let args = prop_oneof![
        vec(boxed(), 0..5).prop_map(Boxed::Tuple),
        vec(value(), 0..5).prop_map(|items| Boxed::Value(Value::Tuple(items))),
    ];
    let content = prop_oneof![
        (any::<i32>(), args).prop_map(|(handler, args)| Content::Request(handler, args)),
        boxed().prop_map(Content::Reply),
        value().prop_map(Content::Exception),
    ];
    let seq = prop_oneof![0..1000_u64, 0..1_u64 << 53];
    (seq, content).prop_map(|(seq, content)| Message { seq, content })
}

fn write_boxed(tx: &mut Tx, names: &mut Names, boxed: &Boxed) {
    use rpyc_wire::tape::{BOX, EXPORT};
    match boxed {
        Boxed::Value(value) => {
            tx.value(value);
        }
        Boxed::Tuple(items) => {
            tx.push(&[BOX, items.len() as i32]);
            items.iter().for_each(|item| write_boxed(tx, names, item));
        }
        Boxed::Remote([name, class, instance]) => {
            let number = |text: &String| text.parse().expect("i32");
            tx.push(&[
                EXPORT,
                names.intern(name) as i32,
                number(class),
                number(instance),
            ]);
        }
        other => panic!("{other:?}"),
    }
}

fn write_message(tx: &mut Tx, names: &mut Names, message: &Message) {
    match &message.content {
        Content::Request(handler, args) => {
            tx.start(1, message.seq, *handler, 0);
            write_boxed(tx, names, args);
        }
        Content::Reply(boxed) => {
            tx.start(2, message.seq, 0, 0);
            write_boxed(tx, names, boxed);
        }
        Content::Exception(value) => {
            tx.start(3, message.seq, 0, 0).value(value);
        }
    }
    tx.end();
}

/// A value that Python's brine has in one canonical form only where its text is canonical: what will arrive.
fn receive(frames: &[u8], receiver: &mut Codec, names: &mut Names) -> Vec<Message> {
    let (mut at, mut messages, mut zlib) = (0, Vec::new(), Zlib::new());
    while at < frames.len() {
        let Ok(Scan::Frame {
            payload,
            compressed,
            total,
        }) = scan(&frames[at..], 1 << 20)
        else {
            panic!("no frame at {at}")
        };
        let mut content = frames[at..][payload].to_vec();
        if compressed {
            let mut inflated = Vec::new();
            zlib.inflate(&content, 1 << 20, &mut inflated)
                .expect("inflates");
            content = inflated;
        }
        let arena = Arena::decode_at(&content, 77, receiver, names).expect("decodes");
        messages.push(arena.message(&content, receiver, names));
        at += total;
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 64 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn messages_arrive_as_they_were_meant_in_every_layout(messages in vec(message(), 1..4), six: bool, bound: bool, compress: bool) {
        let options = Options {
            variant: if six { 6 } else { 5 },
            bound: if bound { Bound::Always } else { Bound::Never },
            compress: if compress { Compress::Large } else { Compress::Never },
            ..Options::default()
        };
        let (mut sender, mut receiver) = (Codec::new(options), Codec::new(Options::default()));
        let (mut ours, mut theirs) = (Names::new(), Names::new());
        let mut tx = Tx::default();
        messages.iter().for_each(|message| write_message(&mut tx, &mut ours, message));
        let frames = tx.encode(&mut sender, &ours).expect("encodes");
        prop_assert_eq!(receive(&frames, &mut receiver, &mut theirs), messages);
        prop_assert_eq!(receiver.variant(), sender.send_variant());
    }

    #[test]
    fn any_bytes_are_an_error_or_a_message(mut payload in vec(any::<u8>(), 0..200), start in 0..4) {
        // Mostly something that gets past the first bytes.
        let heads: [&[u8]; 4] = [b"", b"\x02\x11\x50\x11\x51", b"\x01\x11\x50\x11\x54\x11\x52", b"\x12\x53\x50"];
        payload.splice(0..0, heads[start as usize].iter().copied());
        if !payload.is_empty() {
            let (mut codec, mut names) = (Codec::new(Options::default()), Names::new());
            if let Ok(arena) = Arena::decode_at(&payload, 5, &mut codec, &mut names) {
                arena.message(&payload, &codec, &names);
            }
        }
    }

    #[test]
    fn any_words_are_an_error_or_well_formed(words in vec(prop_oneof![0..26_i32, -2..4_i32, any::<i32>()], 0..40), request: bool) {
        let mut tx = Tx::default();
        tx.floats = vec![1.5, 7.0, -0.0];
        tx.bytes = b"123abc".to_vec();
        tx.start(if request { 1 } else { 2 }, 9, 7, 0).push(&words).end();
        let (mut names, options) = (Names::new(), Options { variant: 6, ..Options::default() });
        names.intern("x");
        if let Ok(frame) = tx.encode(&mut Codec::new(options), &names) {
            prop_assert_eq!(receive(&frame, &mut Codec::new(options), &mut names).len(), 1);
        }
    }
}

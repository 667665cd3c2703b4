//! Every captured value, frame and datagram is understood, and said again byte for byte.

mod support;

use rpyc_wire::{
    decode_value, encode_value, frame, scan, tape_bound, Bound, Codec, Limits, Names, Options,
    Outbound, Scan, TapeWriter, Zlib, OUR_THREAD,
};
use std::collections::{BTreeMap, HashMap};
use support::fixtures::{self, bytes, list, text, Connection};
use support::{relay, Arena, Reader, Tx, Value};

fn options(version: u16, bound: bool) -> Options {
    Options {
        variant: version,
        bound: if bound { Bound::Always } else { Bound::Never },
        ..Options::default()
    }
}

/// Decodes a plain value, compares, and encodes it again: from the same tape, and from one written afresh.
fn check_value(encoded: &[u8], expected: &Value, name: &str) {
    let names = Names::new();
    let mut arena = Arena::new(encoded.len(), 0);
    let mut writer = TapeWriter::new(&mut arena.words, 0, &mut arena.floats, 0);
    assert_eq!(
        decode_value(encoded, 0, &Limits::default(), &mut writer),
        Ok(encoded.len()),
        "{name}"
    );
    (arena.at, arena.fat) = (writer.at, writer.fat);
    let (words, floats) = tape_bound(encoded.len());
    assert!(arena.at <= words && arena.fat <= floats, "{name}");
    let codec = Codec::new(Options::default());
    let mut reader = Reader {
        arena: &arena,
        payload: encoded,
        codec: &codec,
        names: &names,
        at: 0,
    };
    assert_eq!(reader.value(), *expected, "{name}");
    assert_eq!(reader.at, arena.at);

    let same = Outbound {
        words: &arena.words[..arena.at],
        floats: &arena.floats,
        bytes: encoded,
        blobs: &(),
    };
    let mut again = Vec::new();
    assert_eq!(
        encode_value(&same, 0, &names, &mut again),
        Ok(arena.at),
        "{name}"
    );
    assert_eq!(again, encoded, "{name}");

    let mut tx = Tx::default();
    tx.value(expected);
    again.clear();
    assert_eq!(
        encode_value(&tx.outbound(), 0, &names, &mut again),
        Ok(tx.words.len()),
        "{name}"
    );
    assert_eq!(again, encoded, "{name}");
}

#[test]
fn every_value_is_decoded_and_encoded_byte_for_byte() {
    let document = fixtures::load();
    let values = list(&document["values"]);
    for form in values {
        check_value(
            &bytes(&form["hex"]),
            &fixtures::value(&form["value"]),
            &text(&form["name"]),
        );
    }
    assert_eq!(values.len(), 213);
}

#[test]
fn every_registry_datagram_is_decoded_and_encoded_byte_for_byte() {
    let document = fixtures::load();
    let datagrams = list(&document["registry"]);
    for form in datagrams {
        check_value(
            &bytes(&form["hex"]),
            &fixtures::value(&form["value"]),
            &text(&form["name"]),
        );
    }
    assert_eq!(datagrams.len(), 76);
}

/// The payload of the one frame in `bytes`.
fn unframe(bytes: &[u8], zlib: &mut Zlib, name: &str) -> (Vec<u8>, bool) {
    match scan(bytes, 1 << 20) {
        Ok(Scan::Frame {
            payload,
            compressed: false,
            total,
        }) if total == bytes.len() => (bytes[payload].to_vec(), false),
        Ok(Scan::Frame {
            payload,
            compressed: true,
            total,
        }) if total == bytes.len() => {
            let mut inflated = Vec::new();
            zlib.inflate(&bytes[payload], 1 << 20, &mut inflated)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            (inflated, true)
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_frame_is_decoded_and_encoded_byte_for_byte() {
    let document = fixtures::load();
    let mut exceptions: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut frames, mut bytes_of_large_packs) = (0, 0);
    let mut names = Names::new();
    let mut zlib = Zlib::new();
    for connection in fixtures::connections(&document) {
        // Each direction has an observer that is owner of neither side's objects, so that all id_packs stay verbatim.
        let mut observers = [(); 2].map(|()| {
            let mut codec = Codec::new(options(connection.version, connection.bound));
            codec.keep_local_packs(true);
            codec
        });
        for frame in &connection.frames {
            frames += 1;
            let name = &frame.name;
            let codec = &mut observers[usize::from(frame.from_client)];
            let (payload, compressed) = unframe(&frame.bytes, &mut zlib, name);
            assert_eq!(
                (&payload, compressed),
                (&frame.payload, frame.compressed),
                "{name}"
            );

            let arena = Arena::decode(&payload, codec, &mut names)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                codec.variant(),
                connection.version + if connection.bound { 256 } else { 0 }
            );
            assert_eq!(
                arena.message(&payload, codec, &names),
                frame.message,
                "{name}"
            );
            bytes_of_large_packs += usize::from(arena.words.contains(&rpyc_wire::tape::REF));

            let words = relay(&arena);
            let tape = Outbound {
                words: &words,
                floats: &arena.floats,
                bytes: &payload,
                blobs: &(),
            };
            let mut again = Vec::new();
            assert_eq!(
                codec.encode_message(&tape, 0, &names, &mut zlib, &mut again),
                Ok(words.len()),
                "{name}"
            );
            // Whether another deflater happens to find the same bytes is not our business.
            if again == frame.bytes && !compressed {
                continue;
            }
            let (mut again_payload, again_compressed) = unframe(&again, &mut zlib, name);
            if connection.bound {
                // Checked as a whole by `thread_ids_...` below; here the prefix is copied.
                *exceptions
                    .entry("bound: sender is our constant, recipient needs both directions")
                    .or_default() += 1;
                again_payload[..16].copy_from_slice(&payload[..16]);
            }
            assert_eq!(again_payload, payload, "{name}");
            if compressed && again_compressed {
                *exceptions
                    .entry("compressed: another deflater, same content")
                    .or_default() += 1;
            } else if compressed {
                assert!(
                    frame.bytes.len() > payload.len() + frame::OVERHEAD,
                    "{name}"
                );
                *exceptions
                    .entry("compressed by RPyC although it grew: sent as it is")
                    .or_default() += 1;
            } else {
                assert!(!again_compressed && connection.bound, "{name}");
            }
        }
    }
    assert_eq!(frames, 6365);
    assert!(bytes_of_large_packs > 1000);
    let expected = BTreeMap::from([
        (
            "bound: sender is our constant, recipient needs both directions",
            1458,
        ),
        ("compressed: another deflater, same content", 26),
        ("compressed by RPyC although it grew: sent as it is", 1),
    ]);
    assert_eq!(exceptions, expected);
}

/// Plays both roles: each decodes what the other said, and its next message must carry the recipient that Python chose.
#[test]
fn thread_ids_of_bound_connections_address_the_threads_that_python_addressed() {
    let document = fixtures::load();
    let (mut checked, mut unexplained) = (0, Vec::new());
    for connection in fixtures::connections(&document)
        .iter()
        .filter(|connection| connection.bound)
    {
        check_thread_ids(connection, &mut checked, &mut unexplained);
    }
    assert_eq!(checked, 1458);
    // A DEL right after the reply to the thread's last request: Python still names that thread, we name none.
    assert_eq!(
        unexplained,
        ["6.0.1-bound/callbacks / callbacks three deep / frame 44: 7f340328db80"]
    );
}

fn check_thread_ids(connection: &Connection, checked: &mut usize, unexplained: &mut Vec<String>) {
    let mut names = Names::new();
    let mut roles = [(); 2].map(|()| Codec::new(options(connection.version, true)));
    // For each role: the sender thread of every request it received and did not answer.
    let mut waiting: [HashMap<u64, u64>; 2] = Default::default();
    for frame in &connection.frames {
        *checked += 1;
        let (me, other) = (
            usize::from(frame.from_client),
            usize::from(!frame.from_client),
        );
        let [sender, recipient] = frame.thread_ids.expect("bound frames have thread ids");
        assert_ne!(sender, 0);
        let seq = frame.message.seq;
        let mut tx = Tx::default();
        match frame.message.content {
            support::Content::Request(handler, _) => {
                // Which request this one is nested in is what JavaScript knows; here it is the one whose thread Python named.
                let nested_in = waiting[me]
                    .iter()
                    .find(|(_, thread)| **thread == recipient)
                    .map_or(0, |(seq, _)| *seq as i32 + 1);
                tx.start(1, seq, handler, nested_in)
                    .value(&Value::Tuple(Vec::new()))
                    .end();
            }
            _ => {
                waiting[me].remove(&seq);
                tx.start(2, seq, 0, 0).value(&Value::None).end();
            }
        }
        let encoded = tx.encode(&mut roles[me], &names).expect("encodes");
        assert_eq!(encoded[5..13], OUR_THREAD.to_be_bytes());
        if encoded[13..21] != recipient.to_be_bytes() {
            unexplained.push(format!("{}: {recipient:x}", frame.name));
        }
        let decoded =
            Arena::decode(&frame.payload, &mut roles[other], &mut names).expect("decodes");
        if decoded.record()[0] == 1 {
            waiting[other].insert(seq, sender);
        }
    }
}

#[test]
fn every_probe_is_answered_by_an_error_or_a_message_and_every_answer_is_understood() {
    let document = fixtures::load();
    let (mut sent, mut received, mut errors) = (0, 0, BTreeMap::new());
    let mut zlib = Zlib::new();
    let probes = list(&document["probes"]);
    for probe in probes {
        let name = text(&probe["name"]);
        let mut names = Names::new();
        for (key, strict) in [("sent", false), ("received", true)] {
            let stream: Vec<u8> = list(&probe[key]).iter().flat_map(bytes).collect();
            let mut codec = Codec::new(Options::default());
            let mut at = 0;
            while at < stream.len() {
                let decoded = match scan(&stream[at..], codec.limits().max_frame) {
                    Ok(Scan::Frame {
                        payload,
                        compressed,
                        total,
                    }) => {
                        let mut content = stream[at..][payload].to_vec();
                        at += total;
                        if compressed {
                            let mut inflated = Vec::new();
                            match zlib.inflate(&content, 1 << 20, &mut inflated) {
                                Ok(_) => content = inflated,
                                Err(error) => {
                                    errors.insert(name.clone(), error.to_string());
                                    continue;
                                }
                            }
                        }
                        if content.is_empty() {
                            continue;
                        }
                        Arena::decode(&content, &mut codec, &mut names)
                            .map(|arena| arena.message(&content, &codec, &names))
                    }
                    Ok(Scan::Need { .. }) => break,
                    Err(error) => {
                        errors.insert(name.clone(), error.to_string());
                        break;
                    }
                };
                match decoded {
                    Ok(_) if strict => received += 1,
                    Ok(_) => sent += 1,
                    Err(error) => {
                        // The only answer beyond us is the echo of something that we refuse to hear, too.
                        assert!(!strict || errors.contains_key(&name), "{name}: {error}");
                        errors.insert(name.clone(), error.to_string());
                    }
                }
            }
        }
    }
    assert_eq!(probes.len(), 265);
    println!("{sent} messages sent, {received} received, refused: {errors:#?}");
    // Exactly what we refuse and real RPyC answers or dies of, by name.
    let expected = include_str!("probes.txt");
    let found: Vec<String> = errors
        .iter()
        .map(|(name, error)| format!("{name} -> {error}"))
        .collect();
    assert_eq!(found.join("\n"), expected.trim_end());
}

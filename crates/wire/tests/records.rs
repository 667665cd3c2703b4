//! What a record tells dispatch at a glance, and what boxes and messages are refused.

mod support;

use rpyc_wire::tape::{self, record, word};
use rpyc_wire::{Codec, Names, Options, WireError, MAX_PEER_NAME};
use support::{hex, Arena, Boxed, Content, Value};

/// Our list with class 1 and instance 2, and our class 1, as a peer sends them back.
const OURS: &str = "11 53 12 080e0d 6275696c74696e732e6c697374 51 52";
const OUR_CLASS: &str = "11 53 12 080e05 6a732e4162 51 50";

struct Peer {
    codec: Codec,
    names: Names,
}

impl Peer {
    fn new() -> Self {
        Self {
            codec: Codec::new(Options::default()),
            names: Names::new(),
        }
    }

    fn decode(&mut self, payload: &str) -> Result<Arena, WireError> {
        Arena::decode(&hex(payload), &mut self.codec, &mut self.names)
    }

    /// The box of a reply.
    fn boxed(&mut self, boxed: &str) -> Result<Boxed, WireError> {
        let payload = format!("02 11 50 {boxed}");
        let arena = self.decode(&payload)?;
        match arena
            .message(&hex(&payload), &self.codec, &self.names)
            .content
        {
            Content::Reply(boxed) => Ok(boxed),
            other => panic!("{other:?}"),
        }
    }
}

/// `[handler, obj, name, rest - pos]` and the name.
fn glance(payload: &str) -> ([i32; 4], String) {
    let mut peer = Peer::new();
    let arena = peer.decode(payload).expect("decodes");
    let record = arena.record();
    let name = peer
        .names
        .get(record[record::NAME] as u32)
        .unwrap_or("")
        .to_string();
    let known = i32::from(record[record::NAME] != 0);
    (
        [
            record[record::HANDLER],
            record[record::OBJ],
            known,
            record[record::REST] - record[record::POS],
        ],
        name,
    )
}

#[test]
fn requests_for_an_attribute_of_our_object_tell_object_and_name() {
    let ours = OURS;
    // GETATTR, DELATTR, SETATTR, CALLATTR: BOX 2, LOCAL 2, NAME 2.
    for (number, handler) in [("54", 4), ("55", 5), ("56", 6), ("58", 8)] {
        let payload =
            format!("01 11 57 11 {number} 11 52 12 {ours} 11 51 080c616464 11 51 11 55 5a");
        assert_eq!(glance(&payload), ([handler, 2, 1, 6], "add".into()));
        // The same in v5.
        let payload =
            format!("12 51 57 11 {number} 11 52 12 {ours} 11 51 080c616464 11 51 11 55 5a");
        assert_eq!(glance(&payload), ([handler, 2, 1, 6], "add".into()));
    }
    // CALL and others: only the object.
    let payload = format!("01 11 57 11 57 11 52 12 {ours} 11 51 080c616464 11 51 02");
    assert_eq!(glance(&payload), ([7, 2, 0, 4], "".into()));
    // A class is known by its class_id.
    assert_eq!(
        glance(&format!("01 11 57 11 5c 11 52 10 {OUR_CLASS}")),
        ([12, 1, 0, 4], "".into())
    );
}

#[test]
fn an_attribute_name_that_is_not_interned_stays_on_the_tape() {
    let ours = OURS;
    let name = |encoded: &str| glance(&format!("01 11 57 11 54 11 52 11 {ours} 11 51 {encoded}"));
    assert_eq!(name("080b6162").0, [4, 2, 1, 6]);
    assert_eq!(name("0b6162").0, [4, 2, 0, 4], "bytes");
    assert_eq!(name("55").0, [4, 2, 0, 4], "int");
    assert_eq!(name("0801").0, [4, 2, 1, 6], "empty");
    let letters = |count: usize| format!("080e{count:02x}{}", "61".repeat(count));
    assert_eq!(name(&letters(MAX_PEER_NAME)).0, [4, 2, 1, 6]);
    assert_eq!(name(&letters(MAX_PEER_NAME + 1)).0, [4, 2, 0, 4]);
    assert_eq!(name("080bc3a9").1, "\u{e9}");
    // An invalid one is refused as any other str.
    let bad = format!("01 11 57 11 54 11 52 11 {ours} 11 51 080aff");
    assert!(matches!(
        Peer::new().decode(&bad),
        Err(WireError::BadUtf8 { .. })
    ));
    // GETATTR without a name is legal here: dispatch answers TypeError.
    assert_eq!(
        glance(&format!("01 11 57 11 54 11 52 10 {ours}")).0,
        [4, 2, 0, 4]
    );
}

#[test]
fn requests_without_an_object_of_ours_have_obj_0() {
    assert_eq!(
        glance("01 11 50 11 53 11 51 02").0,
        [3, 0, 0, 2],
        "GETROOT()"
    );
    assert_eq!(
        glance("01 11 50 11 53 11 52 02").0,
        [3, 0, 0, 2],
        "the same, boxed as a tuple"
    );
    assert_eq!(
        glance("01 11 50 11 54 11 51 11 55 080a61").0,
        [4, 0, 0, 2],
        "by value"
    );
    assert_eq!(
        glance("01 11 50 11 54 11 52 11 11 54 12 080a78 51 52 11 51 080a61").0,
        [4, 0, 0, 2],
        "their own object"
    );
    // Ids that we never give: 0, negative, over 31 bits, over 64 bits.
    for id in [
        "50",
        "4f",
        "160a32313437343833363438",
        "161431383434363734343037333730393535313631 35",
    ] {
        assert_eq!(
            glance(&format!(
                "01 11 50 11 54 11 52 11 11 53 12 080a78 50 {id} 11 51 080a61"
            ))
            .0,
            [4, 0, 0, 2],
            "{id}"
        );
    }
    assert_eq!(
        glance("01 11 50 11 54 11 52 11 11 53 12 080a78 51 160a32313437343833363437 11 51 080a61")
            .0,
        [4, i32::MAX, 1, 6]
    );
}

#[test]
fn handlers_and_sequence_numbers_are_ints_in_range() {
    let handler = |text: &str| glance(&format!("01 11 50 11 {text} 11 51 02")).0[0];
    assert_eq!(handler("b3"), 99);
    assert_eq!(handler("160a32313437343833363437"), i32::MAX);
    assert_eq!(handler("160a32313437343833363438"), -1);
    assert_eq!(handler("080e0747 4554524f4f54"), -1);
    assert_eq!(handler("11 51 183ff0000000000000"), -1);
    let seq = |text: &str| {
        Peer::new()
            .decode(&format!("02 11 {text} 11 51 00"))
            .map(|arena| [arena.words[1], arena.words[2]])
    };
    assert_eq!(seq("5f").ok(), Some([15, 0]));
    assert_eq!(seq("0916023135").ok(), Some([15, 0]), "Python 2's long");
    assert_eq!(
        seq("161039303037313939323534373430393931").ok(),
        Some([-1, 0x1f_ffff])
    );
    for bad in ["4f", "161039303037313939323534373430393932", "080a31", "00"] {
        assert_eq!(seq(bad).err(), Some(WireError::BadSeq), "{bad}");
    }
}

#[test]
fn boxes_are_read_by_label_and_others_refused() {
    let mut peer = Peer::new();
    assert_eq!(peer.boxed(OURS), Ok(Boxed::Ours(false, 2)));
    assert_eq!(peer.boxed(OUR_CLASS), Ok(Boxed::Ours(true, 1)));
    let id = |parts: [&str; 3]| parts.map(String::from);
    assert_eq!(
        peer.boxed("11 54 12 080a78 51 160331 3630"),
        Ok(Boxed::Remote(id(["x", "1", "160"])))
    );
    // Ids beyond every number type, and forms that no encoder writes: verbatim, but read.
    let huge = "18446744073709551616";
    let text: String = huge.bytes().map(|digit| format!("{digit:02x}")).collect();
    assert_eq!(
        peer.boxed(&format!(
            "14 02 09 54 15 00000003 080e0178 17 00000014 {text} 16023037"
        )),
        Ok(Boxed::Remote(id(["x", huge, "7"])))
    );
    // Python 2's name_pack is bytes.
    assert_eq!(
        peer.boxed("11 54 12 0a78 51 52"),
        Ok(Boxed::Remote(id(["x", "1", "2"])))
    );
    for (label, value) in [("50", 0), ("55", 5), ("59", 9), ("4f", -1)] {
        assert_eq!(
            peer.boxed(&format!("11 {label} 51")),
            Err(WireError::InvalidLabel(value))
        );
    }
    for odd in [
        "51",
        "00",
        "10 51",
        "12 51 51 51",
        "11 080a61 51",
        "11 00 51",
    ] {
        assert!(
            matches!(peer.boxed(odd), Err(WireError::NotABox { .. })),
            "{odd}"
        );
    }
    assert!(matches!(
        peer.boxed("11 52 51"),
        Err(WireError::BadContent { .. })
    ));
}

#[test]
fn malformed_id_packs_are_unknown_objects_of_ours_or_errors_of_theirs() {
    for odd in [
        "00",
        "02",
        "11 080a78 51",
        "13 080a78 51 52 53",
        "12 080a78 51 00",
        "12 080a78 00 52",
        "12 00 51 52",
        "080a61",
    ] {
        assert_eq!(
            Peer::new().boxed(&format!("11 53 {odd}")),
            Ok(Boxed::Ours(false, 0)),
            "{odd}"
        );
        assert!(
            matches!(
                Peer::new().boxed(&format!("11 54 {odd}")),
                Err(WireError::BadIdPack { at: 5 })
            ),
            "{odd}"
        );
    }
    // RPyC 4.0: (oid, clsname, modname), and a bare oid for the receiver's object.
    for old in ["12 160331 3630 080a78 080a79", "12 51 0a78 0a79"] {
        assert_eq!(
            Peer::new().boxed(&format!("11 54 {old}")),
            Err(WireError::Rpyc40)
        );
        assert_eq!(
            Peer::new().boxed(&format!("11 53 {old}")),
            Err(WireError::Rpyc40)
        );
    }
    assert_eq!(
        Peer::new().boxed("11 53 16033136 30"),
        Err(WireError::Rpyc40)
    );
    assert!(WireError::Rpyc40.to_string().contains("RPyC 4.0"));
    let long = format!("11 54 12 080f 00001000 {} 51 52", "61".repeat(4096));
    assert!(matches!(
        Peer::new().boxed(&long),
        Err(WireError::IdPackTooLong { .. })
    ));
    assert!(matches!(
        Peer::new().boxed("11 54 12 080aff 51 52"),
        Err(WireError::BadUtf8 { .. })
    ));
}

#[test]
fn arguments_must_be_a_tuple() {
    for odd in [
        "11 51 51",
        "11 51 080b6162",
        "11 51 1a02",
        "11 53 12 080a78 51 52",
        "11 54 12 080a78 51 52",
    ] {
        let result = Peer::new().decode(&format!("01 11 50 11 51 {odd}"));
        assert!(matches!(result, Err(WireError::BadMessage(_))), "{odd}");
    }
    for odd in ["00", "10 51", "12 51 11 51 02 51", "02"] {
        assert!(
            matches!(
                Peer::new().decode(&format!("01 11 50 {odd}")),
                Err(WireError::BadMessage(_))
            ),
            "{odd}"
        );
    }
}

#[test]
fn python_2_longs_are_ints_and_nothing_else() {
    let mut peer = Peer::new();
    let mut value = |text: &str| match peer.boxed(&format!("11 51 {text}")) {
        Ok(Boxed::Value(Value::Int(text))) => Ok(text),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(value("09 55"), Ok("5".into()));
    assert_eq!(value("09 16 01 35"), Ok("5".into()));
    assert_eq!(value("09 16 08 3132333435363738"), Ok("12345678".into()));
    assert_eq!(
        value("09 16 14 3138343436373434303733373039353531363136"),
        Ok("18446744073709551616".into())
    );
    assert!(matches!(
        value("09 09 55"),
        Err(WireError::BadContent { of: "long", .. })
    ));
    assert!(matches!(
        value("09 080a35"),
        Err(WireError::BadContent { of: "long", .. })
    ));
    assert!(matches!(
        value("09 16 01 78"),
        Err(WireError::BadInt { .. })
    ));
}

#[test]
fn ints_take_the_narrowest_word() {
    let mut peer = Peer::new();
    let mut head = |text: &str| {
        let digits: String = text.bytes().map(|digit| format!("{digit:02x}")).collect();
        let arena = peer
            .decode(&format!("02 11 50 11 51 16 {:02x} {digits}", text.len()))
            .expect("decodes");
        (tape::tag(arena.words[8]), arena.at - 8)
    };
    for (text, expected) in [
        ("8388607", (tape::INT, 1)),
        ("-8388608", (tape::INT, 1)),
        ("0000000000000000000000007", (tape::INT, 1)),
        ("-0", (tape::INT, 1)),
        ("8388608", (tape::INT53, 2)),
        ("-8388609", (tape::INT53, 2)),
        ("9007199254740991", (tape::INT53, 2)),
        ("-9007199254740991", (tape::INT53, 2)),
        ("9007199254740992", (tape::BIGINT, 3)),
        ("-9007199254740992", (tape::BIGINT, 3)),
        ("999999999999999999", (tape::BIGINT, 3)),
        ("1000000000000000000", (tape::BIGINT, 3)),
    ] {
        assert_eq!(head(text), expected, "{text}");
    }
}

#[test]
fn offsets_count_from_the_base() {
    let payload = hex("02 11 50 11 51 080c616263");
    let mut peer = Peer::new();
    let arena =
        Arena::decode_at(&payload, 1000, &mut peer.codec, &mut peer.names).expect("decodes");
    assert_eq!(arena.words[8..11], [word(tape::STR, 1), 1007, 3]);
}

#[test]
fn bytes_after_a_message_are_ignored() {
    assert!(Peer::new().decode("02 11 50 11 51 00 ff 07 6a 75").is_ok());
    assert!(Peer::new().decode("01 11 50 11 51 11 51 02 ff").is_ok());
}

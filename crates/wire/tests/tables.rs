//! The interner and the id_pack table, from outside.

mod support;

use rpyc_wire::{Codec, Names, Options, MAX_NAME, MAX_NAMES, MAX_PEER_NAMES};
use support::Arena;

#[test]
fn a_name_keeps_its_id_and_ids_are_never_reused() {
    let mut names = Names::new();
    assert_eq!(names.get(0), None);
    let add = names.intern("add");
    assert_ne!(add, 0);
    assert_eq!(
        (
            names.intern("add"),
            names.intern_peer(b"add"),
            names.get(add)
        ),
        (add, add, Some("add"))
    );
    let empty = names.intern("");
    assert_eq!(names.get(empty), Some(""));
    assert_eq!(
        names.intern_peer("h\u{e9}".as_bytes()),
        names.intern("h\u{e9}")
    );
    assert_eq!(names.intern_peer(b"\xff"), 0);
    assert_eq!(names.get(names.len() as u32 + 1), None);
}

#[test]
fn what_peers_may_add_is_bounded_and_what_we_add_is_not_harmed_by_it() {
    let mut names = Names::new();
    let ours = names.intern("ours");
    for number in 0..MAX_PEER_NAMES {
        assert_ne!(names.intern_peer(format!("peer{number}").as_bytes()), 0);
    }
    assert_eq!(names.intern_peer(b"one more"), 0);
    assert_eq!(names.intern_peer(b"ours"), ours);
    let mine = names.intern("one more");
    assert_eq!((mine != 0, names.intern_peer(b"one more")), (true, mine));
    assert_eq!(names.intern_peer(&[b'a'; 33]), 0);
    assert_ne!(names.intern(&"a".repeat(MAX_NAME)), 0);
    assert_eq!(names.intern(&"a".repeat(MAX_NAME + 1)), 0);
    for number in 0..MAX_NAMES {
        names.intern(&format!("mine{number}"));
    }
    assert_eq!(names.len(), MAX_NAMES);
    assert_eq!(names.intern("too many"), 0);
    assert_eq!(names.intern("ours"), ours);
    assert!(
        (1..=names.len() as u32).all(|id| names.get(id).is_some_and(|text| text.len() <= MAX_NAME))
    );
}

#[test]
fn rids_and_classes_are_told_apart_by_every_part_of_the_id_pack() {
    let (mut codec, mut names) = (Codec::new(Options::default()), Names::new());
    let mut receive = |name: u8, class: u8, instance: u8| {
        let payload = [
            0x02,
            0x11,
            0x50,
            0x11,
            0x54,
            0x12,
            0x08,
            0x0a,
            name,
            0x50 + class,
            0x50 + instance,
        ];
        let arena = Arena::decode(&payload, &mut codec, &mut names).expect("decodes");
        (
            arena.words[9] as u32,
            arena.words[10] as u32,
            arena.words[8] >> 8,
        )
    };
    let first = receive(b'a', 1, 2);
    assert_eq!(first, (1, 0, 0));
    assert_eq!(receive(b'a', 1, 2), first);
    assert_eq!(receive(b'a', 1, 3), (2, 0, 0));
    assert_eq!(receive(b'a', 1, 0), (3, 0, 1), "the class itself");
    assert_eq!(receive(b'a', 2, 2), (4, 1, 0));
    assert_eq!(receive(b'b', 1, 2), (5, 2, 0));
    let refs = codec.refs();
    assert_eq!(refs.class_info(1), Some(("a", "2")));
    assert_eq!(
        (refs.class_info(3), refs.id_pack(0), refs.id_pack(6)),
        (None, None, None)
    );
    assert_eq!(refs.id_pack(5), Some(("1".into(), "2".into())));
    assert_eq!((refs.live(), refs.rids()), (5, 1..6));
}

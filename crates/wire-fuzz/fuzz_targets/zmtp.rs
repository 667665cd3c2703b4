//! What a ZeroMQ peer writes, to each type of socket: the first byte picks the type, the second in what pieces the rest comes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire_fuzz::zmtp::Side;
use rpyc_zmtp::SocketType::{Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};

fuzz_target!(|input: &[u8]| {
    let [kind, piece, stream @ ..] = input else {
        return;
    };
    let kinds = [Dealer, Router, Push, Pull, Pub, Sub, Req, Rep];
    let mut whole = Side::of(kinds[usize::from(*kind) % kinds.len()]);
    let mut cut = Side::of(kinds[usize::from(*kind) % kinds.len()]);
    whole.receive(stream);
    for piece in stream.chunks(usize::from(*piece) + 1) {
        cut.receive(piece);
    }
    // However it comes, it means the same.
    assert_eq!((whole.heard, whole.failed), (cut.heard, cut.failed));
    assert_eq!(whole.out, cut.out);
});

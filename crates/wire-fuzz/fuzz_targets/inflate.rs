//! A zlib stream under a bound, both ways; the state is used again and again, so nothing may stick to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpyc_wire::Zlib;
use std::cell::RefCell;

thread_local!(static ZLIB: RefCell<Zlib> = RefCell::new(Zlib::new()));

fuzz_target!(|input: &[u8]| {
    let Some((first, stream)) = input.split_first() else {
        return;
    };
    let max = (*first as usize) << 8;
    ZLIB.with_borrow_mut(|zlib| {
        let mut out = b"kept".to_vec();
        let grown = zlib.inflate(stream, max, &mut out);
        assert!(out.len() <= max + 4 && out.starts_with(b"kept"));
        assert!(grown.is_ok() || out.len() == 4);
        let mut fixed = vec![0; max];
        match (grown, zlib.inflate_into(stream, &mut fixed)) {
            (Ok(len), Ok(Some(same))) => assert_eq!((&out[4..], len), (&fixed[..same], same)),
            (Err(_), Ok(None) | Err(_)) => {}
            (grown, fixed) => panic!("{grown:?} {fixed:?}"),
        }
    });
});

//! Every fixture frame, cut anywhere and with any one bit flipped: an error or a valid message, and nothing else.
//!
//! Everything in release builds; every 64th case in debug builds, or every n-th with RPYC_WIRE_SAMPLE=n (emulators).

mod support;

use rpyc_wire::{scan, Codec, Names, Options, Scan, WireError, Zlib};
use support::fixtures;
use support::Arena;

const MAX: usize = 1 << 20;

fn sample() -> usize {
    let default = if cfg!(debug_assertions) { 64 } else { 1 };
    std::env::var("RPYC_WIRE_SAMPLE").map_or(default, |text| {
        text.parse().expect("RPYC_WIRE_SAMPLE is a number")
    })
}

/// Receives one frame of a new connection; the whole tape is walked, which checks every offset.
struct Receiver {
    names: Names,
    zlib: Zlib,
    inflated: Vec<u8>,
    messages: usize,
    errors: usize,
}

impl Receiver {
    fn new() -> Self {
        Self {
            names: Names::new(),
            zlib: Zlib::new(),
            inflated: Vec::new(),
            messages: 0,
            errors: 0,
        }
    }

    fn frame(&mut self, bytes: &[u8]) {
        match scan(bytes, MAX) {
            Ok(Scan::Need { total }) => assert!(total > bytes.len()),
            Ok(Scan::Frame {
                payload,
                compressed,
                total,
            }) => {
                assert!(total <= bytes.len() && payload.end < total);
                self.payload(&bytes[payload], compressed);
            }
            Err(error) => assert!(matches!(error, WireError::FrameTooLarge { .. })),
        }
    }

    fn payload(&mut self, payload: &[u8], compressed: bool) {
        let mut inflated = std::mem::take(&mut self.inflated);
        inflated.clear();
        let payload = if compressed {
            if self.zlib.inflate(payload, MAX, &mut inflated).is_err() {
                self.errors += 1;
                self.inflated = inflated;
                return;
            }
            &inflated[..]
        } else {
            payload
        };
        if !payload.is_empty() {
            self.message(payload);
        }
        self.inflated = inflated;
    }

    fn message(&mut self, payload: &[u8]) {
        let mut codec = Codec::new(Options::default());
        // A base other than 0, so that an offset from the payload's own start would be seen.
        match Arena::decode_at(payload, 1000, &mut codec, &mut self.names) {
            Ok(arena) => {
                self.messages += 1;
                arena.message(payload, &codec, &self.names);
            }
            Err(error) => {
                self.errors += 1;
                assert!(!error.is_local(), "{error}");
            }
        }
    }
}

#[test]
fn every_prefix_of_every_frame_is_an_error_or_a_message() {
    let mut receiver = Receiver::new();
    let (mut case, every) = (0, sample());
    for connection in fixtures::connections(&fixtures::load()) {
        for frame in &connection.frames {
            for len in 0..frame.bytes.len() {
                // The stream ends here: the frame is incomplete.
                assert!(
                    matches!(scan(&frame.bytes[..len], MAX), Ok(Scan::Need { total }) if total > len)
                );
                case += 1;
                // The frame says that it ends here: its content is incomplete.
                if len > 6 && case % every == 0 {
                    let mut cut = frame.bytes[..len].to_vec();
                    cut[..4].copy_from_slice(&(len as u32 - 6).to_be_bytes());
                    receiver.frame(&cut);
                }
            }
            // And what was compressed, cut after inflating.
            let lens = if frame.compressed {
                0..frame.payload.len()
            } else {
                0..0
            };
            lens.filter(|len| len % 61 == 0 || *len < 2000)
                .skip(1)
                .step_by(every)
                .for_each(|len| receiver.message(&frame.payload[..len]));
        }
    }
    println!("{} messages, {} errors", receiver.messages, receiver.errors);
    assert!(receiver.errors > 1000);
}

#[test]
fn every_single_bit_flip_of_every_frame_is_an_error_or_a_message() {
    let mut receiver = Receiver::new();
    let (mut case, every) = (0, sample());
    for connection in fixtures::connections(&fixtures::load()) {
        for frame in connection.frames {
            let mut bytes = frame.bytes;
            for bit in 0..bytes.len() * 8 {
                case += 1;
                if case % every == 0 {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    receiver.frame(&bytes);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }
    println!("{} messages, {} errors", receiver.messages, receiver.errors);
    assert!(receiver.messages > 10_000 && receiver.errors > 10_000);
}

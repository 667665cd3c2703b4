//! A message that does not fit an arena: decoded into memory of exactly its size, which `takeBig`
//! hands over. Its bytes were gathered as they arrived and become the result's memory as they are.

use napi_sys as sys;
use rpyc_wire::{frame, measure, tape, Codec, Names, Scan, TapeWriter, WireError, Zlib};

use crate::env::Env;
use crate::inbox::Inbox;

/// One decoded message, its record at word 0.
pub struct Big {
    words: Vec<i32>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    /// The loop has told JavaScript about it.
    pub told: bool,
}

impl Big {
    /// Takes the complete frame at the head of the inbox and decodes it. `None`: no frame is
    /// complete, or its payload is empty.
    pub fn gather(
        inbox: &mut Inbox,
        codec: &mut Codec,
        names: &mut Names,
        zlib: &mut Zlib,
    ) -> Result<Option<Self>, WireError> {
        let limits = *codec.limits();
        let Scan::Frame {
            payload,
            compressed,
            total,
        } = frame::scan(inbox.get(), limits.max_frame)?
        else {
            return Ok(None);
        };
        let mut bytes = inbox.take(total);
        let mut payload = payload;
        if compressed {
            let mut inflated = Vec::new();
            let len = zlib.inflate(&bytes[payload], limits.max_inflated, &mut inflated)?;
            (bytes, payload) = (inflated, 0..len);
        }
        let (words, floats) = measure(&bytes[payload.clone()], &limits)?;
        let (mut words, mut floats) = (vec![0; tape::RECORD_WORDS + words], vec![0.0; floats]);
        let mut tape = TapeWriter::new(&mut words, tape::RECORD_WORDS, &mut floats, 0);
        let base = payload.start;
        if !codec.decode_message(&bytes[payload], base, names, &mut tape, 0)? {
            return Ok(None);
        }
        let (at, fat) = (tape.at, tape.fat);
        words.truncate(at);
        floats.truncate(fat);
        Ok(Some(Self {
            words,
            floats,
            bytes,
            told: false,
        }))
    }

    /// `[words, floats, bytes]`, an arena of its own.
    pub fn into_js(self, env: Env) -> sys::napi_value {
        env.array(&[
            env.int_array(&self.words),
            env.float_array(&self.floats),
            env.byte_array(self.bytes),
        ])
    }
}

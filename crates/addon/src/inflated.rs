//! Compressed payloads of one batch: inflated behind each other into the part of the arena that raw
//! bytes do not use, then decoded there. Bounded by that room and by the connection's limit.

use rpyc_wire::{Codec, Names, TapeWriter, WireError, Zlib};

/// The second half of the arena's bytes, filled from its start.
pub struct Inflated<'a> {
    zlib: &'a mut Zlib,
    spare: &'a mut [u8],
    /// Position of `spare` in the arena's bytes.
    base: usize,
    at: usize,
}

impl<'a> Inflated<'a> {
    /// `base`: position of `spare` in the arena's bytes.
    pub fn new(zlib: &'a mut Zlib, spare: &'a mut [u8], base: usize) -> Self {
        Self {
            zlib,
            spare,
            base,
            at: 0,
        }
    }

    /// Inflates and decodes; no room for the payload is `TapeFull`, too.
    pub fn decode(
        &mut self,
        codec: &mut Codec,
        payload: &[u8],
        names: &mut Names,
        tape: &mut TapeWriter<'_>,
        record_at: usize,
    ) -> Result<bool, WireError> {
        let room = (self.spare.len() - self.at).min(codec.limits().max_inflated);
        let spare = &mut self.spare[self.at..self.at + room];
        let Some(len) = self.zlib.inflate_into(payload, spare)? else {
            return Err(WireError::TapeFull {
                words: 0,
                floats: 0,
            });
        };
        let is_message =
            codec.decode_message(&spare[..len], self.base + self.at, names, tape, record_at)?;
        self.at += len;
        Ok(is_message)
    }
}

//! Inflating under a bound, and deflating as far as it pays. Answers to the zlib calls of rpyc/core/channel.py.
//!
//! One per thread: the states are reset, not rebuilt, and are only made when the first compressed frame needs them.

use crate::error::WireError;
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

/// Payloads above this are compressed (`COMPRESSION_THRESHOLD`).
pub const COMPRESSION_THRESHOLD: usize = 3000;
const COMPRESSION_LEVEL: i32 = 1;
const PROBE: usize = 1024;
/// Scratch memory that is kept between frames.
const KEPT_SCRATCH: usize = 1 << 20;

/// Whether frames to send are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// Never.
    Never,
    /// Payloads over 3000 bytes, as RPyC does.
    #[default]
    Large,
    /// The same, but not where a 1 KB probe does not shrink.
    Probe,
}

impl Compress {
    /// 0, 1, 2 of the addon's table; anything else is `Large`.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Never,
            2 => Self::Probe,
            _ => Self::Large,
        }
    }
}

/// Inflate and deflate state and scratch memory.
#[derive(Default)]
pub struct Zlib {
    inflate: Option<Inflate>,
    deflate: Option<Deflate>,
    scratch: Vec<u8>,
}

impl Zlib {
    /// Nothing is allocated yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Inflates a payload behind what `out` holds; returns the number of bytes added, at most `max`.
    ///
    /// Memory grows with the output, never by what the input claims. Bytes behind the stream are ignored, as Python
    /// does; on an error `out` is as it was.
    pub fn inflate(
        &mut self,
        payload: &[u8],
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, WireError> {
        let start = out.len();
        let result = self.inflate_grow(payload, max, out);
        out.truncate(result.as_ref().map_or(start, |len| start + len));
        result
    }

    fn inflate_grow(
        &mut self,
        payload: &[u8],
        max: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, WireError> {
        let state = self.inflater();
        let start = out.len();
        let (mut read, mut len) = (0, 0_usize);
        let mut room = payload.len().saturating_mul(4).max(4096);
        loop {
            let target = len.saturating_add(room).min(max);
            out.resize(start + target, 0);
            let status = step(state, &payload[read..], &mut out[start + len..])?;
            read = state.total_in() as usize;
            len = state.total_out() as usize;
            if status == Status::StreamEnd {
                return Ok(len);
            }
            if len < target {
                return Err(WireError::TruncatedZlib);
            }
            if len == max {
                return self.ends_here(&payload[read..]).and(Ok(len)).map_err(
                    |error| match error {
                        WireError::InflatedTooLarge { .. } => {
                            WireError::InflatedTooLarge { max: max as u64 }
                        }
                        other => other,
                    },
                );
            }
            room = len.max(4096);
        }
    }

    /// Inflates a payload into `dst`: the number of bytes written, or None when it does not fit.
    ///
    /// For an arena's own memory; where it does not fit, `inflate` decides whether it is too large at all.
    pub fn inflate_into(
        &mut self,
        payload: &[u8],
        dst: &mut [u8],
    ) -> Result<Option<usize>, WireError> {
        let state = self.inflater();
        let status = step(state, payload, dst)?;
        let (read, len) = (state.total_in() as usize, state.total_out() as usize);
        if status == Status::StreamEnd {
            return Ok(Some(len));
        }
        if len < dst.len() {
            return Err(WireError::TruncatedZlib);
        }
        match self.ends_here(&payload[read..]) {
            Ok(()) => Ok(Some(len)),
            Err(WireError::InflatedTooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The output is full: only the stream's end may follow.
    fn ends_here(&mut self, rest: &[u8]) -> Result<(), WireError> {
        let Some(state) = self.inflate.as_mut() else {
            return Err(WireError::BadZlib);
        };
        let (mut probe, before) = ([0], state.total_out());
        let status = step(state, rest, &mut probe)?;
        if state.total_out() > before {
            return Err(WireError::InflatedTooLarge { max: 0 });
        }
        if status == Status::StreamEnd {
            Ok(())
        } else {
            Err(WireError::TruncatedZlib)
        }
    }

    fn inflater(&mut self) -> &mut Inflate {
        let state = self.inflate.get_or_insert_with(|| Inflate::new(true, 15));
        state.reset(true);
        state
    }

    /// Compresses `out[start..]` in place where `mode` says so and it gets smaller. Did it?
    pub(crate) fn compress(&mut self, mode: Compress, out: &mut Vec<u8>, start: usize) -> bool {
        let len = out.len() - start;
        if mode == Compress::Never || len <= COMPRESSION_THRESHOLD {
            return false;
        }
        if mode == Compress::Probe {
            // From the middle: heads of messages shrink better than what they carry.
            let from = start + (len - PROBE) / 2;
            if self.deflate(&out[from..from + PROBE]).is_none() {
                return false;
            }
        }
        let Some(size) = self.deflate(&out[start..]) else {
            return false;
        };
        out.truncate(start);
        out.extend_from_slice(&self.scratch[..size]);
        if self.scratch.len() > KEPT_SCRATCH {
            self.scratch = Vec::new();
        }
        true
    }

    /// Deflates into scratch; None when it does not become smaller.
    fn deflate(&mut self, data: &[u8]) -> Option<usize> {
        let state = self
            .deflate
            .get_or_insert_with(|| Deflate::new(COMPRESSION_LEVEL, true, 15));
        state.reset();
        let room = data.len() - 1;
        if self.scratch.len() < room {
            self.scratch.resize(room, 0);
        }
        match state.compress(data, &mut self.scratch[..room], DeflateFlush::Finish) {
            Ok(Status::StreamEnd) => Some(state.total_out() as usize),
            _ => None,
        }
    }
}

/// One call into the inflater. Inputs are below 2^32 bytes, so it stops for want of input or room only.
fn step(state: &mut Inflate, input: &[u8], output: &mut [u8]) -> Result<Status, WireError> {
    state
        .decompress(input, output, InflateFlush::NoFlush)
        .map_err(|_| WireError::BadZlib)
}

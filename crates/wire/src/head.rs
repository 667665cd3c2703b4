//! The last request's bytes from its handler to its attribute name, with what they decode to: callers ask for the same
//! method of the same object again and again, and comparing 50 bytes is three times as quick as parsing them.

use crate::boxing::Args;
use crate::tape::{self, TapeWriter};

/// Longest head that is remembered.
const MAX: usize = 128;
/// Words of a head: BOX, LOCAL and NAME, two each. None of them is an offset.
const WORDS: usize = 6;

/// See the module. Invariant: `len <= MAX`; 0 = nothing is remembered.
pub(crate) struct Head {
    len: usize,
    bytes: [u8; MAX],
    words: [i32; WORDS],
    handler: i32,
    obj: i32,
    name: i32,
}

impl Head {
    pub(crate) const fn new() -> Self {
        Self {
            len: 0,
            bytes: [0; MAX],
            words: [0; WORDS],
            handler: 0,
            obj: 0,
            name: 0,
        }
    }

    /// Does `rest` begin with the head? Then its words go on the tape: `(handler, arguments so far, their count, bytes)`.
    #[inline]
    pub(crate) fn replay(
        &self,
        rest: &[u8],
        tape: &mut TapeWriter<'_>,
    ) -> Option<(i32, Args, usize, usize)> {
        if self.len == 0 || !rest.starts_with(self.bytes.get(..self.len)?) {
            return None;
        }
        for pair in self.words.chunks_exact(2) {
            tape.push2(pair[0], pair[1]);
        }
        let args = Args {
            obj: self.obj,
            name: self.name,
            rest: tape.at,
            end: 0,
        };
        Some((self.handler, args, self.words[1] as usize, self.len))
    }

    /// Remembers `bytes`, which decoded to `words` of the tape, if they are a whole head.
    #[inline]
    pub(crate) fn remember(&mut self, bytes: &[u8], words: &[i32], handler: i32, args: &Args) {
        let (Some(place), true) = (self.bytes.get_mut(..bytes.len()), args.name != 0) else {
            return;
        };
        // A class object has its flag beside LOCAL; the words are taken as they are.
        let ([tape::BOX, ..], Ok(words)) = (words, words.try_into()) else {
            return;
        };
        place.copy_from_slice(bytes);
        self.len = bytes.len();
        self.words = words;
        self.handler = handler;
        self.obj = args.obj;
        self.name = args.name;
    }
}

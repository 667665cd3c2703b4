//! Messages from the transmit tape to whole frames. Answers to `_send` of rpyc/core/protocol.py and `send` of channel.py.

use crate::brine::{self, IMM_ZERO};
use crate::codec::Codec;
use crate::encode::{Blobs, Encoder, Outbound};
use crate::error::WireError;
use crate::frame::{FLUSHER, HEADER};
use crate::names::Names;
use crate::tape::{self, kind, Header, HEADER_WORDS};
use crate::zlib::Zlib;

/// Our thread id in the bind_threads prefix: any constant but 0 will do.
pub const OUR_THREAD: u64 = 1;

const HANDLE_DEL: u8 = 15;

impl Codec {
    /// Appends the message at word `at` of the tape to `out` as one frame; returns the position behind the message.
    ///
    /// The caller has chosen this codec by the header's handle ([`Header::read`]). On an error `out` and the codec are
    /// as they were, and the caller may skip the message by its header's `words`.
    pub fn encode_message<B: Blobs + ?Sized>(
        &mut self,
        tape: &Outbound<'_, B>,
        at: usize,
        names: &Names,
        zlib: &mut Zlib,
        out: &mut Vec<u8>,
    ) -> Result<usize, WireError> {
        let header = Header::read(tape.words, at)?;
        let start = out.len();
        match self.encode_frame(&header, tape, at, names, zlib, out) {
            Ok(()) => {
                self.after(&header);
                Ok(at + header.words)
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    #[inline]
    fn encode_frame<B: Blobs + ?Sized>(
        &self,
        header: &Header,
        tape: &Outbound<'_, B>,
        at: usize,
        names: &Names,
        zlib: &mut Zlib,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        let variant = self.send_variant();
        if variant == 0 {
            return Err(WireError::VariantUnknown);
        }
        // Enough for the heads of a typical message: one growth at most instead of several.
        out.reserve(128);
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        let payload = start + HEADER;
        if variant >= 256 {
            out.extend_from_slice(&OUR_THREAD.to_be_bytes());
            out.extend_from_slice(&self.recipient(header).to_be_bytes());
        }
        let number = match header.kind {
            kind::REQUEST | kind::DEL => 1,
            kind::REPLY => 2,
            kind::EXCEPTION => 3,
            _ => {
                return Err(WireError::BadTape {
                    at: at + 1,
                    what: "unknown message kind",
                })
            }
        };
        out.extend_from_slice(&if variant & 255 == 6 {
            [number, brine::TAG_TUP2]
        } else {
            [brine::TAG_TUP3, IMM_ZERO + number]
        });
        brine::put_int(out, header.seq as i64);
        let end = at + header.words;
        let max_len = payload.saturating_add(self.limits.max_frame);
        let words = tape.words.get(..end).unwrap_or_default();
        let mut encoder = Encoder {
            words,
            at: at + HEADER_WORDS,
            tape,
            names,
            refs: Some(&self.refs),
            out,
            max_len,
        };
        let value = match header.kind {
            kind::REQUEST => request(&mut encoder, header),
            kind::REPLY => encoder.boxed(0),
            kind::EXCEPTION => encoder.value(0),
            _ => self.del(&mut encoder, header),
        };
        match value {
            Ok(()) if encoder.at != end => {
                return Err(WireError::BadTape {
                    at: encoder.at,
                    what: "words behind the message's value",
                })
            }
            Ok(()) => {}
            Err(WireError::MessageTooLarge { len, .. }) => {
                return Err(self.too_large(len - payload as u64))
            }
            Err(error) => return Err(error),
        }
        self.finish(start, zlib, out)
    }

    /// Compresses, and patches the frame's head.
    #[inline]
    fn finish(&self, start: usize, zlib: &mut Zlib, out: &mut Vec<u8>) -> Result<(), WireError> {
        let payload = start + HEADER;
        if out.len() - payload > self.limits.max_frame {
            return Err(self.too_large((out.len() - payload) as u64));
        }
        let compressed = zlib.compress(self.compress, out, payload);
        // At most max_frame, 2^30.
        let [a, b, c, d] = ((out.len() - payload) as u32).to_be_bytes();
        if let Some(head) = out.get_mut(start..payload) {
            head.copy_from_slice(&[a, b, c, d, compressed as u8]);
        }
        out.push(FLUSHER);
        Ok(())
    }

    #[cold]
    fn too_large(&self, len: u64) -> WireError {
        WireError::MessageTooLarge {
            len,
            max: self.limits.max_frame as u64,
        }
    }

    /// The peer's thread that shall take this message; 0 = any.
    fn recipient(&self, header: &Header) -> u64 {
        match header.kind {
            kind::REPLY | kind::EXCEPTION => self.thread_of(header.seq),
            kind::REQUEST => match header.b as u32 {
                0 => 0,
                nested_in => self.thread_of(u64::from(nested_in) - 1),
            },
            _ => 0,
        }
    }

    /// `(HANDLE_DEL, (2, ((3, id_pack), (1, count))))`.
    fn del<B: Blobs + ?Sized>(
        &self,
        encoder: &mut Encoder<'_, '_, B>,
        header: &Header,
    ) -> Result<(), WireError> {
        let bad = |what| WireError::BadTape {
            at: encoder.at - HEADER_WORDS,
            what,
        };
        if header.b < 1 {
            return Err(bad("DEL of less than one box"));
        }
        let pack = self
            .refs
            .pack(header.a as u32)
            .ok_or_else(|| bad("DEL of an unknown rid"))?;
        let out = &mut *encoder.out;
        out.extend_from_slice(&[0x11, IMM_ZERO + HANDLE_DEL, 0x11, 0x52, 0x11, 0x11, 0x53]);
        out.extend_from_slice(pack);
        out.extend_from_slice(&[0x11, 0x51]);
        brine::put_int(out, i64::from(header.b));
        Ok(())
    }

    /// What a message that went out leaves behind.
    #[inline]
    fn after(&mut self, header: &Header) {
        self.messages_out += 1;
        self.asked += u64::from(matches!(header.kind, kind::REQUEST | kind::DEL));
        match header.kind {
            kind::REPLY | kind::EXCEPTION if self.pending_threads() != 0 => {
                self.forget_thread(header.seq)
            }
            kind::DEL => {
                self.refs.give_back(header.a as u32, header.b as u64);
            }
            _ => {}
        }
    }
}

#[inline]
fn request<B: Blobs + ?Sized>(
    encoder: &mut Encoder<'_, '_, B>,
    header: &Header,
) -> Result<(), WireError> {
    encoder.out.push(brine::TAG_TUP2);
    brine::put_int(encoder.out, i64::from(header.a));
    match encoder.words.get(encoder.at).map(|head| tape::tag(*head)) {
        Some(tape::BOX | tape::TUPLE) => encoder.boxed(0),
        _ => Err(WireError::BadTape {
            at: encoder.at,
            what: "arguments are neither BOX nor TUPLE",
        }),
    }
}

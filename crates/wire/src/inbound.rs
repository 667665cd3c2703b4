//! Messages onto the tape, one record each: the twin of `outbound.rs`. Answers to `_dispatch` of rpyc/core/protocol.py
//! (5.x and 6.x) and to its bind_threads prefix.

use crate::boxing::{Args, Boxes};
use crate::brine::{self, Int, MAX_SAFE};
use crate::codec::Codec;
use crate::decode::Values;
use crate::error::WireError;
use crate::form::detect;
use crate::measure::check_room;
use crate::names::Names;
use crate::tape::{kind, record, TapeWriter, RECORD_WORDS};

impl Codec {
    /// Decodes one payload (inflated) into the record at `record_at` and the tape behind `tape.at`.
    ///
    /// `base` is the payload's position in the arena's byte array: offsets on the tape count from that array's start.
    /// False for an empty payload, which is a keep-alive and leaves no record.
    ///
    /// Room for [`crate::tape_bound`] of the payload is always enough; with less, [`crate::measure()`] decides, and
    /// [`WireError::TapeFull`] leaves everything as it was. After any other error the connection can only be closed.
    pub fn decode_message(
        &mut self,
        payload: &[u8],
        base: usize,
        names: &mut Names,
        tape: &mut TapeWriter<'_>,
        record_at: usize,
    ) -> Result<bool, WireError> {
        if payload.is_empty() {
            return Ok(false);
        }
        let form = detect(payload)?;
        let max_depth = self.limits.max_depth;
        check_room(payload, base, tape, max_depth)?;
        if record_at
            .checked_add(RECORD_WORDS)
            .is_none_or(|end| end > tape.words.len())
        {
            return Err(WireError::TapeFull {
                words: RECORD_WORDS,
                floats: 0,
            });
        }
        self.latch(form)?;
        let mut boxes = Boxes {
            values: Values::new(payload, base, tape, max_depth),
            refs: &mut self.refs,
            names,
            keep_local: self.keep_local,
        };
        let number = if form.version == 6 {
            payload[form.start]
        } else {
            payload[form.start + 1] - brine::IMM_ZERO
        };
        boxes.values.reader.at = form.start + 2;
        let message = i32::from(number);
        let seq = seq(&mut boxes)?;
        let mut handler = 0;
        let mut pos = boxes.values.tape.at;
        let mut args = Args::default();
        match message {
            kind::REQUEST => {
                let start = boxes.values.reader.at;
                let rest = boxes.values.reader.rest();
                if let Some((known, so_far, count, len)) = self.head.replay(rest, boxes.values.tape)
                {
                    (handler, args) = (known, so_far);
                    boxes.values.reader.at += len;
                    (2..count).try_for_each(|_| boxes.boxed(1))?;
                } else {
                    handler = request_head(&mut boxes)?;
                    pos = boxes.values.tape.at;
                    args = boxes.args(handler)?;
                    if args.name != 0 {
                        let words = boxes.values.tape.words.get(pos..args.rest);
                        let bytes = payload.get(start..args.end);
                        if let (Some(bytes), Some(words)) = (bytes, words) {
                            self.head.remember(bytes, words, handler, &args);
                        }
                    }
                }
            }
            kind::REPLY => boxes.boxed(0)?,
            _ => boxes.values.value(0)?,
        }
        // The record's room was checked above.
        if let Some(slot) = tape.words.get_mut(record_at..record_at + RECORD_WORDS) {
            slot[record::KIND] = message;
            slot[record::SEQ_LO] = seq as i32;
            slot[record::SEQ_HI] = (seq >> 32) as i32;
            slot[record::HANDLER] = handler;
            slot[record::OBJ] = args.obj;
            slot[record::NAME] = args.name;
            slot[record::POS] = pos as i32;
            slot[record::REST] = args.rest as i32;
        }
        if form.bound && message == kind::REQUEST {
            self.remember_thread(seq, payload)?;
        }
        self.messages_in += 1;
        self.answered += u64::from(message != kind::REQUEST);
        Ok(true)
    }
}

#[inline]
fn seq(boxes: &mut Boxes<'_, '_, '_>) -> Result<u64, WireError> {
    match boxes.values.reader.int()? {
        Some(Int::Small(value @ 0..=MAX_SAFE)) => Ok(value as u64),
        _ => Err(WireError::BadSeq),
    }
}

/// The pair of a request's content and its handler number; -1 for what is no i32 (nobody has such a handler).
#[inline]
fn request_head(boxes: &mut Boxes<'_, '_, '_>) -> Result<i32, WireError> {
    let values = &mut boxes.values;
    let tag = values.reader.byte()?;
    if values.reader.count_of(tag)? != Some(2) {
        return Err(WireError::BadMessage(
            "content of a request is not a pair of handler and arguments",
        ));
    }
    match values.reader.int()? {
        Some(Int::Small(number)) => Ok(i32::try_from(number).unwrap_or(-1)),
        Some(Int::Big(_)) => Ok(-1),
        None => {
            let (at, fat) = (values.tape.at, values.tape.fat);
            values.value(0)?;
            (values.tape.at, values.tape.fat) = (at, fat);
            Ok(-1)
        }
    }
}

//! How much tape a message takes, and whether there is room for it. A large one is walked for that once, without
//! recursion, before it is decoded.

use crate::brine;
use crate::error::WireError;
use crate::form::detect;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::tape::{self, TapeWriter};

/// Words and floats that decoding this payload takes at most (records apart), much closer than [`crate::tape_bound`].
///
/// Boxes are counted as the tuples they are on the wire, so the result is a little above what will be used. Fails where
/// the structure is broken; the values themselves are checked by the decoder only. An empty payload takes nothing.
pub fn measure(payload: &[u8], limits: &Limits) -> Result<(usize, usize), WireError> {
    measure_within(payload, limits.clamped().max_depth)
}

/// Refuses, before anything is changed, a payload whose values might not fit the tape or its offsets.
#[inline]
pub(crate) fn check_room(
    payload: &[u8],
    base: usize,
    tape: &TapeWriter<'_>,
    max_depth: u32,
) -> Result<(), WireError> {
    if base.saturating_add(payload.len()) > i32::MAX as usize {
        return Err(WireError::TapeFull {
            words: 0,
            floats: 0,
        });
    }
    if tape.has_room(tape::tape_bound(payload.len())) {
        return Ok(());
    }
    check_exact_room(payload, tape, max_depth)
}

#[cold]
fn check_exact_room(
    payload: &[u8],
    tape: &TapeWriter<'_>,
    max_depth: u32,
) -> Result<(), WireError> {
    let (words, floats) = measure_within(payload, max_depth)?;
    if tape.has_room((words, floats)) {
        return Ok(());
    }
    Err(WireError::TapeFull { words, floats })
}

fn measure_within(payload: &[u8], max_depth: u32) -> Result<(usize, usize), WireError> {
    if payload.is_empty() {
        return Ok((0, 0));
    }
    let form = detect(payload)?;
    let (mut words, mut floats) = (0, 0);
    // v5: 3 values behind `12`; v6: 2 values behind `0m 11`. All of them are counted.
    let (at, count) = if form.version == 5 {
        (form.start + 1, 3)
    } else {
        (form.start + 2, 2)
    };
    let mut reader = Reader { bytes: payload, at };
    // Items still to come of every open container. On the wire a box is 2 levels, a message 2 more.
    let mut open = vec![count];
    let deepest = 2 * max_depth as usize + 8;
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let tag = reader.byte()?;
        let (own, inner) = match tag {
            brine::IMM_FIRST..=brine::IMM_LAST => (1, None),
            brine::TAG_UNICODE => {
                let at = reader.at;
                let tag = reader.byte()?;
                reader
                    .bytes_of(tag)?
                    .ok_or(WireError::BadContent { of: "str", at })?;
                (3, None)
            }
            brine::TAG_LONG => (0, Some(1)),
            brine::TAG_FSET | brine::TAG_SLICE => {
                let at = reader.at;
                let tag = reader.byte()?;
                (
                    2,
                    Some(reader.count_of(tag)?.ok_or(WireError::BadContent {
                        of: "container",
                        at,
                    })?),
                )
            }
            brine::TAG_FLOAT => {
                reader.take(8)?;
                floats += 1;
                (2, None)
            }
            brine::TAG_COMPLEX => {
                reader.take(16)?;
                floats += 2;
                (2, None)
            }
            brine::TAG_NONE
            | brine::TAG_TRUE
            | brine::TAG_FALSE
            | brine::TAG_NOT_IMPLEMENTED
            | brine::TAG_ELLIPSIS => (1, None),
            _ => match (
                reader.bytes_of(tag)?,
                reader.int_text_of(tag)?,
                reader.count_of(tag)?,
            ) {
                (Some(_), ..) => (3, None),
                // 7 characters at most fit the word itself; leading zeros only make it smaller.
                (_, Some(text), _) => {
                    floats += (text.len() > 6) as usize;
                    (3, None)
                }
                (_, _, Some(count)) => (2, Some(count)),
                _ => {
                    return Err(WireError::BadTag {
                        tag,
                        at: reader.at - 1,
                    })
                }
            },
        };
        words += own;
        if let Some(count) = inner {
            if open.len() >= deepest {
                return Err(WireError::TooDeep { max: max_depth });
            }
            open.push(count);
        }
    }
    Ok((words, floats))
}

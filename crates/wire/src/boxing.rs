//! Boxes onto the tape: labels, id_packs, and the first arguments of a request that dispatch wants at a glance.
//! Answers to `_unbox` of rpyc/core/protocol.py and the LABEL_* of consts.py.

use crate::brine::{self, Int};
use crate::decode::{check_utf8, Values};
use crate::error::WireError;
use crate::names::Names;
use crate::refs::{IdPack, Refs};
use crate::tape::{self, word};

/// By value.
const LABEL_VALUE: u8 = 1;
/// A tuple of boxes.
const LABEL_TUPLE: u8 = 2;
/// The receiver's object. The remaining label, 4, is the sender's object (LABEL_REMOTE_REF).
const LABEL_LOCAL_REF: u8 = 3;

/// Longest id_pack, in bytes: it is kept as long as the reference lives.
const MAX_ID_PACK: usize = 4096;

const HANDLE_GETATTR: i32 = 4;
const HANDLE_SETATTR: i32 = 6;
const HANDLE_CALLATTR: i32 = 8;

/// A value decoder that also knows boxes.
pub(crate) struct Boxes<'a, 't, 'w> {
    pub values: Values<'a, 't, 'w>,
    pub refs: &'t mut Refs,
    pub names: &'t mut Names,
    /// Label 3 goes to `refs` too and onto the tape as REF: see `Codec::keep_local_packs`.
    pub keep_local: bool,
}

/// What the record says about a request's arguments.
#[derive(Default)]
pub(crate) struct Args {
    pub obj: i32,
    pub name: i32,
    pub rest: usize,
    /// Where the bytes of what `name` tells end; 0 without a name.
    pub end: usize,
}

impl<'a> Boxes<'a, '_, '_> {
    /// One box with `depth` containers around it.
    pub(crate) fn boxed(&mut self, depth: u32) -> Result<(), WireError> {
        match self.label()? {
            LABEL_VALUE => self.values.value(depth),
            LABEL_TUPLE => {
                let (count, inner) = self.tuple_head(depth)?;
                (0..count).try_for_each(|_| self.boxed(inner))
            }
            LABEL_LOCAL_REF => self.local().map(drop),
            // label() lets 1 to 4 through.
            _ => self.remote(),
        }
    }

    /// The box of a request's arguments. `depth` 0: nothing is around it.
    pub(crate) fn args(&mut self, handler: i32) -> Result<Args, WireError> {
        let label = self.label()?;
        let pos = self.values.tape.at;
        if label == LABEL_TUPLE {
            let (count, inner) = self.tuple_head(0)?;
            return self.items(handler, count, inner);
        }
        if label != LABEL_VALUE {
            return Err(WireError::BadMessage(
                "arguments of a request are boxed as a reference",
            ));
        }
        self.values.value(0)?;
        // Python calls handler(*args): an empty tuple is the only other thing its own encoder sends.
        if self
            .values
            .tape
            .words
            .get(pos)
            .is_some_and(|head| *head != tape::TUPLE)
        {
            return Err(WireError::BadMessage(
                "arguments of a request are not a tuple",
            ));
        }
        Ok(Args {
            rest: pos + 2,
            ..Args::default()
        })
    }

    #[inline]
    fn items(&mut self, handler: i32, count: usize, depth: u32) -> Result<Args, WireError> {
        let mut args = Args {
            rest: self.values.tape.at,
            ..Args::default()
        };
        let mut done = 0;
        if let ([0x11, 0x53, ..], 1..) = (self.values.reader.rest(), count) {
            self.values.reader.at += 2;
            args.obj = self.local()?;
            done = 1;
        }
        if args.obj != 0 {
            args.rest = self.values.tape.at;
            if (HANDLE_GETATTR..=HANDLE_SETATTR).contains(&handler) || handler == HANDLE_CALLATTR {
                if let ([0x11, 0x51, brine::TAG_UNICODE, ..], 2..) =
                    (self.values.reader.rest(), count)
                {
                    self.values.reader.at += 3;
                    args.name = self.attribute_name()?;
                    done = 2;
                    if args.name != 0 {
                        args.rest = self.values.tape.at;
                        args.end = self.values.reader.at;
                    }
                }
            }
        }
        for _ in done..count {
            self.boxed(depth)?;
        }
        Ok(args)
    }

    /// The attribute name behind `11 51 08`: interned id, or 0 with the str on the tape.
    #[inline]
    fn attribute_name(&mut self) -> Result<i32, WireError> {
        let text = self.values.str_body()?;
        let id = self.names.intern_peer(text) as i32;
        if id == 0 {
            self.values.put_text(text)?;
        } else {
            self.values.tape.push2(tape::NAME, id);
        }
        Ok(id)
    }

    /// Count of a tuple of boxes, and the depth of its items.
    #[inline]
    fn tuple_head(&mut self, depth: u32) -> Result<(usize, u32), WireError> {
        let values = &mut self.values;
        let at = values.reader.at;
        let tag = values.reader.byte()?;
        let count = values.reader.count_of(tag)?.ok_or(WireError::BadContent {
            of: "box of label 2",
            at,
        })?;
        let inner = values.deeper(depth)?;
        values.tape.push2(tape::BOX, count as i32);
        Ok((count, inner))
    }

    /// The label of a box whose content follows.
    #[inline]
    fn label(&mut self) -> Result<u8, WireError> {
        if let [brine::TAG_TUP2, label @ 0x51..=0x54, ..] = *self.values.reader.rest() {
            self.values.reader.at += 2;
            return Ok(label - brine::IMM_ZERO);
        }
        self.odd_label()
    }

    /// The same for forms that no encoder writes.
    #[cold]
    fn odd_label(&mut self) -> Result<u8, WireError> {
        let reader = &mut self.values.reader;
        let at = reader.at;
        let tag = reader.byte()?;
        if reader.count_of(tag)? != Some(2) {
            return Err(WireError::NotABox { at });
        }
        match reader.int()? {
            Some(Int::Small(label @ 1..=4)) => Ok(label as u8),
            Some(Int::Small(label)) => Err(WireError::InvalidLabel(label)),
            _ => Err(WireError::NotABox { at }),
        }
    }

    /// Label 3: our object came back. Its id, 0 for what we cannot have sent.
    #[inline]
    fn local(&mut self) -> Result<i32, WireError> {
        let start = self.values.reader;
        let Some(id) = self.id_pack()? else {
            self.values.reader = start;
            return self.odd_local();
        };
        if self.keep_local {
            let (rid, _) = self.refs.enter(&id)?;
            self.values.tape.push2(tape::REF, rid as i32);
            return Ok(0);
        }
        let is_class = id.is_class();
        let number = if is_class { id.class } else { id.instance };
        let number = number.as_positive_i32().unwrap_or(0);
        self.values
            .tape
            .push2(word(tape::LOCAL, i32::from(is_class)), number);
        Ok(number)
    }

    /// Something else than an id_pack under label 3: Python answers KeyError, so it is an unknown object.
    #[cold]
    fn odd_local(&mut self) -> Result<i32, WireError> {
        if self.is_rpyc_40(true) {
            return Err(WireError::Rpyc40);
        }
        let (at, fat) = (self.values.tape.at, self.values.tape.fat);
        self.values.value(0)?;
        (self.values.tape.at, self.values.tape.fat) = (at, fat);
        self.values.tape.push2(tape::LOCAL, 0);
        Ok(0)
    }

    /// Label 4: the peer's object.
    #[inline]
    fn remote(&mut self) -> Result<(), WireError> {
        let start = self.values.reader;
        let Some(id) = self.id_pack()? else {
            self.values.reader = start;
            return Err(if self.is_rpyc_40(false) {
                WireError::Rpyc40
            } else {
                WireError::BadIdPack { at: start.at }
            });
        };
        let (rid, class) = self.refs.enter(&id)?;
        self.values.tape.push3(
            word(tape::REMOTE, i32::from(id.is_class())),
            rid as i32,
            class as i32,
        );
        Ok(())
    }

    /// `(name_pack, class_id, instance_id)`, or None when the value has another shape. Python 2 peers send the name as bytes.
    #[inline]
    fn id_pack(&mut self) -> Result<Option<IdPack<'a>>, WireError> {
        let reader = &mut self.values.reader;
        let start = reader.at;
        let tag = reader.byte()?;
        if reader.count_of(tag)? != Some(3) {
            return Ok(None);
        }
        let name_at = reader.at;
        let mut tag = reader.byte()?;
        if tag == brine::TAG_UNICODE {
            tag = reader.byte()?;
        }
        let Some(name) = reader.bytes_of(tag)? else {
            return Ok(None);
        };
        check_utf8(name, reader.at - name.len())?;
        let class_at = reader.at;
        let Some(class) = reader.int()? else {
            return Ok(None);
        };
        let instance_at = reader.at;
        let Some(instance) = reader.int()? else {
            return Ok(None);
        };
        let pack = &reader.bytes[start..reader.at];
        if pack.len() > MAX_ID_PACK {
            return Err(WireError::IdPackTooLong { len: pack.len() });
        }
        Ok(Some(IdPack {
            pack,
            name,
            name_at: name_at - start,
            class_at: class_at - start,
            instance_at: instance_at - start,
            class,
            instance,
        }))
    }

    /// Is this `(oid: int, clsname, modname)`, or under label 3 a bare oid?
    fn is_rpyc_40(&self, bare: bool) -> bool {
        let mut reader = self.values.reader;
        if bare && matches!(reader.int(), Ok(Some(_))) {
            return true;
        }
        let Ok(tag) = reader.byte() else { return false };
        matches!(reader.count_of(tag), Ok(Some(3)))
            && matches!(reader.int(), Ok(Some(_)))
            && matches!(
                reader.byte(),
                Ok(brine::TAG_UNICODE | brine::TAG_EMPTY_STR | brine::TAG_STR1..=brine::TAG_STR_L4)
            )
    }
}

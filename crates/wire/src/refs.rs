//! The peer's id_packs of one connection: verbatim bytes <-> rid, and their classes. Answers to `_proxy_cache` of
//! protocol.py and `get_id_pack` of lib/__init__.py.
//!
//! A rid lives as long as boxes are out: every REMOTE that is decoded adds one, every DEL that is encoded takes its count
//! off. So an id_pack that arrives again while its DEL is still on the transmit tape keeps its rid. Freed rids are
//! re-used; class indices never are (JavaScript caches by them).

use crate::brine::Int;
use crate::error::WireError;
use crate::limits::Limits;
use crate::table::Table;
use std::ops::Range;

struct Entry {
    /// The id_pack as it came, brine of `(name_pack, class_id, instance_id)`; empty when the rid is free.
    pack: Box<[u8]>,
    /// Where class_id and instance_id start in `pack`.
    class_at: u32,
    instance_at: u32,
    hash: u32,
    class: u32,
    /// Boxes received less boxes given back.
    boxes: u64,
}

struct Class {
    /// name_pack and class_id verbatim.
    key: Box<[u8]>,
    name: Box<str>,
    class_id: Box<str>,
}

/// An id_pack in a payload: its verbatim bytes and where its parts start in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdPack<'a> {
    pub pack: &'a [u8],
    /// Text of the name_pack, valid UTF-8.
    pub name: &'a [u8],
    /// Start of the brine of name_pack, class_id, instance_id.
    pub name_at: usize,
    pub class_at: usize,
    pub instance_at: usize,
    pub class: Int<'a>,
    pub instance: Int<'a>,
}

impl IdPack<'_> {
    #[inline]
    pub(crate) fn is_class(&self) -> bool {
        self.instance.is_zero()
    }
}

/// See the module.
pub struct Refs {
    table: Table,
    entries: Vec<Entry>,
    free: Vec<u32>,
    class_table: Table,
    classes: Vec<Class>,
    live: usize,
    max_refs: usize,
    max_classes: usize,
}

impl Refs {
    /// An empty table.
    pub fn new(limits: &Limits) -> Self {
        Self {
            table: Table::new(),
            entries: Vec::new(),
            free: Vec::new(),
            class_table: Table::new(),
            classes: Vec::new(),
            live: 0,
            max_refs: limits.max_refs,
            max_classes: limits.max_classes,
        }
    }

    /// Rids that are alive.
    pub fn live(&self) -> usize {
        self.live
    }

    /// All live rids are in this range.
    pub fn rids(&self) -> Range<u32> {
        1..self.entries.len() as u32 + 1
    }

    /// The name_pack and the decimal text of the class_id of a class index.
    pub fn class_info(&self, class: u32) -> Option<(&str, &str)> {
        self.classes
            .get(class as usize)
            .map(|class| (&*class.name, &*class.class_id))
    }

    /// The class index of a live rid.
    pub fn class_of(&self, rid: u32) -> Option<u32> {
        self.entry(rid).map(|entry| entry.class)
    }

    /// Decimal text of class_id and instance_id of a live rid.
    pub fn id_pack(&self, rid: u32) -> Option<(String, String)> {
        let entry = self.entry(rid)?;
        let class = Int::of_brine(&entry.pack[entry.class_at as usize..])?;
        let instance = Int::of_brine(&entry.pack[entry.instance_at as usize..])?;
        Some((class.to_decimal(), instance.to_decimal()))
    }

    /// The id_pack of a live rid as it came.
    #[inline]
    pub fn pack(&self, rid: u32) -> Option<&[u8]> {
        self.entry(rid).map(|entry| &*entry.pack)
    }

    /// Boxes of a live rid that were not given back yet.
    pub fn boxes(&self, rid: u32) -> Option<u64> {
        self.entry(rid).map(|entry| entry.boxes)
    }

    /// Counts one more box of an id_pack: `(rid, class index)`.
    #[inline]
    pub(crate) fn enter(&mut self, id: &IdPack<'_>) -> Result<(u32, u32), WireError> {
        let hash = self.table.hash(id.pack);
        let found = self.table.find(hash, |rid| {
            self.entry(rid).is_some_and(|entry| *entry.pack == *id.pack)
        });
        if let Some(rid) = found {
            let entry = &mut self.entries[rid as usize - 1];
            entry.boxes += 1;
            return Ok((rid, entry.class));
        }
        self.add(id, hash)
    }

    /// Takes `count` boxes off a rid; at 0 it is free for re-use. False when the rid is not alive.
    pub(crate) fn give_back(&mut self, rid: u32, count: u64) -> bool {
        let Some(entry) = self.entries.get_mut((rid as usize).wrapping_sub(1)) else {
            return false;
        };
        if entry.pack.is_empty() {
            return false;
        }
        entry.boxes = entry.boxes.saturating_sub(count);
        if entry.boxes == 0 {
            entry.pack = Box::default();
            let hash = entry.hash;
            self.table.remove(hash, rid);
            self.free.push(rid);
            self.live -= 1;
        }
        true
    }

    #[inline]
    fn entry(&self, rid: u32) -> Option<&Entry> {
        self.entries
            .get((rid as usize).wrapping_sub(1))
            .filter(|entry| !entry.pack.is_empty())
    }

    #[cold]
    fn add(&mut self, id: &IdPack<'_>, hash: u32) -> Result<(u32, u32), WireError> {
        if self.live >= self.max_refs {
            return Err(WireError::TooManyRefs { max: self.max_refs });
        }
        let class = self.class(id)?;
        let entry = Entry {
            pack: id.pack.into(),
            class_at: id.class_at as u32,
            instance_at: id.instance_at as u32,
            hash,
            class,
            boxes: 1,
        };
        let rid = match self.free.pop() {
            Some(rid) => {
                self.entries[rid as usize - 1] = entry;
                rid
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32
            }
        };
        self.table.insert(hash, rid);
        self.live += 1;
        Ok((rid, class))
    }

    fn class(&mut self, id: &IdPack<'_>) -> Result<u32, WireError> {
        let key = &id.pack[id.name_at..id.instance_at];
        let hash = self.class_table.hash(key);
        let found = self.class_table.find(hash, |number| {
            self.classes
                .get(number as usize - 1)
                .is_some_and(|class| *class.key == *key)
        });
        if let Some(number) = found {
            return Ok(number - 1);
        }
        if self.classes.len() >= self.max_classes {
            return Err(WireError::TooManyClasses {
                max: self.max_classes,
            });
        }
        let name = String::from_utf8_lossy(id.name).into_owned().into();
        self.classes.push(Class {
            key: key.into(),
            name,
            class_id: id.class.to_decimal().into(),
        });
        self.class_table.insert(hash, self.classes.len() as u32);
        Ok(self.classes.len() as u32 - 1)
    }
}

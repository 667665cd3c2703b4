//! Endpoints by handle. A handle is an index and a generation in one positive i32, so that a stale
//! one never reaches another endpoint; freed indices are re-used late, and in the order in which
//! they were freed.

use std::collections::VecDeque;

const INDEX_BITS: u32 = 20;
/// Indices that stay unused: with the generations, an old handle means nothing for more than 100000
/// others.
const RESTING: usize = 64;
const MAX_GENERATION: i32 = (1 << (31 - INDEX_BITS)) - 1;

struct Entry<T> {
    generation: i32,
    /// Boxed: the entries stay, and most of them empty, after many were open at once.
    value: Option<Box<T>>,
}

pub struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: VecDeque<u32>,
}

impl<T> Slab<T> {
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: VecDeque::new(),
        }
    }

    /// Stores what `make` builds for its handle; `None` when a million are open.
    pub fn insert(&mut self, make: impl FnOnce(i32) -> T) -> Option<i32> {
        let can_grow = self.entries.len() < 1 << INDEX_BITS;
        let index = if can_grow && self.free.len() <= RESTING {
            self.entries.push(Entry {
                generation: 0,
                value: None,
            });
            self.entries.len() - 1
        } else {
            self.free.pop_front()? as usize
        };
        let entry = &mut self.entries[index];
        entry.generation = entry.generation % MAX_GENERATION + 1;
        let handle = entry.generation << INDEX_BITS | index as i32;
        entry.value = Some(Box::new(make(handle)));
        Some(handle)
    }

    #[inline]
    pub fn get(&mut self, handle: i32) -> Option<&mut T> {
        let index = (handle & ((1 << INDEX_BITS) - 1)) as usize;
        let entry = self.entries.get_mut(index)?;
        if entry.generation != handle >> INDEX_BITS {
            return None;
        }
        entry.value.as_deref_mut()
    }

    pub fn remove(&mut self, handle: i32) -> Option<T> {
        self.get(handle)?;
        let index = handle & ((1 << INDEX_BITS) - 1);
        self.free.push_back(index as u32);
        self.entries[index as usize]
            .value
            .take()
            .map(|value| *value)
    }

    pub fn values(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries
            .iter_mut()
            .filter_map(|entry| entry.value.as_deref_mut())
    }

    /// Takes everything out.
    pub fn drain(&mut self) -> Vec<T> {
        self.free.clear();
        self.entries
            .drain(..)
            .filter_map(|entry| entry.value.map(|value| *value))
            .collect()
    }
}

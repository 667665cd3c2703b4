//! An open-addressing table of ids whose keys lie elsewhere, and its keyed hash.
//!
//! Shared by the interner and the id_pack table. Keys come from peers: the hash is seeded per table from std's random
//! keys, so that collisions cannot be prepared, and comparison is always exact.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// 0 = empty.
    id: u32,
}

/// Ids > 0 by hash. Invariant: `slots.len()` is a power of two and more than `len * 3 / 2`.
pub(crate) struct Table {
    slots: Vec<Slot>,
    len: usize,
    keys: [u64; 3],
}

impl Table {
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        let key = |number: u64| {
            let mut hasher = random.build_hasher();
            hasher.write_u64(number);
            hasher.finish() | 1
        };
        Self {
            slots: vec![Slot::default(); 64],
            len: 0,
            keys: [key(0), key(1), key(2)],
        }
    }

    /// Folded multiplication over 16 bytes at a time, all inputs masked by secret keys.
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u32 {
        let [k0, k1, k2] = self.keys;
        let mut hash = k0 ^ bytes.len() as u64;
        let mut rest = bytes;
        while let Some((chunk, more)) = rest.split_first_chunk::<16>() {
            if more.is_empty() {
                break;
            }
            let (low, high) = halves(chunk);
            hash = mix(low ^ k1, high ^ hash);
            rest = more;
        }
        let (low, high) = tail(rest);
        let hash = mix(mix(low ^ k1, high ^ hash), k2);
        (hash ^ (hash >> 32)) as u32
    }

    /// The id of this hash for which `is` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.id == 0 {
                return None;
            }
            if slot.hash == hash && is(slot.id) {
                return Some(slot.id);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds an id that is not there yet.
    pub(crate) fn insert(&mut self, hash: u32, id: u32) {
        debug_assert_ne!(id, 0);
        self.len += 1;
        if self.len * 8 > self.slots.len() * 5 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![Slot::default(); old.len() * 2];
            old.iter()
                .filter(|slot| slot.id != 0)
                .for_each(|slot| self.place(*slot));
        }
        self.place(Slot { hash, id });
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots[at].id != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Removes an id that is there, and closes the gap in its run of slots.
    pub(crate) fn remove(&mut self, hash: u32, id: u32) {
        let mask = self.slots.len() - 1;
        let mut gap = hash as usize & mask;
        while self.slots[gap].id != id {
            if self.slots[gap].id == 0 {
                return;
            }
            gap = (gap + 1) & mask;
        }
        self.len -= 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.id == 0 {
                break;
            }
            let home = slot.hash as usize & mask;
            // Moves back only what probing from its home would find at the gap.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap] = Slot::default();
    }
}

#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let whole = u128::from_le_bytes(*chunk);
    (whole as u64, (whole >> 64) as u64)
}

/// Up to 16 bytes as two words that hold all of them.
#[inline]
fn tail(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(first), Some(last)) => (
                u64::from(u32::from_le_bytes(*first)),
                u64::from(u32::from_le_bytes(*last)),
            ),
            _ => match bytes {
                [] => (0, 0),
                [first, .., last] => (
                    u64::from(*first),
                    u64::from(*last) << 8 | u64::from(bytes[bytes.len() / 2]),
                ),
                [only] => (u64::from(*only), 0),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_until_it_is_removed() {
        let mut table = Table::new();
        // Few hashes, long runs: the gap closing is what is under test.
        let hash = |id: u32| id % 7;
        for id in 1..=500 {
            table.insert(hash(id), id);
        }
        for id in (1..=500).filter(|id| id % 3 == 0) {
            table.remove(hash(id), id);
        }
        for id in 1..=500 {
            assert_eq!(
                table.find(hash(id), |found| found == id).is_some(),
                id % 3 != 0,
                "{id}"
            );
        }
        for id in (1..=500).filter(|id| id % 3 != 0) {
            table.remove(hash(id), id);
        }
        assert_eq!(table.len, 0);
        assert!(table.slots.iter().all(|slot| slot.id == 0));
    }

    #[test]
    fn hashes_differ_between_tables_and_use_every_byte() {
        let (one, two) = (Table::new(), Table::new());
        assert!((0..8u8).any(|byte| one.hash(&[byte]) != two.hash(&[byte])));
        let base: Vec<u8> = (0..60).collect();
        for len in 1..60 {
            let whole = one.hash(&base[..len]);
            for at in 0..len {
                let mut other = base[..len].to_vec();
                other[at] ^= 0x40;
                assert_ne!(one.hash(&other), whole, "byte {at} of {len}");
            }
        }
    }
}

//! The interner: attribute and type names as small ids, one table per thread, shared by its connections.
//!
//! Ids are never re-used, so JavaScript may cache the string of an id forever. What peers can add is bounded; what is
//! not interned travels as an ordinary str and means the same.

use crate::brine;
use crate::table::Table;

/// Longest name that a peer's message may add, in bytes.
pub const MAX_PEER_NAME: usize = 32;
/// Names that peers may add.
pub const MAX_PEER_NAMES: usize = 2048;
/// Longest name that our own side may intern, in bytes.
pub const MAX_NAME: usize = 255;
/// Most names altogether.
pub const MAX_NAMES: usize = 65536;

struct Name {
    text: Box<str>,
    /// The same as brine: what an encoder appends.
    brine: Box<[u8]>,
}

/// Strings <-> ids > 0.
pub struct Names {
    table: Table,
    names: Vec<Name>,
    by_peers: usize,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            table: Table::new(),
            names: Vec::new(),
            by_peers: 0,
        }
    }

    /// The id of a string of our own side; 0 when it is over 255 bytes or the table is full.
    pub fn intern(&mut self, text: &str) -> u32 {
        if text.len() > MAX_NAME {
            return 0;
        }
        let hash = self.table.hash(text.as_bytes());
        self.find(hash, text.as_bytes())
            .unwrap_or_else(|| self.add(hash, text))
    }

    /// The id of a string that came from a peer; 0 when it is not interned and may not be added.
    ///
    /// `text` must be a str (valid UTF-8); a known name needs no check, a new one is checked here and gives 0 otherwise.
    #[inline]
    pub fn intern_peer(&mut self, text: &[u8]) -> u32 {
        if text.len() > MAX_PEER_NAME {
            return 0;
        }
        let hash = self.table.hash(text);
        match self.find(hash, text) {
            Some(id) => id,
            None => self.add_peer(hash, text),
        }
    }

    #[cold]
    fn add_peer(&mut self, hash: u32, text: &[u8]) -> u32 {
        match std::str::from_utf8(text) {
            Ok(text) if self.by_peers < MAX_PEER_NAMES => {
                let id = self.add(hash, text);
                self.by_peers += (id != 0) as usize;
                id
            }
            _ => 0,
        }
    }

    /// The string of an id.
    pub fn get(&self, id: u32) -> Option<&str> {
        self.entry(id).map(|name| &*name.text)
    }

    /// The string of an id as brine.
    #[inline]
    pub(crate) fn brine(&self, id: u32) -> Option<&[u8]> {
        self.entry(id).map(|name| &*name.brine)
    }

    /// Number of names; ids are 1 to this.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Is nothing interned yet?
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    #[inline]
    fn entry(&self, id: u32) -> Option<&Name> {
        self.names.get((id as usize).wrapping_sub(1))
    }

    #[inline]
    fn find(&self, hash: u32, text: &[u8]) -> Option<u32> {
        self.table.find(hash, |id| {
            self.entry(id)
                .is_some_and(|name| name.text.as_bytes() == text)
        })
    }

    fn add(&mut self, hash: u32, text: &str) -> u32 {
        if self.names.len() >= MAX_NAMES {
            return 0;
        }
        let mut encoded = Vec::with_capacity(text.len() + 6);
        brine::put_str(&mut encoded, text.as_bytes());
        self.names.push(Name {
            text: text.into(),
            brine: encoded.into(),
        });
        let id = self.names.len() as u32;
        self.table.insert(hash, id);
        id
    }
}

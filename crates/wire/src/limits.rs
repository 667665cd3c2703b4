//! What a peer may cost us. RPyC has no limits but Python's own recursion and memory.

/// Largest `max_frame` and `max_inflated`: offsets on the tape are `i32`.
pub const HARD_MAX_FRAME: usize = 1 << 30;
/// Largest `max_depth`: decoding recurses, and must not overflow a 1 MiB stack.
pub const HARD_MAX_DEPTH: u32 = 1000;
/// Digits of an int that CPython 3.11 and later convert from and to text.
pub const MAX_INT_DIGITS: usize = 4300;

/// Limits of one connection. [`Limits::clamped`] brings out-of-range values back to what the tape can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload in a frame as it arrives, and largest payload we send before compression, in bytes.
    pub max_frame: usize,
    /// Largest payload after inflating, in bytes.
    pub max_inflated: usize,
    /// Deepest nesting of containers (tuple, frozenset, slice, tuple of boxes) around a value.
    pub max_depth: u32,
    /// Most id_packs of the peer that are alive at the same time.
    pub max_refs: usize,
    /// Most different (name_pack, class_id) that the peer may send over the life of a connection.
    pub max_classes: usize,
    /// Most requests with thread ids that wait for our answer.
    pub max_pending: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame: 256 << 20,
            max_inflated: 256 << 20,
            max_depth: 400,
            max_refs: 1 << 22,
            max_classes: 1 << 16,
            max_pending: 1 << 18,
        }
    }
}

impl Limits {
    /// The same limits, none above what the tape and the stack can bear.
    pub fn clamped(self) -> Self {
        Self {
            max_frame: self.max_frame.min(HARD_MAX_FRAME),
            max_inflated: self.max_inflated.min(HARD_MAX_FRAME),
            max_depth: self.max_depth.min(HARD_MAX_DEPTH),
            max_refs: self.max_refs.min((i32::MAX - 1) as usize),
            max_classes: self.max_classes.min((i32::MAX - 1) as usize),
            max_pending: self.max_pending,
        }
    }
}

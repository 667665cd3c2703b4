//! Numbers that both sides of the seam know: the mirror of `Ctl`, `Status` and `LoopEvent` of
//! `src/native/addon.ts`, same names, same numbers.

/// Words of the control block.
pub mod ctl {
    pub const DEPTH: usize = 0;
    pub const TX_WORDS: usize = 1;
    pub const TX_FLOATS: usize = 2;
    pub const TX_BYTES: usize = 3;
    pub const DETAIL: usize = 4;
    pub const IN_LOOP: usize = 5;
    pub const GC: usize = 6;
    pub const PUSH_OUTPUT: usize = 7;
    pub const SIGNALS: usize = 8;
    pub const LENGTH: usize = 16;
}

/// A BatchCode below 0.
pub mod status {
    pub const EOF: i32 = -1;
    pub const ERRNO: i32 = -2;
    pub const BIG: i32 = -3;
    pub const PROTOCOL: i32 = -4;
    pub const INTERRUPTED: i32 = -5;
    pub const TIMEOUT: i32 = -6;
    pub const TLS: i32 = -7;
}

/// What `onEvent` tells.
pub mod event {
    pub const BATCH: i32 = 0;
    pub const CONNECTED: i32 = 1;
    pub const ACCEPTED: i32 = 2;
    pub const DRAINED: i32 = 3;
    pub const READY: i32 = 4;
    pub const ZMQ_MESSAGES: i32 = 5;
    pub const ZMQ_SENDABLE: i32 = 6;
    pub const ZMQ_PEER: i32 = 7;
    pub const ZMQ_LOST: i32 = 8;
}

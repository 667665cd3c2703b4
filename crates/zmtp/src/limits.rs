//! What one peer may cost us. libzmq bounds a message only where ZMQ_MAXMSGSIZE is set, and nothing else.

/// Longest identity that the protocol knows, in bytes.
pub const MAX_IDENTITY: usize = 255;
/// Longest context of a PING, in bytes.
pub const MAX_CONTEXT: usize = 16;

/// Limits of one connection, for what arrives and for what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest part of a message, in bytes.
    pub max_frame: usize,
    /// Largest message, its parts together, in bytes.
    pub max_message: usize,
    /// Most parts of a message.
    pub max_parts: usize,
    /// Largest command, in bytes: READY with its metadata, SUBSCRIBE with its topic.
    pub max_command: usize,
    /// Most metadata properties in READY.
    pub max_properties: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame: 256 << 20,
            max_message: 256 << 20,
            max_parts: 1024,
            max_command: 16 << 10,
            max_properties: 64,
        }
    }
}

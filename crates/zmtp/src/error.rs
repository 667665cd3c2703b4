//! Everything that can be wrong on a connection, with the fact and the value in the text.
//!
//! The peer is to blame for all variants but those of the last group, which blame the sender on our side
//! ([`ZmtpError::is_local`]). An error of the peer ends its connection, and no other.

use std::fmt;

use crate::socket_type::SocketType;

/// Why bytes of a peer, or a message of ours, cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZmtpError {
    /// The first bytes are no ZMTP signature.
    NotZmtp {
        /// Position of the byte that is wrong.
        at: usize,
        /// That byte.
        byte: u8,
    },
    /// The peer speaks ZMTP 1 or 2.
    OldVersion {
        /// The revision that its greeting names.
        revision: u8,
    },
    /// A mechanism other than NULL.
    Mechanism(Box<str>),
    /// The greeting's as-server is neither 0 nor 1.
    BadAsServer(u8),
    /// Flags that no frame has: a reserved bit, or a command with MORE.
    BadFlags {
        /// The flags.
        flags: u8,
    },
    /// A part of a message is too long.
    FrameTooLarge {
        /// Announced bytes.
        len: u64,
        /// The limit.
        max: usize,
    },
    /// The parts of a message are too long together.
    MessageTooLarge {
        /// Bytes so far (at least).
        len: u64,
        /// The limit.
        max: usize,
    },
    /// A message has too many parts.
    TooManyParts {
        /// The limit.
        max: usize,
    },
    /// A command is too long.
    CommandTooLarge {
        /// Announced bytes.
        len: u64,
        /// The limit.
        max: usize,
    },
    /// Too many commands between the parts of one message.
    TooManyCommands,
    /// A command whose body is not what its name asks for.
    BadCommand(&'static str),
    /// Something arrived that has no place there.
    Unexpected(&'static str),
    /// Metadata that cannot be read, or says the same thing twice.
    BadMetadata(&'static str),
    /// More metadata than the limit.
    TooManyProperties {
        /// The limit.
        max: usize,
    },
    /// A Socket-Type that ZMTP does not know.
    UnknownSocketType(Box<str>),
    /// A Socket-Type that ours does not talk to.
    Incompatible {
        /// Our type.
        ours: SocketType,
        /// The peer's.
        theirs: SocketType,
    },
    /// An identity that is too long, or starts with a zero, which is for generated ones.
    BadIdentity {
        /// Its length.
        len: usize,
    },
    /// Another peer of the same ROUTER has this identity.
    DuplicateIdentity,
    /// More subscriptions, or longer ones, than a publisher keeps for one peer.
    TooManyTopics,
    /// The peer sent an ERROR command; printable ASCII only.
    Refused(Box<str>),

    /// Our side sends before the handshake is over.
    NotReady,
    /// Our side sends a message without parts.
    NoParts,
    /// Our side sends something too long.
    SendTooLarge {
        /// What.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
}

impl ZmtpError {
    /// Is our own side to blame, so that the connection can live on?
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::NotReady | Self::NoParts | Self::SendTooLarge { .. }
        )
    }
}

/// Bytes of a peer for a person to read: printable ASCII, everything else as `?`, at most 64 characters.
pub(crate) fn printable(bytes: &[u8]) -> Box<str> {
    let readable = |&byte: &u8| match byte {
        b' '..=b'~' => byte as char,
        _ => '?',
    };
    bytes
        .iter()
        .take(64)
        .map(readable)
        .collect::<String>()
        .into()
}

impl fmt::Display for ZmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotZmtp { at, byte } => {
                write!(
                    f,
                    "peer does not speak ZMTP: byte {at} of its greeting is 0x{byte:02x}"
                )
            }
            Self::OldVersion { revision } => {
                write!(
                    f,
                    "peer speaks ZMTP of revision {revision}; 3.0 or newer is needed"
                )
            }
            Self::Mechanism(name) => write!(
                f,
                "peer asks for security mechanism {name:?}; only NULL is supported"
            ),
            Self::BadAsServer(byte) => write!(
                f,
                "as-server in the peer's greeting is 0x{byte:02x}, neither 0 nor 1"
            ),
            Self::BadFlags { flags } => write!(
                f,
                "frame with flags 0x{flags:02x}, which ZMTP does not know"
            ),
            Self::FrameTooLarge { len, max } => {
                write!(f, "message part of {len} bytes exceeds the limit of {max}")
            }
            Self::MessageTooLarge { len, max } => {
                write!(f, "message of {len} bytes exceeds the limit of {max}")
            }
            Self::TooManyParts { max } => write!(f, "message of more than {max} parts"),
            Self::CommandTooLarge { len, max } => {
                write!(f, "command of {len} bytes exceeds the limit of {max}")
            }
            Self::TooManyCommands => {
                f.write_str("too many commands between the parts of one message")
            }
            Self::BadCommand(what) => write!(f, "malformed command: {what}"),
            Self::Unexpected(what) => write!(f, "peer sent {what}"),
            Self::BadMetadata(what) => write!(f, "malformed metadata: {what}"),
            Self::TooManyProperties { max } => write!(f, "metadata of more than {max} properties"),
            Self::UnknownSocketType(name) => write!(f, "peer has the unknown socket type {name:?}"),
            Self::Incompatible { ours, theirs } => {
                write!(
                    f,
                    "a {} socket cannot talk to the peer's {}",
                    ours.name(),
                    theirs.name()
                )
            }
            Self::BadIdentity { len } => {
                write!(f, "identity of {len} bytes: 1 to 255 bytes are allowed, of which the first is not 0")
            }
            Self::DuplicateIdentity => f.write_str("another peer has the same identity"),
            Self::TooManyTopics => f.write_str("peer has too many subscriptions, or too long ones"),
            Self::Refused(reason) => write!(f, "peer refused the connection: {reason}"),
            Self::NotReady => f.write_str("the handshake with the peer is not over yet"),
            Self::NoParts => f.write_str("a message needs at least one part"),
            Self::SendTooLarge { what, len, max } => {
                write!(f, "{what} of {len} exceeds the limit of {max}")
            }
        }
    }
}

impl std::error::Error for ZmtpError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_fact_and_the_value() {
        let error = ZmtpError::Incompatible {
            ours: SocketType::Dealer,
            theirs: SocketType::Pub,
        };
        assert_eq!(
            error.to_string(),
            "a DEALER socket cannot talk to the peer's PUB"
        );
        assert_eq!(
            ZmtpError::FrameTooLarge { len: 70, max: 64 }.to_string(),
            "message part of 70 bytes exceeds the limit of 64"
        );
    }

    #[test]
    fn what_a_peer_says_cannot_reach_a_terminal() {
        assert_eq!(&*printable(b"a\x1b[2J\n\xff"), "a?[2J??");
        assert_eq!(printable(&[b'a'; 1000]).len(), 64);
    }

    #[test]
    fn the_error_stays_small_enough_to_return_by_value() {
        assert!(std::mem::size_of::<ZmtpError>() <= 40);
    }
}

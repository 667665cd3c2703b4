//! The socket types by name, and which of them talk to each other.

/// The type of a socket, ours or a peer's. XPUB, XSUB and PAIR exist as peers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // they are ZeroMQ's own names
pub enum SocketType {
    Dealer,
    Router,
    Push,
    Pull,
    Pub,
    Sub,
    Req,
    Rep,
    Xpub,
    Xsub,
    Pair,
}

use SocketType::*;

const NAMES: [(SocketType, &str); 11] = [
    (Dealer, "DEALER"),
    (Router, "ROUTER"),
    (Push, "PUSH"),
    (Pull, "PULL"),
    (Pub, "PUB"),
    (Sub, "SUB"),
    (Req, "REQ"),
    (Rep, "REP"),
    (Xpub, "XPUB"),
    (Xsub, "XSUB"),
    (Pair, "PAIR"),
];

impl SocketType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The type of that name, as the metadata spells it.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let found = NAMES.iter().find(|(_, each)| each.as_bytes() == name);
        found.map(|(kind, _)| *kind)
    }

    /// May a socket of this type talk to one of `peer`?
    pub fn talks_to(self, peer: Self) -> bool {
        match self {
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Push => peer == Pull,
            Pull => peer == Push,
            Pub | Xpub => matches!(peer, Sub | Xsub),
            Sub | Xsub => matches!(peer, Pub | Xpub),
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
            Pair => peer == Pair,
        }
    }

    /// Does READY carry an identity? libzmq sends it for these types only.
    pub fn has_identity(self) -> bool {
        matches!(self, Dealer | Router | Req)
    }

    /// Does it hand out messages by subscription?
    pub fn publishes(self) -> bool {
        matches!(self, Pub | Xpub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_are_spelled_exactly() {
        for (kind, name) in NAMES {
            assert_eq!(SocketType::from_name(name.as_bytes()), Some(kind));
            assert_eq!(kind.name(), name);
        }
        assert_eq!(SocketType::from_name(b"dealer"), None);
        assert_eq!(SocketType::from_name(b""), None);
    }

    #[test]
    fn who_talks_to_whom_is_mutual() {
        for (one, _) in NAMES {
            assert!(NAMES.iter().any(|(other, _)| one.talks_to(*other)));
            for (other, _) in NAMES {
                assert_eq!(
                    one.talks_to(other),
                    other.talks_to(one),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}

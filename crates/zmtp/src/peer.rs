//! Names of peers, and the order in which they have their turn.

use std::collections::VecDeque;

/// A peer of a socket: a number of the owner's choice, unique among the socket's peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// Peers that can have a turn, each at most once; whoever had its turn comes last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring {
    order: VecDeque<PeerId>,
}

impl Ring {
    /// Puts a peer last. It must not be there.
    pub(crate) fn join(&mut self, peer: PeerId) {
        debug_assert!(!self.order.contains(&peer));
        self.order.push_back(peer);
    }

    /// Takes the first peer out.
    pub(crate) fn next(&mut self) -> Option<PeerId> {
        self.order.pop_front()
    }

    /// Takes this peer out, if it is there.
    pub(crate) fn leave(&mut self, peer: PeerId) {
        self.order.retain(|each| *each != peer);
    }
}

//! The peers of a ROUTER by identity: their own, or five bytes made here of which the first is 0.

use std::collections::BTreeMap;

use crate::command::check_identity;
use crate::error::ZmtpError;
use crate::peer::PeerId;

/// Invariant: no two identities have the same peer.
#[derive(Clone, Debug)]
pub(crate) struct Identities {
    peers: BTreeMap<Box<[u8]>, PeerId>,
    next: u32,
}

impl Identities {
    /// `seed`: where generated identities begin.
    pub(crate) fn new(seed: u32) -> Self {
        Self {
            peers: BTreeMap::new(),
            next: seed,
        }
    }

    /// Enters a peer that has no identity here yet; an empty identity asks for a generated one.
    pub(crate) fn add(&mut self, peer: PeerId, identity: &[u8]) -> Result<Box<[u8]>, ZmtpError> {
        check_identity(identity)?;
        let identity = match identity {
            [] => self.generate(),
            _ => identity.into(),
        };
        if self.peers.contains_key(&identity) {
            return Err(ZmtpError::DuplicateIdentity);
        }
        self.peers.insert(identity.clone(), peer);
        Ok(identity)
    }

    pub(crate) fn remove(&mut self, identity: &[u8]) {
        self.peers.remove(identity);
    }

    pub(crate) fn find(&self, identity: &[u8]) -> Option<PeerId> {
        self.peers.get(identity).copied()
    }

    fn generate(&mut self) -> Box<[u8]> {
        loop {
            let mut identity = [0; 5];
            identity[1..].copy_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            // There are fewer peers than numbers.
            if !self.peers.contains_key(&identity[..]) {
                return identity.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_identities_are_five_bytes_that_start_with_0_and_differ() {
        let mut all = Identities::new(u32::MAX);
        let first = all.add(PeerId(1), b"").unwrap();
        let second = all.add(PeerId(2), b"").unwrap();
        assert_eq!(
            (&*first, &*second),
            (&b"\0\xff\xff\xff\xff"[..], &b"\0\0\0\0\0"[..])
        );
        assert_eq!(all.find(&second), Some(PeerId(2)));
        all.remove(&second);
        assert_eq!(all.find(&second), None);
    }

    #[test]
    fn a_generated_identity_is_never_that_of_a_living_peer() {
        let mut all = Identities::new(7);
        let first = all.add(PeerId(1), b"").unwrap();
        all.next = 7;
        assert_ne!(all.add(PeerId(2), b"").unwrap(), first);
    }

    #[test]
    fn an_identity_is_given_once() {
        let mut all = Identities::new(0);
        all.add(PeerId(1), b"me").unwrap();
        assert_eq!(all.add(PeerId(2), b"me"), Err(ZmtpError::DuplicateIdentity));
        assert_eq!(all.find(b"me"), Some(PeerId(1)));
        assert_eq!(
            all.add(PeerId(3), b"\0abcd"),
            Err(ZmtpError::BadIdentity { len: 5 })
        );
    }
}

//! Who subscribed to what at a publisher, within the bounds of one subscriber.

use std::collections::BTreeMap;

use crate::error::ZmtpError;
use crate::peer::PeerId;
use crate::topics::Topics;

/// The topics of one subscriber.
#[derive(Clone, Debug, Default)]
struct Wishes {
    topics: Vec<Box<[u8]>>,
    bytes: usize,
}

/// Invariant: a topic of `peers` has that peer, once, in `topics`, and the other way round.
#[derive(Clone, Debug)]
pub(crate) struct Subscribers {
    topics: Topics<Vec<PeerId>>,
    peers: BTreeMap<PeerId, Wishes>,
    max_topics: usize,
    max_bytes: usize,
}

impl Subscribers {
    pub(crate) fn new(max_topics: usize, max_bytes: usize) -> Self {
        Self {
            topics: Topics::new(),
            peers: BTreeMap::new(),
            max_topics,
            max_bytes,
        }
    }

    /// A topic that the peer subscribed to before stays as it is, as in libzmq.
    pub(crate) fn add(&mut self, peer: PeerId, topic: &[u8]) -> Result<(), ZmtpError> {
        let wishes = self.peers.entry(peer).or_default();
        if wishes.topics.iter().any(|each| **each == *topic) {
            return Ok(());
        }
        let bytes = wishes.bytes.saturating_add(topic.len());
        if wishes.topics.len() >= self.max_topics || bytes > self.max_bytes {
            return Err(ZmtpError::TooManyTopics);
        }
        wishes.bytes = bytes;
        wishes.topics.push(topic.into());
        self.topics.entry(topic).push(peer);
        Ok(())
    }

    /// A topic that the peer did not subscribe to is no matter.
    pub(crate) fn remove(&mut self, peer: PeerId, topic: &[u8]) {
        let Some(wishes) = self.peers.get_mut(&peer) else {
            return;
        };
        if let Some(at) = wishes.topics.iter().position(|each| **each == *topic) {
            wishes.topics.swap_remove(at);
            wishes.bytes -= topic.len();
            self.leave(peer, topic);
        }
    }

    /// Removes all topics of a peer.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        for topic in self.peers.remove(&peer).unwrap_or_default().topics {
            self.leave(peer, &topic);
        }
    }

    fn leave(&mut self, peer: PeerId, topic: &[u8]) {
        if let Some(peers) = self.topics.get_mut(topic) {
            peers.retain(|each| *each != peer);
            if peers.is_empty() {
                self.topics.remove(topic);
            }
        }
    }

    /// The peers that want a message which starts with `first`, each once.
    pub(crate) fn of(&self, first: &[u8]) -> Vec<PeerId> {
        let mut matching = self.topics.matching(first);
        let mut peers = matching.next().cloned().unwrap_or_default();
        let one = peers.len();
        peers.extend(matching.flatten());
        if peers.len() > one {
            peers.sort_unstable();
            peers.dedup();
        }
        peers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PeerId = PeerId(1);
    const TWO: PeerId = PeerId(2);

    #[test]
    fn each_subscriber_is_found_once_however_many_of_its_topics_match() {
        let mut all = Subscribers::new(10, 100);
        for (peer, topic) in [
            (TWO, "a"),
            (ONE, ""),
            (ONE, "ab"),
            (ONE, "ab"),
            (TWO, "abc"),
        ] {
            all.add(peer, topic.as_bytes()).unwrap();
        }
        assert_eq!(all.of(b"abcd"), [ONE, TWO]);
        assert_eq!(all.of(b"b"), [ONE]);
        all.remove(ONE, b"");
        all.remove(ONE, b"never");
        assert_eq!(all.of(b""), []);
        all.remove(ONE, b"ab"); // subscribed twice, gone at once
        assert_eq!(all.of(b"abcd"), [TWO]);
        all.forget(TWO);
        assert_eq!(all.of(b"abcd"), []);
    }

    #[test]
    fn one_subscriber_has_so_many_topics_and_so_many_bytes_of_them() {
        let mut all = Subscribers::new(2, 10);
        all.add(ONE, b"12345678").unwrap();
        assert_eq!(all.add(ONE, b"123"), Err(ZmtpError::TooManyTopics));
        all.add(ONE, b"12").unwrap();
        assert_eq!(all.add(ONE, b""), Err(ZmtpError::TooManyTopics));
        all.add(TWO, b"").unwrap();
        all.remove(ONE, b"12345678");
        all.add(ONE, b"123").unwrap();
    }
}

//! Subscriptions: values by topic, and all those whose topic a message starts with.
//!
//! Topics lie in one sorted map; a message is looked up once for every length that a topic has. That needs no tree of
//! single bytes, and costs at most (longest topic) look-ups whatever the subscribers do.

use std::collections::BTreeMap;

/// Values of `T` by topic. Invariant: `lengths` counts the topics of each length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topics<T> {
    topics: BTreeMap<Box<[u8]>, T>,
    lengths: BTreeMap<usize, usize>,
}

impl<T: Default> Topics<T> {
    pub(crate) fn new() -> Self {
        Self {
            topics: BTreeMap::new(),
            lengths: BTreeMap::new(),
        }
    }

    /// The value of a topic, which is entered if it is not there.
    pub(crate) fn entry(&mut self, topic: &[u8]) -> &mut T {
        if !self.topics.contains_key(topic) {
            *self.lengths.entry(topic.len()).or_default() += 1;
        }
        self.topics.entry(topic.into()).or_default()
    }

    pub(crate) fn get_mut(&mut self, topic: &[u8]) -> Option<&mut T> {
        self.topics.get_mut(topic)
    }

    pub(crate) fn remove(&mut self, topic: &[u8]) {
        if self.topics.remove(topic).is_none() {
            return;
        }
        if let Some(count) = self.lengths.get_mut(&topic.len()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&topic.len());
            }
        }
    }

    /// The values of all topics that `bytes` starts with.
    pub(crate) fn matching<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = &'a T> + 'a {
        self.lengths
            .range(..=bytes.len())
            .filter_map(|(len, _)| self.topics.get(&bytes[..*len]))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.topics.keys().map(|topic| &**topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_message_matches_the_topics_it_starts_with(
            steps in vec((any::<bool>(), vec(0..2_u8, 0..5)), 0..40),
            message in vec(0..2_u8, 0..6),
        ) {
            let (mut topics, mut model) = (Topics::<Vec<u8>>::new(), Vec::new());
            for (add, topic) in steps {
                model.retain(|each| *each != topic);
                if add {
                    *topics.entry(&topic) = topic.clone();
                    model.push(topic);
                } else {
                    topics.remove(&topic);
                }
            }
            model.sort();
            prop_assert!(topics.names().eq(model.iter().map(Vec::as_slice)));
            model.retain(|topic| message.starts_with(topic));
            model.sort_by_key(Vec::len);
            prop_assert!(topics.matching(&message).eq(model.iter()));
        }
    }
}

//! When to send a PING, and when a peer is lost. The owner has the clock: times are milliseconds since any moment.

/// How a connection beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    /// Milliseconds between two PINGs; 0: none are sent.
    pub interval: u64,
    /// Silence after a PING that means the peer is lost.
    pub timeout: u64,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing before this time; None: nothing ever, unless the peer sends something.
    Wait(Option<u64>),
    /// Send a PING.
    Ping,
    /// The peer has been silent for too long.
    Lost,
}

/// The heartbeats of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    beats: Beats,
    heard: u64,
    next: u64,
    /// When the first PING went that nothing was heard after.
    unanswered: Option<u64>,
    /// Milliseconds of silence that the peer allows itself.
    ttl: Option<u64>,
}

impl Heartbeat {
    /// The connection is ready now.
    pub fn new(beats: Beats, now: u64) -> Self {
        Self {
            beats,
            heard: now,
            next: now.saturating_add(beats.interval),
            unanswered: None,
            ttl: None,
        }
    }

    /// Bytes came from the peer: anything counts.
    pub fn heard(&mut self, now: u64) {
        (self.heard, self.unanswered) = (now, None);
    }

    /// The peer's PING said how long it may be silent, in tenths of a second; 0: it does not say.
    pub fn ttl(&mut self, ttl: u16) {
        self.ttl = (ttl > 0).then(|| u64::from(ttl) * 100);
    }

    /// What is to be done. [`Beat::Ping`] is told once per interval.
    pub fn poll(&mut self, now: u64) -> Beat {
        let silent = self.ttl.map(|ttl| self.heard.saturating_add(ttl));
        let unanswered = self
            .unanswered
            .map(|at| at.saturating_add(self.beats.timeout));
        let lost = [silent, unanswered].into_iter().flatten().min();
        if lost.is_some_and(|lost| lost <= now) {
            return Beat::Lost;
        }
        if self.beats.interval == 0 {
            return Beat::Wait(lost);
        }
        if self.next <= now {
            self.unanswered.get_or_insert(now);
            self.next = now.saturating_add(self.beats.interval);
            return Beat::Ping;
        }
        Beat::Wait(Some(lost.map_or(self.next, |lost| lost.min(self.next))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEATS: Beats = Beats {
        interval: 100,
        timeout: 250,
    };

    #[test]
    fn a_silent_peer_is_lost_after_the_timeout_of_the_first_ping() {
        let mut beat = Heartbeat::new(BEATS, 1000);
        assert_eq!(beat.poll(1000), Beat::Wait(Some(1100)));
        assert_eq!(beat.poll(1100), Beat::Ping);
        assert_eq!(beat.poll(1100), Beat::Wait(Some(1200)));
        assert_eq!(beat.poll(1200), Beat::Ping);
        assert_eq!(beat.poll(1300), Beat::Ping);
        assert_eq!(beat.poll(1301), Beat::Wait(Some(1350)));
        assert_eq!(beat.poll(1350), Beat::Lost);
    }

    #[test]
    fn anything_heard_keeps_a_peer_alive() {
        let mut beat = Heartbeat::new(BEATS, 0);
        for now in (100..2000).step_by(100) {
            assert_eq!(beat.poll(now), Beat::Ping);
            beat.heard(now + 50);
        }
    }

    #[test]
    fn a_peer_is_held_to_the_silence_it_announced() {
        let quiet = Beats {
            interval: 0,
            timeout: 0,
        };
        let mut beat = Heartbeat::new(quiet, 0);
        assert_eq!(beat.poll(1 << 40), Beat::Wait(None));
        beat.heard(500);
        beat.ttl(3);
        assert_eq!(beat.poll(600), Beat::Wait(Some(800)));
        assert_eq!(beat.poll(800), Beat::Lost);
        beat.ttl(0);
        assert_eq!(beat.poll(800), Beat::Wait(None));
    }
}

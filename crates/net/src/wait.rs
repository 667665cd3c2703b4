//! The blocking wait of one connection: a bounded, adaptive spin, then a sleep of one slice: in
//! `recv` itself (one system call for waiting and reading), or in poll(2) where output is queued or
//! the time is short. It does not loop over slices: between two of them its caller lets JavaScript
//! run, which is how `worker.terminate()` gets through.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use crate::raw::Reading;
use crate::signals::Signals;
use crate::socket::allow_blocking;

/// Longest sleep.
pub const SLICE: Duration = Duration::from_millis(50);

/// A slice that has this much less left still counts as whole.
const SHORT: Duration = Duration::from_millis(1);

/// Longest spin. A wake-up across virtual CPUs costs about as much.
const SPIN: Duration = Duration::from_micros(150);

/// An answer that came this soon after the start of a sleep would have come while spinning: the
/// sleep itself costs about 100 us.
const WOULD_HAVE_PAID: Duration = Duration::from_micros(250);

/// A connection whose spins do not pay still tries one in so many waits.
const PROBE_EVERY: u32 = 64;

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Wait<T> {
    /// `attempt` had a result.
    Ready(T),
    /// The descriptor takes output again.
    Writable,
    /// Nothing within the slice.
    SliceEnd,
    /// A signal with a listener arrived.
    Interrupted(i32),
}

/// What one connection has learnt about waiting for its peer.
#[derive(Debug, Clone, Copy)]
pub struct Waiter {
    /// Moving average of "spinning paid", 0..=256.
    paying: u32,
    waits: u32,
    many_cpus: bool,
    /// The last wait ended with its slice: this one continues it, and has spun enough.
    continues: bool,
    /// May reads of this socket block? `None`: not tried yet.
    can_block: Option<bool>,
}

impl Waiter {
    /// `many_cpus`: spinning on the only CPU would keep the peer from answering.
    pub fn new(many_cpus: bool) -> Self {
        Self {
            paying: 256,
            waits: 0,
            many_cpus,
            continues: false,
            can_block: None,
        }
    }

    /// Did the last wait end with nothing, so that the next one continues it?
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// For pipes: reads of theirs have no time-out, so sleeping is done in poll(2) alone.
    pub fn never_block(&mut self) {
        self.can_block = Some(false);
    }

    /// Waits until `attempt` (one read, as far as it is told) has a result, at most one slice and at
    /// most `timeout`. `output`: something is queued for this descriptor, so wake up when it can be
    /// written. `signals`: on Node's main thread only.
    pub fn wait<T>(
        &mut self,
        fd: RawFd,
        output: Option<RawFd>,
        timeout: Duration,
        mut signals: Option<&mut Signals>,
        mut attempt: impl FnMut(Reading) -> io::Result<Option<T>>,
    ) -> io::Result<Wait<T>> {
        // What will sleep in `recv` needs no read before.
        let spin = self.should_spin();
        let first = if timeout.is_zero() || spin {
            Reading::Now
        } else {
            Reading::No
        };
        if let Some(result) = attempt(first)? {
            self.continues = false;
            return Ok(Wait::Ready(result));
        }
        let start = Instant::now();
        if let Some(signals) = signals.as_deref_mut() {
            signals.arm_when_due(start);
            if let Some(signo) = signals.taken() {
                return Ok(Wait::Interrupted(signo));
            }
        }
        if timeout.is_zero() {
            return Ok(Wait::SliceEnd);
        }
        if spin {
            if let Some(result) = spin_until(start + SPIN.min(timeout), &mut attempt)? {
                self.learn(true);
                return Ok(Wait::Ready(result));
            }
        }
        let ended = self.sleep(
            fd,
            output,
            start + timeout.min(SLICE),
            signals,
            &mut attempt,
        )?;
        if !self.continues {
            self.learn(
                !spin && matches!(ended, Wait::Ready(_)) && start.elapsed() < WOULD_HAVE_PAID,
            );
        }
        self.continues = matches!(ended, Wait::SliceEnd);
        Ok(ended)
    }

    fn sleep<T>(
        &mut self,
        fd: RawFd,
        output: Option<RawFd>,
        until: Instant,
        mut signals: Option<&mut Signals>,
        attempt: &mut impl FnMut(Reading) -> io::Result<Option<T>>,
    ) -> io::Result<Wait<T>> {
        if output.is_none()
            && until.saturating_duration_since(Instant::now()) + SHORT >= SLICE
            && self.may_block(fd)
        {
            if let Some(result) = attempt(Reading::Block)? {
                return Ok(Wait::Ready(result));
            }
            if let Some(signo) = signals.as_deref_mut().and_then(Signals::taken) {
                return Ok(Wait::Interrupted(signo));
            }
        }
        // Whatever ended the read too early (a signal without a listener), this sleeps the rest.
        loop {
            if Instant::now() >= until {
                return Ok(Wait::SliceEnd);
            }
            if let Some(signals) = signals.as_deref_mut() {
                signals.arm();
            }
            let ready = poll(Some(fd), output, until)?;
            if let Some(signo) = signals.as_deref_mut().and_then(Signals::taken) {
                return Ok(Wait::Interrupted(signo));
            }
            match ready {
                Ready::Input => {
                    if let Some(result) = attempt(Reading::Now)? {
                        return Ok(Wait::Ready(result));
                    }
                }
                Ready::Output => return Ok(Wait::Writable),
                Ready::Nothing => {}
            }
        }
    }

    fn may_block(&mut self, fd: RawFd) -> bool {
        *self
            .can_block
            .get_or_insert_with(|| allow_blocking(fd, SLICE).is_ok())
    }

    fn should_spin(&mut self) -> bool {
        self.waits = self.waits.wrapping_add(1);
        self.many_cpus
            && !self.continues
            && (self.paying >= 96 || self.waits.is_multiple_of(PROBE_EVERY))
    }

    fn learn(&mut self, paid: bool) {
        self.paying = (self.paying * 7 + if paid { 256 } else { 0 }) / 8;
    }
}

fn spin_until<T>(
    end: Instant,
    attempt: &mut impl FnMut(Reading) -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    while Instant::now() < end {
        if let Some(result) = attempt(Reading::Now)? {
            return Ok(Some(result));
        }
        std::hint::spin_loop();
    }
    Ok(None)
}

#[derive(PartialEq)]
enum Ready {
    Input,
    Output,
    Nothing,
}

/// One poll(2). Interrupted counts as nothing: the caller looks at signals and clock anyway.
fn poll(input: Option<RawFd>, output: Option<RawFd>, until: Instant) -> io::Result<Ready> {
    // A negative descriptor is ignored.
    let entry = |fd: Option<RawFd>, events| libc::pollfd {
        fd: fd.unwrap_or(-1),
        events,
        revents: 0,
    };
    let mut entries = [entry(input, libc::POLLIN), entry(output, libc::POLLOUT)];
    let left = until.saturating_duration_since(Instant::now());
    // Rounded up: a sleep must not end before its time and spin through the last millisecond.
    let millis = left.as_micros().div_ceil(1000).min(60_000) as libc::c_int;
    // SAFETY: two valid entries.
    let n = unsafe { libc::poll(entries.as_mut_ptr(), 2, millis) };
    if n < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok(Ready::Nothing)
        } else {
            Err(error)
        };
    }
    // Errors and hang-ups count as input: the read tells which.
    Ok(match (n, entries[0].revents) {
        (0, _) => Ready::Nothing,
        (_, 0) => Ready::Output,
        _ => Ready::Input,
    })
}

/// Waits for one descriptor without reading it, until it is ready or broken, at most one slice.
pub fn wait_ready(
    fd: RawFd,
    input: bool,
    output: bool,
    timeout: Duration,
    mut signals: Option<&mut Signals>,
) -> io::Result<Wait<()>> {
    let until = Instant::now() + timeout.min(SLICE);
    loop {
        if let Some(signals) = signals.as_deref_mut() {
            signals.arm();
        }
        let ready = poll(input.then_some(fd), output.then_some(fd), until)?;
        if let Some(signo) = signals.as_deref_mut().and_then(Signals::taken) {
            return Ok(Wait::Interrupted(signo));
        }
        if ready != Ready::Nothing {
            return Ok(Wait::Ready(()));
        }
        if Instant::now() >= until {
            return Ok(Wait::SliceEnd);
        }
    }
}

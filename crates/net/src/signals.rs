//! SIGINT and SIGTERM during a blocking wait. Their listener in JavaScript runs only after the wait
//! has ended, since libuv's handler merely writes to a pipe that the loop would read: so a wait
//! must notice them itself and end.

// How: while somebody else's handler is installed (libuv's: a listener exists), ours is put before
// it, counts, and calls it. The disposition is looked at again before each sleep, because libuv
// may replace or remove its handler at any time, which replaces ours too: we never put anything
// back over a foreign change. Without a handler, or with one that resets itself (Node's own, which
// restores the terminal and dies), nothing is touched and the process ends as usual. Other signals
// never end a wait.
//
// Signals are process-wide, so the counters are the one static of the engine. Exactly one thread
// may use this, the one whose loop runs the listeners: Node's main thread.

use std::io;
use std::mem::{self, MaybeUninit};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use libc::{c_int, c_void, siginfo_t};

const WATCHED: [c_int; 2] = [libc::SIGINT, libc::SIGTERM];

/// How old a look at the dispositions may be for a wait that does not sleep.
const FRESH: Duration = Duration::from_millis(20);

/// The part that the handler uses, lock-free.
struct Slot {
    count: AtomicU32,
    /// Address of the handler that was there before ours.
    next: AtomicUsize,
    next_takes_info: AtomicBool,
    /// The thread inside `chain`: two copies of this library in one process can end up calling each
    /// other.
    inside: AtomicUsize,
}

impl Slot {
    const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            next: AtomicUsize::new(libc::SIG_DFL),
            next_takes_info: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
        }
    }
}

static SLOTS: [Slot; WATCHED.len()] = [const { Slot::new() }; WATCHED.len()];

/// The watch of one thread over SIGINT and SIGTERM.
#[derive(Default)]
pub struct Signals {
    seen: [u32; WATCHED.len()],
    /// What ours replaced, to be put back at the end if ours is still there.
    replaced: [Option<libc::sigaction>; WATCHED.len()],
    looked: Option<Instant>,
}

impl Signals {
    /// Notices signals from now on; nothing is installed before `arm`.
    pub fn new() -> Self {
        let mut signals = Self::default();
        signals.forget();
        signals
    }

    /// Looks at the dispositions and puts our handler before a listener's. To be called before each
    /// sleep.
    pub fn arm(&mut self) {
        for (index, &signo) in WATCHED.iter().enumerate() {
            // A signal that cannot be asked about is one that we do not notice.
            if let Ok(Some(replaced)) = install(signo, &SLOTS[index]) {
                self.replaced[index] = Some(replaced);
            }
        }
        self.looked = Some(Instant::now());
    }

    /// `arm`, unless that happened within the last 20 ms: for waits that do not sleep.
    pub fn arm_when_due(&mut self, now: Instant) {
        if self
            .looked
            .is_none_or(|looked| now.duration_since(looked) > FRESH)
        {
            self.arm();
        }
    }

    /// Is our handler in place anywhere, as far as we know?
    pub fn is_armed(&self) -> bool {
        self.replaced.iter().any(Option::is_some)
    }

    /// A signal with a listener that arrived since the last `taken` or `forget`.
    pub fn taken(&mut self) -> Option<c_int> {
        for (index, slot) in SLOTS.iter().enumerate() {
            let count = slot.count.load(Ordering::Acquire);
            if count != self.seen[index] {
                self.seen[index] = count;
                return Some(WATCHED[index]);
            }
        }
        None
    }

    /// Forgets what arrived: to be called when the loop turned, since the listeners have run then.
    pub fn forget(&mut self) {
        for (seen, slot) in self.seen.iter_mut().zip(&SLOTS) {
            *seen = slot.count.load(Ordering::Acquire);
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signo, replaced) in WATCHED.iter().zip(&self.replaced) {
            if let (Some(replaced), Ok(current)) = (replaced, disposition(*signo)) {
                if is_ours(&current) {
                    // SAFETY: `replaced` is what sigaction returned, and nobody has changed the
                    // disposition since.
                    unsafe { libc::sigaction(*signo, replaced, std::ptr::null_mut()) };
                }
            }
        }
    }
}

/// Puts `chain` before the present handler where that is a listener's; returns what it replaced.
fn install(signo: c_int, slot: &Slot) -> io::Result<Option<libc::sigaction>> {
    let current = disposition(signo)?;
    if is_ours(&current) || !is_listener(&current) {
        return Ok(None);
    }
    slot.next.store(current.sa_sigaction, Ordering::Release);
    slot.next_takes_info
        .store(current.sa_flags & libc::SA_SIGINFO != 0, Ordering::Release);
    // Same mask and flags as the handler that we call, so that it runs as it expects.
    let mut ours = current;
    ours.sa_sigaction = chain_address();
    ours.sa_flags |= libc::SA_SIGINFO;
    let mut replaced = MaybeUninit::uninit();
    // SAFETY: both point to a sigaction; `chain` is async-signal-safe and lives as long as this
    // library, and `Drop` takes it out.
    unsafe {
        if libc::sigaction(signo, &ours, replaced.as_mut_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Some(replaced.assume_init()))
    }
}

fn disposition(signo: c_int) -> io::Result<libc::sigaction> {
    let mut current = MaybeUninit::uninit();
    // SAFETY: a null new action only asks; on success `current` was filled in.
    unsafe {
        if libc::sigaction(signo, std::ptr::null(), current.as_mut_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(current.assume_init())
    }
}

fn is_listener(action: &libc::sigaction) -> bool {
    action.sa_sigaction != libc::SIG_DFL
        && action.sa_sigaction != libc::SIG_IGN
        && action.sa_flags & libc::SA_RESETHAND == 0
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == chain_address()
}

fn chain_address() -> usize {
    chain as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize
}

/// The handler: counts, then calls the one that it stands before. Async-signal-safe: atomics and
/// that call only.
extern "C" fn chain(signo: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(index) = WATCHED.iter().position(|&w| w == signo) else {
        return;
    };
    let slot = &SLOTS[index];
    // SAFETY: pthread_self has no preconditions.
    let me = unsafe { libc::pthread_self() } as usize;
    if slot.inside.swap(me, Ordering::AcqRel) == me {
        return;
    }
    slot.count.fetch_add(1, Ordering::AcqRel);
    let next = slot.next.load(Ordering::Acquire);
    if next != libc::SIG_DFL && next != libc::SIG_IGN {
        // SAFETY: `next` was the handler of this signal, with the signature that its flags told.
        unsafe {
            if slot.next_takes_info.load(Ordering::Acquire) {
                mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(next)(
                    signo, info, context,
                );
            } else {
                mem::transmute::<usize, extern "C" fn(c_int)>(next)(signo);
            }
        }
    }
    let _ = slot
        .inside
        .compare_exchange(me, 0, Ordering::AcqRel, Ordering::Acquire);
}

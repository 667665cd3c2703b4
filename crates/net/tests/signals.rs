//! Signals during a wait. One test function: dispositions belong to the whole process.

use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rpyc_net::{Read, Signals, Socket, Wait, Waiter};

static LISTENER: AtomicU32 = AtomicU32::new(0);

extern "C" fn listener(_: libc::c_int) {
    LISTENER.fetch_add(1, Ordering::SeqCst);
}

fn set(signo: libc::c_int, handler: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: sigaction is plain data, and the handler only touches an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signo, &action, std::ptr::null_mut()), 0);
    }
}

fn handler(signo: libc::c_int) -> libc::sighandler_t {
    // SAFETY: only asks.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signo, std::ptr::null(), &mut action);
        action.sa_sigaction
    }
}

fn ours() -> libc::sighandler_t {
    listener as extern "C" fn(libc::c_int) as libc::sighandler_t
}

/// Waits 200 ms at most, with `signo` sent to this thread after 20: how it ended, and how long it
/// took.
fn interrupted(signals: &mut Signals, signo: libc::c_int) -> (Wait<()>, Duration) {
    let (socket, _theirs) = {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Socket::adopt(ours.into_raw_fd()).unwrap(), theirs)
    };
    // SAFETY: no preconditions.
    let me = unsafe { libc::pthread_self() } as usize;
    let sender = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the waiting thread joins this one before it ends.
        unsafe { libc::pthread_kill(me as libc::pthread_t, signo) };
    });
    let start = Instant::now();
    let mut waiter = Waiter::new(false);
    let ended = loop {
        let attempt =
            |reading| Ok((socket.read(&mut [0; 1], reading)? != Read::WouldBlock).then_some(()));
        match waiter
            .wait(
                socket.as_raw_fd(),
                None,
                Duration::MAX,
                Some(signals),
                attempt,
            )
            .unwrap()
        {
            Wait::SliceEnd if start.elapsed() < Duration::from_millis(200) => {}
            other => break other,
        }
    };
    sender.join().unwrap();
    (ended, start.elapsed())
}

#[test]
fn only_a_listener_of_sigint_or_sigterm_ends_a_wait() {
    let mut signals = Signals::new();

    // Another signal restarts the poll.
    set(libc::SIGUSR1, ours(), 0);
    let (ended, took) = interrupted(&mut signals, libc::SIGUSR1);
    assert!(ended == Wait::SliceEnd && took >= Duration::from_millis(200));
    assert_eq!(LISTENER.swap(0, Ordering::SeqCst), 1);
    assert!(!signals.is_armed());

    // A listener ends the wait, and is called.
    for (signo, flags) in [(libc::SIGINT, libc::SA_RESTART), (libc::SIGTERM, 0)] {
        set(signo, ours(), flags);
        let (ended, _) = interrupted(&mut signals, signo);
        assert_eq!(ended, Wait::Interrupted(signo));
        assert_eq!(LISTENER.swap(0, Ordering::SeqCst), 1);
        assert!(signals.is_armed());
        assert_eq!(signals.taken(), None);
    }

    // One that is put back over ours is stood before again.
    set(libc::SIGINT, ours(), 0);
    assert_eq!(
        interrupted(&mut signals, libc::SIGINT).0,
        Wait::Interrupted(libc::SIGINT)
    );
    assert_eq!(LISTENER.swap(0, Ordering::SeqCst), 1);

    // What the loop has dispatched in the meantime is forgotten.
    // SAFETY: sends a handled signal to this thread.
    unsafe { libc::raise(libc::SIGINT) };
    signals.forget();
    assert_eq!(signals.taken(), None);
    assert_eq!(LISTENER.swap(0, Ordering::SeqCst), 1);

    // A removed listener is not resurrected: SIGINT is ignored here instead of ending the process.
    set(libc::SIGINT, libc::SIG_IGN, 0);
    let (ended, _) = interrupted(&mut signals, libc::SIGINT);
    assert_eq!(ended, Wait::SliceEnd);
    assert_eq!(LISTENER.load(Ordering::SeqCst), 0);

    // A handler that resets itself (Node's own) is left alone.
    set(libc::SIGINT, ours(), libc::SA_RESETHAND);
    signals.arm();
    assert_eq!(handler(libc::SIGINT), ours());

    // At the end a listener is back in its place, and a foreign change stays.
    assert_ne!(handler(libc::SIGTERM), ours());
    drop(signals);
    assert_eq!(handler(libc::SIGTERM), ours());
    assert_eq!(handler(libc::SIGINT), ours());
}

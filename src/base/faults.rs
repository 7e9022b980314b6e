//! Faults on demand, for the tests that kill a real server at the worst moment. A server obeys only when it was started
//! with `PROFCARDS_FAULT`, and never in production.

use std::sync::OnceLock;

static FAULT: OnceLock<Option<String>> = OnceLock::new();

/// Takes the fault to play from the environment, once.
pub fn arm(production: bool) {
    let fault = std::env::var("PROFCARDS_FAULT").ok().filter(|_| !production);
    if let Some(fault) = &fault {
        tracing::warn!(fault, "this server will fail on purpose");
    }
    let _ = FAULT.set(fault);
}

/// The moment between commit and reply; its fault is `die-after-commit`.
pub fn after_commit() {
    at("after-commit");
}

/// A moment at which a process may be gone, as by `kill -9`, with the fault `die-<moment>`: nothing is flushed, nothing is
/// said. With `panic-<moment>` the task alone ends.
///
/// # Panics
/// When the fault is to panic at this moment.
pub fn at(moment: &str) {
    let Some(Some(fault)) = FAULT.get() else { return };
    assert!(fault.strip_prefix("panic-") != Some(moment), "this task fails on purpose");
    if fault.strip_prefix("die-") == Some(moment) {
        // The shell's own `kill`, as the program of that name is not on every machine; its parent is this process.
        let _ = std::process::Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
        // Until the signal arrives nothing may be answered.
        loop {
            std::thread::park();
        }
    }
}

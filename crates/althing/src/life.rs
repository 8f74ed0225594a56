//! How the life of a process is bound to that of the one that started it.

use std::io;

use service::shutdown::Shutdown;

/// Triggers `end` when standard input ends. The kernel closes the other side of the pipe when the parent dies, however
/// it dies.
pub(crate) fn end_with_input(end: Shutdown) {
    // A thread, for it never returns while the parent lives; the process does not wait for it.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        end.trigger();
    });
}

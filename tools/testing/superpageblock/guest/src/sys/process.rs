// SPDX-License-Identifier: GPL-2.0-only

//! How are child processes made, waited for and ended?

use std::io;
use std::panic;
use std::panic::AssertUnwindSafe;

use crate::protocol;
use crate::Result;

/// A child process, killed and reaped on drop.
#[derive(Debug)]
pub(crate) struct Child {
    pid: libc::pid_t,
}

impl Child {
    /// Forks a child that runs `body` and exits; `name` is for its error message.
    ///
    /// The calling process must have one thread only.
    pub(crate) fn spawn(name: &str, body: impl FnOnce() -> Result<()>) -> Result<Self> {
        // SAFETY: this process has one thread, so the child may run any code after the fork.
        let pid = unsafe { libc::fork() };
        match pid {
            0 => exit(name, body),
            -1 => Err(format!("fork: {}", io::Error::last_os_error()).into()),
            _ => Ok(Self { pid }),
        }
    }

    /// Waits for the end of the child; an error unless it exited with 0.
    pub(crate) fn wait(self) -> Result<()> {
        let status = reap(self.pid);
        std::mem::forget(self);
        match status {
            0 => Ok(()),
            _ => Err(format!("child ended with wait status {status:#x}").into()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: kill has no memory preconditions; the child is not reaped yet, so the pid is ours.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        reap(self.pid);
    }
}

/// Runs `body` in a child of its own and waits for it.
pub(crate) fn run(name: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    Child::spawn(name, body)?.wait()
}

/// Runs `body`; a signal interrupts the system call that it is in when it takes longer.
pub(crate) fn interrupted_after<T>(seconds: u32, body: impl FnOnce() -> T) -> T {
    extern "C" fn nothing(_signal: libc::c_int) {}
    // SAFETY: zeroes are an action without flags, so that system calls are not restarted.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler does nothing, which is safe at any time; the structure lives until the call returns.
    unsafe { libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()) };
    // SAFETY: alarms have no memory preconditions.
    unsafe { libc::alarm(seconds) };
    let result = body();
    // SAFETY: as above; takes back what has not come.
    unsafe { libc::alarm(0) };
    result
}

/// Raises the limit of open files to `count`, or as far as allowed.
pub(crate) fn allow_files(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: the structure lives until the call returns.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
}

fn exit(name: &str, body: impl FnOnce() -> Result<()>) -> ! {
    let code = match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            protocol::log(format_args!("{name}: {error}"));
            1
        }
        Err(_) => 2,
    };
    // SAFETY: _exit ends the child without running the parent's destructors.
    unsafe { libc::_exit(code) }
}

fn reap(pid: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    loop {
        // SAFETY: `status` lives until the call returns.
        let got = unsafe { libc::waitpid(pid, &mut status, 0) };
        let interrupted = io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
        if got != -1 || !interrupted {
            return status;
        }
    }
}

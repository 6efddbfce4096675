// SPDX-License-Identifier: GPL-2.0-only

//! Does the patched kernel find its own bookkeeping right?

use std::path::Path;

use crate::protocol;
use crate::sys::files;
use crate::Result;

/// The policy's debugfs directory; absent on stock kernels.
pub(crate) const DIR: &str = "/sys/kernel/debug/superpageblock";

/// Tells whether this kernel has the policy.
pub(crate) fn patched() -> bool {
    Path::new(DIR).join("verify").exists()
}

/// Runs the check; an error names the violations. Stock kernels have nothing to check.
pub(crate) fn check() -> Result<()> {
    if !patched() {
        return Ok(());
    }
    let text = files::read(format!("{DIR}/verify"))?;
    match violations(&text) {
        Some(0) => Ok(()),
        Some(_) => Err(text.trim().replace('\n', "; ").into()),
        None => Err("verify printed no last line `violations: N`".into()),
    }
}

/// Runs the check and reports it as a test named `verify_` and `step`, on patched kernels only.
pub(crate) fn report(step: &str) {
    if patched() {
        protocol::test(&format!("verify_{step}"), check());
    }
}

/// The number in the last line.
fn violations(text: &str) -> Option<u64> {
    let last = text.trim_end().lines().last()?;
    last.strip_prefix("violations:")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_counts() {
        assert_eq!(violations("zone Normal\nviolations: 0\n"), Some(0));
        assert_eq!(violations("violations: 0\nviolations: 12\n"), Some(12));
        assert_eq!(violations("violations: 0\ntrailing\n"), None);
        assert_eq!(violations(""), None);
    }
}

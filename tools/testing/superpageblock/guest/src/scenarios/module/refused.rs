// SPDX-License-Identifier: GPL-2.0-only

//! What must insmod and rmmod refuse, with which error, and leaving everything as it was?

use std::fs;
use std::io;

use super::state;
use crate::protocol;
use crate::sys::kmsg::Kmsg;
use crate::sys::module;
use crate::verify;
use crate::Result;

/// Where a damaged module is put.
const DAMAGED: &str = "/tmp/damaged.ko";

/// Parameters that are refused.
const BAD: [(&str, &str); 4] = [
    ("too_large", "reserve_percent=99"),
    ("just_too_large", "reserve_percent=26"),
    ("negative", "reserve_percent=-1"),
    ("no_number", "reserve_percent=abc"),
];

/// Parameters that are not: the bounds, and one that the kernel only warns about.
const GOOD: [(&str, &str); 3] = [
    ("least", "reserve_percent=0"),
    ("most", "reserve_percent=25"),
    ("unknown", "no_such_parameter=1"),
];

/// Everything that can be tried where no policy is attached; none is afterwards.
pub(super) fn everything() {
    for (name, parameter) in BAD {
        let name = format!("refuses_{name}");
        protocol::test(&name, bad_parameter(parameter));
    }
    for (name, parameter) in GOOD {
        let test = || state::attach(parameter).and_then(|()| state::detach());
        protocol::test(&format!("accepts_{name}"), test());
    }
    protocol::test("refuses_a_second_time", second_time());
    protocol::test("refuses_half_a_file", damaged(|file| file.len() / 2));
    protocol::test("refuses_a_header", damaged(|_| 64));
    protocol::test("refuses_rmmod_of_nothing", nothing_to_remove());
    verify::report("after_refusals");
}

/// Where a policy is built in: the module loader refuses a second one of its name.
pub(super) fn busy() {
    let said = "superpageblock_policy: module is already loaded";
    protocol::test("refuses_beside_another", unchanged(libc::EINVAL, "", said));
    verify::report("after_refusal");
}

/// Where superpageblock=off was given.
pub(super) fn off() {
    protocol::test(
        "refuses_where_off",
        unchanged(libc::ENODEV, "", "superpageblock: off"),
    );
    verify::report("after_refusal");
}

fn bad_parameter(parameter: &str) -> Result<()> {
    unchanged(libc::EINVAL, parameter, "reserve_percent")
}

/// Insmod fails with `errno` and a line that contains `said`; attached is what was before.
fn unchanged(errno: i32, parameters: &str, said: &str) -> Result<()> {
    let before = state::attached()?;
    let mut log = Kmsg::from_now()?;
    fails_with(errno, module::load(state::FILE, parameters))?;
    let lines = log.lines();
    if !lines.iter().any(|line| line.contains(said)) {
        return Err(format!("the kernel said {lines:?}, not '{said}'").into());
    }
    let after = state::attached()?;
    if after != before {
        return Err(format!("attached {before:?} before, {after:?} after").into());
    }
    if state::loaded() {
        return Err("the module is loaded all the same".into());
    }
    verify::check()
}

fn second_time() -> Result<()> {
    state::attach("")?;
    let second = fails_with(libc::EEXIST, module::load(state::FILE, ""));
    let kept = state::expect_attached();
    state::detach()?;
    second.and(kept)
}

/// Loads only the first bytes of the module, as many as `length` says.
fn damaged(length: impl FnOnce(&[u8]) -> usize) -> Result<()> {
    let file = fs::read(state::FILE)?;
    fs::write(DAMAGED, &file[..length(&file)])?;
    let outcome = fails_with(libc::ENOEXEC, module::load(DAMAGED, ""));
    fs::remove_file(DAMAGED)?;
    outcome.and(state::expect_detached())
}

fn nothing_to_remove() -> Result<()> {
    fails_with(libc::ENOENT, module::unload(state::NAME))
}

/// An outcome that is not this error is one.
fn fails_with(errno: i32, outcome: io::Result<()>) -> Result<()> {
    let expected = io::Error::from_raw_os_error(errno);
    match outcome {
        Ok(()) => Err(format!("it succeeded, expected: {expected}").into()),
        Err(error) if error.raw_os_error() == Some(errno) => Ok(()),
        Err(error) => Err(format!("{error}, expected: {expected}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_error_will_do() {
        let error = |n| Err(io::Error::from_raw_os_error(n));
        assert!(fails_with(libc::EINVAL, error(libc::EINVAL)).is_ok());
        assert!(fails_with(libc::EINVAL, error(libc::ENOMEM)).is_err());
        assert!(fails_with(libc::EINVAL, Ok(())).is_err());
    }
}

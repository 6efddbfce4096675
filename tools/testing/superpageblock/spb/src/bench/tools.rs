// SPDX-License-Identifier: GPL-2.0-only
//! Which tools and which source decide how many instructions a kernel takes?

use std::process::Command;

use anyhow::Result;

use crate::cmd;
use crate::session::Session;
use crate::setup::LLVM;

/// Kernel, compilers and linker with their versions, in one line.
pub fn identity(session: &Session) -> Result<String> {
    let linker = cmd::output(Command::new(format!("ld.lld{LLVM}")).arg("--version"))?;
    Ok(format!(
        "linux {}; {}; {}",
        session.base.version,
        session.setup.toolchain.identity,
        short(&linker)
    ))
}

/// What a linker says of itself up to what it is compatible with.
fn short(version: &str) -> &str {
    version.split(" (compatible").next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_named_with_its_version_only() {
        let text = "Debian LLD 19.1.4 (compatible with GNU linkers)";
        assert_eq!(short(text), "Debian LLD 19.1.4");
        assert_eq!(short("LLD 20"), "LLD 20");
    }
}

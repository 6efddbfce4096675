// SPDX-License-Identifier: GPL-2.0-only
//! Do the KUnit suites pass in user-mode Linux?

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::headers::Headers;
use crate::ktap;
use crate::project::Project;
use crate::setup::Toolchain;
use crate::setup::LEFTOVERS;
use crate::transcript::Case;
use crate::tree::Tree;

/// Which options and suites are run, inside the tree.
const CONFIG: &str = "mm/superpageblock/.kunitconfig";

/// Further boots of the same kernel: memory, and what the console must say.
///
/// User-mode Linux has pageblocks of 4 MB and no memory model but FLATMEM. In the smaller guest there are
/// too few pageblocks to group pages by mobility, which no bootable x86 guest shows.
const BOOTS: [(&str, &str); 2] = [
    (
        "mem=18M",
        "off, too little memory to group pages by mobility",
    ),
    ("mem=3G", "superpageblock: attached 1 zones"),
];

/// Builds and runs the suites that the tree's `.kunitconfig` asks for.
pub fn test(project: &Project, toolchain: &Toolchain, tree: &Tree, cases: &Cases) {
    if !tree.dir.join(CONFIG).exists() {
        println!("no KUnit suites: the tree has no {CONFIG}");
        return;
    }
    let Some((found, succeeded)) = cases.attempt("kunit on UML", || run(project, toolchain, tree))
    else {
        return;
    };
    for (memory, console) in BOOTS {
        cases.record(
            &format!("UML boots with {memory}"),
            boot(project, memory, console),
        );
    }
    let explained = found.iter().any(|case| case.failure.is_some());
    cases.record_all("kunit on UML", &found);
    if found.is_empty() || (!succeeded && !explained) {
        let log = project.build("log/kunit.log");
        cases.record(
            "kunit on UML",
            Err(anyhow::anyhow!("no result, see {}", log.display())),
        );
    }
}

fn run(project: &Project, toolchain: &Toolchain, tree: &Tree) -> Result<(Vec<Case>, bool)> {
    let log = project.build("log/kunit.log");
    let out = project.build("kunit");
    fs::create_dir_all(&out)?;
    let kunit = |what| command(toolchain, (&tree.dir, &out), &tree.dir.join(CONFIG), what);
    cmd::output(&mut kunit("config"))?;
    let headers = Headers::of(project, toolchain, (&tree.dir, &out), "um", "kunit")?;
    let mut run = kunit("run");
    run.arg("--raw_output=all")
        .arg(format!("--jobs={}", project.jobs));
    headers.iter().for_each(|headers| headers.tell(&mut run));
    let result = cmd::logged(&mut run, &log, "kunit on UML", "lines", |_| true);
    let text = fs::read_to_string(&log)?;
    Ok((ktap::cases(text.lines()), result.is_ok()))
}

/// A command of the kunit.py of `source`, for a kernel in `out` with the options of `config`.
pub fn command(
    toolchain: &Toolchain,
    (source, out): (&Path, &Path),
    config: &Path,
    command: &str,
) -> Command {
    let mut kunit = cmd::idle("python3");
    kunit
        .current_dir(source)
        .args(["tools/testing/kunit/kunit.py", command, "--kunitconfig"])
        .arg(config)
        .arg(format!("--build_dir={}", out.display()))
        // The source stays as it is.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LOCALVERSION", "");
    toolchain.cache(&mut kunit);
    for option in toolchain.make_options() {
        kunit.args(["--make_options", &option]);
    }
    for name in LEFTOVERS {
        kunit.env_remove(name);
    }
    kunit
}

/// Boots the kernel that `run` has built, with one small suite as its work.
fn boot(project: &Project, memory: &str, console: &str) -> Result<()> {
    let mut linux = Command::new(project.build("kunit/linux"));
    linux.args([
        memory,
        "console=tty",
        "kunit_shutdown=halt",
        "kunit.enable=1",
        "kunit.filter_glob=superpageblock_wire",
    ]);
    let done = cmd::raw(&mut linux)?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let cases = ktap::cases(text.lines());
    if cases.is_empty() || cases.iter().any(|case| case.failure.is_some()) {
        bail!("the suite did not pass");
    }
    if !text.contains(console) {
        bail!("the console does not say '{console}'");
    }
    Ok(())
}

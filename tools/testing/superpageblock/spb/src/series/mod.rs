// SPDX-License-Identifier: GPL-2.0-only
//! How is the series made ready for the mailing list?
//!
//! - [`manifest`]: which commits, in which order; [`commits`]: making them;
//! - [`sender`]: who sends it; [`cover`], [`plain`]: the cover letter;
//! - [`recipients`], [`mails`]: the mails; [`bundle`]: the tree in one file;
//! - [`checkpatch`]: is every mail clean? [`rewrites`]: does no commit undo another?
//! - [`check`]: does every commit build? [`passed`]: which are known to?

mod bundle;
pub mod check;
mod checkpatch;
mod commits;
mod cover;
mod mails;
mod manifest;
mod passed;
mod plain;
mod recipients;
mod rewrites;
mod sender;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::series::commits::Series;
use crate::series::recipients::Oracle;
use crate::series::sender::Sender;
use crate::session::Session;

/// What was written.
struct Emitted {
    series: Series,
    mails: Vec<PathBuf>,
    bundle: PathBuf,
}

/// Writes mails, branch and bundle, and says whether they can be sent.
pub fn make(session: &Session) -> Result<()> {
    let sender = Sender::read()?;
    let emitted = emit(session, &sender, &session.project.build("series"))?;
    let branch = format!("refs/heads/{}", bundle::BRANCH);
    let git = &emitted.series.git;
    git.run(&["update-ref", &branch, &emitted.series.tip()?.id])?;
    println!(
        "series: {} patches and a cover letter in build/series, branch {} in build/tree",
        emitted.series.commits.len(),
        bundle::BRANCH
    );
    let size = fs::metadata(&emitted.bundle)?.len() >> 20;
    println!("series: git clone build/series/superpageblock.bundle ({size} MB) gives that branch");
    for rewrite in rewrites::find(&emitted.series)? {
        println!(
            "series: note: commit {} rewrites {} lines of {} that came with commit {}",
            rewrite.by, rewrite.lines, rewrite.path, rewrite.of
        );
    }
    match sender.missing().as_slice() {
        [] => println!("series: ready to send: git send-email build/series/*.patch"),
        missing => println!(
            "series: NOT READY TO SEND: {} missing: make series FROM=\"Name <mail>\" SIGN=1 ASSISTED_BY=\"AGENT:MODEL\"",
            missing.join(", ")
        ),
    }
    if sender.tree_url.is_none() {
        println!("series: note: no TREE_URL, so the cover letter links no tree");
    }
    Ok(())
}

/// Emits the series, unsigned, next to the real one: everything that takes seconds.
pub fn test(session: &Session, cases: &Cases) {
    let dir = session.project.build("series-test");
    let work = || {
        let emitted = emit(session, &Sender::nobody(), &dir)?;
        let top = &session.tree()?.commit;
        let tree = emitted
            .series
            .git
            .run(&["rev-parse", &format!("{top}^{{tree}}")])?;
        let scratch = Scratch::new(&dir)?;
        bundle::verify(&emitted.bundle, &tree, &scratch.0)?;
        unsent(&emitted.mails)
    };
    cases.record(
        "series is complete, clean for checkpatch and can be cloned",
        work(),
    );
    let _ = fs::remove_dir_all(dir);
}

/// An unsigned series says so and carries no trailer that nobody gave.
fn unsent(mails: &[PathBuf]) -> Result<()> {
    let letter = fs::read_to_string(mails.first().context("no mails")?)?;
    anyhow::ensure!(
        letter.contains("NOT READY TO SEND"),
        "the cover letter looks ready to send"
    );
    for mail in mails {
        let text = fs::read_to_string(mail)?;
        let head = text.split("\n---\n").next().unwrap_or_default();
        for trailer in ["Signed-off-by:", "Assisted-by:"] {
            let found = head.lines().any(|line| line.starts_with(trailer));
            anyhow::ensure!(
                !found,
                "{}: {trailer} although nobody gave it",
                mail.display()
            );
        }
    }
    Ok(())
}

/// Writes everything into `dir`, which is replaced only when all is well.
fn emit(session: &Session, sender: &Sender, dir: &Path) -> Result<Emitted> {
    let (project, base) = (&session.project, &session.base);
    let tree = session.tree()?;
    let series = commits::make(project, base, &tree, sender)?;
    let cover = cover::compose(
        project,
        base,
        &series,
        sender,
        &passed::report(session, &series)?,
    )?;
    let scratch = Scratch::new(dir)?;
    let staging = scratch.0.join("out");
    fs::create_dir_all(&staging)?;
    let mut mails = mails::write(&series, &cover, &staging)?;
    cmd::step("checkpatch on every mail", || {
        checkpatch::check(project, base, &mails[1..], sender.sign, &scratch.0)
    })?;
    let oracle = Oracle::new(base, &series, &scratch.0)?;
    let all = mails::address(&mails, &oracle)?;
    fs::write(staging.join("recipients"), all.headers())?;
    let lender = project.build("bundle.git");
    cmd::step("writing the bundle", || {
        bundle::write(&series, &lender, &staging)
    })?;
    replace(&staging, dir)?;
    for mail in &mut mails {
        *mail = dir.join(mail.file_name().unwrap_or_default());
    }
    let bundle = dir.join("superpageblock.bundle");
    Ok(Emitted {
        series,
        mails,
        bundle,
    })
}

fn replace(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to);
    fs::rename(from, to).with_context(|| format!("cannot write {}", to.display()))
}

/// The overlay and patches of `project` as a series that nobody sends.
fn unsigned(session: &Session) -> Result<Series> {
    commits::make(
        &session.project,
        &session.base,
        &session.tree()?,
        &Sender::nobody(),
    )
}

/// A directory beside another that goes away.
struct Scratch(PathBuf);

impl Scratch {
    fn new(beside: &Path) -> Result<Self> {
        let path = beside.with_extension("scratch");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

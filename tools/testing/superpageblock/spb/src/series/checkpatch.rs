// SPDX-License-Identifier: GPL-2.0-only
//! Is every mail clean for checkpatch.pl, but for what is excused with a reason?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;

use crate::base::Base;
use crate::cmd;
use crate::project::Project;
use crate::project::TOOLS;

/// Where exceptions are written down, below the tools.
const FILE: &str = "series/checkpatch.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    exception: Vec<Exception>,
}

/// Something checkpatch.pl complains of although it is right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// checkpatch's name for the complaint.
    r#type: String,
    /// Path inside the kernel, or a directory with a `/` at its end; empty for a whole mail.
    path: String,
    /// Words of the complaint.
    #[serde(default)]
    says: String,
    /// Why it is right nevertheless.
    reason: String,
}

/// One complaint.
#[derive(Debug, PartialEq)]
struct Complaint {
    path: String,
    kind: String,
    line: String,
}

/// Runs checkpatch.pl of the base, in `scratch`, over `mails`.
///
/// # Errors
///
/// Names the first complaint that is not excused, or an excuse that excuses nothing.
pub fn check(
    project: &Project,
    base: &Base,
    mails: &[PathBuf],
    signed: bool,
    scratch: &Path,
) -> Result<()> {
    let path = project.tools(FILE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let table = Table::parse(&text)?;
    let half = mails.len().div_ceil(2);
    let (first, second) = mails.split_at(half);
    // checkpatch takes a second per thousand lines, and there are at least two processors.
    let complaints = thread::scope(|scope| -> Result<Vec<Complaint>> {
        let other = scope.spawn(|| complaints(base, second, signed, scratch));
        let mut all = complaints(base, first, signed, scratch)?;
        all.extend(
            other
                .join()
                .map_err(|_| anyhow!("checkpatch.pl: thread died"))??,
        );
        Ok(all)
    })?;
    judge(&table, &complaints)
}

fn complaints(
    base: &Base,
    mails: &[PathBuf],
    signed: bool,
    scratch: &Path,
) -> Result<Vec<Complaint>> {
    let mut all = Vec::new();
    for mail in mails {
        all.extend(run(base, mail, signed, scratch)?);
    }
    Ok(all)
}

fn run(base: &Base, mail: &Path, signed: bool, scratch: &Path) -> Result<Vec<Complaint>> {
    let mut perl = Command::new("perl");
    // It leaves a file where it is started.
    perl.current_dir(scratch)
        .arg(base.source.join("scripts/checkpatch.pl"))
        .arg(format!("--root={}", base.source.display()))
        .args(["--strict", "--terse", "--showfile", "--show-types"])
        .args(["--color=never", "--no-summary"]);
    if !signed {
        perl.arg("--no-signoff");
    }
    let done = cmd::raw(perl.arg(mail))?;
    let text = String::from_utf8_lossy(&done.stdout);
    let found: Vec<Complaint> = text.lines().filter_map(complaint).collect();
    if !done.status.success() && found.is_empty() {
        bail!(
            "checkpatch.pl: {}: {}",
            mail.display(),
            cmd::complaint(&done)
        );
    }
    Ok(found)
}

/// `PATH:LINE: LEVEL:TYPE: TEXT`; complaints about the message have an odd or no path.
fn complaint(line: &str) -> Option<Complaint> {
    let levels = ["ERROR:", "WARNING:", "CHECK:"];
    let (at, level) = levels
        .iter()
        .filter_map(|level| line.find(level).map(|at| (at, level)))
        .min()?;
    let kind = line[at + level.len()..].split(':').next()?.trim();
    let path = line[..at].split(':').next().unwrap_or_default().trim();
    Some(Complaint {
        path: path.to_string(),
        kind: kind.to_string(),
        line: line.to_string(),
    })
}

fn judge(table: &Table, complaints: &[Complaint]) -> Result<()> {
    let unknown: Vec<&Complaint> = complaints
        .iter()
        .filter(|complaint| !table.exception.iter().any(|e| e.excuses(complaint)))
        .collect();
    if let Some(first) = unknown.first() {
        for complaint in &unknown {
            eprintln!("{}", complaint.line);
        }
        bail!(
            "checkpatch: {} complaints, the first: {}: correct it, or add an [[exception]] with its reason to {TOOLS}/{FILE}",
            unknown.len(),
            first.line
        );
    }
    match table
        .exception
        .iter()
        .find(|e| !complaints.iter().any(|c| e.excuses(c)))
    {
        Some(e) => bail!(
            "{TOOLS}/{FILE}: nothing needs the exception {} for \"{}\": remove it",
            e.r#type,
            e.path
        ),
        None => Ok(()),
    }
}

impl Table {
    fn parse(text: &str) -> Result<Self> {
        let table: Self = toml::from_str(text)
            .map_err(|error| anyhow!("{TOOLS}/{FILE}: {}", error.message().replace('\n', " ")))?;
        match table.exception.iter().find(|e| e.reason.trim().is_empty()) {
            Some(e) => bail!("{TOOLS}/{FILE}: exception {} has no reason", e.r#type),
            None => Ok(table),
        }
    }
}

impl Exception {
    fn excuses(&self, complaint: &Complaint) -> bool {
        let below = self.path.ends_with('/') && complaint.path.starts_with(&self.path);
        self.r#type == complaint.kind
            && (self.path.is_empty() || below || self.path == complaint.path)
            && complaint.line.contains(&self.says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [[exception]]
        type = "SPLIT_STRING"
        path = "mm/superpageblock/"
        reason = "because"
    "#;
    const LINE: &str = "mm/superpageblock/a.c:12: WARNING:SPLIT_STRING: quoted string split";

    fn judged(lines: &[&str]) -> Result<()> {
        let complaints: Vec<Complaint> = lines.iter().filter_map(|line| complaint(line)).collect();
        assert_eq!(complaints.len(), lines.len());
        judge(&Table::parse(TABLE)?, &complaints)
    }

    #[test]
    fn what_is_excused_passes() {
        assert!(judged(&[LINE]).is_ok());
    }

    #[test]
    fn what_is_not_excused_is_named() {
        let other = LINE.replace("SPLIT_STRING", "LONG_LINE");
        let refusal = format!("{}", judged(&[LINE, &other]).expect_err("unknown"));
        assert!(
            refusal.contains("1 complaints, the first: mm/superpageblock/a.c:12"),
            "{refusal}"
        );
        assert!(judged(&[LINE, &LINE.replace("superpageblock/", "")]).is_err());
    }

    #[test]
    fn an_exception_that_nothing_needs_is_refused() {
        let refusal = format!("{}", judged(&[]).expect_err("stale"));
        assert!(
            refusal.contains("nothing needs the exception SPLIT_STRING"),
            "{refusal}"
        );
    }

    #[test]
    fn an_exception_has_a_reason() {
        assert!(Table::parse(&TABLE.replace("because", " ")).is_err());
    }

    #[test]
    fn complaints_about_a_message_have_a_type_too() {
        let found = complaint(":12: WARNING:COMMIT_LOG_LONG_LINE: Prefer a maximum 75 chars");
        assert_eq!(
            found.map(|c| (c.path, c.kind)),
            Some((String::new(), "COMMIT_LOG_LONG_LINE".to_string()))
        );
    }
}

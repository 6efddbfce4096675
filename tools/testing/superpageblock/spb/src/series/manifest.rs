// SPDX-License-Identifier: GPL-2.0-only
//! Which commits does the series have, in which order, and is everything in one of them?
//!
//! A commit takes a patch of `patches/`, files of the overlay, or both; files
//! then become part of the patch's commit. An entry of `files` is a path, or a
//! directory with a `/` at its end, which stands for all files below it that no
//! longer entry names.

use std::collections::BTreeMap;
use std::fs;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;

use crate::project::Project;
use crate::project::TOOLS;

/// Where the order of the commits is written down, below the tools.
const FILE: &str = "series/order.toml";

/// The manifest as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    part: Vec<Part>,
}

/// Commits that a reviewer reads together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    title: String,
    #[serde(default)]
    commit: Vec<Entry>,
}

/// One commit as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    patch: Option<String>,
    subject: Option<String>,
    message: Option<String>,
    #[serde(default)]
    files: Vec<String>,
}

/// One commit to make.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// Title of its part.
    pub part: String,
    /// Where its change and message come from.
    pub source: Source,
    /// Files of the overlay that it adds.
    pub files: Vec<String>,
}

/// Where a commit gets its message from.
#[derive(Debug, PartialEq)]
pub enum Source {
    /// The mail with this file name.
    Patch(String),
    /// The manifest: subject, empty line, body.
    Message(String),
}

/// What there is to distribute.
pub struct Stock<'a> {
    /// File names of the patches, in order.
    pub patches: &'a [String],
    /// Paths of the overlay's files.
    pub files: &'a [String],
}

impl Manifest {
    /// Reads the project's manifest.
    pub fn read(project: &Project) -> Result<Self> {
        let path = project.tools(FILE);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text[..start].lines().count().max(1);
            let reason = error.message().replace('\n', " ");
            anyhow!("{TOOLS}/{FILE}, line {line}: {reason}")
        })
    }

    /// The commits, with every patch and every file of `stock` in exactly one of them.
    ///
    /// # Errors
    ///
    /// Names what is missing, stale or there twice, and says what to do.
    pub fn steps(&self, stock: &Stock) -> Result<Vec<Step>> {
        let entries: Vec<(&str, &Entry)> = self
            .part
            .iter()
            .flat_map(|part| part.commit.iter().map(|entry| (part.title.as_str(), entry)))
            .collect();
        let mut files = distribute(&entries, stock.files)?;
        let mut steps = Vec::new();
        for (number, (part, entry)) in entries.iter().enumerate() {
            steps.push(Step {
                part: part.to_string(),
                source: entry.source(stock.patches)?,
                files: files.remove(&number).unwrap_or_default(),
            });
        }
        refuse_patches_not_taken_once(&steps, stock.patches)?;
        Ok(steps)
    }
}

impl Entry {
    fn name(&self) -> &str {
        let name = self.subject.as_ref().or(self.patch.as_ref());
        name.map_or("without subject", String::as_str)
    }

    fn source(&self, patches: &[String]) -> Result<Source> {
        match (&self.patch, &self.subject, &self.message) {
            (Some(name), None, None) => Ok(Source::Patch(find(name, patches)?.to_string())),
            (None, Some(subject), Some(body)) => {
                check_message(subject, body)?;
                if self.files.is_empty() {
                    bail!("{FILE}: commit \"{subject}\" has no files");
                }
                Ok(Source::Message(format!("{subject}\n\n{}", body.trim())))
            }
            _ => bail!(
                "{FILE}: commit \"{}\": give either `patch`, or `subject` and `message`",
                self.name()
            ),
        }
    }
}

/// The one patch whose file name, after its number, begins with `name`.
fn find<'a>(name: &str, patches: &'a [String]) -> Result<&'a str> {
    let slug = |patch: &'a String| patch.split_once('-').map_or("", |(_, slug)| slug);
    let mut found = patches.iter().filter(|patch| slug(patch).starts_with(name));
    match (found.next(), found.next()) {
        (Some(patch), None) => Ok(patch),
        (None, _) => {
            bail!("{FILE}: no file patches/NNNN-{name}*: correct `patch`, or remove that commit")
        }
        (Some(a), Some(b)) => {
            bail!("{FILE}: patch \"{name}\" is both {a} and {b}: write more of the name")
        }
    }
}

/// Subject and line lengths as Documentation/process/submitting-patches.rst wants them.
fn check_message(subject: &str, body: &str) -> Result<()> {
    if subject.trim() != subject || subject.is_empty() || subject.contains('\n') {
        bail!("{FILE}: subject {subject:?} is not one line");
    }
    if subject.len() > 75 || body.lines().any(|line| line.len() > 75) {
        bail!("{FILE}: commit \"{subject}\": a line of its message is longer than 75 characters");
    }
    if body.trim().is_empty() {
        bail!("{FILE}: commit \"{subject}\" does not say why");
    }
    Ok(())
}

/// Files by number of the commit that adds them.
fn distribute(
    entries: &[(&str, &Entry)],
    files: &[String],
) -> Result<BTreeMap<usize, Vec<String>>> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, (_, entry)) in entries.iter().enumerate() {
        for pattern in &entry.files {
            if owners.insert(pattern, number).is_some() {
                bail!("{FILE}: {pattern} is in two commits: keep one");
            }
        }
    }
    let mut shares: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut used: Vec<&str> = Vec::new();
    let mut homeless: Vec<&str> = Vec::new();
    for file in files {
        let covers =
            |pattern: &str| pattern == file || pattern.ends_with('/') && file.starts_with(pattern);
        let best = owners.iter().filter(|(pattern, _)| covers(pattern));
        match best.max_by_key(|(pattern, _)| pattern.len()) {
            Some((pattern, number)) => {
                used.push(pattern);
                shares.entry(*number).or_default().push(file.clone());
            }
            None => homeless.push(file),
        }
    }
    if !homeless.is_empty() {
        bail!(
            "in no commit of the series: {}: add to `files` of a commit in {TOOLS}/{FILE}",
            homeless.join(", ")
        );
    }
    match owners.keys().find(|pattern| !used.contains(*pattern)) {
        Some(pattern) => {
            bail!("{FILE}: there is no overlay file {pattern}: correct or remove that entry")
        }
        None => Ok(shares),
    }
}

fn refuse_patches_not_taken_once(steps: &[Step], patches: &[String]) -> Result<()> {
    for patch in patches {
        let taken = steps
            .iter()
            .filter(|step| matches!(&step.source, Source::Patch(name) if name == patch))
            .count();
        let slug = patch.split_once('-').map_or("", |(_, slug)| slug);
        match taken {
            1 => {}
            0 => bail!(
                "in no commit of the series: patches/{patch}: add `patch = \"{}\"` where it belongs in {TOOLS}/{FILE}",
                slug.trim_end_matches(".patch")
            ),
            _ => bail!("{FILE}: patches/{patch} is in two commits: keep one"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"
        [[part]]
        title = "First"
        [[part.commit]]
        patch = "mm-fix"
        files = ["mm/a.h"]
        [[part]]
        title = "Second"
        [[part.commit]]
        subject = "tools: all"
        message = """
        Why."""
        files = ["tools/"]
        [[part.commit]]
        subject = "tools: one"
        message = "Why."
        files = ["tools/x/", "tools/y"]
    "#;
    const PATCHES: [&str; 1] = ["0001-mm-fix-it.patch"];
    const FILES: [&str; 4] = ["mm/a.h", "tools/b", "tools/x/c", "tools/y"];

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn steps(order: &str, patches: &[&str], files: &[&str]) -> Result<Vec<Step>> {
        Manifest::parse(order)?.steps(&Stock {
            patches: &strings(patches),
            files: &strings(files),
        })
    }

    fn refusal(order: &str, patches: &[&str], files: &[&str]) -> String {
        let refusal = steps(order, patches, files).expect_err("must be refused");
        let text = format!("{refusal:#}");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    }

    #[test]
    fn commits_come_in_the_order_of_the_manifest() {
        let steps = steps(ORDER, &PATCHES, &FILES).expect("complete");
        let parts: Vec<&str> = steps.iter().map(|step| step.part.as_str()).collect();
        assert_eq!(parts, ["First", "Second", "Second"]);
        assert_eq!(steps[0].source, Source::Patch(PATCHES[0].to_string()));
        assert_eq!(steps[0].files, ["mm/a.h"]);
    }

    #[test]
    fn the_longest_entry_that_covers_a_file_takes_it() {
        let steps = steps(ORDER, &PATCHES, &FILES).expect("complete");
        assert_eq!(steps[1].files, ["tools/b"]);
        assert_eq!(steps[2].files, ["tools/x/c", "tools/y"]);
    }

    #[test]
    fn a_file_in_no_commit_is_named() {
        let text = refusal(
            ORDER,
            &PATCHES,
            &["mm/a.h", "mm/new.c", "tools/b", "tools/x/c", "tools/y"],
        );
        assert!(
            text.contains("in no commit of the series: mm/new.c: add to `files`"),
            "{text}"
        );
    }

    #[test]
    fn a_patch_in_no_commit_is_named_with_the_line_to_add() {
        let text = refusal(
            ORDER,
            &["0001-mm-fix-it.patch", "0002-mm-new.patch"],
            &FILES,
        );
        assert!(
            text.contains("patches/0002-mm-new.patch: add `patch = \"mm-new\"`"),
            "{text}"
        );
    }

    #[test]
    fn entries_that_fit_nothing_are_named() {
        let text = refusal(ORDER, &PATCHES, &["mm/a.h", "tools/b", "tools/x/c"]);
        assert!(text.contains("no overlay file tools/y"), "{text}");
        let text = refusal(ORDER, &["0001-mm-other.patch"], &FILES);
        assert!(text.contains("no file patches/NNNN-mm-fix*"), "{text}");
    }

    #[test]
    fn nothing_is_taken_twice() {
        let twice = ORDER.replace("tools/y", "mm/a.h");
        assert!(refusal(&twice, &PATCHES, &FILES).contains("mm/a.h is in two commits"));
        let twice = ORDER.replace(
            "title = \"Second\"",
            "title = \"Second\"\n[[part.commit]]\npatch = \"mm-fix-it\"",
        );
        assert!(
            refusal(&twice, &PATCHES, &FILES).contains("0001-mm-fix-it.patch is in two commits")
        );
    }

    #[test]
    fn an_ambiguous_name_of_a_patch_is_refused() {
        let text = refusal(
            ORDER,
            &["0001-mm-fix-it.patch", "0002-mm-fix-that.patch"],
            &FILES,
        );
        assert!(text.contains("write more of the name"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line() {
        let text = refusal(&ORDER.replace("patch =", "path ="), &PATCHES, &FILES);
        assert!(text.contains("line 5: unknown field `path`"), "{text}");
    }

    #[test]
    fn a_message_needs_a_body_and_short_lines() {
        let text = refusal(&ORDER.replace("\"Why.\"", "\"\""), &PATCHES, &FILES);
        assert!(text.contains("\"tools: one\" does not say why"), "{text}");
        let long = format!("\"{}\"", "x".repeat(76));
        let text = refusal(&ORDER.replace("\"Why.\"", &long), &PATCHES, &FILES);
        assert!(text.contains("longer than 75"), "{text}");
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! What does the cover letter say?
//!
//! The template has the words; figures and tests come from the README, so that
//! they are written down in one place; the rest is known only now.

use std::fs;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base::Base;
use crate::project::Project;
use crate::project::TOOLS;
use crate::series::commits::Series;
use crate::series::plain;
use crate::series::sender::Sender;

/// Where the template is, below the tools.
const FILE: &str = "series/cover.txt";

/// A cover letter without what git adds to it.
#[derive(Debug)]
pub struct Cover {
    /// Subject without prefix.
    pub subject: String,
    /// Text above shortlog and diffstat.
    pub body: String,
}

/// Fills the template; `checked` says which commits were built.
pub fn compose(
    project: &Project,
    base: &Base,
    series: &Series,
    sender: &Sender,
    checked: &str,
) -> Result<Cover> {
    let path = project.tools(FILE);
    let template =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let readme = fs::read_to_string(project.root.join("README.md")).context("README.md")?;
    let from_readme = |name| plain::section(&readme, name).map(plain::mail);
    fill(
        &template,
        &[
            ("status", status(sender)),
            ("base", base.version.clone()),
            ("parts", parts(series)),
            ("figures", from_readme("figures")?),
            ("tests", from_readme("tests")?),
            ("checked", plain::mail(checked)),
            ("disclosure", disclosure(sender)),
            ("tree", tree(sender)),
        ],
    )
}

fn fill(template: &str, values: &[(&str, String)]) -> Result<Cover> {
    let lines: Vec<&str> = template
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let text = lines.join("\n");
    let (subject, body) = text.trim().split_once('\n').unwrap_or_default();
    let Some(subject) = subject.strip_prefix("Subject: ") else {
        bail!("{TOOLS}/{FILE}: the first line is not \"Subject: ...\"");
    };
    let mut body = body.trim().to_string();
    for (name, value) in values {
        let mark = format!("@{name}@");
        if !body.contains(&mark) {
            bail!("{TOOLS}/{FILE} has no {mark}: put it back");
        }
        body = body.replace(&mark, value.trim_end());
    }
    // A line that is nothing but an empty value leaves no gap.
    while body.contains("\n\n\n") {
        body = body.replace("\n\n\n", "\n\n");
    }
    Ok(Cover {
        subject: subject.to_string(),
        body: body.trim().to_string(),
    })
}

/// Nothing, or that the series must not be sent as it is.
fn status(sender: &Sender) -> String {
    let missing = sender.missing();
    if missing.is_empty() {
        return String::new();
    }
    format!(
        "NOT READY TO SEND: {} not given to `make series`.",
        missing.join(", ")
    )
}

/// Which mails belong together.
fn parts(series: &Series) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut start = 0;
    while let Some(first) = series.commits.get(start) {
        let same = series.commits[start..]
            .iter()
            .take_while(|c| c.part == first.part);
        let end = start + same.count();
        let numbers = match end - start {
            1 => format!("{end}"),
            _ => format!("{}-{end}", start + 1),
        };
        lines.push(format!("  {numbers:>5}  {}", first.part));
        start = end;
    }
    lines.join("\n")
}

fn disclosure(sender: &Sender) -> String {
    if sender.assisted_by.is_empty() {
        return "Not given yet: which tools wrote or helped to write what (ASSISTED_BY)."
            .to_string();
    }
    let mut text = plain::fill(
        "Code, tests, documentation and commit messages of this series were written with the help of \
         tools. Whoever has signed off has reviewed all of it and answers for it. Each commit says:",
        72,
    );
    text.push(String::new());
    text.extend(
        sender
            .assisted_by
            .iter()
            .map(|value| format!("  Assisted-by: {value}")),
    );
    text.join("\n")
}

fn tree(sender: &Sender) -> String {
    match &sender.tree_url {
        Some(url) => format!("  git fetch {url}"),
        None => "  git clone superpageblock.bundle     (on request; no public URL was given)"
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::sender::Address;

    fn signed() -> Sender {
        Sender {
            from: Some(Address {
                name: "Jane".to_string(),
                mail: "jane@example.org".to_string(),
            }),
            sign: true,
            assisted_by: vec!["Agent:model".to_string()],
            tree_url: None,
        }
    }

    #[test]
    fn only_a_complete_sender_makes_it_ready() {
        assert_eq!(status(&signed()), "");
        let text = status(&Sender::nobody());
        assert_eq!(
            text,
            "NOT READY TO SEND: FROM, SIGN, ASSISTED_BY not given to `make series`."
        );
    }

    #[test]
    fn what_helped_is_disclosed() {
        assert!(disclosure(&signed()).ends_with("  Assisted-by: Agent:model"));
        assert!(disclosure(&Sender::nobody()).starts_with("Not given yet"));
    }

    #[test]
    fn an_empty_value_leaves_no_gap() {
        let cover = fill(
            "# SPDX\nSubject: s\n\n@a@\n\nb @c@\n",
            &[("a", String::new()), ("c", "d\n".to_string())],
        );
        let cover = cover.expect("complete");
        assert_eq!((cover.subject.as_str(), cover.body.as_str()), ("s", "b d"));
    }

    #[test]
    fn a_template_without_a_place_for_something_is_refused() {
        let refusal = fill("Subject: s\n\nb\n", &[("a", String::new())]).expect_err("no @a@");
        assert!(format!("{refusal}").contains("has no @a@"));
        assert!(fill("b\n", &[]).is_err());
    }
}

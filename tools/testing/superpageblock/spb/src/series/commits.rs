// SPDX-License-Identifier: GPL-2.0-only
//! How does the stack become commits that a reviewer can follow?

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base::Base;
use crate::cmd;
use crate::git;
use crate::git::Git;
use crate::overlay;
use crate::project::Project;
use crate::series::manifest::Manifest;
use crate::series::manifest::Source;
use crate::series::manifest::Step;
use crate::series::manifest::Stock;
use crate::series::sender::Sender;
use crate::tree;
use crate::tree::Mail;
use crate::tree::Tree;

/// The name under which the manifest knows this repository's MAINTAINERS entries.
const MAINTAINERS: &str = "MAINTAINERS";
/// Committer of a series that nobody sends yet.
const NOBODY: (&str, &str) = ("superpageblock", "superpageblock@localhost");

/// The series as commits in the repository of `build/tree`.
pub struct Series {
    /// Repository that holds the commits.
    pub git: Git,
    /// The unpatched kernel, without history.
    pub root: String,
    /// Oldest first; never empty.
    pub commits: Vec<Commit>,
}

/// One commit of the series.
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Its tree.
    pub tree: String,
    /// First line of its message.
    pub subject: String,
    /// Title of its part.
    pub part: String,
}

impl Series {
    /// The last commit.
    pub fn tip(&self) -> Result<&Commit> {
        self.commits.last().context("the series is empty")
    }
}

/// Makes the commits, without touching any work tree.
///
/// # Errors
///
/// When something is in no commit, a patch does not apply in this order, or the result differs
/// from `tree`.
pub fn make(project: &Project, base: &Base, tree: &Tree, sender: &Sender) -> Result<Series> {
    let git = Git::at(&tree.dir);
    if tree.edited || git.commit("HEAD")? != git.commit(tree::TOP_REF)? {
        bail!("build/tree has edits that are not in the stack: run `make refresh` first");
    }
    let index = tree.dir.join(".git/superpageblock-series-index");
    let _ = fs::remove_file(&index);
    let maker = Maker {
        project,
        base,
        sender,
        git: git.with_index(index.clone()),
        files: overlay_by_path(project)?,
    };
    let root = root(&git, base)?;
    let commits = maker.all(&root, &steps(project, &maker.files)?)?;
    let _ = fs::remove_file(index);
    let series = Series { git, root, commits };
    refuse_another_tree(&series, tree)?;
    Ok(series)
}

struct Maker<'a> {
    project: &'a Project,
    base: &'a Base,
    sender: &'a Sender,
    git: Git,
    files: BTreeMap<String, overlay::File>,
}

impl Maker<'_> {
    fn all(&self, root: &str, steps: &[Step]) -> Result<Vec<Commit>> {
        self.git.run(&["read-tree", root])?;
        let mut commits: Vec<Commit> = Vec::new();
        let mut last = self.first_mail(steps)?;
        for step in steps {
            let parent = commits.last().map_or(root, |commit| commit.id.as_str());
            let commit = self.one(step, parent, &mut last)?;
            commits.push(commit);
        }
        Ok(commits)
    }

    /// Commits without a mail have author and date of the mail before them, the first ones of this.
    fn first_mail(&self, steps: &[Step]) -> Result<Mail> {
        let first = steps.iter().find_map(|step| match &step.source {
            Source::Patch(name) => Some(name),
            Source::Message(_) => None,
        });
        let path = self.patch(first.context("the series has no patch")?);
        tree::read_patch(&self.git, &path).map(|(mail, _)| mail)
    }

    fn patch(&self, name: &str) -> std::path::PathBuf {
        self.project.root.join("patches").join(name)
    }

    fn one(&self, step: &Step, parent: &str, last: &mut Mail) -> Result<Commit> {
        match &step.source {
            Source::Patch(name) => {
                *last = tree::stage_patch(&self.git, &self.patch(name), self.base)
                    .context("in the order of the series")?;
            }
            Source::Message(message) => last.message.clone_from(message),
        }
        self.add_files(&step.files)?;
        let message = self.with_trailers(&last.message)?;
        let mut commit = tree::commit_tree(&self.git, parent)?;
        self.sign(&mut commit, last);
        let id = cmd::feed(&mut commit, message.as_bytes())?;
        Ok(Commit {
            tree: self.git.run(&["rev-parse", &format!("{id}^{{tree}}")])?,
            id,
            subject: message.lines().next().unwrap_or_default().to_string(),
            part: step.part.clone(),
        })
    }

    fn add_files(&self, names: &[String]) -> Result<()> {
        let files: Vec<&overlay::File> = names
            .iter()
            .filter_map(|name| self.files.get(name))
            .collect();
        if !files.is_empty() {
            tree::stage_overlay(&self.git, &files)?;
        }
        if names.iter().any(|name| name == MAINTAINERS) {
            tree::stage_maintainers(self.project, &self.git)?;
        }
        Ok(())
    }

    fn with_trailers(&self, message: &str) -> Result<String> {
        let trailers = self.sender.trailers();
        if trailers.is_empty() {
            return Ok(message.to_string());
        }
        let mut add = self.git.command(&["interpret-trailers", "--no-divider"]);
        for trailer in trailers {
            add.args(["--trailer", &trailer]);
        }
        cmd::feed(&mut add, format!("{message}\n").as_bytes())
    }

    fn sign(&self, commit: &mut Command, mail: &Mail) {
        let Some(from) = &self.sender.from else {
            git::identity(commit, &mail.author, &mail.email, &mail.date);
            commit.env("GIT_COMMITTER_NAME", NOBODY.0);
            commit.env("GIT_COMMITTER_EMAIL", NOBODY.1);
            return;
        };
        git::identity(commit, &from.name, &from.mail, &mail.date);
        commit.env("GIT_COMMITTER_NAME", &from.name);
        commit.env("GIT_COMMITTER_EMAIL", &from.mail);
    }
}

fn overlay_by_path(project: &Project) -> Result<BTreeMap<String, overlay::File>> {
    let files = overlay::files(project)?.into_iter();
    Ok(files.map(|file| (file.path.clone(), file)).collect())
}

fn steps(project: &Project, files: &BTreeMap<String, overlay::File>) -> Result<Vec<Step>> {
    let patches: Vec<String> = tree::patches(project)?
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let mut paths: Vec<String> = files.keys().cloned().collect();
    paths.push(MAINTAINERS.to_string());
    Manifest::read(project)?.steps(&Stock {
        patches: &patches,
        files: &paths,
    })
}

/// The base as a commit without parents, so that a clone needs nothing from elsewhere.
fn root(git: &Git, base: &Base) -> Result<String> {
    let commit = git.run(&["cat-file", "commit", &base.commit])?;
    let header = commit.lines().take_while(|line| !line.is_empty());
    if !header.into_iter().any(|line| line.starts_with("parent ")) {
        return Ok(base.commit.clone());
    }
    let tree = format!("{}^{{tree}}", base.commit);
    let subject = format!("linux {}", base.version);
    let mut make = git.command(&["commit-tree", &tree, "-m", &subject]);
    git::identity(&mut make, NOBODY.0, NOBODY.1, "1767225600 +0000");
    cmd::output(&mut make)
}

/// The series must end where the stack ends.
fn refuse_another_tree(series: &Series, tree: &Tree) -> Result<()> {
    let (a, b) = (&series.tip()?.id, &tree.commit);
    let differing = series.git.run(&["diff", "--name-only", a, b])?;
    match differing.lines().next() {
        None => Ok(()),
        Some(path) => {
            bail!("the series and build/tree differ in {path}: run `make tree`, then again")
        }
    }
}

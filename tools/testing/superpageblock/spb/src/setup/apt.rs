// SPDX-License-Identifier: GPL-2.0-only
//! How are packages of a newer Debian fetched without touching the system?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An apt tree of its own that sees the backports suite and nothing installed.
pub struct PrivateApt {
    dir: PathBuf,
}

impl PrivateApt {
    /// Sets the tree up below `dir` and refreshes its package lists.
    pub fn open(dir: PathBuf) -> Result<Self> {
        for sub in [
            "sources",
            "state/lists/partial",
            "cache/archives/partial",
            "dl",
        ] {
            fs::create_dir_all(dir.join(sub))?;
        }
        let apt = Self { dir };
        fs::write(apt.dir.join("sources/backports.sources"), sources()?)?;
        let mut update = apt.tool("apt-get");
        update.args(["-q", "update", "--error-on=any"]);
        cmd::logged(
            &mut update,
            &apt.dir.join("update.log"),
            "fetching package lists",
            "lines",
            |_| true,
        )?;
        Ok(apt)
    }

    /// Available versions of `package`, newest first.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let text = cmd::output(self.tool("apt-cache").args(["madison", package]))?;
        let versions = text.lines().filter_map(|line| line.split('|').nth(1));
        Ok(versions.map(|version| version.trim().to_string()).collect())
    }

    /// Downloads that version of `package` and unpacks it into `into`.
    pub fn unpack(&self, package: &str, version: &str, into: &Path) -> Result<()> {
        let downloads = self.dir.join("dl");
        let file = downloads.join(format!("{package}_{}_all.deb", version.replace(':', "%3a")));
        if !file.exists() {
            let mut download = self.tool("apt-get");
            download
                .args(["-q", "download", &format!("{package}={version}")])
                .current_dir(&downloads);
            let log = self.dir.join("download.log");
            cmd::logged(
                &mut download,
                &log,
                &format!("fetching {package} {version}"),
                "lines",
                |_| true,
            )?;
        }
        cmd::output(Command::new("dpkg-deb").arg("-x").arg(&file).arg(into))
            .with_context(|| format!("cannot unpack {}", file.display()))?;
        Ok(())
    }

    fn tool(&self, program: &str) -> Command {
        let dir = self.dir.display();
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").args([
            format!("-oDir::State={dir}/state"),
            format!("-oDir::Cache={dir}/cache"),
            "-oDir::Etc::sourcelist=/dev/null".to_string(),
            format!("-oDir::Etc::sourceparts={dir}/sources"),
            "-oDir::State::status=/var/lib/dpkg/status".to_string(),
            "-oAPT::Sandbox::User=root".to_string(),
        ]);
        command
    }
}

/// The one source this tree has: the machine's own mirror, the suites with a current kernel.
fn sources() -> Result<String> {
    let mirror = super::mirror()?;
    let signed = if Path::new(KEYRING).exists() {
        format!("Signed-By: {KEYRING}\n")
    } else {
        String::new()
    };
    let suites = "Suites: trixie trixie-backports";
    Ok(format!(
        "Types: deb\nURIs: {mirror}\n{suites}\nComponents: main\n{signed}"
    ))
}

/// URI of the Debian archive in the machine's own apt sources.
pub fn mirror(etc: &Path) -> Result<String> {
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut found = files.iter().filter_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        match file.extension()?.to_str()? {
            "list" => one_line(&text),
            "sources" => deb822(&text),
            _ => None,
        }
    });
    match found.next() {
        Some(uri) => Ok(uri),
        None => bail!("not a Debian system"),
    }
}

/// Debian's own suites, which other vendors' repositories do not carry.
fn is_debian(suites: &str, components: &str) -> bool {
    let known = [
        "bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable",
    ];
    suites
        .split_whitespace()
        .any(|suite| known.contains(&suite))
        && components
            .split_whitespace()
            .any(|component| component == "main")
}

fn deb822(text: &str) -> Option<String> {
    text.split("\n\n").find_map(|stanza| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_string())
            })
        };
        let enabled = field("Enabled").is_none_or(|value| value != "no");
        let binary = field("Types")?.split_whitespace().any(|kind| kind == "deb");
        let uri = field("URIs")?.split_whitespace().next()?.to_string();
        (enabled && binary && is_debian(&field("Suites")?, &field("Components")?)).then_some(uri)
    })
}

fn one_line(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let components: Vec<&str> = words.collect();
        is_debian(suite, &components.join(" ")).then(|| uri.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deb822_skips_other_vendors_and_the_security_archive() {
        let text = "Types: deb\nURIs: https://vendor.example/x\nSuites: nodistro\nComponents: main\n\n\
                    Types: deb\nURIs: http://a.example/debian-security\nSuites: bookworm-security\n\
                    Components: main\n\n\
                    Types: deb\n# a comment\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\n\
                    Components: main\n";
        assert_eq!(deb822(text).as_deref(), Some("http://a.example/debian"));
    }

    #[test]
    fn deb822_skips_disabled_stanzas() {
        let text = "Enabled: no\nTypes: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n";
        assert_eq!(deb822(text), None);
    }

    #[test]
    fn one_line_understands_options() {
        let text = "# deb http://no.example/debian trixie main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie main contrib\n";
        assert_eq!(one_line(text).as_deref(), Some("http://a.example/debian"));
    }
}

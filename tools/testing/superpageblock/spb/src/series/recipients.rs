// SPDX-License-Identifier: GPL-2.0-only
//! Who must get a mail? The kernel's own get_maintainer.pl says so, without network.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use anyhow::Result;

use crate::base::Base;
use crate::cmd;
use crate::series::commits::Series;

/// Addresses of one mail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipients {
    /// Maintainers.
    pub to: Vec<String>,
    /// Reviewers and lists.
    pub cc: Vec<String>,
}

/// Asks get_maintainer.pl of the base, with the MAINTAINERS file that the series ends with.
pub struct Oracle {
    source: PathBuf,
    maintainers: PathBuf,
}

impl Oracle {
    /// Keeps its copy of MAINTAINERS in `scratch`.
    pub fn new(base: &Base, series: &Series, scratch: &Path) -> Result<Self> {
        let name = format!("{}:MAINTAINERS", series.tip()?.id);
        let maintainers = scratch.join("MAINTAINERS");
        fs::write(&maintainers, series.git.run(&["show", &name])? + "\n")?;
        Ok(Self {
            source: base.source.clone(),
            maintainers,
        })
    }

    /// Recipients of one mail.
    pub fn ask(&self, mail: &Path) -> Result<Recipients> {
        self.run(&[mail.as_os_str()])
    }

    /// Those who get every mail, because all of it is about the page allocator.
    pub fn always(&self) -> Result<Recipients> {
        self.run(&["-f".as_ref(), "mm/page_alloc.c".as_ref()])
    }

    fn run(&self, about: &[&OsStr]) -> Result<Recipients> {
        let mut perl = Command::new("perl");
        perl.current_dir(&self.source)
            .arg("scripts/get_maintainer.pl")
            .args(["--nogit", "--nogit-fallback", "--nofixes"])
            .args(["--norolestats", "--roles", "--mpath"])
            .arg(&self.maintainers)
            .args(about);
        let recipients = parse(&cmd::output(&mut perl)?);
        if recipients.to.is_empty() && recipients.cc.is_empty() {
            bail!("get_maintainer.pl names nobody for {about:?}");
        }
        Ok(recipients)
    }
}

impl Recipients {
    /// Takes up those of another mail.
    pub fn join(&mut self, other: &Self) {
        let add = |mine: &mut Vec<String>, theirs: &[String]| {
            for address in theirs {
                if !mine.contains(address) {
                    mine.push(address.clone());
                }
            }
        };
        add(&mut self.to, &other.to);
        add(&mut self.cc, &other.cc);
        // Who maintains one part need not be copied as reviewer of another.
        self.cc.retain(|address| !self.to.contains(address));
    }

    /// As lines of a mail's header.
    pub fn headers(&self) -> String {
        header("To", &self.to) + &header("Cc", &self.cc)
    }
}

fn header(name: &str, addresses: &[String]) -> String {
    if addresses.is_empty() {
        return String::new();
    }
    let encoded: Vec<String> = addresses.iter().map(|address| encode(address)).collect();
    format!("{name}: {}\n", encoded.join(",\n    "))
}

/// A name beyond ASCII in the encoding of RFC 2047.
fn encode(address: &str) -> String {
    let (name, mail) = match address.split_once(" <") {
        Some((name, mail)) if !name.is_ascii() => (name, mail),
        _ => return address.to_string(),
    };
    let mut word = String::new();
    for byte in name.trim_matches('"').bytes() {
        match byte {
            b' ' => word.push('_'),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => word.push(char::from(byte)),
            _ => word += &format!("={byte:02X}"),
        }
    }
    format!("=?UTF-8?q?{word}?= <{mail}")
}

/// Lines such as `Name <mail> (maintainer:SECTION)` and `mail (open list:SECTION)`.
fn parse(text: &str) -> Recipients {
    let mut recipients = Recipients::default();
    for line in text.lines() {
        let (address, role) = match line.split_once("> (") {
            Some((address, role)) => (format!("{address}>"), role),
            None => match line.split_once(" (") {
                Some((address, role)) => (address.to_string(), role),
                None => continue,
            },
        };
        if role.starts_with("maintainer") || role.starts_with("supporter") {
            recipients.to.push(address);
        } else {
            recipients.cc.push(address);
        }
    }
    recipients
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
A B <a@x.org> (maintainer:MEMORY MANAGEMENT - CORE (X),commit_signer:1/2)
\"C. D\" <c@x.org> (reviewer:MEMORY MANAGEMENT)
Jörg K <j@x.org> (reviewer:RUST)
linux-mm@kvack.org (open list:MEMORY MANAGEMENT)
linux-kernel@vger.kernel.org (open list)
";

    #[test]
    fn maintainers_are_addressed_the_others_copied() {
        let recipients = parse(ANSWER);
        assert_eq!(recipients.to, ["A B <a@x.org>"]);
        assert_eq!(recipients.cc.len(), 4);
        assert_eq!(recipients.cc[3], "linux-kernel@vger.kernel.org");
    }

    #[test]
    fn headers_are_ascii() {
        let headers = parse(ANSWER).headers();
        assert!(headers.is_ascii());
        assert!(
            headers.contains("=?UTF-8?q?J=C3=B6rg_K?= <j@x.org>"),
            "{headers}"
        );
        assert!(headers.starts_with("To: A B <a@x.org>\nCc: \"C. D\" <c@x.org>,\n    "));
    }

    #[test]
    fn nobody_gets_the_cover_letter_twice() {
        let mut all = parse(ANSWER);
        let mut other = Recipients::default();
        other.to.push("Jörg K <j@x.org>".to_string());
        other.cc.push("linux-mm@kvack.org".to_string());
        all.join(&other);
        assert_eq!(all.to.len(), 2);
        assert_eq!(all.cc.len(), 3);
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! How do commits become mails with a cover letter and recipients?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::git::PLAIN_MAIL;
use crate::series::commits::Series;
use crate::series::cover::Cover;
use crate::series::recipients::Oracle;
use crate::series::recipients::Recipients;

/// Bytes of a mail that lists may refuse, and that nobody reviews in one go.
const LARGEST: usize = 400_000;

/// Flags of a series, beyond [`PLAIN_MAIL`].
const FLAGS: [&str; 7] = [
    "format-patch",
    "--subject-prefix=RFC PATCH",
    "--numbered",
    "--cover-letter",
    "--cover-from-description=message",
    "--encode-email-headers",
    "--stat=72",
];

/// Writes `0000-cover-letter.patch` and one mail per commit into `dir`; returns them in order.
pub fn write(series: &Series, cover: &Cover, dir: &Path) -> Result<Vec<PathBuf>> {
    let tip = &series.tip()?.id;
    let who = series
        .git
        .run(&["log", "-1", "--format=%an%n%ae%n%ad", "--date=raw", tip])?;
    let mut who = who.lines();
    let mut format = series.git.command(&FLAGS);
    format.args(PLAIN_MAIL);
    format.env("GIT_COMMITTER_NAME", who.next().unwrap_or_default());
    format.env("GIT_COMMITTER_EMAIL", who.next().unwrap_or_default());
    format.env("GIT_COMMITTER_DATE", who.next().unwrap_or_default());
    let range = format!("{}..{tip}", series.root);
    let names = cmd::output(format.arg("-o").arg(dir).arg(&range))?;
    let mails: Vec<PathBuf> = names.lines().map(PathBuf::from).collect();
    let letter = mails.first().context("git format-patch wrote nothing")?;
    fill(letter, cover)?;
    for mail in &mails {
        let size = fs::read(mail)?.len();
        if size > LARGEST {
            bail!(
                "{} has {size} bytes, more than {LARGEST}: split that commit in the manifest",
                mail.display()
            );
        }
    }
    Ok(mails)
}

/// Puts the letter in place of git's placeholders.
fn fill(path: &Path, cover: &Cover) -> Result<()> {
    let mut text = fs::read_to_string(path)?;
    for (mark, value) in [
        ("*** SUBJECT HERE ***", cover.subject.as_str()),
        ("*** BLURB HERE ***", cover.body.as_str()),
    ] {
        if !text.contains(mark) {
            bail!("git's cover letter has no '{mark}'");
        }
        text = text.replacen(mark, value, 1);
    }
    Ok(fs::write(path, text)?)
}

/// Adds `To:` and `Cc:` to each mail; the cover letter goes to everybody.
pub fn address(mails: &[PathBuf], oracle: &Oracle) -> Result<Recipients> {
    let mut all = oracle.always()?;
    let always = all.clone();
    let (letter, patches) = mails.split_first().context("no mails")?;
    for mail in patches {
        let mut recipients = always.clone();
        recipients.join(&oracle.ask(mail)?);
        add_headers(mail, &recipients)?;
        all.join(&recipients);
    }
    add_headers(letter, &all)?;
    Ok(all)
}

fn add_headers(path: &Path, recipients: &Recipients) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let (headers, body) = text.split_once("\n\n").context("a mail has a body")?;
    let text = format!("{headers}\n{}\n{body}", recipients.headers());
    Ok(fs::write(path, text)?)
}

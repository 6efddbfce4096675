// SPDX-License-Identifier: GPL-2.0-only

//! What do things cost that programs do and that need memory?

use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use super::mark;
use super::Cost;
use crate::protocol;
use crate::sys::clock;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::mounts;
use crate::sys::process;
use crate::workload::pipes;
use crate::Result;

/// Repetitions that count, after one that does not.
const REPETITIONS: u32 = 3;
/// Bytes of anonymous memory that is touched.
const TOUCHED: usize = 64 << 20;
/// Forks in a repetition.
const FORKS: u64 = 4;
/// Pipes that are filled side by side.
const PIPES: u64 = 32;
/// Pages in each: as many as an ordinary user may have.
const PIPE_PAGES: u64 = 256;
/// Empty files in a directory.
const FILES: u64 = 4000;
/// Bytes of the file that is written.
const FILE: usize = 32 << 20;
/// Bytes of one write.
const CHUNK: usize = 64 << 10;

/// Something to do, and mostly to undo; gives the ticks of each.
type Work = fn() -> Result<Vec<u64>>;

/// Name, what is done, how many operations that are, and how.
fn paths() -> [(&'static str, &'static [&'static str], u64, Work); 5] {
    let page = memory::page_bytes();
    [
        ("fault", &["touch", "unmap"], (TOUCHED / page) as u64, fault),
        ("fork", &["fork-exit"], FORKS, fork),
        ("pipe", &["fill", "drain"], PIPES * PIPE_PAGES, pipe),
        ("dentries", &["create", "remove"], FILES, dentries),
        ("tmpfs", &["write", "truncate"], (FILE / page) as u64, tmpfs),
    ]
}

/// Measures all of them.
pub(super) fn measure(state: &str) {
    for (name, operations, count, path) in paths() {
        let row = format!("{state}.paths.{name}");
        mark::row(&row);
        protocol::test(&row, repeat(&row, operations, count, path));
    }
}

fn repeat(row: &str, operations: &[&'static str], count: u64, path: Work) -> Result<()> {
    let mut costs: Vec<Cost> = operations
        .iter()
        .map(|operation| Cost::new(operation, count))
        .collect();
    path()?;
    for _ in 0..REPETITIONS {
        for (cost, ticks) in costs.iter_mut().zip(path()?) {
            cost.ticks.push(ticks);
        }
    }
    costs.iter().for_each(|cost| cost.report(row));
    Ok(())
}

/// Ticks that `work` takes, and its result.
fn timed<T>(work: impl FnOnce() -> T) -> (u64, T) {
    mark::window(|| {
        let start = clock::ticks();
        let result = work();
        (clock::ticks() - start, result)
    })
}

/// A kernel without huge pages refuses advice against them.
fn in_ordinary_pages() -> Result<Mapping> {
    let area = Mapping::new(TOUCHED, 0)?;
    area.advise(0, TOUCHED, libc::MADV_NOHUGEPAGE);
    Ok(area)
}

/// Ordinary pages come by page faults and go with the mapping.
fn fault() -> Result<Vec<u64>> {
    let area = in_ordinary_pages()?;
    let (touch, ()) = timed(|| touch_all(&area));
    let (unmap, ()) = timed(|| drop(area));
    Ok(vec![touch, unmap])
}

fn touch_all(area: &Mapping) {
    (0..area.len())
        .step_by(memory::page_bytes())
        .for_each(|at| area.touch(at));
}

/// A process with memory of its own forks; the child ends at once. Who of them runs first is up to the scheduler.
fn fork() -> Result<Vec<u64>> {
    let area = in_ordinary_pages()?;
    touch_all(&area);
    let (ticks, done) = timed(|| (0..FORKS).try_for_each(|_| process::run("forked", || Ok(()))));
    done?;
    Ok(vec![ticks])
}

/// Pages of pipes come with what is written and go with what is read.
fn pipe() -> Result<Vec<u64>> {
    let page = vec![7_u8; memory::page_bytes()];
    let mut ends = Vec::new();
    for _ in 0..PIPES {
        ends.push(pipes::ends(PIPE_PAGES)?);
    }
    let (fill, written) = timed(|| {
        ends.iter_mut()
            .try_for_each(|(_, writer)| (0..PIPE_PAGES).try_for_each(|_| writer.write_all(&page)))
    });
    written?;
    let mut page = page;
    let (drain, read) = timed(|| {
        ends.iter_mut().try_for_each(|(reader, _)| {
            (0..PIPE_PAGES).try_for_each(|_| reader.read_exact(&mut page))
        })
    });
    read?;
    Ok(vec![fill, drain])
}

/// Slabs grow with files that are made and shrink with files that are removed.
fn dentries() -> Result<Vec<u64>> {
    let directory = scratch("names");
    fs::create_dir(&directory)?;
    let names: Vec<PathBuf> = (0..FILES)
        .map(|number| directory.join(number.to_string()))
        .collect();
    let (create, made) = timed(|| {
        names
            .iter()
            .try_for_each(|name| File::create(name).map(drop))
    });
    made?;
    let (remove, removed) = timed(|| names.iter().try_for_each(fs::remove_file));
    removed?;
    fs::remove_dir(directory)?;
    Ok(vec![create, remove])
}

/// Page cache comes with what is written and goes when the file is cut.
fn tmpfs() -> Result<Vec<u64>> {
    let path = scratch("file");
    let chunk = vec![7_u8; CHUNK];
    let mut file = File::create(&path)?;
    let (write, written) = timed(|| (0..FILE / CHUNK).try_for_each(|_| file.write_all(&chunk)));
    written?;
    let (truncate, cut) = timed(|| file.set_len(0));
    cut?;
    fs::remove_file(path)?;
    Ok(vec![write, truncate])
}

fn scratch(name: &str) -> PathBuf {
    Path::new(mounts::RAM).join(format!("bench-{name}"))
}

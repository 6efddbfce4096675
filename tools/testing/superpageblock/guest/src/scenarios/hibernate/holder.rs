// SPDX-License-Identifier: GPL-2.0-only

//! How does a process hold memory and look at it when told to?

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;

use super::hold::Anonymous;
use super::hold::Cached;
use super::hold::Hold;
use crate::protocol;
use crate::sys::memory;
use crate::sys::mounts;
use crate::sys::process::Child;
use crate::Result;

/// Bytes that each process fills.
const BYTES: usize = 48 << 20;
/// Processes: two with anonymous memory, one with each kind of file.
const COUNT: u64 = 4;
const INTACT: u8 = 1;
const DAMAGED: u8 = 2;

/// Pages that all processes hold for certain, holes and what reclaim may take left out.
pub(crate) fn pages() -> u64 {
    // Two anonymous halves with holes and one RAM file.
    let each = (BYTES / memory::page_bytes()) as u64;
    each + each
}

/// A process that holds memory; killed on drop.
pub(crate) struct Holder {
    name: &'static str,
    line: UnixStream,
    child: Option<Child>,
}

impl Holder {
    /// Starts all of them; each has filled its memory when this returns.
    pub(crate) fn start_all(disk: &'static str) -> Result<Vec<Self>> {
        let pages = BYTES / memory::page_bytes();
        let ram = format!("{}/held", mounts::RAM);
        let anonymous = |seed| move || Ok(Box::new(Anonymous::new(pages, seed)?) as Box<dyn Hold>);
        let cached = |path: String, seed| {
            move || Ok(Box::new(Cached::new(&path, pages, seed)?) as Box<dyn Hold>)
        };
        let mut holders = vec![
            Self::start("anonymous memory", anonymous(1))?,
            Self::start("more anonymous memory", anonymous(2))?,
            Self::start("RAM file", cached(ram, 3))?,
            Self::start("page cache", cached(disk.into(), COUNT))?,
        ];
        holders.iter_mut().try_for_each(Self::verify)?;
        Ok(holders)
    }

    fn start(name: &'static str, make: impl FnOnce() -> Result<Box<dyn Hold>>) -> Result<Self> {
        let (line, theirs) = UnixStream::pair()?;
        let child = Child::spawn(name, || obey(theirs, make()?))?;
        Ok(Self {
            name,
            line,
            child: Some(child),
        })
    }

    /// Fails unless the process still has what it filled its memory with.
    pub(crate) fn verify(&mut self) -> Result<()> {
        let mut answer = [0];
        let asked = self.line.write_all(&[0]);
        let answered = asked.and_then(|()| self.line.read_exact(&mut answer));
        answered.map_err(|e| format!("{}: its process died: {e}", self.name))?;
        match answer {
            [INTACT] => Ok(()),
            _ => Err(format!("{} was damaged; the log says where", self.name).into()),
        }
    }
}

impl Holder {
    /// Ends the process and waits for it.
    pub(crate) fn end(&mut self) {
        self.child = None;
    }
}

/// Looks at the memory each time it is told to, for ever.
fn obey(mut line: UnixStream, mut hold: Box<dyn Hold>) -> Result<()> {
    let mut order = [0];
    loop {
        line.read_exact(&mut order)?;
        let answer = match hold.verify() {
            Ok(()) => INTACT,
            Err(error) => {
                protocol::log(error);
                DAMAGED
            }
        };
        line.write_all(&[answer])?;
    }
}

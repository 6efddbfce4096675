// SPDX-License-Identifier: GPL-2.0-only

//! Which events are on a tape?
//!
//! A tape begins with 4096 bytes of text: `name:`, `ID:` and `field:` lines of the two events, as the kernel
//! prints them. Then come pages of its ring buffer (include/linux/ring_buffer.h): time of the first event, 8
//! bytes; bytes that are used, 8 bytes; events. Each has a word with its length in the low five bits and the
//! time since the event before in the others, in nanoseconds.

use std::io::Read;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::policy::request::Flags;
use crate::policy::units::Type;

const PAGE: usize = 4096;
/// Bytes before the events of a page.
const START: usize = 16;
/// What the number of used bytes says besides: events before this page are lost, and how many is stored.
const LOST: u64 = 3 << 30;
/// Values of the low five bits that are no lengths.
const PADDING: u32 = 29;
const EXTEND: u32 = 30;
const STAMP: u32 = 31;
/// Of a time that stands for itself; the others are those of the page.
const STAMP_BITS: u32 = 59;

/// Highest order of an allocation.
const MAX_ORDER: u32 = 10;

/// Pages that were allocated or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Time since boot in nanoseconds.
    pub(crate) time: u64,
    /// Number of the first page.
    pub(crate) pfn: u32,
    pub(crate) order: u32,
    /// The request; none if pages were given back.
    pub(crate) request: Option<Request>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) ty: Type,
    /// What the policy is told before it may taint a clean block.
    pub(crate) flags: u32,
}

/// Bits of the C type `gfp_t` (include/linux/gfp_types.h), and the policy's facts that they stand for. What a task is
/// entitled to besides is not on a tape.
const FACTS: [(u32, u32); 4] = [
    (1 << 5, Flags::URGENT),
    (1 << 6, Flags::IO),
    (1 << 10, Flags::WAITS),
    (1 << 17, Flags::MUST),
];

/// The events of one processor, in order.
///
/// # Errors
///
/// If this is no tape, or events were lost.
pub(crate) fn events(mut tape: impl Read) -> Result<Vec<Event>> {
    let mut page = [0; PAGE];
    tape.read_exact(&mut page).context("it is too short")?;
    let formats = Formats::read(&String::from_utf8_lossy(&page))?;
    let mut events = Vec::new();
    loop {
        tape.read_exact(&mut page).context("it has no end")?;
        let (time, used) = (long(&page, 0)?, long(&page, 8)?);
        if used == 0 {
            return Ok(events);
        }
        ensure!(used & LOST == 0, "events were lost at {time} ns");
        let used = START + usize::try_from(used)?;
        let page = page.get(START..used).context("a page is cut")?;
        formats.page(time, page, &mut events)?;
    }
}

/// What a ring buffer has next.
struct Entry<'a> {
    /// Its size.
    bytes: usize,
    /// Time once it has happened.
    time: u64,
    /// None if it only tells the time, or was discarded.
    data: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// What a page begins with, the time before it being known; none at the end of what is used.
    fn first(page: &'a [u8], before: u64) -> Result<Option<Self>> {
        if page.is_empty() {
            return Ok(None);
        }
        let head = word(page, 0)?;
        let (kind, delta) = (head & 31, u64::from(head >> 5));
        let entry = match kind {
            PADDING if delta == 0 => return Ok(None),
            PADDING => Self {
                bytes: 4 + word(page, 4)? as usize,
                time: before + delta,
                data: None,
            },
            EXTEND => Self {
                bytes: 8,
                time: before + (delta | u64::from(word(page, 4)?) << 27),
                data: None,
            },
            STAMP => Self {
                bytes: 8,
                time: (before >> STAMP_BITS << STAMP_BITS)
                    | delta
                    | u64::from(word(page, 4)?) << 27,
                data: None,
            },
            _ => {
                // A length that does not fit into five bits counts the word that it is in.
                let (start, bytes) = match kind {
                    0 => (8, word(page, 4)?),
                    words => (4, words * 4),
                };
                let bytes = 4 + bytes as usize;
                Self {
                    bytes,
                    time: before + delta,
                    data: Some(page.get(start..bytes).context("an event is cut")?),
                }
            }
        };
        Ok(Some(entry))
    }
}

/// Where an event has its fields.
struct Format {
    id: u16,
    pfn: usize,
    order: usize,
    /// Type and flags; only of an allocation.
    request: Option<(usize, usize)>,
}

struct Formats([Format; 2]);

impl Formats {
    fn read(text: &str) -> Result<Self> {
        let one = |name: &str| {
            let format = Format::read(text, name);
            format.with_context(|| format!("the tape does not say what {name} is"))
        };
        let (alloc, free) = (one("mm_page_alloc")?, one("mm_page_free")?);
        ensure!(
            alloc.request.is_some() && free.request.is_none(),
            "the tape does not say where requests are"
        );
        Ok(Self([alloc, free]))
    }

    /// Appends what is on a page.
    fn page(&self, mut time: u64, page: &[u8], events: &mut Vec<Event>) -> Result<()> {
        let mut rest = page;
        while let Some(entry) = Entry::first(rest, time)? {
            time = entry.time;
            if let Some(data) = entry.data {
                events.extend(self.event(time, data)?);
            }
            rest = rest.get(entry.bytes..).context("an event is cut")?;
        }
        Ok(())
    }

    /// The event, if it is one of these.
    fn event(&self, time: u64, event: &[u8]) -> Result<Option<Event>> {
        let id = word(event, 0)? as u16;
        let Some(format) = self.0.iter().find(|format| format.id == id) else {
            return Ok(None);
        };
        let pfn = long(event, format.pfn)?;
        // An allocation that failed.
        if pfn == u64::MAX {
            return Ok(None);
        }
        let order = word(event, format.order)?;
        ensure!(order <= MAX_ORDER, "a page of order {order} at {time} ns");
        let request = |(ty, gfp)| request_of(word(event, ty)?, word(event, gfp)?);
        let request = format.request.map(request).transpose()?;
        Ok(Some(Event {
            time,
            pfn: u32::try_from(pfn)?,
            order,
            request,
        }))
    }
}

impl Format {
    fn read(text: &str, name: &str) -> Option<Self> {
        let start = text.find(&format!("name: {name}\n"))?;
        let rest = &text[start..];
        let end = rest[1..].find("name: ").map_or(rest.len(), |end| end + 1);
        let lines = rest[..end].lines();
        let id = lines.clone().find_map(|line| line.strip_prefix("ID: "))?;
        let field = |name: &str| {
            let line = lines
                .clone()
                .find(|line| line.contains(&format!(" {name};")))?;
            let (_, rest) = line.split_once("offset:")?;
            rest.split(';').next()?.parse().ok()
        };
        Some(Self {
            id: id.trim().parse().ok()?,
            pfn: field("pfn")?,
            order: field("order")?,
            request: field("migratetype").zip(field("gfp_flags")),
        })
    }
}

/// A request of the type to which C gives this number.
fn request_of(number: u32, gfp: u32) -> Result<Request> {
    let found = Type::ALL.into_iter().find(|ty| *ty as u32 == number);
    let ty = found.with_context(|| format!("no request has type {number}"))?;
    let facts = FACTS.iter().filter(|(bit, _)| gfp & bit != 0);
    let flags = facts.fold(0, |all, (_, fact)| all | fact);
    Ok(Request { ty, flags })
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let bytes = bytes.get(at..at + 4).context("an event is cut")?;
    Ok(u32::from_le_bytes(bytes.try_into()?))
}

fn long(bytes: &[u8], at: usize) -> Result<u64> {
    let bytes = bytes.get(at..at + 8).context("an event is cut")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "name: mm_page_alloc\nID: 500\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n\
        \tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n\
        \tfield:unsigned long gfp_flags;\toffset:24;\tsize:8;\tsigned:0;\n\
        \tfield:int migratetype;\toffset:32;\tsize:4;\tsigned:1;\n\
        name: mm_page_free\nID: 501\nformat:\n\
        \tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n\
        \tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n";

    /// A tape whose only page has these words, and `flags` beside their number.
    fn tape(words: &[u32], flags: u64) -> Vec<u8> {
        let mut tape = HEADER.as_bytes().to_vec();
        tape.resize(PAGE, 0);
        tape.extend(1_000u64.to_le_bytes());
        tape.extend(((words.len() as u64 * 4) | flags).to_le_bytes());
        words
            .iter()
            .for_each(|word| tape.extend(word.to_le_bytes()));
        tape.resize(3 * PAGE, 0);
        tape
    }

    fn free(delta: u32, pfn: u32) -> [u32; 7] {
        [6 | delta << 5, 501, 0, pfn, 0, 0, 0]
    }

    #[test]
    fn times_add_up_and_fields_are_where_the_header_says() {
        let mut words = vec![EXTEND | 3 << 5, 1];
        words.extend([9 | 2 << 5, 500, 0, 77, 0, 3, 0, 0xc40, 0, 1]);
        words.extend(free(5, 77));
        words.extend([PADDING]);
        let time = 1_000 + 3 + (1 << 27) + 2;
        let alloc = Event {
            time,
            pfn: 77,
            order: 3,
            request: Some(Request {
                ty: Type::Movable,
                flags: Flags::IO | Flags::WAITS,
            }),
        };
        let free = Event {
            time: time + 5,
            pfn: 77,
            order: 0,
            request: None,
        };
        assert_eq!(events(&tape(&words, 0)[..]).unwrap(), [alloc, free]);
    }

    #[test]
    fn other_events_and_what_was_discarded_are_passed_over() {
        let mut words = vec![STAMP | 1_000 << 5, 0, 2, 7, 0];
        words.extend([PADDING | 1 << 5, 8, 0]);
        // An allocation that failed.
        words.extend([9, 500, 0, !0, !0, 3, 0, 0, 0, 1]);
        words.extend(free(1, 5));
        let found = events(&tape(&words, 0)[..]).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].time, 1_002);
    }

    #[test]
    fn a_time_that_stands_for_itself_lacks_its_highest_bits() {
        let stamp = [(STAMP | 5 << 5).to_le_bytes(), 1u32.to_le_bytes()].concat();
        let entry = Entry::first(&stamp, 3 << STAMP_BITS | 1 << 50).unwrap();
        assert_eq!(entry.map(|e| e.time), Some(3 << 59 | 1 << 27 | 5));
    }

    #[test]
    fn facts_are_what_the_bits_say() {
        let flags = |gfp| request_of(0, gfp).unwrap().flags;
        assert_eq!(flags(0x20), Flags::URGENT);
        assert_eq!(flags(0x40), Flags::IO);
        assert_eq!(flags(0x400), Flags::WAITS);
        assert_eq!(flags(0x20000), Flags::MUST);
        // GFP_ATOMIC.
        assert_eq!(flags(0x820), Flags::URGENT);
        assert!(request_of(99, 0).is_err());
    }

    #[test]
    fn a_tape_that_does_not_tell_requests_is_refused() {
        let text = HEADER.replace("gfp_flags", "flags");
        let error = Formats::read(&text).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the tape does not say where requests are"
        );
    }

    #[test]
    fn a_tape_with_a_gap_or_without_header_is_refused() {
        let lost = events(&tape(&free(1, 5), 1 << 31)[..]).unwrap_err();
        assert_eq!(lost.to_string(), "events were lost at 1000 ns");
        let empty = events(&[0; 2 * PAGE][..]).unwrap_err();
        assert_eq!(
            empty.to_string(),
            "the tape does not say what mm_page_alloc is"
        );
        let cut = events(&tape(&[6, 501], 0)[..]).unwrap_err();
        assert_eq!(cut.to_string(), "an event is cut");
        let mut damaged = free(1, 5);
        damaged[5] = 11;
        let order = events(&tape(&damaged, 0)[..]).unwrap_err();
        assert_eq!(order.to_string(), "a page of order 11 at 1001 ns");
    }
}

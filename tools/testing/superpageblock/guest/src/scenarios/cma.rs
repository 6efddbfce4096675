// SPDX-License-Identifier: GPL-2.0-only

//! Do CMA areas give and take memory while movable memory uses what they do not need?
//!
//! Needs a kernel with `CONFIG_CMA_DEBUGFS`, booted with areas: `cma=512M`, `hugetlb_cma=1G`.

use std::path::PathBuf;

use super::churn::Churn;
use super::totals;
use crate::cmdline::Cmdline;
use crate::drain;
use crate::pagemap::Walker;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::process;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::workload::tables::Tables;
use crate::workload::Kind;
use crate::Result;

const DIR: &str = "/sys/kernel/debug/cma";
/// Percentage of an area that is allocated.
const GOAL: u64 = 70;
/// Percentage of available memory that churns meanwhile.
const CHURN: u64 = 60;
/// Percentage of available memory that movable memory fills to reach into the areas.
const FILL: u64 = 85;
/// Percentage of free CMA memory that must be in use then.
const USED: u64 = 50;
/// Percentage of memory in page tables.
const TABLES: u64 = 3;
/// Largest piece allocated, in granules of an area.
const MOST: u64 = 4096;
/// Failures in a row after which an area counts as exhausted: movable pages may be pinned for a moment.
const PATIENCE: u32 = 8;
/// Pages by which counts may differ, besides those of CMA pageblocks that are on per-CPU lists.
const SLACK: u64 = 2048;
/// Kilobytes that may stay away: slab of the processes that ran, and per-CPU lists.
const TOLERANCE_KB: u64 = 24 << 10;

/// Uses the areas on an idle machine, full of movable memory, and under churn.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let mut rng = Rng::new(cmdline.seed, 0);
    let mut walker = Walker::new()?;
    let areas = areas()?;
    totals::report("at_start");
    protocol::test("cma_free_agrees", counts_agree());
    let (cma, free) = (cma_free()?, totals::free_kb()?);

    protocol::test("idle", cycle(&areas, &mut rng));
    protocol::test("idle_comes_back", returned(cma));
    let filled = movable_reaches_in(cma, &areas, &mut walker);
    protocol::test("only_movable_memory_uses_cma", filled);
    verify::report("after_filling");

    let churn = Churn::start(cmdline.seed, CHURN)?;
    for round in 1..=2 {
        protocol::test(&format!("churn_{round}"), cycle(&areas, &mut rng));
        verify::report(&format!("in_churn_{round}"));
    }
    drop(churn);
    protocol::test("churn_comes_back", returned(cma));
    protocol::test("all_free_again", totals::came_back(free, TOLERANCE_KB));
    protocol::test("cma_free_agrees_at_end", counts_agree());
    totals::report("at_end");
    Ok(())
}

/// One CMA area.
struct Area {
    dir: PathBuf,
    /// Pages.
    count: u64,
    /// Pages that one bit of the area's bitmap stands for.
    granule: u64,
    /// Pages that drivers have.
    taken: u64,
}

fn areas() -> Result<Vec<Area>> {
    let area = |dir: PathBuf| {
        let order = files::read_number(dir.join("order_per_bit"))?;
        Ok(Area {
            count: files::read_number(dir.join("count"))?,
            granule: 1 << order,
            taken: files::read_number(dir.join("used"))?,
            dir,
        })
    };
    let areas: Result<Vec<Area>> = files::entries(DIR).into_iter().map(area).collect();
    let areas = areas?;
    for area in &areas {
        protocol::log(format_args!("{}: {} pages", area.dir.display(), area.count));
    }
    if areas.is_empty() {
        return Err(format!("no area in {DIR}: boot with cma=512M").into());
    }
    Ok(areas)
}

impl Area {
    /// Pages allocated since the start.
    fn used(&self) -> Result<u64> {
        Ok(files::read_number(self.dir.join("used"))?.saturating_sub(self.taken))
    }

    fn allocate(&self, pages: u64) -> bool {
        files::write(self.dir.join("alloc"), &pages.to_string()).is_ok()
    }

    /// Releases the pieces allocated last, `pages` in all, or what there is of them.
    fn release(&self, pages: u64) -> Result<()> {
        files::write(self.dir.join("free"), &pages.to_string())
    }

    /// A size from one granule up.
    fn size(&self, rng: &mut Rng) -> u64 {
        let most = (self.count / self.granule / 8).clamp(1, MOST);
        rng.sized(1, most) * self.granule
    }

    /// Allocates pieces until [`GOAL`] is reached, every now and then releasing some.
    fn fill(&self, rng: &mut Rng) -> Result<()> {
        let mut failures = 0;
        while self.used()? < self.count * GOAL / 100 {
            if rng.chance(20) {
                self.release(self.size(rng))?;
            }
            if self.allocate(self.size(rng)) {
                failures = 0;
                continue;
            }
            failures += 1;
            if failures >= PATIENCE {
                let (used, count) = (self.used()?, self.count);
                return Err(format!("nothing more to be had at {used} of {count} pages").into());
            }
        }
        Ok(())
    }

    fn range(&self) -> Result<Range> {
        let start = files::read_number(self.dir.join("base_pfn"))?;
        Ok(Range {
            start,
            end: start + self.count,
        })
    }
}

/// Allocates most of every area and releases all of it.
fn cycle(areas: &[Area], rng: &mut Rng) -> Result<()> {
    let outcome = areas.iter().try_for_each(|area| area.fill(rng));
    let used: Result<Vec<u64>> = areas.iter().map(Area::used).collect();
    let released = areas.iter().try_for_each(|area| area.release(area.count));
    let left: Result<Vec<u64>> = areas.iter().map(Area::used).collect();
    outcome?;
    released?;
    protocol::log(format_args!("pages allocated by area: {:?}", used?));
    match left?.iter().sum() {
        0 => Ok(()),
        pages => Err(format!("{pages} pages are still in use after release").into()),
    }
}

/// Free pages in CMA pageblocks.
fn cma_free() -> Result<u64> {
    drain::decay();
    Ok(Counters::meminfo()?.get("CmaFree") * 1024 / memory::page_bytes() as u64)
}

fn counts_agree() -> Result<()> {
    let counted = cma_free()?;
    let Some(listed) = TypeInfo::read()?.pages_of("CMA") else {
        protocol::log("pagetypeinfo cut off its counts");
        return Ok(());
    };
    if counted.abs_diff(listed) > SLACK {
        return Err(format!("{counted} CMA pages are free, {listed} are on lists").into());
    }
    Ok(())
}

fn returned(before: u64) -> Result<()> {
    let now = cma_free()?;
    let per_cpu = zoneinfo::per_cpu_pages()?;
    protocol::log(format_args!(
        "{now} of {before} CMA pages are free, {per_cpu} pages are on per-CPU lists"
    ));
    if now + per_cpu + SLACK < before {
        return Err(format!("{before} CMA pages were free, now {now} are").into());
    }
    Ok(())
}

/// Fills memory with page tables and movable pages, in a process of their own.
fn movable_reaches_in(cma: u64, areas: &[Area], walker: &mut Walker) -> Result<()> {
    process::run("fill", || {
        let available = Counters::meminfo()?.get("MemAvailable") * 1024;
        let mut rng = Rng::new(1, 1);
        let mut tables = Tables::default();
        while tables.held() < available / 100 * TABLES {
            tables.grow(&mut rng)?;
        }
        let page = memory::page_bytes();
        let len = (available / 100 * FILL) as usize / page * page;
        let area = Mapping::new(len, libc::MAP_NORESERVE)?;
        (0..len).step_by(page).for_each(|at| area.touch(at));
        let left = cma_free()?;
        protocol::log(format_args!(
            "{left} of {cma} free CMA pages left when full"
        ));
        if left > cma * (100 - USED) / 100 {
            return Err("movable memory does not use the areas".into());
        }
        areas.iter().try_for_each(|area| stays_out(walker, area))
    })
}

/// No slab page and no page table may be in an area: it could not be emptied.
fn stays_out(walker: &mut Walker, area: &Area) -> Result<()> {
    if walker.holds_pinned(area.range()?)? {
        return Err(format!("{} holds kernel memory", area.dir.display()).into());
    }
    Ok(())
}

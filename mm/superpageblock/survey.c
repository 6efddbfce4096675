// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: what is in a gigabyte, found by looking at its pages.
 *
 * Boot, hotplug and the time before a zone was attached leave no other trace.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include "../internal.h"
#include "internal.h"

/*
 * Not for the allocator: taken by boot, unplugged by a device, or holding the
 * page structs of the memory behind it. It may be given (back) later, untold.
 */
static bool spb_page_withheld(struct page *page)
{
	return PageReserved(page) || PageVmemmapSelfHosted(page) ||
	       (PageOffline(page) && !page_has_movable_ops(page));
}

/**
 * spb_survey_block() - count the pages of a block
 * @zone: the zone
 * @start: first page of the gigabyte
 *
 * Looks without the lock. A page that is allocated meanwhile may hide the others
 * of the range that was free; none of those is reserved.
 *
 * Return: pages of the zone that are there, and how many of them are withheld
 * from the allocator.
 */
struct spb_survey spb_survey_block(struct zone *zone, unsigned long start)
{
	struct spb_survey found = { };
	unsigned long pfn, step;

	for (pfn = start; pfn < start + SPB_NR_PAGES; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = 1;
		if (!page)
			continue;
		if (PageBuddy(page)) {
			unsigned int order = buddy_order_unsafe(page);

			if (order <= MAX_PAGE_ORDER && IS_ALIGNED(pfn, 1UL << order))
				step = 1UL << order;
		}
		found.present += step;
		found.reserved += spb_page_withheld(page);
	}
	return found;
}

/**
 * spb_announce_block() - take over what a survey found and tell the policy
 * @zone: the zone, prepared and locked
 * @block: the block
 * @found: the survey
 * @growing: whether more of the gigabyte is likely to come; the policy then
 *	keeps it clean as if it had come already
 */
void spb_announce_block(struct zone *zone, struct spb_block *block,
			struct spb_survey found, bool growing)
{
	lockdep_assert_held(&zone->lock);
	block->nr_present = found.present;
	block->nr_reserved = found.reserved;
	block->complete = found.present == SPB_NR_PAGES;
	spb_locked_ops(zone)->set_block(zone->spb_policy, block->id, block->nr_present,
					block->nr_reserved, block->complete || growing);
	__spb_classify(zone, block);
}

/**
 * spb_page_stays() - whether a page that is not free cannot move
 * @zone: the zone, locked
 * @page: the page
 * @step: set to the pages that the answer holds for, if it is not 1
 *
 * Return: SPB_STAYS, SPB_MOVES, or SPB_SUSPECT for a page that is between two
 * owners, on a per-CPU list or just taken from one, or between two LRU lists.
 */
enum spb_stay spb_page_stays(struct zone *zone, struct page *page, unsigned long *step)
{
	if (spb_page_withheld(page))
		return SPB_STAYS;
	if (page_is_unmovable(zone, page, PB_ISOLATE_MODE_OTHER, step)) {
		const struct folio *folio = page_folio(page);

		/* Off the LRU for a moment: in a per-CPU batch, or isolated. */
		return !page_has_type(&folio->page) && folio->mapping ? SPB_SUSPECT :
									 SPB_STAYS;
	}
	if (PageCompound(page) || page_ref_count(page))
		return SPB_MOVES;
	/* Slab and its like hold pages without references. */
	return page_has_type(page) ? SPB_STAYS : SPB_SUSPECT;
}

/**
 * spb_free_range() - pages from @page on that are free or not handed out yet
 * @page: the page, in a locked zone
 *
 * Return: their number, 0 if the page is in use.
 */
unsigned long spb_free_range(struct page *page)
{
	if (PageBuddy(page))
		return 1UL << buddy_order(page);
	if (PageUnaccepted(page))
		return MAX_ORDER_NR_PAGES;
	if (page_is_guard(page))
		return 1UL << page_private(page);
	return 0;
}

/**
 * spb_skip_free() - where a walk that starts at a page has to start
 * @zone: the zone, locked
 * @pfn: the page
 *
 * Return: @pfn, or the page after the free range that starts before it and
 * reaches over it.
 */
unsigned long spb_skip_free(struct zone *zone, unsigned long pfn)
{
	unsigned int order;

	for (order = 1; order <= MAX_PAGE_ORDER; order++) {
		unsigned long head = ALIGN_DOWN(pfn, 1UL << order);
		struct page *page = head < pfn ? spb_zone_page(zone, head) : NULL;
		unsigned long end = page ? head + spb_free_range(page) : 0;

		if (end > pfn)
			return end;
	}
	return pfn;
}

/* What can be said of the pageblock at @pfn: the worst of its pages. */
static enum spb_stay spb_pageblock_stays(struct zone *zone, unsigned long pfn)
{
	unsigned long end = pfn + pageblock_nr_pages, step;
	enum spb_stay found = SPB_MOVES;

	for (pfn = spb_skip_free(zone, pfn); pfn < end; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = page ? spb_free_range(page) : 1;
		if (step)
			continue;
		step = 1;
		found = max(found, spb_page_stays(zone, page, &step));
		if (found == SPB_STAYS)
			break;
	}
	return found;
}

/*
 * Whether @block is what @pfn belongs to: the numbering may have changed since
 * the lock was dropped.
 */
static bool spb_block_is_at(struct zone *zone, struct spb_block *block, unsigned long pfn)
{
	unsigned long offset = pfn - zone->spb_start;

	return offset < zone->spb_len && offset >> SPB_ORDER == block->id;
}

/* Forget that a pageblock was dirty if nothing in it is any more. */
static void spb_rescan_pageblock(struct zone *zone, struct spb_block *block,
				 unsigned long pfn)
{
	unsigned long bit = spb_pageblock_index(pfn);
	enum spb_stay found = SPB_MOVES;
	struct page *page;
	int migratetype;

	guard(spinlock_irqsave)(&zone->lock);
	if (!spb_block_is_at(zone, block, pfn))
		return;
	page = spb_zone_page(zone, pfn);
	migratetype = page ? get_pageblock_migratetype(page) : MIGRATE_MOVABLE;
	/* Hotplug sets types without the lock. */
	if (page)
		spb_set_content(page, 0, migratetype);
	if (!test_bit(bit, block->dirty))
		return;
	if (is_migrate_isolate(migratetype))
		found = SPB_SUSPECT;
	else if (!is_migrate_movable(migratetype))
		found = SPB_STAYS;
	found = max(found, spb_pageblock_stays(zone, pfn));
	if (found != SPB_MOVES) {
		block->suspect |= found == SPB_SUSPECT;
		return;
	}
	__clear_bit(bit, block->dirty);
	block->nr_dirty--;
	__spb_classify(zone, block);
}

static void spb_rescan_block(struct zone *zone, struct spb_block *block,
			     unsigned long start)
{
	unsigned long pfn;

	WRITE_ONCE(block->suspect, false);
	for (pfn = start; pfn < start + SPB_NR_PAGES; pfn += pageblock_nr_pages)
		spb_rescan_pageblock(zone, block, pfn);
}

/* Returns whether the survey found something new, and the policy was told. */
static bool spb_update_block(struct zone *zone, struct spb_block *block,
			     unsigned long start, struct spb_survey found)
{
	guard(spinlock_irqsave)(&zone->lock);
	if (!spb_block_is_at(zone, block, start))
		return false;
	if (found.reserved == block->nr_reserved && found.present == block->nr_present)
		return false;
	spb_announce_block(zone, block, found, found.present > block->nr_present);
	return true;
}

static void spb_recount_block(struct zone *zone, struct spb_block *block,
			      unsigned long start)
{
	struct spb_survey found = spb_survey_block(zone, start);

	/* What was reserved may have become movable, as gigantic pages have. */
	if (spb_update_block(zone, block, start, found))
		spb_rescan_block(zone, block, start);
}

/**
 * spb_recount_range() - pages came, went, or got another state
 * @zone: the zone
 * @pfn: first page
 * @end: page after the last; blocks that are not attached are left alone
 *
 * Context: process context; may sleep.
 */
void spb_recount_range(struct zone *zone, unsigned long pfn, unsigned long end)
{
	unsigned long start = READ_ONCE(zone->spb_start), i;
	struct spb_block *block;

	for (i = pfn < start ? 0 : (pfn - start) >> SPB_ORDER;
	     (block = spb_find_block(zone, i)); i++) {
		if (start + (i << SPB_ORDER) >= end)
			break;
		spb_recount_block(zone, block, start + (i << SPB_ORDER));
		cond_resched();
	}
}

/**
 * spb_recount_zone() - see what has become of pages that could not move
 * @zone: the zone
 *
 * The initial RAM disk and init sections are freed late, CMA areas when they
 * are activated; and pages that were on per-CPU lists have moved on. A block that
 * held nothing else can be a gigabyte page then.
 *
 * Context: process context; may sleep.
 * Return: blocks of which something is suspect still.
 */
unsigned long spb_recount_zone(struct zone *zone)
{
	unsigned long start = READ_ONCE(zone->spb_start), suspect = 0, i;
	struct spb_block *block;

	for (i = 0; (block = spb_find_block(zone, i)); i++) {
		unsigned long pfn = start + (i << SPB_ORDER);

		if (READ_ONCE(block->nr_reserved))
			spb_recount_block(zone, block, pfn);
		if (READ_ONCE(block->suspect))
			spb_rescan_block(zone, block, pfn);
		suspect += READ_ONCE(block->suspect);
		cond_resched();
	}
	return suspect;
}

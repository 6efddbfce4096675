// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: moving a zone in use onto per-block free lists, and back.
 *
 * A frontier advances through the zone, MAX_ORDER_NR_PAGES per hold of zone->lock:
 * below it free pages are on the lists of their block, above it on those of the
 * zone; no buddy reaches across. Then the pages in use are looked at, which takes
 * longer, a few per hold. The zone stays usable throughout. On the way back, a
 * block's lists are spliced as they are, so that a hold is short however much is
 * free.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>
#include <linux/swap.h>
#include "../internal.h"
#include "internal.h"

/*
 * Pages in use that are looked at per hold of zone->lock. To look at so many takes
 * 7 000 instructions; to move MAX_ORDER_NR_PAGES to other lists takes 14 000, and
 * to move a pageblock, the longest step of the allocator itself, 31 000 (x86-64,
 * counted by QEMU).
 */
#define SPB_ATTACH_PAGES	32

/* Longest hold of a zone's lock since spb_longest_step() was read last, in ns. */
static u64 spb_longest;

/* Pages below @pfn are on the lists of their blocks from now on. */
static void spb_advance(struct zone *zone, unsigned long pfn)
{
	/* Readers without the lock find the array behind the length. */
	smp_store_release(&zone->spb_len, pfn - zone->spb_start);
}

/* Note the types that pageblocks starting in the range had before. */
static void spb_attach_types(struct zone *zone, unsigned long pfn, unsigned long end)
{
	for (pfn = pageblock_align(pfn); pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = spb_zone_page(zone, pfn);

		if (page)
			spb_set_content(page, 0, get_pageblock_migratetype(page));
	}
}

static void spb_note_hold(u64 start)
{
	spb_longest = max(spb_longest, local_clock() - start);
}

/*
 * Move the free pages from @page to the end of its pageblock, or of the free page
 * that is larger, to the block's lists. They are counted and advertised at once.
 * Returns how many pages were looked at.
 */
static unsigned long spb_attach_pageblock(struct zone *zone, struct spb_block *block,
					  struct page *page)
{
	unsigned int order = 0, largest = 0;
	unsigned long i, nr_free = 0;
	int migratetype = 0;

	for (i = 0; i < pageblock_nr_pages; i += 1UL << order) {
		struct page *head = page + i;

		order = 0;
		if (!PageBuddy(head) || page_zone(head) != zone)
			continue;
		/* Of pages that are not free it is not known whether they have one. */
		if (!nr_free)
			migratetype = get_pageblock_migratetype(head);
		order = buddy_order(head);
		/* Before it leaves the zone's list: readers look at that first. */
		zone->spb_nr_free[migratetype][order]++;
		list_move_tail(&head->buddy_list,
			       &block->free_area[order].free_list[migratetype]);
		nr_free += 1UL << order;
		largest = max(largest, order);
	}
	if (!nr_free)
		return i;
	spb_account_freed(zone, block, nr_free, migratetype);
	if (largest >= block->top[migratetype])
		__spb_advertise(zone, block, migratetype);
	spb_retype_free(zone, page, largest, migratetype);
	return i;
}

/*
 * The first page of an aligned MAX_PAGE_ORDER range, NULL if nothing of it is there.
 * Where a part is there, so are the page structs of the rest, and none of it free.
 */
static struct page *spb_range_page(unsigned long pfn)
{
	/* Holes are multiples of a subsection, which is 2 MB. */
	const unsigned long step = min_t(unsigned long, pageblock_nr_pages,
					 SZ_2M >> PAGE_SHIFT);
	unsigned long i;

	for (i = 0; i < MAX_ORDER_NR_PAGES; i += step) {
		struct page *page = pfn_to_online_page(pfn + i);

		if (page)
			return page - i;
	}
	return NULL;
}

/* Put the free pages of an aligned MAX_PAGE_ORDER range on the block's lists. */
static void spb_attach_lists(struct zone *zone, struct spb_block *block,
			     unsigned long pfn)
{
	struct page *page = spb_range_page(pfn);
	unsigned long end = pfn + MAX_ORDER_NR_PAGES, i;
	u64 start;

	guard(spinlock_irqsave)(&zone->lock);
	start = local_clock();
	spb_advance(zone, end);
	for (i = 0; page && i < MAX_ORDER_NR_PAGES;)
		i += spb_attach_pageblock(zone, block, page + i);
	spb_attach_types(zone, pfn, end);
	spb_note_hold(start);
}

/* Note what a page in use is. Returns how many pages that goes for. */
static unsigned long spb_attach_used(struct zone *zone, struct spb_block *block,
				     struct page *page)
{
	unsigned long step = 1;
	enum spb_stay stay = spb_page_stays(zone, page, &step);

	if (stay == SPB_SUSPECT)
		block->suspect = true;
	if (stay != SPB_MOVES)
		__spb_mark_dirty(zone, page, 0);
	return step;
}

/*
 * Look at the pages in use in the next SPB_ATTACH_PAGES, or at the large page
 * that starts there. What is handed out from the block's lists is noted then.
 * Returns where to go on.
 */
static unsigned long spb_attach_content(struct zone *zone, struct spb_block *block,
					unsigned long pfn)
{
	unsigned long end = ALIGN(pfn + 1, SPB_ATTACH_PAGES), step;
	u64 start;

	guard(spinlock_irqsave)(&zone->lock);
	start = local_clock();
	for (pfn = spb_skip_free(zone, pfn); pfn < end; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = page ? spb_free_range(page) : 1;
		if (!step)
			step = spb_attach_used(zone, block, page);
	}
	spb_note_hold(start);
	return pfn;
}

static void spb_attach_block(struct zone *zone, struct spb_block *block, bool growing)
{
	unsigned long start = zone->spb_start + ((unsigned long)block->id << SPB_ORDER);
	struct spb_survey found = {
		.present = block->nr_present,
		.reserved = block->nr_reserved,
	};
	unsigned long end = start + SPB_NR_PAGES, pfn;

	scoped_guard(spinlock_irqsave, &zone->lock)
		spb_announce_block(zone, block, found, growing);
	for (pfn = start; pfn < end; pfn += MAX_ORDER_NR_PAGES) {
		spb_attach_lists(zone, block, pfn);
		cond_resched();
	}
	for (pfn = start; pfn < end; cond_resched())
		pfn = spb_attach_content(zone, block, pfn);
	scoped_guard(spinlock_irqsave, &zone->lock)
		__spb_classify(zone, block);
}

/* Survey blocks from @first on; returns whether any of them is complete. */
static bool spb_survey_blocks(struct zone *zone, unsigned long first, unsigned long nr)
{
	bool any_complete = false;
	unsigned long i;

	for (i = first; i < nr; i++) {
		struct spb_block *block = spb_nth_block(zone, i);
		struct spb_survey found;

		found = spb_survey_block(zone, spb_zone_start(zone) + (i << SPB_ORDER));
		spb_block_init(block, i);
		block->nr_present = found.present;
		block->nr_reserved = found.reserved;
		any_complete |= found.present == SPB_NR_PAGES;
		cond_resched();
	}
	return any_complete;
}

/* Pages on their way to a list would be taken for unmovable ones. */
static void spb_drain(struct zone *zone)
{
	/* Early in boot there are neither such pages nor the means to drain. */
	if (system_state == SYSTEM_BOOTING)
		return;
	lru_add_drain_all();
	drain_all_pages(zone);
}

/**
 * spb_prepared() - whether spb_prepare_zone() has succeeded
 * @zone: the zone
 *
 * Return: true if the zone can be attached.
 */
bool spb_prepared(const struct zone *zone)
{
	/* Blocks are allocated in order, so the last one stands for all. */
	return zone->spb_policy && spb_nth_block(zone, spb_zone_nr_blocks(zone) - 1);
}

/**
 * spb_attach_zone() - put the free pages of a zone on per-block lists
 * @zone: a zone for which spb_prepare_zone() returned 0
 *
 * Of a zone that is attached already, the memory that was added at its end.
 *
 * Context: process context, may sleep; or early boot. One caller at a time.
 * Return: 0, or -ENODEV if no block is complete; the zone is then as it was.
 */
int spb_attach_zone(struct zone *zone)
{
	unsigned long nr = spb_zone_nr_blocks(zone);
	unsigned long i = zone->spb_len >> SPB_ORDER;
	bool growing = i;
	int tries = 3;

	BUILD_BUG_ON(NR_PAGE_ORDERS > 16);
	if (i == nr)
		return 0;
	if (!spb_survey_blocks(zone, i, nr) && !i)
		return -ENODEV;
	scoped_guard(spinlock_irqsave, &zone->lock)
		WRITE_ONCE(zone->spb_start, spb_zone_start(zone));
	spb_drain(zone);
	for (; i < nr; i++)
		spb_attach_block(zone, spb_nth_block(zone, i), growing);
	/*
	 * What was on a per-CPU list then may be anywhere now. After this, what
	 * gets there comes by way of the policy, which has noted it. On a busy
	 * machine something is always on its way: what stays suspect is looked
	 * at again when a gigabyte is asked for.
	 */
	do {
		spb_drain(zone);
	} while (spb_recount_zone(zone) && --tries);
	return 0;
}

/* Give the last block's free pages back to the zone. */
static void spb_detach_block(struct zone *zone, struct spb_block *block)
{
	unsigned int order, type;

	guard(spinlock_irqsave)(&zone->lock);
	WRITE_ONCE(zone->spb_len, (unsigned long)block->id << SPB_ORDER);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			list_splice_tail_init(&block->free_area[order].free_list[type],
					      &zone->free_area[order].free_list[type]);
	/* Too many are counted until the last block is gone: none of them is hidden. */
	if (!block->id)
		memset(zone->spb_nr_free, 0, sizeof(zone->spb_nr_free));
	spb_block_init(block, block->id);
	/* What is left on file of it are lists that are found empty. */
	for (type = 0; type < MIGRATE_TYPES; type++)
		__spb_advertise(zone, block, type);
	__spb_classify(zone, block);
}

/**
 * spb_detach_zone() - put the free pages of a zone on its own lists again
 * @zone: a zone, attached or not
 *
 * Context: process context; may sleep. One caller at a time.
 */
void spb_detach_zone(struct zone *zone)
{
	unsigned long i = zone->spb_len >> SPB_ORDER;

	while (i--) {
		spb_detach_block(zone, spb_nth_block(zone, i));
		cond_resched();
	}
	spb_unprepare_zone(zone);
}

/**
 * spb_longest_step() - the longest time that attaching held a zone's lock
 *
 * Return: nanoseconds, since the last call.
 */
u64 spb_longest_step(void)
{
	u64 longest = spb_longest;

	spb_longest = 0;
	return longest;
}

/**
 * spb_count_tainted() - blocks with memory that cannot move
 * @zone: an attached zone
 *
 * Return: their number, read without the lock.
 */
unsigned int spb_count_tainted(struct zone *zone)
{
	struct spb_block *block;
	unsigned int tainted = 0;
	unsigned long i;

	for (i = 0; (block = spb_find_block(zone, i)); i++)
		tainted += spb_block_tainted(block);
	return tainted;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: moving a zone in use onto per-block free lists.
 *
 * A frontier advances through the zone, MAX_ORDER_NR_PAGES per hold of
 * zone->lock: below it free pages are on the lists of their block, above it on
 * those of the zone. No buddy reaches across such a boundary. The zone stays
 * usable throughout.
 */
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include "../internal.h"
#include "internal.h"

static unsigned long spb_zone_start(const struct zone *zone)
{
	return ALIGN_DOWN(zone->zone_start_pfn, SPB_NR_PAGES);
}

static unsigned long spb_zone_nr_blocks(const struct zone *zone)
{
	return DIV_ROUND_UP(zone_end_pfn(zone) - spb_zone_start(zone), SPB_NR_PAGES);
}

/* Whether an aligned gigabyte fits between the ends of the zone. */
static bool spb_zone_is_large(const struct zone *zone)
{
	return ALIGN(zone->zone_start_pfn, SPB_NR_PAGES) + SPB_NR_PAGES <= zone_end_pfn(zone);
}

/* Zeroed memory for good; during boot from memblock, before slab is up. */
static void * __ref spb_alloc(size_t size, int nid)
{
	if (slab_is_available())
		return kvzalloc_node(size, GFP_KERNEL, nid);
	return memblock_alloc_node(size, SMP_CACHE_BYTES, nid);
}

static struct spb_block *spb_block_alloc(struct zone *zone, u32 id)
{
	struct spb_block *block;
	unsigned int order, type;

	block = spb_alloc(struct_size(block, dirty, BITS_TO_LONGS(spb_nr_pageblocks())),
			  zone_to_nid(zone));
	if (!block)
		return NULL;
	block->id = id;
	block->level_span = U32_MAX;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			INIT_LIST_HEAD(&block->free_area[order].free_list[type]);
	return block;
}

/**
 * spb_prepare_zone() - allocate what attaching a zone needs
 * @zone: the zone, whose free pages stay where they are
 *
 * Context: process context, may sleep; or early boot, before slab is up.
 * Return: 0, -ENODEV if no gigabyte fits into the zone, -E2BIG if there are too
 * many to number, -ENOMEM. What was allocated before an error is kept for the
 * next attempt.
 */
int spb_prepare_zone(struct zone *zone)
{
	unsigned long i, nr = spb_zone_nr_blocks(zone);
	int nid = zone_to_nid(zone);

	if (!managed_zone(zone) || !spb_zone_is_large(zone))
		return -ENODEV;
	if (nr > SPB_MAX_BLOCKS)
		return -E2BIG;
	if (!zone->spb_blocks)
		zone->spb_blocks = spb_alloc(nr * sizeof(*zone->spb_blocks), nid);
	if (!zone->spb_policy)
		zone->spb_policy = spb_alloc(spb_policy_ops->zone_bytes(nr), nid);
	if (!zone->spb_blocks || !zone->spb_policy)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		if (!zone->spb_blocks[i])
			zone->spb_blocks[i] = spb_block_alloc(zone, i);
		if (!zone->spb_blocks[i])
			return -ENOMEM;
	}
	return 0;
}

/* The page at @pfn if it is of @zone, else NULL. */
static struct page *spb_zone_page(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && page_zone(page) == zone ? page : NULL;
}

/* Count the pages of a block without the lock: both numbers are set at boot. */
static void spb_block_survey(struct zone *zone, struct spb_block *block,
			     unsigned long start)
{
	unsigned long pfn, step;
	u32 present = 0, reserved = 0;

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
		present += step;
		reserved += PageReserved(page);
	}
	block->nr_present = present;
	block->nr_reserved = reserved;
	block->complete = present == SPB_NR_PAGES;
}

static void spb_block_announce(struct zone *zone, struct spb_block *block)
{
	guard(spinlock_irqsave)(&zone->lock);
	spb_set_level(block, spb_policy_ops->set_block(zone->spb_policy, block->id,
						       block->nr_present,
						       block->nr_reserved,
						       block->complete));
}

/**
 * spb_recount_reserved() - see whether boot has given reserved pages back
 * @zone: an attached zone
 *
 * The initial RAM disk and init sections are freed late, CMA areas when they
 * are activated. A block that held nothing else can be a gigabyte page then.
 *
 * Context: process context; may sleep.
 */
void spb_recount_reserved(struct zone *zone)
{
	unsigned long i, nr = zone->spb_len >> SPB_ORDER;

	for (i = 0; i < nr; i++) {
		struct spb_block *block = zone->spb_blocks[i];
		u32 before = block->nr_reserved;

		if (!before)
			continue;
		spb_block_survey(zone, block, spb_block_pfn(zone, i));
		if (block->nr_reserved != before)
			spb_block_announce(zone, block);
		cond_resched();
	}
}

/* Take one page, or one free range, over into its block. Returns its size. */
static unsigned long spb_attach_page(struct zone *zone, struct spb_block *block,
				     struct page *page)
{
	unsigned long step = 1;

	if (PageBuddy(page)) {
		unsigned int order = buddy_order(page);
		int migratetype = get_pageblock_migratetype(page);

		list_move_tail(&page->buddy_list,
			       &block->free_area[order].free_list[migratetype]);
		spb_block_add(zone, block, order, migratetype);
		return 1UL << order;
	}
	/*
	 * Slab has pages without references, as per-CPU lists do. If it was the
	 * latter, the pageblock is dirty without need until it is wholly free;
	 * and so it is if a page was between two lists.
	 */
	if (page_is_unmovable(zone, page, PB_ISOLATE_MODE_OTHER, &step) ||
	    (!PageCompound(page) && !page_ref_count(page) && !PageUnaccepted(page) &&
	     !page_is_guard(page)))
		__spb_mark_dirty(zone, page, 0);
	return step;
}

/* Note the types that pageblocks had before anything was tracked. */
static void spb_attach_types(struct zone *zone, unsigned long pfn, unsigned long end)
{
	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = spb_zone_page(zone, pfn);

		if (page)
			spb_set_content(page, 0, get_pageblock_migratetype(page));
	}
}

static void spb_attach_range(struct zone *zone, struct spb_block *block,
			     unsigned long pfn, unsigned long end)
{
	unsigned long step;

	guard(spinlock_irqsave)(&zone->lock);
	zone->spb_len = end - zone->spb_start;
	spb_attach_types(zone, pfn, end);
	for (; pfn < end; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = page ? spb_attach_page(zone, block, page) : 1;
	}
	__spb_classify(zone, block);
}

static void spb_attach_block(struct zone *zone, struct spb_block *block)
{
	unsigned long pfn = spb_block_pfn(zone, block->id);
	unsigned long end = pfn + SPB_NR_PAGES;

	spb_block_announce(zone, block);
	for (; pfn < end; pfn += MAX_ORDER_NR_PAGES) {
		spb_attach_range(zone, block, pfn, pfn + MAX_ORDER_NR_PAGES);
		cond_resched();
	}
}

static bool spb_survey(struct zone *zone)
{
	unsigned long i, nr = spb_zone_nr_blocks(zone);
	bool any_complete = false;

	for (i = 0; i < nr; i++) {
		struct spb_block *block = zone->spb_blocks[i];

		spb_block_survey(zone, block, spb_zone_start(zone) + (i << SPB_ORDER));
		any_complete |= block->complete;
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
 * spb_attach_zone() - put the free pages of a zone on per-block lists
 * @zone: a zone for which spb_prepare_zone() returned 0
 *
 * Context: process context, may sleep; or early boot. One caller at a time.
 * Return: 0, or -ENODEV if no block is complete; the zone is then as it was.
 */
int spb_attach_zone(struct zone *zone)
{
	unsigned long i, nr = spb_zone_nr_blocks(zone);

	BUILD_BUG_ON(NR_PAGE_ORDERS > 16);
	if (!spb_survey(zone))
		return -ENODEV;
	spb_policy_ops->zone_init(zone->spb_policy, nr, pageblock_order, SPB_ORDER);
	scoped_guard(spinlock_irqsave, &zone->lock)
		zone->spb_start = spb_zone_start(zone);
	spb_drain(zone);
	for (i = 0; i < nr; i++)
		spb_attach_block(zone, zone->spb_blocks[i]);
	return 0;
}

/**
 * spb_count_tainted() - blocks with memory that cannot move
 * @zone: an attached zone
 *
 * Return: their number, read without the lock.
 */
unsigned int spb_count_tainted(struct zone *zone)
{
	unsigned long i, nr = zone->spb_len >> SPB_ORDER;
	unsigned int tainted = 0;

	for (i = 0; i < nr; i++)
		tainted += spb_block_tainted(zone->spb_blocks[i]);
	return tainted;
}

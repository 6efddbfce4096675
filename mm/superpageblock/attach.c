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

/**
 * spb_prepared() - whether spb_prepare_zone() has succeeded
 * @zone: the zone
 *
 * Return: true if the zone can be attached.
 */
bool spb_prepared(const struct zone *zone)
{
	/* Blocks are allocated in order, so the last one stands for all. */
	return zone->spb_blocks && zone->spb_policy &&
	       zone->spb_blocks[spb_zone_nr_blocks(zone) - 1];
}

/* What a walk over the pages of a block found. */
struct spb_survey {
	u32 present;
	u32 reserved;
};

/*
 * Count pages without the lock. A page that is allocated meanwhile may hide the
 * others of the range that was free; none of those is reserved.
 */
static struct spb_survey spb_survey_block(struct zone *zone, unsigned long start)
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
		found.reserved += PageReserved(page);
	}
	return found;
}

/* Take over what a survey found, and tell the policy in the same hold. */
static void spb_announce_block(struct zone *zone, struct spb_block *block,
			       struct spb_survey found)
{
	guard(spinlock_irqsave)(&zone->lock);
	block->nr_present = found.present;
	block->nr_reserved = found.reserved;
	block->complete = found.present == SPB_NR_PAGES;
	spb_policy_ops->set_block(zone->spb_policy, block->id, block->nr_present,
				  block->nr_reserved, block->complete);
	__spb_classify(zone, block);
}

/*
 * Whether a page that is not free has to be taken for one that cannot move.
 * Slab has pages without references, as per-CPU lists do: if it was the latter,
 * the pageblock is dirty without need until it is wholly free.
 */
static bool spb_page_stays(struct zone *zone, struct page *page, unsigned long *step)
{
	return page_is_unmovable(zone, page, PB_ISOLATE_MODE_OTHER, step) ||
	       (!PageCompound(page) && !page_ref_count(page));
}

/* Pages from @page on that are free or not handed to the allocator, 0 if none. */
static unsigned long spb_free_range(struct page *page)
{
	if (PageBuddy(page))
		return 1UL << buddy_order(page);
	if (PageUnaccepted(page))
		return MAX_ORDER_NR_PAGES;
	if (page_is_guard(page))
		return 1UL << page_private(page);
	return 0;
}

static bool spb_pageblock_stays(struct zone *zone, unsigned long pfn)
{
	unsigned long end = pfn + pageblock_nr_pages, step;

	for (; pfn < end; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = page ? spb_free_range(page) : 1;
		if (step)
			continue;
		step = 1;
		if (spb_page_stays(zone, page, &step))
			return true;
	}
	return false;
}

/* Forget that a pageblock was dirty if nothing in it is any more. */
static void spb_rescan_pageblock(struct zone *zone, struct spb_block *block,
				 unsigned long pfn)
{
	unsigned long bit = spb_pageblock_index(pfn);
	struct page *page = spb_zone_page(zone, pfn);
	int migratetype;

	guard(spinlock_irqsave)(&zone->lock);
	if (!page || !test_bit(bit, block->dirty))
		return;
	migratetype = get_pageblock_migratetype(page);
	if (!is_migrate_movable(migratetype) || spb_pageblock_stays(zone, pfn))
		return;
	__clear_bit(bit, block->dirty);
	block->nr_dirty--;
	__spb_classify(zone, block);
}

static void spb_recount_block(struct zone *zone, struct spb_block *block)
{
	unsigned long start = spb_block_pfn(zone, block->id), pfn;
	struct spb_survey found = spb_survey_block(zone, start);

	if (found.reserved == block->nr_reserved)
		return;
	spb_announce_block(zone, block, found);
	/* What was reserved may have become movable, as gigantic pages have. */
	for (pfn = start; pfn < start + SPB_NR_PAGES; pfn += pageblock_nr_pages)
		spb_rescan_pageblock(zone, block, pfn);
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
		if (zone->spb_blocks[i]->nr_reserved)
			spb_recount_block(zone, zone->spb_blocks[i]);
		cond_resched();
	}
}

/* Take one page, or one free range, over into its block. Returns its size. */
static unsigned long spb_attach_page(struct zone *zone, struct spb_block *block,
				     struct page *page)
{
	unsigned long step = spb_free_range(page);

	if (PageBuddy(page)) {
		unsigned int order = buddy_order(page);
		int migratetype = get_pageblock_migratetype(page);

		list_move_tail(&page->buddy_list,
			       &block->free_area[order].free_list[migratetype]);
		spb_block_add(zone, block, order, migratetype);
	}
	if (step)
		return step;
	step = 1;
	if (spb_page_stays(zone, page, &step))
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

	for (; pfn < end; pfn += MAX_ORDER_NR_PAGES) {
		spb_attach_range(zone, block, pfn, pfn + MAX_ORDER_NR_PAGES);
		cond_resched();
	}
}

/* Survey all blocks; returns whether any of them is complete. */
static bool spb_survey_zone(struct zone *zone)
{
	unsigned long i, nr = spb_zone_nr_blocks(zone);
	bool any_complete = false;

	for (i = 0; i < nr; i++) {
		struct spb_survey found;

		found = spb_survey_block(zone, spb_zone_start(zone) + (i << SPB_ORDER));
		spb_announce_block(zone, zone->spb_blocks[i], found);
		any_complete |= zone->spb_blocks[i]->complete;
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
	spb_policy_ops->zone_init(zone->spb_policy, nr, pageblock_order, SPB_ORDER);
	if (!spb_survey_zone(zone))
		return -ENODEV;
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

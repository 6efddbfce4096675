// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: moving a running zone onto per-block free lists and back.
 *
 * A frontier advances through the zone, MAX_ORDER_NR_PAGES per hold of
 * zone->lock: below it free pages are on the lists of their block, above it on
 * those of the zone. No buddy reaches across such a boundary. The zone stays
 * usable throughout.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include "../internal.h"
#include "internal.h"

/* The policy numbers blocks with 16 bits and needs two values for itself. */
#define SPB_MAX_BLOCKS	65534

static struct spb_block *spb_block_alloc(struct zone *zone, u32 id)
{
	struct spb_block *block;
	unsigned int order, type;

	block = kvzalloc_node(struct_size(block, dirty, BITS_TO_LONGS(spb_nr_pageblocks())),
			      GFP_KERNEL, zone_to_nid(zone));
	if (!block)
		return NULL;
	block->id = id;
	block->level_span = U32_MAX;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			INIT_LIST_HEAD(&block->free_area[order].free_list[type]);
	return block;
}

static void spb_blocks_free(struct spb_block **blocks, unsigned long nr)
{
	while (nr--)
		kvfree(blocks[nr]);
	kvfree(blocks);
}

static struct spb_block **spb_blocks_alloc(struct zone *zone, unsigned long nr)
{
	struct spb_block **blocks;
	unsigned long i;

	blocks = kvcalloc_node(nr, sizeof(*blocks), GFP_KERNEL, zone_to_nid(zone));
	if (!blocks)
		return NULL;
	for (i = 0; i < nr; i++) {
		blocks[i] = spb_block_alloc(zone, i);
		if (!blocks[i]) {
			spb_blocks_free(blocks, i);
			return NULL;
		}
	}
	return blocks;
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
		block->nr_present += step;
		block->nr_reserved += PageReserved(page);
	}
	block->complete = block->nr_present == SPB_NR_PAGES;
}

static void spb_block_announce(struct zone *zone, struct spb_block *block)
{
	guard(spinlock_irqsave)(&zone->lock);
	spb_set_level(block, spb_policy_ops->add_block(zone->spb_policy, block->id,
						       block->nr_present,
						       block->nr_reserved,
						       block->complete));
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
	 * Pages between two lists look unmovable for a moment. The pageblock is
	 * then dirty without need until it is next wholly free.
	 */
	if (page_is_unmovable(zone, page, PB_ISOLATE_MODE_OTHER, &step))
		__spb_mark_dirty(zone, page, 0);
	return step;
}

static void spb_attach_range(struct zone *zone, struct spb_block *block,
			     unsigned long pfn, unsigned long end)
{
	unsigned long step;

	guard(spinlock_irqsave)(&zone->lock);
	zone->spb_len = end - zone->spb_start;
	for (; pfn < end; pfn += step) {
		struct page *page = spb_zone_page(zone, pfn);

		step = 1;
		if (!page)
			continue;
		if (pageblock_aligned(pfn))
			spb_set_content(page, 0, get_pageblock_migratetype(page));
		step = spb_attach_page(zone, block, page);
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

static bool spb_survey(struct zone *zone, struct spb_block **blocks,
		       unsigned long start, unsigned long nr)
{
	bool any_complete = false;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		spb_block_survey(zone, blocks[i], start + (i << SPB_ORDER));
		any_complete |= blocks[i]->complete;
		cond_resched();
	}
	return any_complete;
}

static void spb_publish(struct zone *zone, struct spb_block **blocks,
			struct spb_policy_zone *policy, unsigned long start)
{
	guard(spinlock_irqsave)(&zone->lock);
	zone->spb_start = start;
	zone->spb_blocks = blocks;
	zone->spb_policy = policy;
}

/* Build everything before the zone is touched, so that failure leaves no trace. */
static int spb_prepare_zone(struct zone *zone, unsigned long start, unsigned long nr)
{
	struct spb_policy_zone *policy;
	struct spb_block **blocks;
	int err = -ENODEV;

	blocks = spb_blocks_alloc(zone, nr);
	if (!blocks)
		return -ENOMEM;
	if (!spb_survey(zone, blocks, start, nr))
		goto free_blocks;
	policy = spb_policy_ops->zone_create(nr, MAX_PAGE_ORDER, pageblock_order,
					     SPB_ORDER);
	err = -ENOMEM;
	if (!policy)
		goto free_blocks;
	spb_publish(zone, blocks, policy, start);
	return 0;

free_blocks:
	spb_blocks_free(blocks, nr);
	return err;
}

/**
 * spb_attach_zone() - put the free pages of a zone on per-block lists
 * @zone: the zone, managed by the buddy allocator
 *
 * Context: process context; may sleep. One caller at a time.
 * Return: 0, -ENODEV if no block is complete, -E2BIG if there are too many
 * blocks to number, -ENOMEM. On error the zone is as it was.
 */
int spb_attach_zone(struct zone *zone)
{
	unsigned long start = ALIGN_DOWN(zone->zone_start_pfn, SPB_NR_PAGES);
	unsigned long nr = DIV_ROUND_UP(zone_end_pfn(zone) - start, SPB_NR_PAGES);
	unsigned long i;
	int err;

	BUILD_BUG_ON(NR_PAGE_ORDERS > 16);
	if (!managed_zone(zone))
		return -ENODEV;
	if (nr > SPB_MAX_BLOCKS)
		return -E2BIG;
	err = spb_prepare_zone(zone, start, nr);
	if (err)
		return err;

	/* Pages on their way to a list would be taken for unmovable ones. */
	lru_add_drain_all();
	drain_all_pages(zone);
	for (i = 0; i < nr; i++)
		spb_attach_block(zone, zone->spb_blocks[i]);
	return 0;
}

static void spb_detach_block(struct zone *zone, struct spb_block *block)
{
	unsigned int order, type;

	guard(spinlock_irqsave)(&zone->lock);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			list_splice_tail_init(&block->free_area[order].free_list[type],
					      &zone->free_area[order].free_list[type]);
	zone->spb_len = (unsigned long)block->id << SPB_ORDER;
}

/**
 * spb_detach_zone() - put the free pages of a zone back on its own lists
 * @zone: the zone
 *
 * The blocks' memory is kept: a walk that dropped the lock may still look at
 * the empty lists.
 *
 * Context: process context; may sleep. One caller at a time.
 */
void spb_detach_zone(struct zone *zone)
{
	unsigned long nr = zone->spb_len >> SPB_ORDER;

	while (nr--) {
		spb_detach_block(zone, zone->spb_blocks[nr]);
		cond_resched();
	}
	spb_policy_ops->zone_destroy(zone->spb_policy);
	zone->spb_policy = NULL;
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: which pageblocks hold memory that cannot move.
 *
 * The type of a pageblock says where its free pages go, not what is in it:
 * pages are handed out from per-CPU lists after the type has changed, borrowed
 * by other types, and left behind by a change of type. So a pageblock that was
 * ever given to a non-movable request stays dirty until it is wholly free.
 */
#include <linux/mm.h>
#include "../internal.h"
#include "internal.h"
#include <trace/events/superpageblock.h>

/*
 * The policy ranks blocks by eighths of their pageblocks: to count each of them
 * would have it plan anew for each, when kernel memory spreads through a block.
 */
static void spb_dirty_changed(struct zone *zone, struct spb_block *block, u32 before)
{
	u32 step = max(spb_nr_pageblocks() / 32, 1UL);

	if (!before != !block->nr_dirty)
		trace_spb_taint(zone, block->id, block->nr_dirty);
	if (!before != !block->nr_dirty || before / step != block->nr_dirty / step)
		__spb_classify(zone, block);
}

/**
 * __spb_mark_dirty() - pageblocks may hold non-movable pages from now on
 * @zone: the zone, attached and locked
 * @page: first page
 * @order: order of the range; what is smaller than a pageblock counts as one
 */
void __spb_mark_dirty(struct zone *zone, struct page *page, unsigned int order)
{
	struct spb_block *block = spb_block_of(zone, page_to_pfn(page));
	unsigned long bit, end;
	u32 before;

	lockdep_assert_held(&zone->lock);
	if (!block)
		return;
	bit = spb_pageblock_index(page_to_pfn(page));
	end = bit + (order > pageblock_order ? 1UL << (order - pageblock_order) : 1);
	if (find_next_zero_bit(block->dirty, end, bit) >= end)
		return;
	before = block->nr_dirty;
	for (; bit < end; bit++)
		block->nr_dirty += !__test_and_set_bit(bit, block->dirty);
	spb_dirty_changed(zone, block, before);
}

/**
 * __spb_clear_dirty() - pageblocks became wholly free
 * @zone: the zone, attached and locked
 * @page: first page
 * @order: order of the range, at least pageblock_order
 */
void __spb_clear_dirty(struct zone *zone, struct page *page, unsigned int order)
{
	struct spb_block *block = spb_block_of(zone, page_to_pfn(page));
	unsigned long bit, end;
	u32 before;

	lockdep_assert_held(&zone->lock);
	if (!block)
		return;
	bit = spb_pageblock_index(page_to_pfn(page));
	end = bit + (1UL << (order - pageblock_order));
	if (find_next_bit(block->dirty, end, bit) >= end)
		return;
	before = block->nr_dirty;
	for (; bit < end; bit++)
		block->nr_dirty -= __test_and_clear_bit(bit, block->dirty);
	spb_dirty_changed(zone, block, before);
}

/**
 * spb_set_range_content() - pages were allocated that may not be movable
 * @zone: the zone; its lock is taken
 * @pfn: first page
 * @end: page after the last
 *
 * For contiguous ranges, which bypass the free lists.
 */
void spb_set_range_content(struct zone *zone, unsigned long pfn, unsigned long end)
{
	guard(spinlock_irqsave)(&zone->lock);
	for (; pfn < end; pfn = pageblock_end_pfn(pfn))
		spb_set_content(pfn_to_page(pfn), 0, MIGRATE_UNMOVABLE);
}

/**
 * spb_capture() - a page being freed goes straight to a waiting allocation
 * @zone: the zone, locked
 * @page: the page, on no list
 * @order: its order
 * @migratetype: type of the waiting request
 *
 * Return: false if this would taint a clean block. The request then takes the
 * usual way, where the policy knows of better places.
 */
bool spb_capture(struct zone *zone, struct page *page, unsigned int order,
		 int migratetype)
{
	struct spb_block *block = spb_block_of(zone, page_to_pfn(page));

	if (!block || !spb_type_is_dirty(migratetype))
		return true;
	if (block->complete && !spb_block_tainted(block))
		return false;
	__spb_mark_dirty(zone, page, order);
	return true;
}

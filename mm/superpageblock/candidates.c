// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: which pageblock of which tainted block to move movable pages out of.
 *
 * What they hold is counted here; how they rank is up to the policy (policy/evacuate.rs).
 */
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include "../internal.h"
#include "internal.h"

/* Whether the pageblock is part of a larger free page. Read without the lock. */
static bool spb_inside_free_page(unsigned long pfn)
{
	unsigned int order;

	for (order = pageblock_order + 1; order < NR_PAGE_ORDERS; order++) {
		struct page *head = pfn_to_page(ALIGN_DOWN(pfn, 1UL << order));

		if (PageBuddy(head) && buddy_order_unsafe(head) >= order)
			return true;
	}
	return false;
}

static bool spb_may_move(struct page *page, struct spb_reach reach)
{
	struct folio *folio = page_folio(page);

	if (PageHead(&folio->page) &&
	    compound_order(&folio->page) >= pageblock_order + reach.whole)
		return false;
	if (folio_test_lru(folio))
		return reach.files ||
		       (folio_test_anon(folio) && !folio_test_swapcache(folio));
	return page_has_movable_ops(page);
}

/* Pages that are what @page is: free, or of the same folio. Maybe nonsense, not 0. */
static unsigned long spb_pages_from(struct page *page)
{
	unsigned int order = 0;

	if (PageBuddy(page))
		order = buddy_order_unsafe(page);
	else if (PageHead(page))
		order = compound_order(page);
	return 1UL << min_t(unsigned int, order, MAX_PAGE_ORDER);
}

/*
 * Look through a pageblock; nothing is found where boot has reserved pages or the
 * memory has gone. Read without the lock, so only about right.
 */
static struct spb_contents spb_look_through(struct zone *zone, unsigned long pfn,
					    struct spb_reach reach)
{
	unsigned long end = pfn + pageblock_nr_pages;
	struct spb_contents found = { .pageblock = pageblock_nr_pages };

	if (!spb_zone_page(zone, pfn) || !spb_zone_page(zone, end - 1) ||
	    !pageblock_pfn_to_page(pfn, end, zone) || spb_inside_free_page(pfn))
		return found;
	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned long nr = min(spb_pages_from(page), end - pfn);

		if (PageReserved(page))
			return (struct spb_contents) { };
		if (spb_may_move(page, reach))
			found.movable += nr;
		else if (!PageBuddy(page))
			found.others += nr;
		pfn += nr;
	}
	return found;
}

/**
 * spb_nr_movable() - pages of a pageblock that look as if they could move
 * @zone: its zone
 * @pfn: its first page
 * @reach: what can be moved
 *
 * Context: any; without the lock, so only about right.
 */
u32 spb_nr_movable(struct zone *zone, unsigned long pfn, struct spb_reach reach)
{
	return spb_look_through(zone, pfn, reach).movable;
}

/* Rank of a pageblock as the one to empty. */
static u32 spb_pageblock_key(struct zone *zone, unsigned long pfn, struct spb_reach reach)
{
	struct spb_contents found = spb_look_through(zone, pfn, reach);
	struct page *page = spb_zone_page(zone, pfn);
	const struct spb_policy_ops *ops;

	if (!page || is_migrate_isolate_page(page))
		return SPB_NO_PAGEBLOCK;
	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	return ops ? ops->pageblock_key(&found) : SPB_NO_PAGEBLOCK;
}

/* Whether a pageblock is one folio. Read without the lock. */
static bool spb_holds_whole(struct zone *zone, unsigned long pfn)
{
	struct page *page = spb_zone_page(zone, pfn);

	return page && spb_is_whole(page);
}

/**
 * spb_best_pageblock() - the best of the next few pageblocks that are worth while
 * @zone: a zone
 * @block: a tainted block of it; others of its pageblocks are looked at the next time
 * @reach: what can be moved
 * @best: set to the first page of the pageblock
 * @out_of_reach: set if one was passed over that is one folio, for want of a place for it
 *
 * Context: process context; may sleep.
 * Return: whether there is one.
 */
bool spb_best_pageblock(struct zone *zone, struct spb_block *block, struct spb_reach reach,
			unsigned long *best, bool *out_of_reach)
{
	unsigned long nr = spb_nr_pageblocks(), n = READ_ONCE(block->evacuate_next) % nr;
	unsigned int search = min_t(unsigned long, nr, spb_limits.search);
	u32 least = SPB_NO_PAGEBLOCK, key;
	unsigned int seen = 0, i;

	*out_of_reach = false;
	for (i = 0; i < search && seen < spb_limits.sample; i++) {
		unsigned long pfn = spb_block_pfn(zone, block->id) + (n << pageblock_order);

		key = spb_pageblock_key(zone, pfn, reach);
		*out_of_reach |= !reach.whole && spb_holds_whole(zone, pfn);
		cond_resched();
		n = (n + 1) % nr;
		/* Whoever else looks begins behind it. */
		WRITE_ONCE(block->evacuate_next, n);
		if (key == SPB_NO_PAGEBLOCK)
			continue;
		seen++;
		if (key < least) {
			least = key;
			*best = pfn;
		}
	}
	return seen;
}

/* Rank of a block as one to evacuate. */
static u64 spb_evacuate_key(const struct spb_policy_ops *ops, struct spb_block *block)
{
	u32 nr = spb_nr_pageblocks(), away = READ_ONCE(block->nr_free) + block->nr_reserved;
	struct spb_occupancy held = {
		.in_use = block->nr_present - min(block->nr_present, away),
		.sparse = nr - min(nr, READ_ONCE(block->nr_dirty)),
		.pageblock = pageblock_nr_pages,
		.failures = READ_ONCE(block->evacuate_failures),
		.lost = !block->complete || block->nr_reserved,
	};

	if (!spb_block_tainted(block) || READ_ONCE(block->has_cma))
		return SPB_NO_KEY;
	return ops->evacuate_key(block->id, &held);
}

/**
 * spb_evacuate_first() - the block of a zone to evacuate first
 * @zone: the zone
 * @low: only if it has less free memory than its reserve
 * @key: set to its rank
 *
 * Context: any.
 * Return: the block, NULL if none is worth while.
 */
struct spb_block *spb_evacuate_first(struct zone *zone, bool low, u64 *key)
{
	struct spb_block *block, *best = NULL;
	const struct spb_policy_ops *ops;
	unsigned long i;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	*key = SPB_NO_KEY;
	for (i = 0; ops && i < spb_nr_attached(zone); i++) {
		u64 k;

		block = spb_nth_block(zone, i);
		if (low && !READ_ONCE(block->low))
			continue;
		k = spb_evacuate_key(ops, block);
		if (k < *key) {
			*key = k;
			best = block;
		}
	}
	return best;
}

/**
 * spb_evacuate_again() - whether there is still something to be had
 * @zone: a zone
 * @block: the block where room was made last, maybe of another zone
 *
 * Context: any.
 */
bool spb_evacuate_again(struct zone *zone, struct spb_block *block)
{
	const struct spb_policy_ops *ops;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	return ops && block->id < spb_nr_attached(zone) &&
	       spb_nth_block(zone, block->id) == block &&
	       !READ_ONCE(block->evacuate_failures) &&
	       spb_evacuate_key(ops, block) != SPB_NO_KEY;
}

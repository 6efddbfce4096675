// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: moving the movable pages out of a pageblock of a tainted block.
 *
 * Pages go to clean blocks, taken off their lists under zone->lock as compaction
 * takes its targets: per-CPU lists may hold pages of the very pageblock that is
 * being emptied.
 */
#include <linux/bits.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include "../internal.h"
#include "internal.h"

#include <trace/events/superpageblock.h>

/* A clean block of a locked zone with a free page of at least @order. */
static struct spb_block *spb_target_block(struct zone *zone, unsigned int order)
{
	const u32 flags = SPB_PLAN_FIRST_PASS | SPB_PLAN_NOFRAGMENT | SPB_PLAN_TARGET;

	if (!spb_attached(zone))
		return NULL;
	return spb_planned_block(zone, order, MIGRATE_MOVABLE, flags);
}

/* Order of the smallest free page there that is large enough. */
static unsigned int spb_target_order(struct spb_block *block, unsigned int order)
{
	return order + __ffs(spb_block_orders(block, MIGRATE_MOVABLE) >> order);
}

/* A free page off the list of a clean block. What is too large is split. */
static struct page *spb_isolate_target(struct zone *zone, unsigned int order)
{
	struct spb_block *block;
	struct page *page;
	unsigned int high;

	guard(spinlock_irqsave)(&zone->lock);
	block = spb_target_block(zone, order);
	if (!block)
		return NULL;
	high = spb_target_order(block, order);
	page = list_first_entry(&block->free_area[high].free_list[MIGRATE_MOVABLE],
				struct page, buddy_list);
	if (!__isolate_free_page(page, high))
		return NULL;
	while (high-- > order)
		__putback_isolated_page(page + (1UL << high), high, MIGRATE_MOVABLE);
	return page;
}

/*
 * Within its zone a page takes as much as it leaves. What other zones keep for others
 * stays theirs.
 */
static bool spb_zone_has_targets(struct zone *zone, unsigned int order, int source)
{
	return spb_attached(zone) &&
	       (zone_idx(zone) == source ||
		zone_watermark_ok(zone, order, low_wmark_pages(zone), source, 0));
}

/* Whether spb_isolate_target() would find something, which leaves @zone its minimum. */
static bool spb_can_isolate_target(struct zone *zone, unsigned int order)
{
	struct spb_block *block;
	unsigned int high;

	guard(spinlock_irqsave)(&zone->lock);
	block = spb_target_block(zone, order);
	if (!block)
		return false;
	high = spb_target_order(block, order);
	return zone_watermark_ok(zone, 0, min_wmark_pages(zone) + (1UL << high), 0, ALLOC_CMA);
}

/* Whether there is a place for a folio of @zone. */
static bool spb_has_target(struct zone *zone, unsigned int order)
{
	pg_data_t *pgdat = zone->zone_pgdat;
	int i, source = min_t(int, zone_idx(zone), ZONE_NORMAL);

	for (i = source; i >= 0; i--) {
		struct zone *target = &pgdat->node_zones[i];

		if (spb_zone_has_targets(target, order, source) &&
		    spb_can_isolate_target(target, order))
			return true;
	}
	return false;
}

/* A lower zone will do too; a higher one may be out of a device's reach. */
static struct folio *spb_alloc_target_noprof(struct folio *src, unsigned long private)
{
	pg_data_t *pgdat = (pg_data_t *)private;
	int i, source = min_t(int, folio_zonenum(src), ZONE_NORMAL);
	unsigned int order = folio_order(src);
	struct page *page = NULL;

	for (i = source; i >= 0 && !page; i--)
		if (spb_zone_has_targets(&pgdat->node_zones[i], order, source))
			page = spb_isolate_target(&pgdat->node_zones[i], order);
	if (!page)
		return NULL;
	post_alloc_hook(page, order, __GFP_MOVABLE);
	set_page_refcounted(page);
	if (order)
		prep_compound_page(page, order);
	return page_rmappable_folio(page);
}

static struct folio *spb_alloc_target(struct folio *src, unsigned long private)
{
	return alloc_hooks(spb_alloc_target_noprof(src, private));
}

/* Returns how many of the pages on @list are still there, or an error. */
static int spb_migrate(struct zone *zone, struct list_head *list, enum migrate_mode mode,
		       unsigned int *moved)
{
	*moved = 0;
	return migrate_pages(list, spb_alloc_target, NULL, (unsigned long)zone->zone_pgdat,
			     mode, MR_COMPACTION, moved);
}

/* Whether the pageblock that starts at @page is one folio that may be movable. */
static bool spb_is_whole(struct page *page)
{
	return PageHead(page) && PageLRU(page) && compound_order(page) == pageblock_order;
}

/* That folio, with a reference. */
static struct folio *spb_get_whole(struct page *page)
{
	struct folio *folio = spb_is_whole(page) ? folio_get_nontail_page(page) : NULL;

	if (!folio || spb_is_whole(page))
		return folio;
	folio_put(folio);
	return NULL;
}

/*
 * Isolate a folio as large as a pageblock, which compaction's isolation leaves alone, if
 * there is a place for it: otherwise migration would split it. Where file systems must
 * not be called, only anonymous memory, as there.
 */
static void spb_isolate_whole(struct zone *zone, unsigned long pfn, gfp_t gfp_mask,
			      struct list_head *list)
{
	struct page *page = spb_zone_page(zone, pfn);
	struct folio *folio;

	if (!page || !spb_is_whole(page) || !spb_has_target(zone, pageblock_order))
		return;
	folio = spb_get_whole(page);
	if (!folio)
		return;
	if ((gfp_mask & __GFP_FS || !folio_mapping(folio)) && folio_isolate_lru(folio)) {
		list_add(&folio->lru, list);
		node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),
				    folio_nr_pages(folio));
	}
	folio_put(folio);
}

/* Move what can be moved out of the pageblock that starts at @pfn. */
static struct spb_evacuated spb_evacuate_pageblock(struct zone *zone, unsigned long pfn,
						   gfp_t gfp_mask, enum migrate_mode mode)
{
	struct compact_control cc = {
		.zone = zone,
		.order = -1,
		.gfp_mask = gfp_mask,
		.mode = mode,
		.ignore_skip_hint = true,
		.no_set_skip_hint = true,
	};
	unsigned long end = pfn + pageblock_nr_pages;
	struct spb_evacuated result = { };
	unsigned int moved;
	int err = 0;

	INIT_LIST_HEAD(&cc.migratepages);
	spb_isolate_whole(zone, pfn, gfp_mask, &cc.migratepages);
	while (pfn < end && err >= 0 && result.failed < spb_limits.stay) {
		cc.nr_migratepages = 0;
		/* Stays so if the memory has gone. */
		cc.migrate_pfn = end;
		if (list_empty(&cc.migratepages))
			err = isolate_migratepages_range(&cc, pfn, end);
		pfn = cc.migrate_pfn;
		if (list_empty(&cc.migratepages))
			continue;
		err = spb_migrate(zone, &cc.migratepages, mode, &moved);
		result.moved += moved;
		/* A request has no time for that, nor may its locks allow it. */
		if (err > 0 && mode != MIGRATE_ASYNC &&
		    spb_let_go(&cc.migratepages, gfp_mask)) {
			err = spb_migrate(zone, &cc.migratepages, mode, &moved);
			result.moved += moved;
		}
		result.failed += max(err, 0);
		putback_movable_pages(&cc.migratepages);
	}
	result.gave_up = err < 0;
	return result;
}

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

/* What can be moved besides small anonymous pages. */
struct spb_reach {
	/* Folios as large as a pageblock: not split, for that undoes what they are good for. */
	bool whole;
	/* Files. Not where file systems must not be called. */
	bool files;
};

static struct spb_reach spb_reach_of(struct zone *zone, gfp_t gfp_mask)
{
	return (struct spb_reach) {
		.whole = spb_has_target(zone, pageblock_order),
		.files = gfp_mask & __GFP_FS,
	};
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

/*
 * Find the best of the next few pageblocks that are worth while. Others are looked at
 * the next time.
 */
static bool spb_best_pageblock(struct zone *zone, struct spb_block *block,
			       struct spb_reach reach, unsigned long *best,
			       bool *out_of_reach)
{
	unsigned long nr = spb_nr_pageblocks(), n = READ_ONCE(block->evacuate_next) % nr;
	unsigned int search = min_t(unsigned long, nr, spb_limits.search);
	u32 least = SPB_NO_PAGEBLOCK, key;
	unsigned int seen = 0, i;

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

/* What a block is not to be blamed for: the limits of the caller. */
static bool spb_is_failure(const struct spb_evacuated *result, gfp_t gfp_mask)
{
	return !spb_evacuation_paid(result) && !result->gave_up &&
	       (gfp_mask & __GFP_FS) && !fatal_signal_pending(current);
}

static void spb_note_evacuation(struct spb_block *block, bool failed, bool emptied)
{
	u32 failures = READ_ONCE(block->evacuate_failures);

	/* Lost updates do not matter. */
	if (failed)
		WRITE_ONCE(block->evacuate_failures, failures + 1);
	else if (emptied)
		WRITE_ONCE(block->evacuate_failures, 0);
}

/**
 * spb_evacuate_block() - empty one pageblock of a tainted block
 * @zone: its zone
 * @block: the block
 * @gfp_mask: what the caller may do: without __GFP_FS, file pages stay
 * @mode: whether to wait for pages
 *
 * Context: process context; sleeps.
 * Return: how many pages were moved, and how many are left of those that look as if
 * they could move. Nothing moved and nothing left: no pageblock was worth while.
 */
struct spb_evacuated spb_evacuate_block(struct zone *zone, struct spb_block *block,
					gfp_t gfp_mask, enum migrate_mode mode)
{
	struct spb_reach reach = spb_reach_of(zone, gfp_mask);
	struct spb_evacuated result = { };
	bool out_of_reach = false;
	unsigned long pfn;

	result.gave_up = !spb_has_target(zone, 0);
	if (result.gave_up)
		return result;
	if (!spb_best_pageblock(zone, block, reach, &pfn, &out_of_reach)) {
		/* Not the block's fault, but others come before it. */
		result.gave_up = out_of_reach;
		if (!out_of_reach || !READ_ONCE(block->evacuate_failures))
			spb_note_evacuation(block, reach.files, false);
		return result;
	}
	lru_add_drain();
	result = spb_evacuate_pageblock(zone, pfn, gfp_mask, mode);
	/* The pages that were left are on this CPU's list, most of them. */
	lru_add_drain_cpu_zone(zone);
	result.left = spb_look_through(zone, pfn, reach).movable;
	spb_note_evacuation(block, spb_is_failure(&result, gfp_mask),
			    spb_evacuation_paid(&result));
	trace_spb_evacuate(zone, pfn, result.moved, result.left, mode);
	return result;
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

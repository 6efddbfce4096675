// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: moving the movable pages out of a pageblock of a tainted block.
 * Which one, is found in candidates.c.
 *
 * Pages go to clean blocks, taken off their lists under zone->lock as compaction
 * takes its targets: per-CPU lists may hold pages of the very pageblock that is
 * being emptied.
 */
#include <linux/bits.h>
#include <linux/migrate.h>
#include <linux/mm.h>
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

/* The folio that the pageblock that starts at @page is, with a reference. */
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

static struct spb_reach spb_reach_of(struct zone *zone, gfp_t gfp_mask)
{
	return (struct spb_reach) {
		.whole = spb_has_target(zone, pageblock_order),
		.files = gfp_mask & __GFP_FS,
	};
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
	bool out_of_reach;
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
	result.left = spb_nr_movable(zone, pfn, reach);
	spb_note_evacuation(block, spb_is_failure(&result, gfp_mask),
			    spb_evacuation_paid(&result));
	trace_spb_evacuate(zone, pfn, result.moved, result.left, mode);
	return result;
}

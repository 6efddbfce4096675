// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: compare lists, counters, contents and the policy's index.
 *
 * Everything is counted again from the page structs. A block is checked in one
 * hold of zone->lock, which can take milliseconds: for debugging only.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/seq_file.h>
#include <linux/vmstat.h>
#include "../internal.h"
#include "internal.h"

/* What a walk over the pages of a block found; see spb_block for the fields. */
struct spb_census {
	u32 heads[NR_PAGE_ORDERS][MIGRATE_TYPES];
	u32 nr_dirty;
};

struct spb_verify {
	struct zone *zone;
	struct seq_file *m;
	u64 violations;
};

#define spb_violation(v, fmt, ...)					\
do {									\
	if ((v)->violations++ < 20)					\
		seq_printf((v)->m, "node %d zone %s: " fmt "\n",	\
			   zone_to_nid((v)->zone), (v)->zone->name,	\
			   ##__VA_ARGS__);				\
} while (0)

/* Slab and page tables never move: these cannot be in a clean pageblock. */
static bool spb_certainly_unmovable(struct page *page)
{
	return PageReserved(page) || PageSlab(page) || PageTable(page);
}

static void spb_census_pageblock(struct spb_verify *v, struct spb_block *block,
				 struct page *page, unsigned long pfn)
{
	unsigned long bit = spb_pageblock_index(pfn);
	int type = get_pageblock_migratetype(page);
	bool dirty = test_bit(bit, block->dirty);

	if (!dirty && spb_type_is_dirty(type))
		spb_violation(v, "block %u: pageblock %lu of type %s is not dirty",
			      block->id, bit, migratetype_names[type]);
	if (dirty && type == MIGRATE_MOVABLE && PageBuddy(page) &&
	    buddy_order(page) >= pageblock_order)
		spb_violation(v, "block %u: pageblock %lu is wholly free and dirty",
			      block->id, bit);
}

static void spb_census_pageblocks(struct spb_verify *v, struct spb_block *block,
				  unsigned long pfn, unsigned long end)
{
	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = spb_zone_page(v->zone, pfn);

		if (page)
			spb_census_pageblock(v, block, page, pfn);
	}
}

static unsigned long spb_census_page(struct spb_verify *v, struct spb_block *block,
				     struct page *page, unsigned long pfn,
				     struct spb_census *census)
{
	if (PageBuddy(page)) {
		unsigned int order = buddy_order(page);

		census->heads[order][get_pageblock_migratetype(page)]++;
		return 1UL << order;
	}
	/* Users of CMA may mark what they have allocated as reserved. */
	if (!block->has_cma && spb_certainly_unmovable(page) &&
	    !test_bit(spb_pageblock_index(pfn), block->dirty))
		spb_violation(v, "block %u: pfn %#lx cannot move, its pageblock is not dirty",
			      block->id, pfn);
	return 1;
}

static void spb_take_census(struct spb_verify *v, struct spb_block *block,
			    struct spb_census *census)
{
	unsigned long pfn = spb_block_pfn(v->zone, block->id);
	unsigned long end = pfn + SPB_NR_PAGES;
	unsigned long step;

	spb_census_pageblocks(v, block, pfn, end);
	for (; pfn < end; pfn += step) {
		struct page *page = spb_zone_page(v->zone, pfn);

		step = page ? spb_census_page(v, block, page, pfn, census) : 1;
	}
	census->nr_dirty = bitmap_weight(block->dirty, spb_nr_pageblocks());
}

static bool spb_list_entry_ok(struct zone *zone, struct spb_block *block,
			      struct page *page, unsigned int order, int type)
{
	return PageBuddy(page) && buddy_order(page) == order &&
	       spb_block_of(zone, page_to_pfn(page)) == block && page_zone(page) == zone &&
	       get_pageblock_migratetype(page) == type;
}

/* Invariant 1: the list holds exactly the free pages of its order and type. */
static u32 spb_verify_list(struct spb_verify *v, struct spb_block *block,
			   unsigned int order, int type, u32 heads)
{
	struct page *page;
	u32 nr = 0;

	list_for_each_entry(page, &block->free_area[order].free_list[type], buddy_list) {
		nr++;
		if (spb_list_entry_ok(v->zone, block, page, order, type))
			continue;
		spb_violation(v, "block %u: pfn %#lx is wrong on the list of order %u, %s",
			      block->id, page_to_pfn(page), order,
			      migratetype_names[type]);
		break;
	}
	if (nr != heads)
		spb_violation(v, "block %u: %u pages on the list of order %u, %s; %u are free",
			      block->id, nr, order, migratetype_names[type], heads);
	return nr << order;
}

/* Invariant 2 for one type, and invariant 3: nothing is hidden from the policy. */
static u32 spb_verify_type(struct spb_verify *v, struct spb_block *block, int type,
			   const struct spb_census *census)
{
	unsigned int order;
	u32 pages = 0;

	for (order = 0; order < NR_PAGE_ORDERS; order++)
		pages += spb_verify_list(v, block, order, type,
					 census->heads[order][type]);
	if (pages != block->nr_pages[type])
		spb_violation(v, "block %u: counts %u pages of %s, lists hold %u",
			      block->id, block->nr_pages[type],
			      migratetype_names[type], pages);
	if (fls(spb_block_orders(block, type)) > block->top[type])
		spb_violation(v, "block %u: order mask %#x of %s, on file are %u orders",
			      block->id, spb_block_orders(block, type),
			      migratetype_names[type], block->top[type]);
	return pages;
}

/* Checks block @n; returns whether there is one. */
static bool spb_verify_block(struct spb_verify *v, unsigned long n)
{
	struct spb_census census = { };
	struct spb_block *block;
	u32 pages = 0;
	int type;

	guard(spinlock_irqsave)(&v->zone->lock);
	if (n >= v->zone->spb_len >> SPB_ORDER)
		return false;
	block = spb_nth_block(v->zone, n);
	spb_take_census(v, block, &census);
	for (type = 0; type < MIGRATE_TYPES; type++)
		pages += spb_verify_type(v, block, type, &census);
	if (pages != block->nr_free)
		spb_violation(v, "block %u: counts %u free pages, lists hold %u",
			      block->id, block->nr_free, pages);
	if (block->nr_free > block->nr_present)
		spb_violation(v, "block %u: %u free pages of %u", block->id,
			      block->nr_free, block->nr_present);
	if (census.nr_dirty != block->nr_dirty)
		spb_violation(v, "block %u: counts %u dirty pageblocks, there are %u",
			      block->id, block->nr_dirty, census.nr_dirty);
	return true;
}

/* Entries on the zone's own list of an order and type. */
static unsigned long spb_own_entries(struct zone *zone, unsigned int order, int type)
{
	return list_count_nodes(&zone->free_area[order].free_list[type]);
}

/* Pages on all lists of the zone that an allocation may use. */
static unsigned long spb_usable_free(struct zone *zone)
{
	unsigned long pages = 0;
	unsigned int order;
	int type;

	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			if (!is_migrate_isolate(type))
				pages += (zone->spb_nr_free[type][order] +
					  spb_own_entries(zone, order, type)) << order;
	return pages;
}

static unsigned long spb_block_entries(struct zone *zone, unsigned int order, int type)
{
	unsigned long i, n = 0;

	for (i = 0; i < zone->spb_len >> SPB_ORDER; i++)
		n += list_count_nodes(&spb_nth_block(zone, i)->free_area[order].free_list[type]);
	return n;
}

static void spb_verify_order(struct spb_verify *v, unsigned int order)
{
	unsigned long entries = 0, in_blocks;
	struct zone *zone = v->zone;
	int type;

	for (type = 0; type < MIGRATE_TYPES; type++) {
		in_blocks = spb_block_entries(zone, order, type);
		if (in_blocks != zone->spb_nr_free[type][order])
			spb_violation(v, "order %u, %s: counts %lu in blocks, lists hold %lu",
				      order, migratetype_names[type],
				      zone->spb_nr_free[type][order], in_blocks);
		entries += in_blocks + spb_own_entries(zone, order, type);
	}
	if (entries != zone->free_area[order].nr_free)
		spb_violation(v, "order %u: nr_free is %lu, lists hold %lu", order,
			      zone->free_area[order].nr_free, entries);
}

/*
 * Difference between NR_FREE_PAGES and the lists. A CPU that folds its part of
 * the counter meanwhile makes the sum wrong; it does so once a second, and takes long
 * over it if a hypervisor has others run.
 */
static long spb_free_pages_off(struct zone *zone)
{
	unsigned long counted;

	guard(spinlock_irqsave)(&zone->lock);
	counted = zone_page_state_snapshot(zone, NR_FREE_PAGES);
#ifdef CONFIG_UNACCEPTED_MEMORY
	counted -= zone_page_state_snapshot(zone, NR_UNACCEPTED);
#endif
	return counted - spb_usable_free(zone);
}

/* Invariant 2 for the zone. */
static void spb_verify_zone_counts(struct spb_verify *v)
{
	unsigned int order, tries = 10;
	long off;

	while ((off = spb_free_pages_off(v->zone)) && --tries)
		msleep(20);
	if (off)
		spb_violation(v, "NR_FREE_PAGES is %ld more than the lists hold", off);

	guard(spinlock_irqsave)(&v->zone->lock);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		spb_verify_order(v, order);
}

/* Invariant 4: the policy's categories are those of the contents. */
static void spb_verify_policy(struct spb_verify *v)
{
	const struct spb_policy_ops *ops;
	struct zone *zone = v->zone;
	struct spb_tally tally;
	u32 contradictions, tainted = 0, known;
	unsigned long i;

	guard(spinlock_irqsave)(&zone->lock);
	if (!spb_attached(zone))
		return;
	ops = spb_locked_ops(zone);
	contradictions = ops->verify(zone->spb_policy);
	if (contradictions)
		spb_violation(v, "the policy's index has %u contradictions", contradictions);
	for (i = 0; i < zone->spb_len >> SPB_ORDER; i++) {
		struct spb_block *block = spb_nth_block(zone, i);

		tainted += !block->has_cma && spb_block_tainted(block);
	}
	if (spb_withheld(zone) != ops->withheld(zone->spb_policy))
		spb_violation(v, "%lu pages are withheld, the policy says %llu",
			      spb_withheld(zone), ops->withheld(zone->spb_policy));
	ops->tally(zone->spb_policy, &tally);
	known = tally.tainted + tally.lost_tainted;
	if (known != tainted)
		spb_violation(v, "%u blocks are tainted, the policy knows %u", tainted, known);
}

/**
 * spb_verify_zone() - check the invariants of a zone
 * @zone: the zone; if it is not attached, only its counters are checked
 * @m: where violations are described, the first of them one by one
 *
 * Context: process context; may sleep. No policy or memory comes or goes
 * meanwhile: a zone that is being attached is not consistent.
 * Return: number of violations, 0 if all is well.
 */
u64 spb_verify_zone(struct zone *zone, struct seq_file *m)
{
	struct spb_verify v = { .zone = zone, .m = m };
	unsigned long i;

	for (i = 0; spb_verify_block(&v, i); i++)
		cond_resched();
	spb_verify_zone_counts(&v);
	spb_verify_policy(&v);
	return v.violations;
}

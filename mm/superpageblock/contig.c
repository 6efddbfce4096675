// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: which gigabyte to empty for a contiguous allocation.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "../internal.h"
#include "internal.h"

/**
 * spb_block_pfn() - first page of a block
 * @zone: an attached zone
 * @block: index of the block
 *
 * Return: its page frame number.
 */
unsigned long spb_block_pfn(const struct zone *zone, u32 block)
{
	return READ_ONCE(zone->spb_start) + ((unsigned long)block << SPB_ORDER);
}

/* Rank of a block, ~0 if it must not be tried. */
static u64 spb_contig_key(const struct spb_policy_ops *ops, const struct spb_block *block)
{
	u32 cost = block->nr_present - min(block->nr_present, READ_ONCE(block->nr_free));
	/* What made an earlier attempt fail is gone from an empty block. */
	u32 failures = cost ? READ_ONCE(block->contig_failures) : 0;

	if (!block->complete || spb_block_tainted(block) || READ_ONCE(block->has_cma))
		return ~0ULL;
	return ops->contig_key(block->id, cost, failures);
}

static int spb_cmp_keys(const void *a, const void *b)
{
	return cmp_int(*(const u64 *)a, *(const u64 *)b);
}

/* Looks at each page of the blocks in question: once a second at most. */
static void spb_recount_now_and_then(void)
{
	static unsigned long next = INITIAL_JIFFIES;
	struct zone *zone;

	if (time_before(jiffies, READ_ONCE(next)))
		return;
	WRITE_ONCE(next, jiffies + HZ);
	for_each_populated_zone(zone)
		spb_recount_zone(zone);
}

/* Rank up to @nr blocks; returns how many of them may be tried. */
static u32 spb_contig_keys(struct zone *zone, u64 *keys, unsigned long nr)
{
	const struct spb_policy_ops *ops;
	u32 eligible = 0;
	unsigned long i;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	if (!ops)
		return 0;
	/* There may be fewer blocks by now, or more. */
	nr = min(nr, spb_nr_attached(zone));
	for (i = 0; i < nr; i++) {
		u64 key = spb_contig_key(ops, spb_nth_block(zone, i));

		if (key != ~0ULL)
			keys[eligible++] = key;
	}
	return eligible;
}

/**
 * spb_contig_order() - blocks to try, the cheapest to empty first
 * @zone: the zone
 * @nr_pages: size of the request
 * @gfp_mask: what the request may do to get memory
 * @keys: set to an array that the caller frees with kvfree(); the low word of
 *	each entry is the index of a block
 *
 * Counters are read without the lock: the list is advice, each entry is
 * checked again by whoever uses it.
 *
 * Context: process context; may sleep.
 * Return: number of entries, 0 if the request is not for a block or memory is
 * short; the zone is then to be scanned as without superpageblocks.
 */
u32 spb_contig_order(struct zone *zone, unsigned long nr_pages, gfp_t gfp_mask,
		     u64 **keys)
{
	unsigned long nr = spb_nr_attached(zone);
	u32 eligible;

	if (nr_pages != SPB_NR_PAGES || !nr)
		return 0;
	*keys = kvmalloc_array(nr, sizeof(**keys),
			       (gfp_mask & GFP_RECLAIM_MASK) | __GFP_NOWARN);
	if (!*keys)
		return 0;
	spb_recount_now_and_then();
	eligible = spb_contig_keys(zone, *keys, nr);
	sort(*keys, eligible, sizeof(**keys), spb_cmp_keys, NULL);
	return eligible;
}

/**
 * spb_contig_failed() - remember that a block could not be emptied
 * @zone: the zone
 * @pfn: first page of the range that was tried
 * @nr_pages: pages in the range; only a whole block is remembered
 */
void spb_contig_failed(struct zone *zone, unsigned long pfn, unsigned long nr_pages)
{
	struct spb_block *block;

	/* Who is being killed gives up whatever the block holds. */
	if (nr_pages != SPB_NR_PAGES || fatal_signal_pending(current))
		return;
	guard(spinlock_irqsave)(&zone->lock);
	block = spb_block_of(zone, pfn);
	if (block)
		WRITE_ONCE(block->contig_failures, block->contig_failures + 1);
}

/**
 * spb_contig_succeeded() - let old failures count less
 * @zone: the zone in which a block was emptied
 */
void spb_contig_succeeded(struct zone *zone)
{
	unsigned long i;

	guard(rcu)();
	for (i = 0; i < spb_nr_attached(zone); i++) {
		struct spb_block *block = spb_nth_block(zone, i);

		/* Lost updates do not matter. */
		WRITE_ONCE(block->contig_failures, READ_ONCE(block->contig_failures) / 2);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: which gigabyte to empty for a contiguous allocation.
 */
#include <linux/mm.h>
#include <linux/slab.h>
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
	return zone->spb_start + ((unsigned long)block << SPB_ORDER);
}

static void spb_candidate_init(struct spb_candidate *candidate,
			       const struct spb_block *block)
{
	candidate->block = block->id;
	candidate->cost = block->nr_present - READ_ONCE(block->nr_free);
	/* What made an earlier attempt fail is gone from an empty block. */
	candidate->failures = candidate->cost ? READ_ONCE(block->contig_failures) : 0;
	candidate->eligible = block->complete && !spb_block_tainted(block) &&
			      !READ_ONCE(block->has_cma);
}

/**
 * spb_contig_order() - blocks to try, the cheapest to empty first
 * @zone: the zone
 * @nr_pages: size of the request
 * @blocks: set to an array of block indices that the caller frees with kvfree()
 *
 * Counters are read without the lock: the list is advice, each entry is
 * checked again by whoever uses it.
 *
 * Context: process context; may sleep.
 * Return: number of entries, 0 if the request is not for a block or memory is
 * short; the zone is then to be scanned as without superpageblocks.
 */
u32 spb_contig_order(struct zone *zone, unsigned long nr_pages, u32 **blocks)
{
	unsigned long nr = READ_ONCE(zone->spb_len) >> SPB_ORDER;
	struct spb_candidate *candidates;
	u32 eligible, i;

	if (nr_pages != SPB_NR_PAGES || !nr)
		return 0;
	candidates = kvmalloc_array(nr, sizeof(*candidates), GFP_KERNEL | __GFP_NOWARN);
	*blocks = kvmalloc_array(nr, sizeof(**blocks), GFP_KERNEL | __GFP_NOWARN);
	if (!candidates || !*blocks) {
		kvfree(candidates);
		return 0;
	}

	for (i = 0; i < nr; i++)
		spb_candidate_init(&candidates[i], zone->spb_blocks[i]);
	eligible = spb_policy_ops->contig_order(candidates, nr);
	for (i = 0; i < eligible; i++)
		(*blocks)[i] = candidates[i].block;

	kvfree(candidates);
	return eligible;
}

/**
 * spb_contig_failed() - remember that a block could not be emptied
 * @zone: the zone
 * @block: index of the block
 */
void spb_contig_failed(struct zone *zone, u32 block)
{
	struct spb_block *b = zone->spb_blocks[block];

	/* Lost updates do not matter; a later success is not counted against it. */
	WRITE_ONCE(b->contig_failures, READ_ONCE(b->contig_failures) + 1);
}

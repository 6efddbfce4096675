// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: which gigabyte to empty for a contiguous allocation.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/swap.h>
#include "../internal.h"
#include "internal.h"
#include <trace/events/superpageblock.h>

/* Ranks of groups of candidates; of a group, the cheapest come first. */
#define SPB_GROUP_SHIFT		52
#define SPB_RANK_SHIFT		20

/*
 * How often each block is tried: a page that compaction has isolated just then looks as if
 * it could not move, and so does one on its way to the LRU lists. The next attempt finds
 * most of the block empty, or such pages back.
 */
#define SPB_CONTIG_TRIES	2
/* Time for others to put back what they have isolated; proactive compaction gives way. */
#define SPB_CONTIG_WAIT		DIV_ROUND_UP(HZ, 20)
/* Before the second round: who has isolated pages may not be running. */
#define SPB_CONTIG_PAUSE	DIV_ROUND_UP(HZ, 4)
/*
 * The blocks, cheapest first, for which a request waits and which it tries in a second
 * round: those that fail for a moment only are among them, or there are many others.
 */
#define SPB_CONTIG_PATIENT	8

/* A block to empty; those with a smaller key are tried before. */
struct spb_candidate {
	u64 key;
	struct zone *zone;
	unsigned long pfn;
};

static int spb_cmp_candidates(const void *a, const void *b)
{
	const struct spb_candidate *left = a, *right = b;

	return cmp_int(left->key, right->key);
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

/* Whether a gigabyte could be had of @block, and at what price. */
static bool spb_contig_rank(const struct spb_policy_ops *ops, const struct spb_block *block,
			    u32 *rank)
{
	u32 cost = block->nr_present - min(block->nr_present, READ_ONCE(block->nr_free));
	/* What made an earlier attempt fail is gone from an empty block. */
	u32 failures = cost ? READ_ONCE(block->contig_failures) : 0;

	if (!block->complete || spb_block_tainted(block) || READ_ONCE(block->has_cma))
		return false;
	*rank = ops->contig_rank(cost, failures);
	return true;
}

/* Candidates while they are gathered. */
struct spb_gathering {
	struct spb_candidate *list;
	unsigned long room;
	u32 nr;
};

static void spb_gather_zone(struct spb_gathering *g, struct zone *zone, u32 group)
{
	const struct spb_policy_ops *ops;
	unsigned long i;
	u32 rank;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	for (i = 0; ops && i < spb_nr_attached(zone) && g->nr < g->room; i++) {
		if (!spb_contig_rank(ops, spb_nth_block(zone, i), &rank))
			continue;
		/* Those that are as good: as zones and addresses are. */
		g->list[g->nr] = (struct spb_candidate){
			.key = (u64)group << SPB_GROUP_SHIFT |
			       (u64)rank << SPB_RANK_SHIFT | g->nr,
			.zone = zone,
			.pfn = spb_block_pfn(zone, i),
		};
		g->nr++;
	}
}

/*
 * Whether a zone can do without a gigabyte, and still have what it keeps for those
 * who cannot use the zone that was asked for.
 */
static bool spb_zone_can_spare(struct zone *zone, int highest_zoneidx)
{
	return zone_watermark_ok(zone, 0, high_wmark_pages(zone) + SPB_NR_PAGES,
				 highest_zoneidx, 0);
}

/*
 * Node by node. Of a node's zones, the first comes together with those that can spare
 * a gigabyte: it would have to be emptied while they have one that is free. But where
 * there is a zone for movable memory alone, the others are for the kernel.
 */
static void spb_gather(struct spb_gathering *g, struct zonelist *zonelist,
		       int highest_zoneidx, nodemask_t *nodemask)
{
	int nid = NUMA_NO_NODE;
	struct zone *zone;
	struct zoneref *z;
	bool spare = false;
	u32 group = 0;

	for_each_zone_zonelist_nodemask(zone, z, zonelist, highest_zoneidx, nodemask) {
		if (zone_to_nid(zone) != nid) {
			nid = zone_to_nid(zone);
			group += 2;
			spb_gather_zone(g, zone, group);
			spare = zone_idx(zone) != ZONE_MOVABLE;
			continue;
		}
		spare = spare && spb_zone_can_spare(zone, highest_zoneidx);
		spb_gather_zone(g, zone, spare ? group : group + 1);
	}
}

static unsigned long spb_count_blocks(struct zonelist *zonelist, int highest_zoneidx,
				      nodemask_t *nodemask)
{
	unsigned long nr = 0;
	struct zone *zone;
	struct zoneref *z;

	for_each_zone_zonelist_nodemask(zone, z, zonelist, highest_zoneidx, nodemask)
		nr += spb_nr_attached(zone);
	return nr;
}

/*
 * The blocks to try, the cheapest to empty first; returns their number, and in @list an
 * array to be freed with kvfree(). Counters are read without the lock: this is advice,
 * each entry is checked again by whoever uses it.
 */
static u32 spb_contig_order(struct zonelist *zonelist, nodemask_t *nodemask,
			    gfp_t gfp_mask, struct spb_candidate **list)
{
	int highest_zoneidx = gfp_zone(gfp_mask);
	struct spb_gathering g = { };

	/* There may be fewer blocks by the time they are looked at, or more. */
	g.room = spb_count_blocks(zonelist, highest_zoneidx, nodemask);
	if (!g.room)
		return 0;
	g.list = kvmalloc_array(g.room, sizeof(*g.list),
				(gfp_mask & GFP_RECLAIM_MASK) | __GFP_NOWARN);
	if (!g.list)
		return 0;
	spb_recount_now_and_then();
	spb_gather(&g, zonelist, highest_zoneidx, nodemask);
	sort(g.list, g.nr, sizeof(*g.list), spb_cmp_candidates, NULL);
	*list = g.list;
	return g.nr;
}

/* Let old failures count less where a block was emptied. */
static void spb_contig_succeeded(struct zone *zone)
{
	unsigned long i;

	guard(rcu)();
	for (i = 0; i < spb_nr_attached(zone); i++) {
		struct spb_block *block = spb_nth_block(zone, i);

		/* Lost updates do not matter. */
		WRITE_ONCE(block->contig_failures, READ_ONCE(block->contig_failures) / 2);
	}
}

/* What is asked for, and whether hugetlb is in the way. */
struct spb_contig_request {
	gfp_t gfp_mask;
	bool skip_hugetlb;
	bool *skipped_hugetlb;
};

static struct page *spb_try_candidates(const struct spb_candidate *list, u32 nr,
				       const struct spb_contig_request *request)
{
	struct page *page = NULL;
	u32 i;

	for (i = 0; i < nr * SPB_CONTIG_TRIES && !page; i++) {
		const struct spb_candidate *block = &list[i / SPB_CONTIG_TRIES];

		if (fatal_signal_pending(current))
			break;
		if (i % SPB_CONTIG_TRIES) {
			if (i < SPB_CONTIG_PATIENT * SPB_CONTIG_TRIES)
				schedule_timeout_killable(SPB_CONTIG_WAIT);
			lru_add_drain_all();
		}
		page = try_contig_range(block->zone, block->pfn, SPB_NR_PAGES,
					request->gfp_mask, request->skip_hugetlb,
					request->skipped_hugetlb);
		trace_spb_contig(block->zone, block->pfn, page);
	}
	return page;
}

/* All blocks if metadata that was in the way has been written back, else a few. */
static struct page *spb_try_again(const struct spb_candidate *list, u32 nr,
				  const struct spb_contig_request *request)
{
	if (fatal_signal_pending(current))
		return NULL;
	if (!spb_have_written_back(request->gfp_mask))
		nr = min(nr, SPB_CONTIG_PATIENT);
	schedule_timeout_killable(SPB_CONTIG_PAUSE);
	lru_add_drain_all();
	return spb_try_candidates(list, nr, request);
}

static struct page *spb_empty_one(const struct spb_candidate *list, u32 nr,
				  const struct spb_contig_request *request)
{
	unsigned int emptying = current->flags & PF_MEMALLOC_EMPTYING;
	struct page *page;

	atomic_inc(&spb_emptying);
	current->flags |= PF_MEMALLOC_EMPTYING;
	page = spb_try_candidates(list, nr, request);
	if (!page && nr)
		page = spb_try_again(list, nr, request);
	current->flags &= ~PF_MEMALLOC_EMPTYING | emptying;
	atomic_dec(&spb_emptying);
	return page;
}

/**
 * spb_alloc_contig() - allocate a block where that is cheapest
 * @zonelist: zones that the request may use
 * @nodemask: nodes that it may use; NULL for all
 * @nr_pages: size of the request
 * @gfp_mask: what the request may do to get memory
 * @skip_hugetlb: whether to leave blocks with pages of hugetlb alone
 * @skipped_hugetlb: set if one was left alone for that
 *
 * If none can be had, there is a second round: over the cheapest, in which pages may have
 * been in the way for a moment, or over all, if metadata of a file system was in the way
 * that was not written back, and has been now.
 *
 * Context: process context; may sleep.
 * Return: the first page; NULL if the request is not for a block, none could be had, or
 * memory is short. Zones are then to be scanned as without superpageblocks.
 */
struct page *spb_alloc_contig(struct zonelist *zonelist, nodemask_t *nodemask,
			      unsigned long nr_pages, gfp_t gfp_mask,
			      bool skip_hugetlb, bool *skipped_hugetlb)
{
	const struct spb_contig_request request = {
		.gfp_mask = gfp_mask,
		.skip_hugetlb = skip_hugetlb,
		.skipped_hugetlb = skipped_hugetlb,
	};
	struct spb_candidate *list = NULL;
	struct page *page;
	u32 nr;

	if (nr_pages != SPB_NR_PAGES)
		return NULL;
	nr = spb_contig_order(zonelist, nodemask, gfp_mask, &list);
	page = spb_empty_one(list, nr, &request);
	spb_forget_keeper();
	if (page)
		spb_contig_succeeded(page_zone(page));
	kvfree(list);
	return page;
}

/**
 * spb_contig_stayed() - a block is being emptied and pages have stayed
 * @cc: who empties it; the pages are on its list of those to migrate
 *
 * Their owners are asked to let go of them, before they are tried again.
 *
 * Context: process context; may sleep.
 */
void spb_contig_stayed(struct compact_control *cc)
{
	if (current->flags & PF_MEMALLOC_EMPTYING)
		spb_let_go(&cc->migratepages, cc->gfp_mask);
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

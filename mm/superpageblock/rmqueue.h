/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation from an attached zone: carry out what the policy plans.
 *
 * Part of mm/page_alloc.c, which includes it once: it is made of that file's
 * own steps for taking, claiming and retyping. Called with zone->lock held.
 */
#ifdef CONFIG_SUPERPAGEBLOCK

static u32 spb_plan_flags(struct zone *zone, unsigned int alloc_flags)
{
	u32 flags = 0;

	if (alloc_flags & ALLOC_SPB_NOTAINT)
		flags |= SPB_PLAN_FIRST_PASS;
	if (alloc_flags & ALLOC_NOFRAGMENT)
		flags |= SPB_PLAN_NOFRAGMENT;
	if (alloc_flags & (ALLOC_NO_WATERMARKS | ALLOC_OOM))
		flags |= SPB_PLAN_MUST;
	if (alloc_flags & ALLOC_NON_BLOCK)
		flags |= SPB_PLAN_NONBLOCK;
	if (current->flags & PF_MEMALLOC_EMPTYING)
		flags |= SPB_PLAN_EMPTYING;
	if (alloc_flags & ALLOC_CMA) {
		flags |= SPB_PLAN_CMA_OK;
		if (cma_over_half_of_free(zone))
			flags |= SPB_PLAN_CMA_FIRST;
	}
	return flags;
}

/* Take a page of type @from; its pageblock keeps the type. */
static struct page *spb_take(struct zone *zone, struct spb_block *block,
			     unsigned int order, int migratetype, int from)
{
	struct page *page;

	page = __rmqueue_smallest(zone, block->free_area, order, from);
	if (page && from != migratetype && !is_migrate_cma(from)) {
		trace_mm_page_alloc_extfrag(page, order, order, migratetype, from);
		spb_set_content(page, order, migratetype);
	}
	return page;
}

/* Claim one wholly free pageblock of @block, of type @from. */
static struct page *spb_claim_whole(struct zone *zone, struct spb_block *block,
				    unsigned int order, int migratetype, int from)
{
	unsigned int claim = max(order, pageblock_order);
	struct page *page;

	page = __rmqueue_smallest(zone, block->free_area, claim, from);
	if (!page)
		return NULL;
	page = claim_whole_pageblocks(zone, page, claim, order, migratetype);
	trace_mm_page_alloc_extfrag(page, order, claim, migratetype, from);
	return page;
}

/*
 * Whether the zone has a wholly free pageblock of type @from. Then to claim a
 * pageblock in use was a choice, and no lack that reclaim should answer.
 */
static bool spb_whole_left(struct zone *zone, int from)
{
	unsigned int order;

	for (order = pageblock_order; order < NR_PAGE_ORDERS; order++)
		if (spb_nr_free(zone, order, from))
			return true;
	return false;
}

/* Claim the pageblock that holds the largest free page of type @from. */
static struct page *spb_claim_part(struct zone *zone, struct spb_block *block,
				   unsigned int order, int migratetype, int from,
				   unsigned int alloc_flags)
{
	unsigned int largest = fls(block->orders[from]);
	unsigned long start_pfn;
	struct page *page;

	if (largest <= order)
		return NULL;
	if (largest > pageblock_order)
		return spb_claim_whole(zone, block, order, migratetype, from);

	page = get_page_from_free_area(&block->free_area[largest - 1], from);
	/* The edge of the zone cuts this pageblock: it keeps its type. */
	if (!prep_move_freepages_block(zone, page, &start_pfn, NULL, NULL))
		return spb_take(zone, block, order, migratetype, from);
	if (!spb_whole_left(zone, from) && boost_watermark(zone) &&
	    (alloc_flags & ALLOC_KSWAPD))
		set_bit(ZONE_BOOSTED_WATERMARK, &zone->flags);
	page = claim_pageblock(zone, block->free_area, start_pfn, order,
			       migratetype, from);
	if (page)
		trace_mm_page_alloc_extfrag(page, order, largest - 1, migratetype,
					    from);
	return page;
}

/* Carry out @plan. NULL: the lists are no longer what the policy has on file. */
static struct page *spb_rmqueue_planned(struct zone *zone, unsigned int order,
					int migratetype, unsigned int alloc_flags,
					u64 plan)
{
	struct spb_block *block = spb_nth_block(zone, SPB_PLAN_BLOCK(plan));
	int from = SPB_PLAN_FROM(plan);

	switch (SPB_PLAN_ACTION(plan)) {
	case SPB_TAKE:
		return spb_take(zone, block, order, migratetype, from);
	case SPB_CLAIM_WHOLE:
		return spb_claim_whole(zone, block, order, migratetype, from);
	case SPB_CLAIM_PART:
		return spb_claim_part(zone, block, order, migratetype, from,
				      alloc_flags);
	}
	return NULL;
}

/**
 * spb_retype_free() - a wholly free pageblock is found while attaching
 * @zone: the zone, locked
 * @page: first page, on the lists of its block
 * @order: its order
 * @migratetype: type of the pageblock
 *
 * It becomes movable, as it would have if it had become free in an attached zone.
 */
void spb_retype_free(struct zone *zone, struct page *page, unsigned int order,
		     int migratetype)
{
	if (!spb_whole_free(zone, page, order, migratetype))
		return;
	move_to_free_list(page, zone, order, migratetype, MIGRATE_MOVABLE);
	change_pageblock_range(page, order, MIGRATE_MOVABLE);
}

/*
 * Memory that belongs to no block: while the zone is being attached, or added
 * later. Types are kept apart by pageblock; else any list will do.
 */
static struct page *spb_rmqueue_unattached(struct zone *zone, unsigned int order,
					   int migratetype, unsigned int alloc_flags)
{
	unsigned int claim = max(order, pageblock_order);
	struct page *page;
	int i;

	page = __rmqueue_smallest(zone, zone->free_area, order, migratetype);
	if (page || migratetype >= MIGRATE_PCPTYPES)
		return page;
	if (alloc_flags & ALLOC_CMA)
		page = __rmqueue_cma_fallback(zone, order);
	for (i = 0; !page && i < MIGRATE_PCPTYPES - 1; i++) {
		page = __rmqueue_smallest(zone, zone->free_area, claim,
					  fallbacks[migratetype][i]);
		if (page)
			return claim_whole_pageblocks(zone, page, claim, order,
						      migratetype);
	}
	if (page || alloc_flags & ALLOC_NOFRAGMENT)
		return page;
	for (i = 0; !page && i < MIGRATE_PCPTYPES - 1; i++)
		page = __rmqueue_smallest(zone, zone->free_area, order,
					  fallbacks[migratetype][i]);
	return page;
}

/*
 * Whether a plan is good for the rest of a batch: as long as the list lasts,
 * unless there is a reserve to spare.
 */
static bool spb_plan_holds(struct zone *zone, u64 plan, int migratetype)
{
	struct spb_block *block = spb_nth_block(zone, SPB_PLAN_BLOCK(plan));

	return SPB_PLAN_ACTION(plan) == SPB_TAKE &&
	       (migratetype != MIGRATE_MOVABLE || !block->nr_dirty);
}

/*
 * __rmqueue() for an attached zone: ask the policy, do as it says. @last_plan,
 * if not NULL, is what served the previous page of a batch and is tried first.
 */
static struct page *spb_rmqueue(struct zone *zone, unsigned int order,
				int migratetype, unsigned int alloc_flags,
				u64 *last_plan)
{
	u32 flags = spb_plan_flags(zone, alloc_flags);
	struct page *page;
	u64 plan;

	if (last_plan && *last_plan) {
		page = spb_rmqueue_planned(zone, order, migratetype, alloc_flags,
					   *last_plan);
		if (page)
			return page;
		*last_plan = 0;
	}

	while ((plan = static_call(spb_plan)(zone->spb_policy, order, migratetype,
					     flags))) {
		page = spb_rmqueue_planned(zone, order, migratetype, alloc_flags,
					   plan);
		if (page) {
			if (last_plan && spb_plan_holds(zone, plan, migratetype))
				*last_plan = plan;
			return page;
		}
		spb_correct(zone, spb_nth_block(zone, SPB_PLAN_BLOCK(plan)),
			    SPB_PLAN_FROM(plan));
	}
	return spb_rmqueue_unattached(zone, order, migratetype, alloc_flags);
}
#else /* !CONFIG_SUPERPAGEBLOCK */

static struct page *spb_rmqueue(struct zone *zone, unsigned int order,
				int migratetype, unsigned int alloc_flags,
				u64 *last_plan)
{
	return NULL;
}

#endif /* CONFIG_SUPERPAGEBLOCK */

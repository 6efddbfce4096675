/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation from an attached zone: carry out what the policy plans.
 *
 * Part of mm/page_alloc.c, which includes it once: it is made of that file's
 * own steps for taking, claiming and retyping. Called with zone->lock held.
 */
#ifdef CONFIG_SUPERPAGEBLOCK

/* What of alloc_flags is of interest to the policy. */
#define SPB_ALLOC_FLAGS	(ALLOC_SPB_NOTAINT | ALLOC_NOFRAGMENT | ALLOC_NO_WATERMARKS | \
			 ALLOC_OOM | ALLOC_CMA)

/* A memo's key below SPB_GENERATION: order, facts about the request, alloc_flags. */
#define SPB_KEY_CMA_FIRST	0x10
#define SPB_KEY_EMPTYING	0x20
#define SPB_KEY_ALLOC_SHIFT	6

static u32 spb_plan_flags(u64 key, unsigned int alloc_flags)
{
	u32 flags = 0;

	if (alloc_flags & ALLOC_SPB_NOTAINT)
		flags |= SPB_PLAN_FIRST_PASS;
	if (alloc_flags & ALLOC_NOFRAGMENT)
		flags |= SPB_PLAN_NOFRAGMENT;
	if (alloc_flags & (ALLOC_NO_WATERMARKS | ALLOC_OOM))
		flags |= SPB_PLAN_MUST;
	if (alloc_flags & ALLOC_CMA)
		flags |= SPB_PLAN_CMA_OK;
	if (key & SPB_KEY_CMA_FIRST)
		flags |= SPB_PLAN_CMA_FIRST;
	if (key & SPB_KEY_EMPTYING)
		flags |= SPB_PLAN_EMPTYING;
	return flags;
}

static noinline u64 spb_plan_anew(struct zone *zone, struct spb_memo *memo, u64 key,
				  unsigned int order, int migratetype,
				  unsigned int alloc_flags)
{
	memo->plan = static_call(spb_plan)(zone->spb_policy, order, migratetype,
					   spb_plan_flags(key, alloc_flags));
	memo->key = key;
	return memo->plan;
}

/*
 * Ask the policy. Its answer depends on what it was told and on the request
 * alone, so the last one for each type is kept until it is told something new.
 */
static __always_inline u64 spb_plan_for(struct zone *zone, unsigned int order,
					int migratetype, unsigned int alloc_flags)
{
	struct spb_memo *memo = &zone->spb_memo[migratetype];
	u64 key = zone->spb_generation | order |
		  (alloc_flags & SPB_ALLOC_FLAGS) << SPB_KEY_ALLOC_SHIFT;

	BUILD_BUG_ON((u64)SPB_ALLOC_FLAGS << SPB_KEY_ALLOC_SHIFT >= SPB_GENERATION);
	if (alloc_flags & ALLOC_CMA && cma_over_half_of_free(zone))
		key |= SPB_KEY_CMA_FIRST;
	if (unlikely(current->flags & PF_MEMALLOC_EMPTYING))
		key |= SPB_KEY_EMPTYING;
	if (likely(memo->key == key))
		return memo->plan;
	return spb_plan_anew(zone, memo, key, order, migratetype, alloc_flags);
}

/*
 * Whether a request that found nothing is to be made again, after others had a
 * chance to take the lock: it was busy correcting what is on file.
 */
static inline bool spb_ask_again(struct zone *zone)
{
	bool again = zone->spb_unfinished;

	zone->spb_unfinished = false;
	return again;
}

/* A page of @chunk was taken for @migratetype from a pageblock of type @from. */
static inline void spb_note_foreign(struct page *page, unsigned int order,
				    unsigned int chunk, int migratetype, int from)
{
	if (likely(from == migratetype) || is_migrate_cma(from))
		return;
	trace_mm_page_alloc_extfrag(page, order, chunk, migratetype, from);
	spb_set_content(page, chunk, migratetype);
}

/* Find the smallest free page of type @from and of *@order or more, which it has then. */
static __always_inline
bool spb_smallest(const struct spb_block *block, unsigned int *order, int from)
{
	do {
		if (!list_empty(&block->free_area[*order].free_list[from]))
			return true;
	} while (++*order < NR_PAGE_ORDERS);
	return false;
}

static __always_inline
struct page *spb_first(struct spb_block *block, unsigned int order, int from)
{
	return list_first_entry(&block->free_area[order].free_list[from],
				struct page, buddy_list);
}

/*
 * Take a page of type @from; its pageblock keeps the type. __rmqueue_smallest() would do
 * as well, but looks anew at what is known here: that there is a block, and a page.
 */
static __always_inline
struct page *spb_take(struct zone *zone, struct spb_block *block,
		      unsigned int order, int migratetype, int from)
{
	unsigned int current_order = order;
	struct page *page;

	/* There is one; where the compiler knows, it need not look for each list. */
	if (!block)
		return NULL;
	if (!spb_smallest(block, &current_order, from))
		return NULL;
	page = spb_first(block, current_order, from);
	page_del_and_expand(zone, block, page, order, current_order, from);
	trace_mm_page_alloc_zone_locked(page, order, from,
					pcp_allowed_order(order) && from < MIGRATE_PCPTYPES);
	spb_note_foreign(page, order, order, migratetype, from);
	return page;
}

/* Claim one wholly free pageblock of @block, of type @from. */
static noinline
struct page *spb_claim_whole(struct zone *zone, struct spb_block *block,
			     unsigned int order, int migratetype, int from)
{
	unsigned int claim = max(order, pageblock_order);
	struct page *page;

	page = __rmqueue_smallest(zone, block, claim, from);
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
static noinline
struct page *spb_claim_part(struct zone *zone, struct spb_block *block,
			    unsigned int order, int migratetype,
			    unsigned int alloc_flags, u64 plan)
{
	int from = SPB_PLAN_FROM(plan);
	unsigned int largest = fls(spb_block_orders(block, from));
	unsigned long start_pfn;
	struct page *page;

	if (largest <= SPB_PLAN_ORDER(plan))
		return NULL;
	if (largest > pageblock_order)
		return spb_claim_whole(zone, block, order, migratetype, from);

	page = spb_first(block, largest - 1, from);
	/* The edge of the zone cuts this pageblock: it keeps its type. */
	if (!prep_move_freepages_block(zone, page, &start_pfn, NULL, NULL))
		return spb_take(zone, block, order, migratetype, from);
	if (!spb_whole_left(zone, from) && boost_watermark(zone) &&
	    (alloc_flags & ALLOC_KSWAPD))
		set_bit(ZONE_BOOSTED_WATERMARK, &zone->flags);
	page = claim_pageblock(zone, block, start_pfn, order,
			       migratetype, from);
	if (page)
		trace_mm_page_alloc_extfrag(page, order, largest - 1, migratetype,
					    from);
	return page;
}

/* Carry out @plan. NULL: the lists are no longer what the policy has on file. */
static noinline
struct page *spb_rmqueue_planned(struct zone *zone, unsigned int order,
				 int migratetype, unsigned int alloc_flags, u64 plan)
{
	struct spb_block *block = spb_nth_block(zone, SPB_PLAN_BLOCK(plan));
	int from = SPB_PLAN_FROM(plan);

	switch (SPB_PLAN_ACTION(plan)) {
	case SPB_TAKE:
		return spb_take(zone, block, order, migratetype, from);
	case SPB_CLAIM_WHOLE:
		return spb_claim_whole(zone, block, order, migratetype, from);
	case SPB_CLAIM_PART:
		return spb_claim_part(zone, block, order, migratetype, alloc_flags,
				      plan);
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
	struct spb_block *block = spb_block_of(zone, page_to_pfn(page));

	if (!spb_whole_free(block, order, migratetype))
		return;
	move_to_free_list(page, zone, order, migratetype, MIGRATE_MOVABLE);
	change_pageblock_range(page, order, MIGRATE_MOVABLE);
}

/*
 * Memory that belongs to no block: while the zone is being attached, or added
 * later. Types are kept apart by pageblock; else any list will do.
 */
static noinline
struct page *spb_rmqueue_unattached(struct zone *zone, unsigned int order,
				    int migratetype, unsigned int alloc_flags)
{
	unsigned int claim = max(order, pageblock_order);
	struct page *page;
	int i;

	page = __rmqueue_smallest(zone, NULL, order, migratetype);
	if (page || migratetype >= MIGRATE_PCPTYPES)
		return page;
	if (alloc_flags & ALLOC_CMA)
		page = __rmqueue_cma_fallback(zone, order);
	for (i = 0; !page && i < MIGRATE_PCPTYPES - 1; i++) {
		page = __rmqueue_smallest(zone, NULL, claim,
					  fallbacks[migratetype][i]);
		if (page)
			return claim_whole_pageblocks(zone, page, claim, order,
						      migratetype);
	}
	if (page || alloc_flags & ALLOC_NOFRAGMENT)
		return page;
	for (i = 0; !page && i < MIGRATE_PCPTYPES - 1; i++)
		page = __rmqueue_smallest(zone, NULL, order,
					  fallbacks[migratetype][i]);
	return page;
}

/* Claims, lists that are no longer what the policy has on file, other memory. */
static noinline struct page *spb_rmqueue_slow(struct zone *zone, unsigned int order,
					      int migratetype,
					      unsigned int alloc_flags)
{
	unsigned int corrections = 0;
	struct page *page;
	u64 plan;

	while ((plan = spb_plan_for(zone, order, migratetype, alloc_flags))) {
		page = spb_rmqueue_planned(zone, order, migratetype, alloc_flags,
					   plan);
		if (page)
			return page;
		__spb_advertise(zone, spb_nth_block(zone, SPB_PLAN_BLOCK(plan)),
				SPB_PLAN_FROM(plan));
		if (++corrections == SPB_MAX_CORRECTIONS) {
			zone->spb_unfinished = true;
			return NULL;
		}
	}
	/* Where the zone begins earlier, that memory was just added. */
	if (zone->zone_start_pfn >= zone->spb_start &&
	    zone_end_pfn(zone) - zone->spb_start <= zone->spb_len)
		return NULL;
	return spb_rmqueue_unattached(zone, order, migratetype, alloc_flags);
}

/* __rmqueue() for an attached zone: ask the policy, do as it says. */
static struct page *spb_rmqueue(struct zone *zone, unsigned int order,
				int migratetype, unsigned int alloc_flags)
{
	u64 plan = spb_plan_for(zone, order, migratetype, alloc_flags);
	struct page *page = NULL;

	if (likely(SPB_PLAN_ACTION(plan) == SPB_TAKE))
		page = spb_take(zone, spb_nth_block(zone, SPB_PLAN_BLOCK(plan)), order,
				migratetype, SPB_PLAN_FROM(plan));
	if (likely(page))
		return page;
	return spb_rmqueue_slow(zone, order, migratetype, alloc_flags);
}

/*
 * Take up to @count pages of type @from, until the policy is told something new.
 * The parts of a free page need not go on lists to come off them again. These are
 * the pages that would be taken one by one, in the same order.
 */
static __always_inline
unsigned int spb_take_many(struct zone *zone, struct spb_block *block,
			   unsigned int order, unsigned int count,
			   struct list_head *list, int migratetype, int from)
{
	u64 generation = zone->spb_generation;
	unsigned int left = count, current_order, chunk, i;
	struct page *page;

	/* As in spb_take(). */
	if (!block)
		return 0;
	do {
		current_order = order;
		if (!spb_smallest(block, &current_order, from))
			return count - left;
		page = spb_first(block, current_order, from);

		/* A guard belongs beside each page, not beside several. */
		chunk = debug_guardpage_enabled() ? order :
						    min(current_order, order + ilog2(left));
		page_del_and_expand(zone, block, page, chunk, current_order, from);
		spb_note_foreign(page, order, chunk, migratetype, from);
		for (i = 0; i < 1U << (chunk - order); i++, page += 1UL << order) {
			trace_mm_page_alloc_zone_locked(page, order, from, true);
			list_add_tail(&page->pcp_list, list);
		}
		left -= i;
	} while (left && zone->spb_generation == generation);
	return count - left;
}

/*
 * Refill a per-CPU list from an attached zone. Returns how many pages that were on
 * blocks' lists were added to @list.
 */
static noinline
unsigned int spb_rmqueue_bulk(struct zone *zone, unsigned int order,
			      unsigned int count, struct list_head *list,
			      int migratetype, unsigned int alloc_flags)
{
	u64 plan, limit = zone->spb_generation + SPB_MAX_CORRECTIONS * SPB_GENERATION;
	struct spb_block *block;
	unsigned int taken = 0, nr;

	while (taken < count && zone->spb_generation < limit) {
		plan = spb_plan_for(zone, order, migratetype, alloc_flags);
		if (SPB_PLAN_ACTION(plan) != SPB_TAKE) {
			struct page *page = spb_rmqueue_slow(zone, order, migratetype,
							     alloc_flags);

			if (!page)
				break;
			list_add_tail(&page->pcp_list, list);
			taken++;
			continue;
		}
		block = spb_nth_block(zone, SPB_PLAN_BLOCK(plan));
		nr = spb_take_many(zone, block, order, count - taken, list, migratetype,
				   SPB_PLAN_FROM(plan));
		if (!nr)
			__spb_advertise(zone, block, SPB_PLAN_FROM(plan));
		taken += nr;
	}
	return taken;
}

/* What the policy wants to know of a request before it taints a clean block. */
static u32 spb_ask_flags(gfp_t gfp_mask, unsigned int alloc_flags)
{
	u32 flags = 0;

	if (alloc_flags & (ALLOC_NO_WATERMARKS | ALLOC_OOM) ||
	    gfp_mask & __GFP_MEMALLOC || current->flags & PF_MEMALLOC ||
	    tsk_is_oom_victim(current))
		flags |= SPB_PLAN_MUST;
	if (gfp_mask & __GFP_DIRECT_RECLAIM)
		flags |= SPB_ASK_WAITS;
	if (gfp_mask & __GFP_IO)
		flags |= SPB_ASK_IO;
	if (gfp_mask & __GFP_HIGH)
		flags |= SPB_ASK_URGENT;
	return flags;
}

/* What to try before a request taints a clean block: SPB_MAKE_ROOM, SPB_REFUSE. */
static u32 spb_before_taint(const struct alloc_context *ac, gfp_t gfp_mask,
			    unsigned int order, unsigned int alloc_flags)
{
	u32 before;

	if (!spb_type_is_dirty(ac->migratetype))
		return 0;
	before = spb_ask_before_taint(order, spb_ask_flags(gfp_mask, alloc_flags));
	/* Where no room can be made, nobody is refused. */
	if (order > pageblock_order ||
	    !spb_may_refuse(zonelist_node_idx(ac->preferred_zoneref)))
		before &= ~SPB_REFUSE;
	return before;
}

/*
 * Whether another pass over the zones may follow fewer rules of placement: mix
 * types in a pageblock or, after a zone with enough free pages had none to give,
 * taint a clean block.
 */
static inline bool spb_may_relax(bool no_fallback, unsigned int alloc_flags, bool refused)
{
	if (no_fallback && !defrag_mode)
		return true;
	return refused && (alloc_flags & ALLOC_SPB_NOTAINT);
}

/*
 * The flags of the next pass over the zones: types may be mixed in a pageblock or,
 * if they may already, a clean block may be tainted, unless room was made instead,
 * which is done once. The same flags again: there is to be no other pass.
 */
static noinline unsigned int spb_relaxed(const struct alloc_context *ac, gfp_t gfp_mask,
					 unsigned int order, unsigned int alloc_flags)
{
	u32 before;

	if ((alloc_flags & ALLOC_NOFRAGMENT) && !defrag_mode)
		return alloc_flags & ~ALLOC_NOFRAGMENT;
	before = spb_before_taint(ac, gfp_mask, order, alloc_flags);
	if (!(alloc_flags & ALLOC_SPB_ROOM) &&
	    spb_make_room(ac, gfp_mask, order, before))
		return alloc_flags | ALLOC_SPB_ROOM;
	return before & SPB_REFUSE ? alloc_flags : alloc_flags & ~ALLOC_SPB_NOTAINT;
}

/* Relax @alloc_flags for another pass, if there is to be one. */
static __always_inline bool spb_relax(const struct alloc_context *ac, gfp_t gfp_mask,
				      unsigned int order, int *alloc_flags)
{
	int before = *alloc_flags;

	*alloc_flags = spb_relaxed(ac, gfp_mask, order, before);
	return *alloc_flags != before;
}

/*
 * What a request is to leave above its watermark: movable ones leave what is withheld
 * in their first attempt, the one with the low watermark.
 */
static __always_inline unsigned long spb_spared(const struct zone *zone,
						gfp_t gfp_mask,
						unsigned int alloc_flags)
{
	BUILD_BUG_ON(ALLOC_WMARK_MIN & ALLOC_WMARK_LOW || ALLOC_WMARK_HIGH & ALLOC_WMARK_LOW);
	if (!(gfp_mask & __GFP_MOVABLE) || !(alloc_flags & ALLOC_WMARK_LOW))
		return 0;
	return spb_withheld(zone);
}

/*
 * Whether a request may have what @zone withholds although it does not need it most:
 * kswapd has found nothing to reclaim instead.
 */
static noinline bool spb_gives_way(struct zone *zone, unsigned int order,
				   int highest_zoneidx, gfp_t gfp_mask,
				   unsigned int alloc_flags)
{
	return spb_spared(zone, gfp_mask, alloc_flags) &&
	       atomic_read(&zone->zone_pgdat->kswapd_failures) &&
	       zone_watermark_ok(zone, order, low_wmark_pages(zone), highest_zoneidx,
				 alloc_flags);
}

/* Whether free pages of @order or more could be had by tainting a block. */
static bool spb_has_movable(const struct zone *zone, unsigned int order)
{
	for (; order < NR_PAGE_ORDERS; order++)
		if (spb_nr_free(zone, order, MIGRATE_MOVABLE))
			return true;
	return false;
}

/*
 * Whether a request that found nothing was refused, so that reclaim would be of no
 * use to it. Then room is made in the background for the next of its kind.
 */
static noinline bool spb_was_refused(const struct alloc_context *ac, gfp_t gfp_mask,
				     unsigned int order)
{
	struct zone *zone = zonelist_zone(ac->preferred_zoneref);

	if (!zone || !spb_attached(zone) ||
	    !(spb_before_taint(ac, gfp_mask, order, 0) & SPB_REFUSE) ||
	    !spb_has_movable(zone, order) ||
	    !zone_watermark_ok(zone, 0, low_wmark_pages(zone), ac->highest_zoneidx, 0))
		return false;
	spb_refused(ac, gfp_mask, order);
	return true;
}
#else /* !CONFIG_SUPERPAGEBLOCK */

/* A macro for the sake of the object code, as in block.h */
#define spb_may_relax(no_fallback, ...)	((no_fallback) && !defrag_mode)

static inline bool spb_relax(const struct alloc_context *ac, gfp_t gfp_mask,
			     unsigned int order, int *alloc_flags)
{
	*alloc_flags &= ~ALLOC_NOFRAGMENT;
	return true;
}

static inline bool spb_was_refused(const struct alloc_context *ac, gfp_t gfp_mask,
				   unsigned int order)
{
	return false;
}

#define spb_spared(zone, gfp_mask, alloc_flags)					\
	((void)(zone), (void)(gfp_mask), (void)(alloc_flags), 0UL)
#define spb_gives_way(zone, order, highest_zoneidx, gfp_mask, alloc_flags)	\
	((void)(zone), (void)(order), (void)(highest_zoneidx),			\
	 (void)(gfp_mask), (void)(alloc_flags), false)

static struct page *spb_rmqueue(struct zone *zone, unsigned int order,
				int migratetype, unsigned int alloc_flags)
{
	return NULL;
}

static unsigned int spb_rmqueue_bulk(struct zone *zone, unsigned int order,
				     unsigned int count, struct list_head *list,
				     int migratetype, unsigned int alloc_flags)
{
	return 0;
}

static inline bool spb_ask_again(struct zone *zone)
{
	return false;
}

#endif /* CONFIG_SUPERPAGEBLOCK */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One gigabyte of a zone: its buddy lists and the words the policy is told of.
 *
 * Everything here is protected by zone->lock unless it says otherwise. A zone
 * is attached where pfn - zone->spb_start < zone->spb_len: there each free page
 * is on the lists of its block, elsewhere on zone->free_area. Hence a zone that
 * is not attached costs one comparison.
 */
#ifndef _MM_SUPERPAGEBLOCK_BLOCK_H
#define _MM_SUPERPAGEBLOCK_BLOCK_H

#include <linux/mmzone.h>
#include <linux/rcupdate.h>
#include <linux/static_call.h>
#include <linux/superpageblock.h>

/* log2 of the pages in a block: a gigabyte, whatever the page size. */
#define SPB_ORDER		(30 - PAGE_SHIFT)
#define SPB_NR_PAGES		(1UL << SPB_ORDER)

struct alloc_context;
struct compact_control;

#ifdef CONFIG_SUPERPAGEBLOCK

/**
 * struct spb_block - a superpageblock, or what of it lies in one zone
 * @free_area: buddy lists of the pages in the block; nr_free is not kept
 * @nr_free: pages on these lists, isolated ones included
 * @level_lo: the policy wants to know when @nr_free leaves
 * @level_span: [@level_lo, @level_lo + @level_span)
 * @nr_pages: pages on the lists of each type
 * @promote: the policy wants to know when @nr_pages reaches this
 * @top: orders on file with the policy, counted from 0: the highest may be higher
 *	than the truth (a plan then fails and is corrected) but never lower
 * @id: index in zone->spb_blocks
 * @nr_present: pages of the zone in the block
 * @nr_reserved: pages that boot has reserved
 * @nr_dirty: bits set in @dirty
 * @contig_failures: recent attempts to empty the block that failed; not locked
 * @evacuate_failures: attempts to evacuate a pageblock that failed, since the last
 *	that succeeded; not locked
 * @evacuate_next: pageblock to look at next; not locked
 * @low: the policy wants movable pages moved out of the block
 * @complete: all pages of an aligned gigabyte are present
 * @has_cma: pageblocks of type CMA were seen
 * @suspect: some of @dirty was set for pages that were just changing hands
 * @dirty: pageblocks that have a non-movable type or may hold non-movable
 *	pages. Set with either; cleared when the pageblock is wholly free or a
 *	rescan finds nothing, for a type says nothing of pages that were there
 *	before it was set.
 */
struct spb_block {
	struct free_area free_area[NR_PAGE_ORDERS];
	u32 nr_free;
	u32 level_lo;
	u32 level_span;
	u32 nr_pages[MIGRATE_TYPES];
	u32 promote[MIGRATE_TYPES];
	u8 top[MIGRATE_TYPES];
	u32 id;
	u32 nr_present;
	u32 nr_reserved;
	u32 nr_dirty;
	u32 contig_failures;
	u32 evacuate_failures;
	u32 evacuate_next;
	bool low;
	bool complete;
	bool has_cma;
	bool suspect;
	unsigned long dirty[];
};

/* Step of zone->spb_generation; below it, a memo's key has the request. */
#define SPB_GENERATION		(1ULL << 24)

/*
 * Plans that prove stale in one hold of zone->lock, at most. There are never more
 * of them than pages were advertised before, but that can be one for each block.
 */
#define SPB_MAX_CORRECTIONS	64

u64 spb_plan_stub(struct spb_policy_zone *pz, u32 order, u32 migratetype, u32 flags);
DECLARE_STATIC_CALL(spb_plan, spb_plan_stub);

void __spb_advertise(struct zone *zone, struct spb_block *block, int migratetype);
void __spb_classify(struct zone *zone, struct spb_block *block);
void __spb_mark_dirty(struct zone *zone, struct page *page, unsigned int order);
void __spb_clear_dirty(struct zone *zone, struct page *page, unsigned int order);

static inline bool spb_attached(const struct zone *zone)
{
	return zone->spb_len;
}

/* Block @n. The caller holds zone->lock, or rcu_read_lock(): arrays are replaced. */
static inline struct spb_block *spb_nth_block(const struct zone *zone, unsigned long n)
{
	return rcu_dereference_raw(zone->spb_blocks)[n];
}

/* The block on whose lists page @pfn is when free, NULL for the zone's own. */
static inline struct spb_block *spb_block_of(const struct zone *zone,
					     unsigned long pfn)
{
	unsigned long offset = pfn - zone->spb_start;

	if (offset >= zone->spb_len)
		return NULL;
	return spb_nth_block(zone, offset >> SPB_ORDER);
}

/*
 * For what has one copy for a block's lists and one for the zone's own: each is to
 * be as good as if there were no other.
 */
#define __spb_inline	__always_inline

/*
 * What is better a function of its own: inlined, its operands are computed, and
 * registers spilled, for those as well who do not need it.
 */
#define __spb_outline	noinline

static inline struct free_area *spb_free_area(struct zone *zone, struct spb_block *block,
					      unsigned int order)
{
	return block ? &block->free_area[order] : &zone->free_area[order];
}

/* Where the pages on all lists of the order of @area are counted. */
static inline struct free_area *spb_counting_area(struct zone *zone, struct free_area *area,
						  unsigned int order)
{
	return &zone->free_area[order];
}

/*
 * @page went on the list of @order and @migratetype; @block may be NULL.
 * Movable pageblocks that are wholly free hold nothing that cannot move.
 */
static inline void spb_list_added(struct zone *zone, struct spb_block *block,
				  struct page *page, unsigned int order,
				  int migratetype)
{
	if (!block)
		return;
	zone->spb_nr_free[migratetype][order]++;
	if (unlikely(order >= block->top[migratetype]))
		__spb_advertise(zone, block, migratetype);
	if (order >= pageblock_order && is_migrate_movable(migratetype))
		__spb_clear_dirty(zone, page, order);
}

/* A page came off the list of @order and @migratetype; @block may be NULL. */
static inline void spb_list_removed(struct zone *zone, struct spb_block *block,
				    unsigned int order, int migratetype)
{
	if (block)
		zone->spb_nr_free[migratetype][order]--;
}

/*
 * A block's pages are counted once for each allocation or free, however many
 * lists that touches: a buddy lies within one block.
 */
static inline void spb_account_freed(struct zone *zone, struct spb_block *block,
				     unsigned int nr_pages, int migratetype)
{
	if (!block)
		return;
	block->nr_pages[migratetype] += nr_pages;
	block->nr_free += nr_pages;
	if (unlikely(block->nr_pages[migratetype] >= block->promote[migratetype]))
		__spb_advertise(zone, block, migratetype);
	if (unlikely(block->nr_free - block->level_lo >= block->level_span))
		__spb_classify(zone, block);
}

static inline void spb_account_taken(struct zone *zone, struct spb_block *block,
				     unsigned int nr_pages, int migratetype)
{
	if (!block)
		return;
	block->nr_pages[migratetype] -= nr_pages;
	block->nr_free -= nr_pages;
	if (unlikely(block->nr_free - block->level_lo >= block->level_span))
		__spb_classify(zone, block);
}

/* Free pages changed their type from @old to @new. */
static inline void spb_account_moved(struct zone *zone, struct spb_block *block,
				     unsigned int nr_pages, int old, int new)
{
	if (!block)
		return;
	block->nr_pages[old] -= nr_pages;
	block->nr_pages[new] += nr_pages;
	if (block->nr_pages[new] >= block->promote[new])
		__spb_advertise(zone, block, new);
}

/* Free pages of @order and @migratetype in blocks; readable without the lock. */
static inline unsigned long spb_nr_free(const struct zone *zone, unsigned int order,
					int migratetype)
{
	return READ_ONCE(zone->spb_nr_free[migratetype][order]);
}

/* Free pages that movable requests are to leave. Read without the lock. */
static inline unsigned long spb_withheld(const struct zone *zone)
{
	return READ_ONCE(zone->spb_withheld);
}

static inline bool spb_type_is_dirty(int migratetype)
{
	return migratetype == MIGRATE_UNMOVABLE ||
	       migratetype == MIGRATE_RECLAIMABLE ||
	       migratetype == MIGRATE_HIGHATOMIC;
}

/* The pageblock of @page gets @migratetype, or pages of that type. */
static inline void spb_set_content(struct page *page, unsigned int order,
				   int migratetype)
{
	struct zone *zone = page_zone(page);

	if (spb_attached(zone) && spb_type_is_dirty(migratetype))
		__spb_mark_dirty(zone, page, order);
}

/*
 * Whether pageblocks that became wholly free are to become movable: whatever
 * they held is gone, and a superpageblock without such pageblocks is clean.
 */
static inline bool spb_whole_free(const struct spb_block *block, unsigned int order,
				  int migratetype)
{
	if (likely(order < pageblock_order))
		return false;
	return migratetype != MIGRATE_MOVABLE && migratetype_is_mergeable(migratetype) &&
	       block;
}

bool spb_capture(struct zone *zone, struct page *page, unsigned int order,
		 int migratetype);
void spb_retype_free(struct zone *zone, struct page *page, unsigned int order,
		     int migratetype);
bool spb_same_lists(const struct zone *zone, const struct page *a, const struct page *b);
unsigned long spb_lists_span(const struct zone *zone, const struct page *page,
			     unsigned long *first);
struct free_area *spb_movable_area(struct zone *zone, unsigned int order);
u32 spb_block_orders(const struct spb_block *block, int migratetype);
void spb_set_range_content(struct zone *zone, unsigned long pfn, unsigned long end);
struct page *spb_alloc_contig(struct zonelist *zonelist, nodemask_t *nodemask,
			      unsigned long nr_pages, gfp_t gfp_mask,
			      bool skip_hugetlb, bool *skipped_hugetlb);
extern atomic_t spb_emptying;

/* Whether somebody is emptying a block: what others isolate there is in the way. */
static inline bool spb_is_emptying(void)
{
	return atomic_read(&spb_emptying);
}

unsigned long spb_block_pfn(const struct zone *zone, u32 block);
void spb_contig_stayed(struct compact_control *cc);
void spb_contig_failed(struct zone *zone, unsigned long pfn, unsigned long nr_pages);
void __init spb_boot_prepare(void);
void __init spb_boot_attach(void);

u32 spb_ask_before_taint(unsigned int order, u32 flags);
bool spb_make_room(const struct alloc_context *ac, gfp_t gfp_mask, unsigned int order,
		   u32 before);
bool spb_may_refuse(int nid);
void spb_refused(const struct alloc_context *ac, gfp_t gfp_mask, unsigned int order);

#else /* !CONFIG_SUPERPAGEBLOCK */

struct spb_block;

static inline bool spb_attached(const struct zone *zone)
{
	return false;
}

static inline struct spb_block *spb_block_of(const struct zone *zone,
					     unsigned long pfn)
{
	return NULL;
}

static inline struct free_area *spb_free_area(struct zone *zone, struct spb_block *block,
					      unsigned int order)
{
	return &zone->free_area[order];
}

/*
 * Macros, so that there is nothing here that the compiler could take into account
 * before it finds that these do nothing: the object code is that of before.
 */
#define __spb_inline	inline
#define __spb_outline	__always_inline
#define spb_counting_area(zone, area, order)					\
	((void)(zone), (void)(order), (area))
#define spb_withheld(zone)	((void)(zone), 0UL)
#define spb_list_added(zone, block, page, order, migratetype)			\
	((void)(zone), (void)(block), (void)(page), (void)(order), (void)(migratetype))
#define spb_list_removed(zone, block, order, migratetype)			\
	((void)(zone), (void)(block), (void)(order), (void)(migratetype))
#define spb_account_freed(zone, block, nr_pages, migratetype)			\
	((void)(zone), (void)(block), (void)(nr_pages), (void)(migratetype))
#define spb_account_taken(zone, block, nr_pages, migratetype)			\
	((void)(zone), (void)(block), (void)(nr_pages), (void)(migratetype))
#define spb_account_moved(zone, block, nr_pages, old, new)			\
	((void)(zone), (void)(block), (void)(nr_pages), (void)(old), (void)(new))

static inline void spb_set_content(struct page *page, unsigned int order,
				   int migratetype)
{
}

static inline bool spb_whole_free(const struct spb_block *block, unsigned int order,
				  int migratetype)
{
	return false;
}

static inline bool spb_capture(struct zone *zone, struct page *page,
			       unsigned int order, int migratetype)
{
	return true;
}

static inline bool spb_same_lists(const struct zone *zone, const struct page *a,
				  const struct page *b)
{
	return true;
}

static inline unsigned long spb_lists_span(const struct zone *zone,
					   const struct page *page,
					   unsigned long *first)
{
	*first = zone->zone_start_pfn;
	return zone->spanned_pages;
}

static inline struct free_area *spb_movable_area(struct zone *zone, unsigned int order)
{
	return &zone->free_area[order];
}

static inline void spb_set_range_content(struct zone *zone, unsigned long pfn,
					 unsigned long end)
{
}

static inline unsigned long spb_nr_free(const struct zone *zone, unsigned int order,
					int migratetype)
{
	return 0;
}

static inline struct page *spb_alloc_contig(struct zonelist *zonelist,
					    nodemask_t *nodemask,
					    unsigned long nr_pages, gfp_t gfp_mask,
					    bool skip_hugetlb, bool *skipped_hugetlb)
{
	return NULL;
}

static inline bool spb_is_emptying(void)
{
	return false;
}

static inline void spb_contig_stayed(struct compact_control *cc)
{
}

static inline void spb_contig_failed(struct zone *zone, unsigned long pfn,
				     unsigned long nr_pages)
{
}

static inline void spb_boot_prepare(void)
{
}

static inline void spb_boot_attach(void)
{
}

#endif /* CONFIG_SUPERPAGEBLOCK */

#endif /* _MM_SUPERPAGEBLOCK_BLOCK_H */

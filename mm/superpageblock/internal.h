/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the C files of mm/superpageblock and by nobody else. */
#ifndef _MM_SUPERPAGEBLOCK_INTERNAL_H
#define _MM_SUPERPAGEBLOCK_INTERNAL_H

#include <linux/memory_hotplug.h>
#include <linux/migrate_mode.h>
#include <linux/mm.h>
#include "block.h"

struct mutex;
struct seq_file;

extern const struct spb_policy_ops __rcu *spb_policy_ops;
extern struct mutex spb_policy_mutex;
extern struct spb_limits spb_limits;

/* What a walk over the pages of a block found, in pages. */
struct spb_survey {
	u32 present;
	u32 reserved;
};

/* Whether a page can move; the larger, the worse. */
enum spb_stay {
	SPB_MOVES,
	SPB_SUSPECT,
	SPB_STAYS,
};

/* prepare.c */
unsigned long spb_zone_start(const struct zone *zone);
unsigned long spb_zone_nr_blocks(const struct zone *zone);
void spb_block_init(struct spb_block *block, u32 id);
int spb_prepare_zone(struct zone *zone, const struct spb_policy_ops *ops);
void spb_unprepare_zone(struct zone *zone);

/* survey.c */
struct spb_survey spb_survey_block(struct zone *zone, unsigned long start);
void spb_announce_block(struct zone *zone, struct spb_block *block,
			struct spb_survey found, bool growing);
enum spb_stay spb_page_stays(struct zone *zone, struct page *page, unsigned long *step);
unsigned long spb_free_range(struct page *page);
unsigned long spb_skip_free(struct zone *zone, unsigned long pfn);
void spb_recount_range(struct zone *zone, unsigned long pfn, unsigned long end);
unsigned long spb_recount_zone(struct zone *zone);

/* attach.c */
bool spb_prepared(const struct zone *zone);
int spb_attach_zone(struct zone *zone);
void spb_detach_zone(struct zone *zone);
unsigned int spb_count_tainted(struct zone *zone);
u64 spb_longest_step(void);

/* core.c */
struct spb_block *spb_planned_block(struct zone *zone, unsigned int order,
				    int migratetype, u32 flags);

/* Whether it was worth while. */
static inline bool spb_evacuation_paid(const struct spb_evacuated *result)
{
	return result->moved > result->left;
}

/* What can be moved besides small anonymous pages. */
struct spb_reach {
	/* Folios as large as a pageblock: not split, for that undoes what they are good for. */
	bool whole;
	/* Files. Not where file systems must not be called. */
	bool files;
};

/* Whether the pageblock that starts at @page is one folio that may be movable. */
static inline bool spb_is_whole(struct page *page)
{
	return PageHead(page) && PageLRU(page) && compound_order(page) == pageblock_order;
}

/* candidates.c */
struct spb_block *spb_evacuate_first(struct zone *zone, bool low, u64 *key);
bool spb_evacuate_again(struct zone *zone, struct spb_block *block);
bool spb_best_pageblock(struct zone *zone, struct spb_block *block, struct spb_reach reach,
			unsigned long *best, bool *out_of_reach);
u32 spb_nr_movable(struct zone *zone, unsigned long pfn, struct spb_reach reach);

/* evacuate.c */
struct spb_evacuated spb_evacuate_block(struct zone *zone, struct spb_block *block,
					gfp_t gfp_mask, enum migrate_mode mode);

/* letgo.c */
#ifdef CONFIG_BLOCK
bool spb_let_go(struct list_head *list, gfp_t gfp_mask);
bool spb_have_written_back(gfp_t gfp_mask);
void spb_forget_keeper(void);
#else
static inline bool spb_let_go(struct list_head *list, gfp_t gfp_mask)
{
	return false;
}

static inline bool spb_have_written_back(gfp_t gfp_mask)
{
	return false;
}

static inline void spb_forget_keeper(void)
{
}
#endif

/* room.c */
void spb_count_evacuated(const struct spb_evacuated *result);
void spb_count_pass(void);
void spb_room_start(void);
void spb_room_stop(void);
void spb_room_show(struct seq_file *m);

/* worker.c */
void spb_want_room(struct zone *zone);
void spb_want_room_for_refused(struct zone *zone);
void spb_workers_start(const struct spb_policy_ops *ops);
void spb_workers_stop(const struct spb_policy_ops *ops);

/* verify.c */
u64 spb_verify_zone(struct zone *zone, struct seq_file *m);

/*
 * The page at @pfn if it is of @zone, else NULL. A hole at the edge has pages
 * that name the zone although it does not span them.
 */
static inline struct page *spb_zone_page(const struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || page_zone(page) != zone || !zone_spans_pfn(zone, pfn))
		return NULL;
	return page;
}

/* The policy of a zone that is attached or on its way there, and locked. */
static inline const struct spb_policy_ops *spb_locked_ops(struct zone *zone)
{
	return rcu_dereference_protected(spb_policy_ops, lockdep_is_held(&zone->lock));
}

/* Plans that were made are not good any more; see spb_plan_for(). */
static inline void spb_forget_plans(struct zone *zone)
{
	zone->spb_generation += SPB_GENERATION;
}

/* Length of the attached part, for those who look at its blocks then. */
static inline unsigned long spb_len_acquire(const struct zone *zone)
{
	/* Pairs with spb_advance(): the array is there before its length. */
	return smp_load_acquire(&zone->spb_len);
}

/*
 * Block @n of a zone of which all or part is attached, NULL if there is none.
 * For walks that do not hold zone->lock: blocks stay, although they may be
 * detached at any time.
 */
static inline struct spb_block *spb_find_block(const struct zone *zone, unsigned long n)
{
	guard(rcu)();
	if (n >= DIV_ROUND_UP(spb_len_acquire(zone), SPB_NR_PAGES))
		return NULL;
	return spb_nth_block(zone, n);
}

/* Blocks that are attached, without one that is about to be. */
static inline unsigned long spb_nr_attached(const struct zone *zone)
{
	return spb_len_acquire(zone) >> SPB_ORDER;
}

static inline bool spb_block_tainted(const struct spb_block *block)
{
	return block->nr_dirty || block->nr_reserved;
}

/* Pageblocks in a block; the last one may be shorter than the others. */
static inline unsigned long spb_nr_pageblocks(void)
{
	return DIV_ROUND_UP(SPB_NR_PAGES, pageblock_nr_pages);
}

static inline unsigned long spb_pageblock_index(unsigned long pfn)
{
	return (pfn & (SPB_NR_PAGES - 1)) >> pageblock_order;
}

/* What the policy has on file must never be lower than the truth. */
static inline void spb_check_block(const struct spb_block *block, int migratetype)
{
	if (!IS_ENABLED(CONFIG_SUPERPAGEBLOCK_DEBUG))
		return;
	WARN_ONCE(fls(spb_block_orders(block, migratetype)) > block->top[migratetype],
		  "superpageblock %u: type %d has order mask %#x, on file are %u orders\n",
		  block->id, migratetype, spb_block_orders(block, migratetype),
		  block->top[migratetype]);
}

#endif /* _MM_SUPERPAGEBLOCK_INTERNAL_H */

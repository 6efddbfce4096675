/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the C files of mm/superpageblock and by nobody else. */
#ifndef _MM_SUPERPAGEBLOCK_INTERNAL_H
#define _MM_SUPERPAGEBLOCK_INTERNAL_H

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include "block.h"

struct seq_file;

extern const struct spb_policy_ops *spb_policy_ops;

/* attach.c */
int spb_prepare_zone(struct zone *zone);
bool spb_prepared(const struct zone *zone);
int spb_attach_zone(struct zone *zone);
void spb_recount_reserved(struct zone *zone);
unsigned int spb_count_tainted(struct zone *zone);

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
	WARN_ONCE(block->orders[migratetype] &&
		  fls(block->orders[migratetype]) > fls(block->top[migratetype]),
		  "superpageblock %u: type %d has order mask %#x, on file is %#x\n",
		  block->id, migratetype, block->orders[migratetype],
		  block->top[migratetype]);
}

#endif /* _MM_SUPERPAGEBLOCK_INTERNAL_H */

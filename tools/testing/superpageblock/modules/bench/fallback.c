// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to take pages of a type that has no free ones left?
 */

#include <linux/mm.h>
#include <linux/pageblock-flags.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>
#include "bench.h"

/* Free pages of a zone that are left, beside those for the row: far above watermarks. */
#define SPB_BENCH_SPARE		(SZ_256M / PAGE_SIZE)

/*
 * Take wholly free pageblocks until there are no more or a zone has less than
 * @spare free pages; returns how many.
 */
static unsigned long spb_bench_take_blocks(struct page **pages, unsigned long most,
					   unsigned long spare)
{
	unsigned long held = 0;

	while (held < most) {
		pages[held] = alloc_pages(SPB_BENCH_MOVABLE, pageblock_order);
		if (!pages[held])
			break;
		if (zone_page_state(page_zone(pages[held++]), NR_FREE_PAGES) < spare)
			break;
	}
	return held;
}

/* Take what the type has, then measure as many again. */
static int spb_bench_take_twice(const struct spb_bench_row *row,
				struct spb_bench_result *result)
{
	struct page **pages = spb_bench_pages + row->count;
	u64 alloc, own;
	int error;

	error = spb_bench_take(row, spb_bench_pages, row->count, &own);
	if (error)
		return error;

	error = spb_bench_take(row, pages, row->count, &alloc);
	if (!error) {
		spb_bench_add(&result->alloc, row->count, alloc);
		spb_bench_add(&result->free, row->count,
			      spb_bench_free(row, pages, row->count));
	}
	spb_bench_release(row->order, spb_bench_pages, row->count);
	return error;
}

/**
 * spb_bench_fallback() - take pages of a type after those it had
 * @row: which and how many
 * @result: what it cost
 *
 * Where memory is fragmented there are few pageblocks that could be had whole;
 * most of those are taken before. Once only: what was taken from another type
 * may stay with this one.
 *
 * Return: 0, or -ENOMEM.
 */
int spb_bench_fallback(const struct spb_bench_row *row,
		       struct spb_bench_result *result)
{
	struct page **blocks = spb_bench_pages + 2 * row->count;
	unsigned long spare = SPB_BENCH_SPARE + (2 * row->count << row->order);
	unsigned long held;
	int error;

	held = spb_bench_take_blocks(blocks, spb_bench_capacity - 2 * row->count, spare);
	error = spb_bench_take_twice(row, result);
	spb_bench_release(pageblock_order, blocks, held);
	return error;
}

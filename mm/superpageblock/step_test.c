// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: how long does moving one pageblock lock a zone?
 *
 * That is the longest step the allocator has without superpageblocks, and the
 * measure for the longest step of attaching a policy to a machine in use.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/clock.h>
#include "../internal.h"
#include "internal.h"

#define SPB_STEP_ROUNDS		20

/* Free every other page of @page, so that the others keep them apart. */
static void spb_perforate(struct page *page)
{
	unsigned int i;

	split_page(page, pageblock_order);
	for (i = 0; i < pageblock_nr_pages; i += 2)
		__free_page(page + i);
	drain_all_pages(page_zone(page));
}

static void spb_free_rest(struct page *page)
{
	unsigned int i;

	for (i = 1; i < pageblock_nr_pages; i += 2)
		__free_page(page + i);
}

/* Nanoseconds that moving the free pages of a pageblock takes. */
static u64 spb_time_move(struct page *page)
{
	struct zone *zone = page_zone(page);
	u64 start, end;

	guard(spinlock_irqsave)(&zone->lock);
	start = local_clock();
	pageblock_isolate_and_move_free_pages(zone, page);
	end = local_clock();
	pageblock_unisolate_and_move_free_pages(zone, page);
	return end - start;
}

static void spb_moving_a_pageblock(struct kunit *test)
{
	unsigned int round, order = pageblock_order;
	struct page *page = alloc_pages(GFP_KERNEL, order);
	unsigned long before;
	u64 shortest = U64_MAX;

	if (!page)
		kunit_skip(test, "no free pageblock");
	before = page_zone(page)->nr_isolate_pageblock;
	spb_perforate(page);
	/* What interrupts the machine itself makes single rounds longer. */
	for (round = 0; round < SPB_STEP_ROUNDS; round++)
		shortest = min(shortest, spb_time_move(page));
	spb_free_rest(page);
	KUNIT_EXPECT_EQ(test, page_zone(page)->nr_isolate_pageblock, before);
	KUNIT_EXPECT_GT(test, shortest, 0);
	kunit_info(test, "moving half a pageblock of single pages: %llu ns", shortest);
}

static struct kunit_case spb_step_cases[] = {
	KUNIT_CASE(spb_moving_a_pageblock),
	{}
};

static struct kunit_suite spb_step_suite = {
	.name = "superpageblock_step",
	.test_cases = spb_step_cases,
};

kunit_test_suite(spb_step_suite);

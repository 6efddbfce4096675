// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to work where something changes with every page?
 *
 * Stock has no gigabytes to fill; it does the same operations, to compare with.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>
#include "bench.h"

/* Share of free memory that may be held, as a divisor of what stays free. */
#define SPB_BENCH_SPARED	4

/* Pages in a row from one gigabyte before its end is believed. */
#define SPB_BENCH_RUN		16

/* A gigabyte changes its rank with every sixteenth; two steps to a pageblock. */
#define SPB_BENCH_STEP_ORDER	8
#define SPB_BENCH_STEPS		(SZ_1G / 16 / (PAGE_SIZE << SPB_BENCH_STEP_ORDER))

/* Pages that are given back one by one: of order 4, up to 128 single ones. */
#define SPB_BENCH_FEW		8

static unsigned long spb_bench_gigabyte(const struct page *page)
{
	return page_to_pfn(page) >> (30 - PAGE_SHIFT);
}

static unsigned long spb_bench_most(unsigned int order)
{
	unsigned long free = global_zone_page_state(NR_FREE_PAGES);

	return min((free - free / SPB_BENCH_SPARED) >> order, spb_bench_capacity);
}

/*
 * Take pages until one comes from another gigabyte than @least before it, which
 * thus has no more. Returns the number of pages taken, 0 if there is no such
 * place; the last one is that from elsewhere.
 */
static unsigned long spb_bench_exhaust(const struct spb_bench_row *row,
				       unsigned long least)
{
	unsigned long run = 0, held = 0, most = spb_bench_most(row->order);
	struct page **pages = spb_bench_pages;

	while (held < most) {
		pages[held] = alloc_pages(row->gfp, row->order);
		if (!pages[held])
			break;
		held++;
		run++;
		if (held == 1 || spb_bench_gigabyte(pages[held - 2]) ==
				 spb_bench_gigabyte(pages[held - 1]))
			continue;
		if (run > least)
			return held;
		run = 1;
		cond_resched();
	}
	spb_bench_release(row->order, pages, held);
	return 0;
}

/* Free and take @pages over and over; 0, or -ENOMEM and they are gone. */
static int spb_bench_alternate(const struct spb_bench_row *row, struct page **pages,
			       struct spb_bench_result *result)
{
	u64 alloc = 0, free = 0, ticks;
	unsigned long done;
	int error = 0;

	for (done = 0; !error && done < row->count; done += row->batch) {
		free += spb_bench_free(row, pages, row->batch);
		error = spb_bench_take(row, pages, row->batch, &ticks);
		alloc += ticks;
	}
	if (error)
		return error;
	spb_bench_add(&result->alloc, done, alloc);
	spb_bench_add(&result->free, done, free);
	return 0;
}

/* The dearest of several places. */
static void spb_bench_worst(struct spb_bench_result *worst,
			    const struct spb_bench_result *here)
{
	if (here->alloc.min > worst->alloc.min)
		worst->alloc = here->alloc;
	if (here->free.min > worst->free.min)
		worst->free = here->free;
}

/* Alternate at one place, as often as the row says. */
static int spb_bench_place(const struct spb_bench_row *row, struct page **pages,
			   struct spb_bench_result *worst)
{
	struct spb_bench_result here = {};
	unsigned int rep;
	int error = 0;

	for (rep = 0; !error && rep < row->reps; rep++)
		error = spb_bench_alternate(row, pages, &here);
	if (!error)
		spb_bench_worst(worst, &here);
	return error;
}

/**
 * spb_bench_last_page() - free and take the last page of a list
 * @row: which and how often
 * @result: what it cost
 *
 * Return: 0, -ENOMEM, or -ENODATA if no gigabyte could be emptied.
 */
int spb_bench_last_page(const struct spb_bench_row *row,
			struct spb_bench_result *result)
{
	unsigned long held = spb_bench_exhaust(row, SPB_BENCH_RUN);
	struct page **last;
	int error;

	if (!held)
		return -ENODATA;
	last = spb_bench_pages + held - 2;
	error = spb_bench_place(row, last, result);
	if (error)
		*last = spb_bench_pages[--held];
	spb_bench_release(row->order, spb_bench_pages, held);
	return error;
}

/**
 * spb_bench_last_batch() - free and take the last pages of a gigabyte
 * @row: which and how many
 * @result: what it cost
 *
 * For pages that go through the per-CPU lists: more than these keep.
 *
 * Return: 0, -ENOMEM, or -ENODATA if no gigabyte could be emptied.
 */
int spb_bench_last_batch(const struct spb_bench_row *row,
			 struct spb_bench_result *result)
{
	unsigned long held = spb_bench_exhaust(row, row->count), first;
	struct page **pages;
	u64 alloc, free;
	unsigned int rep;
	int error = 0;

	if (!held)
		return -ENODATA;
	first = held - 1 - row->count;
	pages = spb_bench_pages + first;
	for (rep = 0; !error && rep <= row->reps; rep++) {
		free = spb_bench_free(row, pages, row->count);
		error = spb_bench_take(row, pages, row->count, &alloc);
		if (error || !rep)
			continue;
		spb_bench_add(&result->alloc, row->count, alloc);
		spb_bench_add(&result->free, row->count, free);
	}
	spb_bench_release(row->order, spb_bench_pages + held - 1, 1);
	spb_bench_release(row->order, spb_bench_pages, error ? first : held - 1);
	return error;
}

/**
 * spb_bench_few_left() - free and take a page of a gigabyte that has few
 * @row: which and how often
 * @result: what it cost where it costs most
 *
 * Gives every other of the last pages back, so that they do not merge, and
 * alternates after each. Somewhere a gigabyte that has next to nothing left
 * becomes one that is worth trying.
 *
 * Return: 0, -ENOMEM, or -ENODATA if no gigabyte could be emptied.
 */
int spb_bench_few_left(const struct spb_bench_row *row,
		       struct spb_bench_result *result)
{
	unsigned long held = spb_bench_exhaust(row, SPB_BENCH_RUN), few;
	struct page **page;
	int error = 0;

	if (!held)
		return -ENODATA;
	for (few = 0; !error && few < SPB_BENCH_FEW; few++) {
		page = spb_bench_pages + held - 2 - 2 * few;
		error = spb_bench_place(row, page, result);
		if (!error)
			spb_bench_release(row->order, page, 1);
		*page = NULL;
	}
	spb_bench_release(row->order, spb_bench_pages, held);
	return error;
}

/**
 * spb_bench_filling() - take and free pages while a gigabyte fills up
 * @row: which and how often
 * @result: what it cost where it costs most
 *
 * The gigabyte fills by a sixteenth, in steps of half a pageblock. Somewhere
 * its rank changes. One more page than are given back is held: its buddy would
 * merge with it and be split again each time, at some places and not at others.
 *
 * Return: 0, or -ENOMEM.
 */
int spb_bench_filling(const struct spb_bench_row *row,
		      struct spb_bench_result *result)
{
	struct spb_bench_row step = { .gfp = row->gfp, .order = SPB_BENCH_STEP_ORDER };
	struct page **pages = spb_bench_pages + SPB_BENCH_STEPS;
	unsigned long steps;
	int error = 0;
	u64 ticks;

	for (steps = 0; steps < SPB_BENCH_STEPS; steps++) {
		error = spb_bench_take(row, pages, row->batch + 1, &ticks);
		if (error)
			break;
		error = spb_bench_place(row, pages, result);
		if (error) {
			spb_bench_release(row->order, pages + row->batch, 1);
			break;
		}
		spb_bench_release(row->order, pages, row->batch + 1);
		error = spb_bench_take(&step, spb_bench_pages + steps, 1, &ticks);
		if (error)
			break;
	}
	spb_bench_release(step.order, spb_bench_pages, steps);
	return error;
}

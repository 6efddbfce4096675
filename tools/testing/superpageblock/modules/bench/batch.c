// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to take many pages and to give them back?
 *
 * Bulk, repeat and random are what is known by these names from the benchmark
 * of the LLFree allocator.
 */

#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include "bench.h"

#define SPB_BENCH_SEED		42

/**
 * spb_bench_add() - add a repetition
 * @cost: what it is added to
 * @ops: its operations, the same number each time
 * @ticks: what they took
 */
void spb_bench_add(struct spb_bench_cost *cost, u64 ops, u64 ticks)
{
	if (!cost->reps || ticks < cost->min)
		cost->min = ticks;
	cost->ops = ops;
	cost->total += ticks;
	cost->reps++;
}

/**
 * spb_bench_alloc() - measure allocating
 * @row: which pages
 * @pages: where they go; NULL where there were none
 * @count: how many
 *
 * Return: ticks.
 */
u64 spb_bench_alloc(const struct spb_bench_row *row, struct page **pages,
		    unsigned long count)
{
	unsigned int order = row->order;
	unsigned long i, flags;
	gfp_t gfp = row->gfp;
	u64 start, ticks;

	local_irq_save(flags);
	spb_bench_mark(SPB_BENCH_MARK_ALLOC);
	start = spb_bench_now();
	for (i = 0; i < count; i++)
		pages[i] = alloc_pages(gfp, order);
	ticks = spb_bench_since(start);
	spb_bench_mark(SPB_BENCH_MARK_END);
	local_irq_restore(flags);
	return ticks;
}

/**
 * spb_bench_free() - measure freeing
 * @row: which pages
 * @pages: first of them
 * @count: how many
 *
 * Return: ticks.
 */
u64 spb_bench_free(const struct spb_bench_row *row, struct page **pages,
		   unsigned long count)
{
	unsigned int order = row->order;
	unsigned long i, flags;
	u64 start, ticks;

	local_irq_save(flags);
	spb_bench_mark(SPB_BENCH_MARK_FREE);
	start = spb_bench_now();
	for (i = 0; i < count; i++)
		__free_pages(pages[i], order);
	ticks = spb_bench_since(start);
	spb_bench_mark(SPB_BENCH_MARK_END);
	local_irq_restore(flags);
	return ticks;
}

/**
 * spb_bench_release() - free pages without measuring it
 * @order: their order
 * @pages: first of them; NULL where there is none
 * @count: how many
 */
void spb_bench_release(unsigned int order, struct page **pages, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (pages[i])
			__free_pages(pages[i], order);
}

/**
 * spb_bench_take() - measure allocating, all or nothing
 * @row: which pages
 * @pages: where they go
 * @count: how many
 * @ticks: what it took
 *
 * Return: 0, or -ENOMEM and nothing is held.
 */
int spb_bench_take(const struct spb_bench_row *row, struct page **pages,
		   unsigned long count, u64 *ticks)
{
	unsigned long i, got = 0;

	*ticks = spb_bench_alloc(row, pages, count);
	for (i = 0; i < count; i++)
		got += !!pages[i];
	if (got == count)
		return 0;

	spb_bench_release(row->order, pages, count);
	return -ENOMEM;
}

/**
 * spb_bench_batch() - take pages, give them back in the order they came
 * @row: which and how many
 * @result: what it cost
 *
 * The first repetition brings the per-CPU lists into the state that the others
 * find, and does not count.
 *
 * Return: 0, or -ENOMEM.
 */
int spb_bench_batch(const struct spb_bench_row *row,
		    struct spb_bench_result *result)
{
	u64 alloc, free;
	unsigned int rep;
	int error;

	for (rep = 0; rep <= row->reps; rep++) {
		error = spb_bench_take(row, spb_bench_pages, row->count, &alloc);
		if (error)
			return error;
		free = spb_bench_free(row, spb_bench_pages, row->count);
		if (rep) {
			spb_bench_add(&result->alloc, row->count, alloc);
			spb_bench_add(&result->free, row->count, free);
		}
		cond_resched();
	}
	return 0;
}

static u64 spb_bench_pairs(const struct spb_bench_row *row, bool *complete)
{
	unsigned int order = row->order;
	unsigned long i, flags;
	gfp_t gfp = row->gfp;
	struct page *page;
	u64 start, ticks;

	local_irq_save(flags);
	spb_bench_mark(SPB_BENCH_MARK_PAIR);
	start = spb_bench_now();
	for (i = 0; i < row->count; i++) {
		page = alloc_pages(gfp, order);
		if (!page)
			break;
		__free_pages(page, order);
	}
	ticks = spb_bench_since(start);
	spb_bench_mark(SPB_BENCH_MARK_END);
	local_irq_restore(flags);
	*complete = i == row->count;
	return ticks;
}

/**
 * spb_bench_repeat() - take a page and give it back, over and over
 * @row: which and how often
 * @result: what it cost
 *
 * Return: 0, or -ENOMEM.
 */
int spb_bench_repeat(const struct spb_bench_row *row,
		     struct spb_bench_result *result)
{
	unsigned int rep;
	bool complete;
	u64 ticks;

	for (rep = 0; rep <= row->reps; rep++) {
		ticks = spb_bench_pairs(row, &complete);
		if (!complete)
			return -ENOMEM;
		if (rep)
			spb_bench_add(&result->pair, row->count, ticks);
	}
	return 0;
}

static void spb_bench_shuffle(struct page **pages, unsigned long count,
			      struct rnd_state *state)
{
	unsigned long i, other;

	for (i = count - 1; i; i--) {
		other = prandom_u32_state(state) % (i + 1);
		swap(pages[i], pages[other]);
	}
}

/**
 * spb_bench_random() - hold many pages, give half of them back and take them again
 * @row: which and how many
 * @result: what it cost
 *
 * The pages go in random order, the same in each run.
 *
 * Return: 0, or -ENOMEM.
 */
int spb_bench_random(const struct spb_bench_row *row,
		     struct spb_bench_result *result)
{
	unsigned long half = row->count / 2;
	struct page **rest = spb_bench_pages + half;
	struct rnd_state state;
	u64 alloc, free;
	unsigned int rep;
	int error;

	prandom_seed_state(&state, SPB_BENCH_SEED);
	error = spb_bench_take(row, spb_bench_pages, row->count, &alloc);
	for (rep = 0; !error && rep <= row->reps; rep++) {
		spb_bench_shuffle(spb_bench_pages, row->count, &state);
		free = spb_bench_free(row, spb_bench_pages, half);
		error = spb_bench_take(row, spb_bench_pages, half, &alloc);
		if (error)
			spb_bench_free(row, rest, row->count - half);
		if (error || !rep)
			continue;
		spb_bench_add(&result->alloc, half, alloc);
		spb_bench_add(&result->free, half, free);
	}
	if (!error)
		spb_bench_free(row, spb_bench_pages, row->count);
	return error;
}

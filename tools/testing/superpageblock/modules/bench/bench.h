/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is a row of the benchmark, and what comes out of it?
 */
#ifndef _SPB_BENCH_H
#define _SPB_BENCH_H

#include <linux/gfp.h>
#include <linux/types.h>
#ifndef CONFIG_UML
#include <asm/tsc.h>
#endif

/*
 * Interrupts are off while a row is measured, so a request must not sleep. It
 * still takes the path of one that may: what it lacks is looked at only when
 * the first attempt has failed, and a row ends there.
 */
#define SPB_BENCH_NOWAIT(gfp)	(((gfp) & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN)
#define SPB_BENCH_UNMOVABLE	SPB_BENCH_NOWAIT(GFP_KERNEL)
#define SPB_BENCH_RECLAIMABLE	SPB_BENCH_NOWAIT(GFP_KERNEL | __GFP_RECLAIMABLE)
#define SPB_BENCH_MOVABLE	SPB_BENCH_NOWAIT(GFP_HIGHUSER_MOVABLE)

/**
 * struct spb_bench_cost - ticks of one kind of operation
 * @ops: operations in a repetition
 * @reps: repetitions
 * @min: ticks of the cheapest repetition
 * @total: ticks of all of them
 */
struct spb_bench_cost {
	u64 ops;
	u64 reps;
	u64 min;
	u64 total;
};

/**
 * struct spb_bench_result - what a row has measured; what has no @ops was not
 * @alloc: allocating
 * @free: freeing
 * @pair: freeing what was just allocated, together with allocating it
 */
struct spb_bench_result {
	struct spb_bench_cost alloc;
	struct spb_bench_cost free;
	struct spb_bench_cost pair;
};

/**
 * struct spb_bench_row - something to measure
 * @class: directory of its file
 * @name: name of its file
 * @run: how it is measured; 0 or a negative error
 * @gfp: what is asked for
 * @order: size of what is asked for
 * @count: operations in a repetition
 * @reps: repetitions
 * @batch: operations before their opposite, where these alternate
 */
struct spb_bench_row {
	const char *class;
	const char *name;
	int (*run)(const struct spb_bench_row *row, struct spb_bench_result *result);
	gfp_t gfp;
	unsigned int order;
	unsigned long count;
	unsigned int reps;
	unsigned int batch;
};

/* Ends with a row without name; rows of a class are next to each other. */
extern const struct spb_bench_row spb_bench_rows[];

/* Room for what rows hold; one row runs at a time. */
extern struct page **spb_bench_pages;
extern unsigned long spb_bench_capacity;

/* Ticks that a look at the clock takes. */
extern u64 spb_bench_overhead;

static __always_inline u64 spb_bench_now(void)
{
#ifdef CONFIG_UML
	u32 low, high;

	asm volatile("lfence\n\trdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
#else
	return rdtsc_ordered();
#endif
}

/* Ticks since @start, less those of looking at the clock. */
static __always_inline u64 spb_bench_since(u64 start)
{
	return spb_bench_now() - start - spb_bench_overhead;
}

/*
 * Windows for a machine that watches what is executed, see ../../plugin: its
 * mark is an instruction that does nothing. They enclose the clock, so that
 * ticks do not depend on them.
 */
#define SPB_BENCH_MARK_ALLOC	1
#define SPB_BENCH_MARK_FREE	2
#define SPB_BENCH_MARK_PAIR	3
#define SPB_BENCH_MARK_END	10

static __always_inline void spb_bench_mark(const int kind)
{
	asm volatile("nopl %c0(%%rax)" : : "i" (0x53504200 + kind) : "memory");
}

void spb_bench_calibrate(void);
u64 spb_bench_ticks_per_million(void);

void spb_bench_add(struct spb_bench_cost *cost, u64 ops, u64 ticks);
u64 spb_bench_alloc(const struct spb_bench_row *row, struct page **pages,
		    unsigned long count);
u64 spb_bench_free(const struct spb_bench_row *row, struct page **pages,
		   unsigned long count);
void spb_bench_release(unsigned int order, struct page **pages, unsigned long count);
int spb_bench_take(const struct spb_bench_row *row, struct page **pages,
		   unsigned long count, u64 *ticks);

int spb_bench_batch(const struct spb_bench_row *row,
		    struct spb_bench_result *result);
int spb_bench_repeat(const struct spb_bench_row *row,
		     struct spb_bench_result *result);
int spb_bench_random(const struct spb_bench_row *row,
		     struct spb_bench_result *result);
int spb_bench_last_page(const struct spb_bench_row *row,
			struct spb_bench_result *result);
int spb_bench_last_batch(const struct spb_bench_row *row,
			 struct spb_bench_result *result);
int spb_bench_few_left(const struct spb_bench_row *row,
		       struct spb_bench_result *result);
int spb_bench_filling(const struct spb_bench_row *row,
		      struct spb_bench_result *result);
int spb_bench_fallback(const struct spb_bench_row *row,
		       struct spb_bench_result *result);

#endif /* _SPB_BENCH_H */

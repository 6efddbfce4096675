// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is measured?
 *
 * Counts suit the guest that this is made for: 4 GB, and per-CPU lists that
 * keep two thousand pages (vm.percpu_pagelist_high_fraction).
 */

#include <linux/sizes.h>
#include "bench.h"

#define SPB_BENCH_GIGABYTE	(SZ_1G / PAGE_SIZE)

#define EDGE(class_, name_, run_, gfp_, order_, count_, reps_, batch_)		\
	{									\
		.class = (class_), .name = (name_), .run = (run_),		\
		.gfp = (gfp_), .order = (order_), .count = (count_),		\
		.reps = (reps_), .batch = (batch_),				\
	}
#define ROW(class_, name_, run_, gfp_, order_, count_, reps_)			\
	EDGE(class_, name_, run_, gfp_, order_, count_, reps_, 0)

const struct spb_bench_row spb_bench_rows[] = {
	ROW("percpu", "order0-movable", spb_bench_batch, SPB_BENCH_MOVABLE, 0, 32, 9),
	ROW("percpu", "order0-unmovable", spb_bench_batch, SPB_BENCH_UNMOVABLE, 0, 32, 9),
	ROW("percpu", "repeat", spb_bench_repeat, SPB_BENCH_MOVABLE, 0, 10000, 5),

	ROW("bulk", "10000-movable", spb_bench_batch, SPB_BENCH_MOVABLE, 0, 10000, 9),
	ROW("bulk", "10000-unmovable", spb_bench_batch, SPB_BENCH_UNMOVABLE, 0, 10000, 9),
	ROW("bulk", "gigabyte", spb_bench_batch, SPB_BENCH_MOVABLE, 0,
	    SPB_BENCH_GIGABYTE, 1),
	ROW("bulk", "random", spb_bench_random, SPB_BENCH_MOVABLE, 0,
	    SPB_BENCH_GIGABYTE, 1),

	ROW("high", "order2", spb_bench_batch, SPB_BENCH_UNMOVABLE, 2, 2000, 9),
	ROW("high", "order3", spb_bench_batch, SPB_BENCH_UNMOVABLE, 3, 1000, 9),
	ROW("high", "order4", spb_bench_batch, SPB_BENCH_UNMOVABLE, 4, 500, 9),
	ROW("high", "order4-movable", spb_bench_batch, SPB_BENCH_MOVABLE, 4, 500, 9),
	ROW("high", "order9", spb_bench_batch, SPB_BENCH_MOVABLE, 9, 64, 9),
	ROW("high", "order10", spb_bench_batch, SPB_BENCH_MOVABLE, 10, 32, 9),

	EDGE("edges", "last-order4", spb_bench_last_page, SPB_BENCH_MOVABLE,
	     4, 64, 3, 1),
	EDGE("edges", "last-order10", spb_bench_last_page, SPB_BENCH_MOVABLE,
	     10, 64, 3, 1),
	ROW("edges", "last-order0", spb_bench_last_batch, SPB_BENCH_MOVABLE, 0, 4000, 3),
	EDGE("edges", "few-left", spb_bench_few_left, SPB_BENCH_MOVABLE,
	     4, 64, 3, 1),
	EDGE("edges", "filling-order4", spb_bench_filling, SPB_BENCH_MOVABLE,
	     4, 64, 3, 1),
	EDGE("edges", "filling-order10", spb_bench_filling, SPB_BENCH_MOVABLE,
	     10, 64, 3, 1),
	/* A rank has slack: this goes further than that at once. */
	EDGE("edges", "filling-far", spb_bench_filling, SPB_BENCH_MOVABLE,
	     10, 16, 3, 4),

	ROW("fallback", "unmovable", spb_bench_fallback, SPB_BENCH_UNMOVABLE, 0,
	    20000, 1),
	ROW("fallback", "reclaimable", spb_bench_fallback, SPB_BENCH_RECLAIMABLE, 0,
	    20000, 1),
	ROW("fallback", "unmovable-order3", spb_bench_fallback, SPB_BENCH_UNMOVABLE, 3,
	    2000, 1),
	{}
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is a tick of the clock worth?
 *
 * A machine that counts instructions, as QEMU does with -icount shift=0, has a
 * tick for each.
 */

#include <linux/irqflags.h>
#include <linux/minmax.h>
#include "bench.h"

#define SPB_BENCH_TRIES		16
#define SPB_BENCH_LOOPS		1000000

u64 spb_bench_overhead;

/**
 * spb_bench_calibrate() - find out what a look at the clock takes
 */
void spb_bench_calibrate(void)
{
	unsigned long flags;
	u64 start, least = U64_MAX;
	int i;

	local_irq_save(flags);
	for (i = 0; i < SPB_BENCH_TRIES; i++) {
		start = spb_bench_now();
		least = min(least, spb_bench_now() - start);
	}
	local_irq_restore(flags);
	spb_bench_overhead = least;
}

/**
 * spb_bench_ticks_per_million() - measure a loop whose length is known
 *
 * Return: ticks of a million instructions.
 */
u64 spb_bench_ticks_per_million(void)
{
	unsigned long flags, left = SPB_BENCH_LOOPS;
	u64 start, ticks;

	local_irq_save(flags);
	start = spb_bench_now();
	/* Two instructions each time. */
	asm volatile("1: dec %0\n\t"
		     "jnz 1b"
		     : "+r" (left) : : "cc");
	ticks = spb_bench_since(start);
	local_irq_restore(flags);
	return ticks / (2 * SPB_BENCH_LOOPS / 1000000);
}

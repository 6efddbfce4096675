// SPDX-License-Identifier: GPL-2.0-only
/*
 * How is a row measured from outside?
 *
 * Each row is a file, /sys/kernel/debug/spb_bench/<class>/<row>. Reading it does
 * the work and gives a line for each kind of operation: its name, operations in
 * a repetition, repetitions, ticks of the cheapest repetition and of all. The
 * file "scale" gives the ticks of a million instructions.
 */

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include "bench.h"

struct page **spb_bench_pages;
unsigned long spb_bench_capacity;

static DEFINE_MUTEX(spb_bench_lock);
static struct dentry *spb_bench_root;

static void spb_bench_print(struct seq_file *m, const char *name,
			    const struct spb_bench_cost *cost)
{
	if (cost->ops)
		seq_printf(m, "%s %llu %llu %llu %llu\n", name, cost->ops,
			   cost->reps, cost->min, cost->total);
}

static int spb_bench_show(struct seq_file *m, void *unused)
{
	const struct spb_bench_row *row = m->private;
	struct spb_bench_result result = {};
	int error;

	scoped_guard(mutex, &spb_bench_lock)
		error = row->run(row, &result);
	if (error)
		return error;

	spb_bench_print(m, "alloc", &result.alloc);
	spb_bench_print(m, "free", &result.free);
	spb_bench_print(m, "pair", &result.pair);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(spb_bench);

static int spb_bench_scale_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%llu\n", spb_bench_ticks_per_million());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(spb_bench_scale);

static void spb_bench_create_files(void)
{
	const struct spb_bench_row *row;
	struct dentry *dir = NULL;

	spb_bench_root = debugfs_create_dir("spb_bench", NULL);
	debugfs_create_file("scale", 0400, spb_bench_root, NULL,
			    &spb_bench_scale_fops);
	for (row = spb_bench_rows; row->name; row++) {
		if (row == spb_bench_rows || strcmp(row->class, row[-1].class))
			dir = debugfs_create_dir(row->class, spb_bench_root);
		debugfs_create_file(row->name, 0400, dir, (void *)row,
				    &spb_bench_fops);
	}
}

static int __init spb_bench_init(void)
{
	spb_bench_capacity = totalram_pages();
	spb_bench_pages = kvcalloc(spb_bench_capacity, sizeof(*spb_bench_pages),
				   GFP_KERNEL);
	if (!spb_bench_pages)
		return -ENOMEM;
	spb_bench_calibrate();
	spb_bench_create_files();
	return 0;
}
module_init(spb_bench_init);

static void __exit spb_bench_exit(void)
{
	debugfs_remove_recursive(spb_bench_root);
	kvfree(spb_bench_pages);
}
module_exit(spb_bench_exit);

MODULE_DESCRIPTION("Cost of operations of the page allocator");
MODULE_LICENSE("GPL");

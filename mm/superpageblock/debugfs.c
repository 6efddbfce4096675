// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: debugfs superpageblock/{summary,blocks,room,verify}.
 */
#include <linux/debugfs.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-isolation.h>
#include <linux/seq_file.h>
#include "../internal.h"
#include "internal.h"

/* Whether the zone is attached, and to @nr blocks in the states of @tally. */
static bool spb_get_tally(struct zone *zone, struct spb_tally *tally, unsigned long *nr)
{
	guard(spinlock_irqsave)(&zone->lock);
	*nr = zone->spb_len >> SPB_ORDER;
	if (*nr)
		spb_locked_ops(zone)->tally(zone->spb_policy, tally);
	return *nr;
}

static int summary_show(struct seq_file *m, void *unused)
{
	struct spb_tally tally;
	struct zone *zone;
	unsigned long nr;

	guard(mutex)(&spb_policy_mutex);
	seq_puts(m, "node zone      blocks  clean  empty tainted lost-clean lost-tainted cma below-reserve withheld-pages\n");
	for_each_populated_zone(zone) {
		if (!spb_get_tally(zone, &tally, &nr))
			continue;
		seq_printf(m, "%4d %-8s %7lu %6u %6u %7u %10u %12u %3u %13u %14lu\n",
			   zone_to_nid(zone), zone->name, nr,
			   tally.clean, tally.empty, tally.tainted, tally.lost_clean,
			   tally.lost_tainted, tally.cma, tally.below_reserve,
			   spb_withheld(zone));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

static const char *spb_state_name(const struct spb_block *block)
{
	if (block->has_cma)
		return "cma";
	if (!block->complete)
		return spb_block_tainted(block) ? "partial-tainted" : "partial-clean";
	if (block->nr_reserved)
		return "reserved";
	if (block->nr_dirty)
		return "tainted";
	return block->nr_free == block->nr_present ? "empty" : "clean";
}

/* Highest order with a free page that can be allocated, -1 if there is none. */
static int spb_largest_order(const struct spb_block *block)
{
	unsigned int type;
	u16 orders = 0;

	for (type = 0; type < MIGRATE_TYPES; type++)
		if (!is_migrate_isolate(type))
			orders |= spb_block_orders(block, type);
	return fls(orders) - 1;
}

static void spb_count_types(struct zone *zone, struct spb_block *block,
			    unsigned int *nr)
{
	unsigned long pfn = spb_block_pfn(zone, block->id);
	unsigned long end = pfn + SPB_NR_PAGES;

	for (; pfn < end; pfn += pageblock_nr_pages) {
		struct page *page = spb_zone_page(zone, pfn);

		if (page)
			nr[get_pageblock_migratetype(page)]++;
	}
}

/* Shows block @n; returns whether there is one. */
static bool spb_block_show(struct seq_file *m, struct zone *zone, unsigned long n)
{
	unsigned int nr[MIGRATE_TYPES] = { };
	unsigned int type;

	scoped_guard(spinlock_irqsave, &zone->lock) {
		struct spb_block *block;

		if (n >= zone->spb_len >> SPB_ORDER)
			return false;
		block = spb_nth_block(zone, n);
		spb_count_types(zone, block, nr);
		seq_printf(m, "%4d %-8s %#12lx %-15s %7u %7u %5d %5u",
			   zone_to_nid(zone), zone->name, spb_block_pfn(zone, block->id),
			   spb_state_name(block), block->nr_present, block->nr_free,
			   spb_largest_order(block), block->nr_dirty);
	}
	for (type = 0; type < MIGRATE_TYPES; type++)
		seq_printf(m, " %11u", nr[type]);
	seq_putc(m, '\n');
	return true;
}

static int blocks_show(struct seq_file *m, void *unused)
{
	struct zone *zone;
	unsigned int type;
	unsigned long i;

	seq_puts(m, "node zone       start-pfn state           present    free order dirty");
	for (type = 0; type < MIGRATE_TYPES; type++)
		seq_printf(m, " %11s", migratetype_names[type]);
	seq_putc(m, '\n');
	get_online_mems();
	for_each_populated_zone(zone)
		for (i = 0; spb_block_show(m, zone, i); i++)
			cond_resched();
	put_online_mems();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(blocks);

static int verify_show(struct seq_file *m, void *unused)
{
	u64 violations = 0;
	struct zone *zone;

	/* A zone that is being attached is not consistent. */
	guard(mutex)(&spb_policy_mutex);
	get_online_mems();
	for_each_populated_zone(zone)
		violations += spb_verify_zone(zone, m);
	put_online_mems();
	seq_printf(m, "violations: %llu\n", violations);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(verify);

static int room_show(struct seq_file *m, void *unused)
{
	spb_room_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(room);

static int __init spb_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("superpageblock", NULL);

	debugfs_create_file("summary", 0444, dir, NULL, &summary_fops);
	debugfs_create_file("blocks", 0444, dir, NULL, &blocks_fops);
	debugfs_create_file("verify", 0444, dir, NULL, &verify_fops);
	debugfs_create_file("room", 0444, dir, NULL, &room_fops);
	return 0;
}
late_initcall(spb_debugfs_init);

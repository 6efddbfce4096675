// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: memory that comes and goes.
 *
 * Memory that was just added is on the zone's own lists, and usable, until it is
 * attached here. It stays there if that fails.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include "../internal.h"
#include "internal.h"

/* The policy; it comes and goes only when memory does not. */
static const struct spb_policy_ops *spb_hotplug_ops(void)
{
	return rcu_dereference_protected(spb_policy_ops, true);
}

static void spb_memory_added(struct zone *zone, unsigned long pfn, unsigned long end)
{
	bool attached = spb_attached(zone);
	int err;

	/* Blocks are numbered from the lowest on, so all get other numbers now. */
	if (attached && zone->zone_start_pfn < zone->spb_start)
		spb_detach_zone(zone);
	else if (attached)
		spb_recount_range(zone, pfn, end);

	err = spb_prepare_zone(zone, spb_hotplug_ops());
	if (!err)
		err = spb_attach_zone(zone);
	if (err && err != -ENODEV)
		pr_err_ratelimited("node %d zone %s: %s attached after memory was added: error %d\n",
				   zone_to_nid(zone), zone->name,
				   spb_attached(zone) ? "only a part is" : "is not", err);
	else if (!err && !attached)
		pr_info("attached node %d zone %s, which has a complete block of 1 GB now\n",
			zone_to_nid(zone), zone->name);
}

static void spb_memory_removed(struct zone *zone, unsigned long pfn, unsigned long end)
{
	/* What is added to an empty zone may be anywhere, and its node be gone first. */
	if (populated_zone(zone))
		spb_recount_range(zone, pfn, end);
	else
		spb_detach_zone(zone);
}

static int spb_memory_event(struct notifier_block *self, unsigned long action, void *arg)
{
	const struct memory_notify *range = arg;
	unsigned long end = range->start_pfn + range->nr_pages;
	struct zone *zone = page_zone(pfn_to_page(range->start_pfn));

	if (!spb_hotplug_ops())
		return NOTIFY_OK;
	if (action == MEM_ONLINE)
		spb_memory_added(zone, range->start_pfn, end);
	else if (action == MEM_OFFLINE)
		spb_memory_removed(zone, range->start_pfn, end);
	return NOTIFY_OK;
}

static int __init spb_hotplug_init(void)
{
	return hotplug_memory_notifier(spb_memory_event, DEFAULT_CALLBACK_PRI);
}
core_initcall(spb_hotplug_init);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: what the workers of the policy stand on.
 *
 * A worker for each zone empties pageblocks of blocks that have less free memory than
 * the policy wants to keep there, and one for requests that were refused. When it
 * starts, goes on and rests is up to the policy (worker.rs). Here is who wakes it, and
 * what it has done for it.
 *
 * Not one for each node: a zone in which nothing can be had is no reason for another to
 * rest.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/bitmap.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/workqueue.h>
#include "../internal.h"
#include "internal.h"

/* Zones of a node that have one: higher ones are for movable memory alone. */
#define SPB_WORKERS_PER_NODE	(ZONE_NORMAL + 1)
#define SPB_NR_WORKERS		(MAX_NUMNODES * SPB_WORKERS_PER_NODE)

static struct workqueue_struct *spb_worker_wq;
/* NULL where there was no memory for one. */
static struct spb_worker *spb_workers[SPB_NR_WORKERS];
static bool spb_workers_run;
/* Those that are to look for something to do, and have not begun to. */
static DECLARE_BITMAP(spb_workers_wanted, SPB_NR_WORKERS);
/* Those that are to make up for a refusal. */
static DECLARE_BITMAP(spb_workers_refused, SPB_NR_WORKERS);

static unsigned int spb_worker_of(int nid, u32 zone_idx)
{
	return nid * SPB_WORKERS_PER_NODE + zone_idx;
}

/* Called when zone->lock has been dropped. */
static void spb_workers_kick(struct irq_work *work)
{
	const struct spb_policy_ops *ops;
	unsigned int n;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	/* Pairs with spb_workers_start(): who runs is there. */
	if (!ops || !smp_load_acquire(&spb_workers_run))
		return;
	for_each_set_bit(n, spb_workers_wanted, SPB_NR_WORKERS)
		if (spb_workers[n])
			ops->worker_kick(spb_workers[n]);
}

static DEFINE_IRQ_WORK(spb_workers_kicker, spb_workers_kick);

/**
 * spb_want_room() - have a worker look for something to do
 * @zone: its zone
 *
 * Context: any; zone->lock may be held.
 */
void spb_want_room(struct zone *zone)
{
	unsigned int n = spb_worker_of(zone_to_nid(zone), zone_idx(zone));

	if (zone_idx(zone) > ZONE_NORMAL)
		return;
	guard(rcu)();
	if (!test_and_set_bit(n, spb_workers_wanted) && READ_ONCE(spb_workers_run))
		irq_work_queue(&spb_workers_kicker);
}

/**
 * spb_want_room_for_refused() - have a worker make up for a refusal
 * @zone: its zone
 *
 * Context: any; zone->lock may be held.
 */
void spb_want_room_for_refused(struct zone *zone)
{
	unsigned int n = spb_worker_of(zone_to_nid(zone), zone_idx(zone));

	if (zone_idx(zone) > ZONE_NORMAL)
		return;
	set_bit(n, spb_workers_refused);
	spb_want_room(zone);
}

static void spb_worker_start(const struct spb_policy_ops *ops, int nid, u32 zone_idx)
{
	struct spb_worker *worker = ops->worker_start(nid, zone_idx, spb_worker_wq);

	if (!worker)
		pr_warn("no worker for zone %u of node %d: not enough memory\n", zone_idx, nid);
	spb_workers[spb_worker_of(nid, zone_idx)] = worker;
}

/**
 * spb_workers_start() - workers may run from now on
 * @ops: the policy that they are part of
 *
 * Context: process context; sleeps.
 */
void spb_workers_start(const struct spb_policy_ops *ops)
{
	u32 zone_idx;
	int nid;

	if (spb_workers_run || !spb_worker_wq)
		return;
	for_each_node(nid)
		for (zone_idx = 0; zone_idx < SPB_WORKERS_PER_NODE; zone_idx++)
			spb_worker_start(ops, nid, zone_idx);
	/* Pairs with spb_workers_kick(). */
	smp_store_release(&spb_workers_run, true);
	/* What was wanted while zones were attached. */
	irq_work_queue(&spb_workers_kicker);
}

/**
 * spb_workers_stop() - no worker runs from now on
 * @ops: the policy that they are part of
 *
 * Context: process context; sleeps.
 */
void spb_workers_stop(const struct spb_policy_ops *ops)
{
	unsigned int n;

	WRITE_ONCE(spb_workers_run, false);
	/* Nobody is about to wake one after this, and then nobody does. */
	synchronize_rcu();
	irq_work_sync(&spb_workers_kicker);
	for (n = 0; n < SPB_NR_WORKERS; n++) {
		if (spb_workers[n])
			ops->worker_stop(spb_workers[n]);
		spb_workers[n] = NULL;
	}
	bitmap_zero(spb_workers_wanted, SPB_NR_WORKERS);
	bitmap_zero(spb_workers_refused, SPB_NR_WORKERS);
}

/**
 * spb_pass_begin() - a worker begins to look for something to do
 * @nid: its node
 * @zone_idx: which of the node's zones is its
 *
 * Context: any.
 * Return: whether a request was refused since the last time.
 */
bool spb_pass_begin(int nid, u32 zone_idx)
{
	unsigned int n = spb_worker_of(nid, zone_idx);

	spb_count_pass();
	/* What is wanted from here on is for the next pass. */
	test_and_clear_bit(n, spb_workers_wanted);
	return test_and_clear_bit(n, spb_workers_refused);
}
EXPORT_SYMBOL_FOR_MODULES(spb_pass_begin, "superpageblock_policy");

/**
 * spb_pass_paused() - whether a worker is to stop for now
 *
 * What a request for a block moves into tainted blocks must not be moved out of them
 * at the same time.
 *
 * Context: any.
 */
bool spb_pass_paused(void)
{
	return !READ_ONCE(spb_workers_run) || spb_is_emptying();
}
EXPORT_SYMBOL_FOR_MODULES(spb_pass_paused, "superpageblock_policy");

/**
 * spb_pass_empty() - empty a pageblock of the block that the policy ranks first
 * @nid: node
 * @zone_idx: which of the node's zones
 * @low: only if the block has less free memory than its reserve
 * @result: set to what it came to
 *
 * Context: process context; sleeps.
 * Return: false if there is no such block.
 */
bool spb_pass_empty(int nid, u32 zone_idx, bool low, struct spb_evacuated *result)
{
	struct spb_block *block;
	struct zone *zone;
	u64 key;

	if (!sysctl_compact_unevictable_allowed || !node_online(nid))
		return false;
	zone = &NODE_DATA(nid)->node_zones[zone_idx];
	block = spb_evacuate_first(zone, low, &key);
	if (!block)
		return false;
	*result = spb_evacuate_block(zone, block, GFP_KERNEL, MIGRATE_SYNC_LIGHT);
	spb_count_evacuated(result);
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(spb_pass_empty, "superpageblock_policy");

/**
 * spb_pass_forgive() - what failed once may succeed later
 * @nid: a node
 * @zone_idx: which of its zones: failures of its blocks count half from now on
 *
 * Context: any.
 */
void spb_pass_forgive(int nid, u32 zone_idx)
{
	struct zone *zone;
	unsigned long i;

	if (!node_online(nid))
		return;
	zone = &NODE_DATA(nid)->node_zones[zone_idx];
	guard(rcu)();
	for (i = 0; i < spb_nr_attached(zone); i++) {
		struct spb_block *block = spb_nth_block(zone, i);

		WRITE_ONCE(block->evacuate_failures,
			   READ_ONCE(block->evacuate_failures) / 2);
	}
}
EXPORT_SYMBOL_FOR_MODULES(spb_pass_forgive, "superpageblock_policy");

static int __init spb_worker_init(void)
{
	spb_worker_wq = alloc_workqueue("superpageblock", WQ_FREEZABLE | WQ_UNBOUND, 0);
	return spb_worker_wq ? 0 : -ENOMEM;
}
subsys_initcall(spb_worker_init);

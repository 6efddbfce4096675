// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: what the workers of the policy stand on.
 *
 * A worker for each node empties pageblocks of blocks that have less free memory than
 * the policy wants to keep there, and one for requests that were refused. When it
 * starts, goes on and rests is up to the policy (worker.rs). Here is who wakes it, and
 * what it has done for it.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/workqueue.h>
#include "../internal.h"
#include "internal.h"

static struct workqueue_struct *spb_worker_wq;
/* NULL where there was no memory for one. */
static struct spb_worker *spb_workers[MAX_NUMNODES];
static bool spb_workers_run;
/* Nodes whose worker is to look for something to do, and has not begun to. */
static nodemask_t spb_workers_wanted;

/* Called when zone->lock has been dropped. */
static void spb_workers_kick(struct irq_work *work)
{
	const struct spb_policy_ops *ops;
	int nid;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	/* Pairs with spb_workers_start(): who runs is there. */
	if (!ops || !smp_load_acquire(&spb_workers_run))
		return;
	for_each_node_mask(nid, spb_workers_wanted)
		if (spb_workers[nid])
			ops->worker_kick(spb_workers[nid]);
}

static DEFINE_IRQ_WORK(spb_workers_kicker, spb_workers_kick);

/**
 * spb_want_room() - have a worker look for something to do
 * @nid: its node
 *
 * Context: any; zone->lock may be held.
 */
void spb_want_room(int nid)
{
	guard(rcu)();
	if (!test_and_set_bit(nid, spb_workers_wanted.bits) && READ_ONCE(spb_workers_run))
		irq_work_queue(&spb_workers_kicker);
}

/**
 * spb_workers_start() - workers may run from now on
 * @ops: the policy that they are part of
 *
 * Context: process context; sleeps.
 */
void spb_workers_start(const struct spb_policy_ops *ops)
{
	int nid;

	if (spb_workers_run || !spb_worker_wq)
		return;
	for_each_node(nid) {
		spb_workers[nid] = ops->worker_start(nid, spb_worker_wq);
		if (!spb_workers[nid])
			pr_warn("no worker for node %d: not enough memory\n", nid);
	}
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
	int nid;

	WRITE_ONCE(spb_workers_run, false);
	/* Nobody is about to wake one after this, and then nobody does. */
	synchronize_rcu();
	irq_work_sync(&spb_workers_kicker);
	for_each_node(nid) {
		if (spb_workers[nid])
			ops->worker_stop(spb_workers[nid]);
		spb_workers[nid] = NULL;
	}
	nodes_clear(spb_workers_wanted);
}

/**
 * spb_pass_begin() - a worker begins to look for something to do
 * @nid: its node
 *
 * Context: any.
 * Return: whether a request on the node was refused since the last time.
 */
bool spb_pass_begin(int nid)
{
	/* What is wanted from here on is for the next pass. */
	test_and_clear_bit(nid, spb_workers_wanted.bits);
	return spb_take_refused(nid);
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
	return !READ_ONCE(spb_workers_run) || atomic_read(&spb_emptying);
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
 * @nid: node whose blocks' failures count half from now on
 *
 * Context: any.
 */
void spb_pass_forgive(int nid)
{
	struct zone *zone;
	unsigned long i;

	guard(rcu)();
	for_each_populated_zone(zone) {
		if (zone_to_nid(zone) != nid)
			continue;
		for (i = 0; i < spb_nr_attached(zone); i++) {
			struct spb_block *block = spb_nth_block(zone, i);

			WRITE_ONCE(block->evacuate_failures,
				   READ_ONCE(block->evacuate_failures) / 2);
		}
	}
}
EXPORT_SYMBOL_FOR_MODULES(spb_pass_forgive, "superpageblock_policy");

static int __init spb_worker_init(void)
{
	spb_worker_wq = alloc_workqueue("superpageblock", WQ_FREEZABLE | WQ_UNBOUND, 0);
	return spb_worker_wq ? 0 : -ENOMEM;
}
subsys_initcall(spb_worker_init);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: making room for kernel memory before it needs a clean block.
 *
 * A request that would taint a clean block, and may wait, has a pageblock of a
 * tainted block emptied first. One that may not wait, but has something smaller in
 * mind, is refused. A worker empties pageblocks of blocks that have less free memory
 * than the policy wants to keep there, and one for requests that were refused.
 * Nothing is reclaimed, and kswapd is not woken.
 *
 * Which pageblock, and who gives up when, is up to the policy (policy/evacuate.rs).
 */
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/psi.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>
#include "../internal.h"
#include "internal.h"
#include <trace/events/superpageblock.h>

/* What came of it, since boot; lost updates do not matter. */
static struct {
	unsigned long asked;
	unsigned long made;
	unsigned long passes;
	unsigned long pageblocks;
	unsigned long moved;
	unsigned long left;
	unsigned long refused;
} spb_room;

/*
 * Where requests on a node had room made last, and the time before which they do
 * not try. Blocks are never freed.
 */
static struct {
	unsigned long not_before;
	bool refused;
	struct zone *zone;
	struct spb_block *block;
} spb_room_node[MAX_NUMNODES];

/* The worker does not run before this time. */
static unsigned long spb_worker_after;
static bool spb_room_stopped;
static struct workqueue_struct *spb_room_wq;

/* Rank of a block as one to evacuate. */
static u64 spb_evacuate_key(const struct spb_policy_ops *ops, struct spb_block *block)
{
	u32 nr = spb_nr_pageblocks(), away = READ_ONCE(block->nr_free) + block->nr_reserved;
	struct spb_occupancy held = {
		.in_use = block->nr_present - min(block->nr_present, away),
		.sparse = nr - min(nr, READ_ONCE(block->nr_dirty)),
		.pageblock = pageblock_nr_pages,
		.failures = READ_ONCE(block->evacuate_failures),
		.lost = !block->complete || block->nr_reserved,
	};

	if (!spb_block_tainted(block) || READ_ONCE(block->has_cma))
		return SPB_NO_KEY;
	return ops->evacuate_key(block->id, &held);
}

/* The block of a zone to evacuate first, of all or of those that are low. */
static struct spb_block *spb_evacuate_first(struct zone *zone, bool low, u64 *key)
{
	struct spb_block *block, *best = NULL;
	const struct spb_policy_ops *ops;
	unsigned long i;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	*key = SPB_NO_KEY;
	for (i = 0; ops && i < spb_nr_attached(zone); i++) {
		u64 k;

		block = spb_nth_block(zone, i);
		if (low && !READ_ONCE(block->low))
			continue;
		k = spb_evacuate_key(ops, block);
		if (k < *key) {
			*key = k;
			best = block;
		}
	}
	return best;
}

/* Whether there is still something to be had where room was made last. */
static bool spb_evacuate_again(struct zone *zone, struct spb_block *block)
{
	const struct spb_policy_ops *ops;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	return ops && block->id < spb_nr_attached(zone) &&
	       spb_nth_block(zone, block->id) == block &&
	       !READ_ONCE(block->evacuate_failures) &&
	       spb_evacuate_key(ops, block) != SPB_NO_KEY;
}

static void spb_count_evacuated(const struct spb_evacuated *result)
{
	spb_room.pageblocks += !result->left && result->moved;
	spb_room.moved += result->moved;
	spb_room.left += result->left;
}

static void spb_rest(int nid)
{
	WRITE_ONCE(spb_room_node[nid].not_before,
		   jiffies + msecs_to_jiffies(spb_limits.request_rest_ms));
}

static bool spb_resting(int nid)
{
	return READ_ONCE(spb_room_stopped) || !sysctl_compact_unevictable_allowed ||
	       system_state != SYSTEM_RUNNING ||
	       time_before(jiffies, READ_ONCE(spb_room_node[nid].not_before));
}

/*
 * The block to evacuate first, of the zones that a request may use. A zone that is
 * short of memory would refuse the request all the same; in those of @full there is
 * nowhere to move pages to.
 */
static struct spb_block *spb_first_for(const struct alloc_context *ac, pg_data_t *pgdat,
				       unsigned long full, struct zone **zone)
{
	struct spb_block *block, *first = NULL;
	u64 key, least = SPB_NO_KEY;
	int i;

	for (i = min_t(int, ac->highest_zoneidx, ZONE_NORMAL); i >= 0; i--) {
		struct zone *z = &pgdat->node_zones[i];

		if (test_bit(i, &full))
			continue;
		block = spb_evacuate_first(z, false, &key);
		if (key >= least ||
		    !zone_watermark_ok(z, 0, low_wmark_pages(z), ac->highest_zoneidx, 0))
			continue;
		least = key;
		first = block;
		*zone = z;
	}
	return first;
}

/* Empty a pageblock on behalf of a request, in the block of the last one if it can. */
static struct spb_evacuated spb_evacuate_next(const struct alloc_context *ac,
					      gfp_t gfp_mask, pg_data_t *pgdat,
					      unsigned long *full)
{
	struct spb_block *block = READ_ONCE(spb_room_node[pgdat->node_id].block);
	struct zone *zone = READ_ONCE(spb_room_node[pgdat->node_id].zone);
	struct spb_evacuated result = { };

	if (!block || !zone || zone_idx(zone) > ac->highest_zoneidx ||
	    test_bit(zone_idx(zone), full) || !spb_evacuate_again(zone, block))
		block = spb_first_for(ac, pgdat, *full, &zone);
	if (!block)
		return result;
	result = spb_evacuate_block(zone, block, gfp_mask, MIGRATE_ASYNC);
	if (result.gave_up)
		__set_bit(zone_idx(zone), full);
	/* Others may see one without the other: a block of another zone, which is checked. */
	WRITE_ONCE(spb_room_node[pgdat->node_id].zone, zone);
	WRITE_ONCE(spb_room_node[pgdat->node_id].block, block);
	spb_count_evacuated(&result);
	return result;
}

static enum spb_room_outcome spb_evacuate_for(const struct alloc_context *ac,
					      gfp_t gfp_mask, unsigned int order,
					      pg_data_t *pgdat)
{
	unsigned int tries = spb_limits.tries, noreclaim;
	struct spb_evacuated result;
	unsigned long pflags, full = 0;

	spb_room.asked++;
	psi_memstall_enter(&pflags);
	fs_reclaim_acquire(gfp_mask);
	/* What migration allocates must not have room made in turn. */
	noreclaim = memalloc_noreclaim_save();
	do {
		result = spb_evacuate_next(ac, gfp_mask, pgdat, &full);
	} while (!spb_evacuation_paid(&result) && --tries);
	memalloc_noreclaim_restore(noreclaim);
	fs_reclaim_release(gfp_mask);
	psi_memstall_leave(&pflags);

	if (!tries || result.moved < 1U << order) {
		spb_rest(pgdat->node_id);
		return SPB_ROOM_FAILED;
	}
	spb_room.made++;
	return SPB_ROOM_MADE;
}

/**
 * spb_ask_before_taint() - what to try before a request taints a clean block
 * @order: its order
 * @flags: bits of SPB_PLAN_* and SPB_ASK_*
 *
 * Context: any.
 * Return: a mask of SPB_MAKE_ROOM and SPB_REFUSE.
 */
u32 spb_ask_before_taint(unsigned int order, u32 flags)
{
	const struct spb_policy_ops *ops;

	guard(rcu)();
	ops = rcu_dereference(spb_policy_ops);
	return ops ? ops->before_taint(order, flags) : 0;
}

static enum spb_room_outcome spb_room_for(const struct alloc_context *ac, gfp_t gfp_mask,
					  unsigned int order, u32 before)
{
	pg_data_t *pgdat = zonelist_zone(ac->preferred_zoneref)->zone_pgdat;

	if (!(before & SPB_MAKE_ROOM) || !gfp_compaction_allowed(gfp_mask) ||
	    order > pageblock_order ||
	    (ac->nodemask && !node_isset(pgdat->node_id, *ac->nodemask)))
		return SPB_ROOM_CANNOT_WAIT;
	if (spb_resting(pgdat->node_id))
		return SPB_ROOM_RESTS;
	return spb_evacuate_for(ac, gfp_mask, order, pgdat);
}

/**
 * spb_make_room() - before a request of the kernel taints a clean block
 * @ac: the request
 * @gfp_mask: what it may do
 * @order: its order
 * @before: what the policy wants to be tried
 *
 * A pageblock of the node's tainted blocks is emptied, of pages that can be moved
 * without waiting for them; if that does not work, another, but not many.
 *
 * Context: any, but does nothing unless @gfp_mask allows to sleep.
 * Return: true if there is room now; ask once more.
 */
bool spb_make_room(const struct alloc_context *ac, gfp_t gfp_mask, unsigned int order,
		   u32 before)
{
	enum spb_room_outcome outcome;

	/* What is refused is traced as such. */
	if (!spb_type_is_dirty(ac->migratetype) || before & SPB_REFUSE)
		return false;
	outcome = spb_room_for(ac, gfp_mask, order, before);
	trace_spb_room(zonelist_node_idx(ac->preferred_zoneref), order, ac->migratetype,
		       gfp_mask, outcome);
	return outcome == SPB_ROOM_MADE;
}

/**
 * spb_may_refuse() - whether room can be made for who asks for less
 * @nid: the node
 *
 * The worker may rest meanwhile: the smaller request has room made itself.
 *
 * Context: any.
 * Return: false for a while after that failed.
 */
bool spb_may_refuse(int nid)
{
	return !spb_resting(nid);
}

/*
 * Empty a pageblock of a block, in the zone, that is low, or of any tainted one.
 * Returns false if there is none.
 */
static bool spb_work_on(struct zone *zone, bool low, struct spb_evacuated *sum)
{
	struct spb_evacuated result;
	struct spb_block *block;
	u64 key;

	block = spb_evacuate_first(zone, low, &key);
	if (!block)
		return false;
	result = spb_evacuate_block(zone, block, GFP_KERNEL, MIGRATE_SYNC_LIGHT);
	spb_count_evacuated(&result);
	sum->moved += result.moved;
	sum->left += result.left;
	sum->gave_up |= result.gave_up;
	return true;
}

/* Make room for what was refused on the zone's node: one pageblock in each zone. */
static void spb_work_for_refused(struct zone *zone, struct spb_evacuated *sum)
{
	struct spb_evacuated result = { };
	int nid = zone_to_nid(zone);

	if (!READ_ONCE(spb_room_node[nid].refused))
		return;
	spb_work_on(zone, false, &result);
	if (!spb_evacuation_paid(&result))
		spb_rest(nid);
	sum->moved += result.moved;
}

/*
 * Whether the worker is to stop for now. What a request for a block moves into tainted
 * blocks must not be moved out of them at the same time.
 */
static bool spb_pause(void)
{
	return READ_ONCE(spb_room_stopped) || atomic_read(&spb_emptying);
}

/* Evacuate the zone's low blocks; returns whether there is more to do, later. */
static bool spb_work_in_zone(struct zone *zone, struct spb_evacuated *sum)
{
	struct spb_evacuated here = { };
	unsigned int pageblocks = 0;
	bool more = true;

	spb_work_for_refused(zone, sum);
	while (more && !spb_pause() && !here.gave_up && here.left < spb_limits.left &&
	       pageblocks++ < spb_limits.pass) {
		more = spb_work_on(zone, true, &here);
		cond_resched();
	}
	sum->moved += here.moved;
	return more;
}

/* What failed once may succeed later. */
static void spb_forgive(struct zone *zone)
{
	unsigned long i;

	guard(rcu)();
	for (i = 0; i < spb_nr_attached(zone); i++) {
		struct spb_block *block = spb_nth_block(zone, i);

		WRITE_ONCE(block->evacuate_failures,
			   READ_ONCE(block->evacuate_failures) / 2);
	}
}

static void spb_room_work(struct work_struct *work)
{
	unsigned long rest = msecs_to_jiffies(spb_limits.worker_rest_ms);
	struct spb_evacuated sum = { };
	struct zone *zone;
	bool more = false;
	int nid;

	spb_room.passes++;
	/* Higher zones are for movable memory alone. */
	for_each_populated_zone(zone)
		if (zone_idx(zone) <= ZONE_NORMAL && sysctl_compact_unevictable_allowed)
			more |= spb_work_in_zone(zone, &sum);
	for_each_online_node(nid)
		WRITE_ONCE(spb_room_node[nid].refused, false);
	if (sum.moved && !more)
		return;
	WRITE_ONCE(spb_worker_after, jiffies + rest);
	for_each_populated_zone(zone)
		spb_forgive(zone);
	if (more && !READ_ONCE(spb_room_stopped))
		queue_delayed_work(spb_room_wq, to_delayed_work(work), rest);
}

static DECLARE_DELAYED_WORK(spb_room_worker, spb_room_work);

/* Called when zone->lock has been dropped. While the worker rests, it stays so. */
static void spb_room_kick(struct irq_work *work)
{
	long gather = msecs_to_jiffies(spb_limits.gather_ms);
	long rest = READ_ONCE(spb_worker_after) - jiffies;

	queue_delayed_work(spb_room_wq, &spb_room_worker, max(rest, gather));
}

static DEFINE_IRQ_WORK(spb_room_kicker, spb_room_kick);

/**
 * spb_want_room() - have the worker look for something to do
 *
 * Context: any; zone->lock may be held.
 */
void spb_want_room(void)
{
	if (spb_room_wq && !READ_ONCE(spb_room_stopped) &&
	    !delayed_work_pending(&spb_room_worker))
		irq_work_queue(&spb_room_kicker);
}

/**
 * spb_refused() - a request was sent back to ask for less
 * @ac: the request
 * @gfp_mask: what it may do
 * @order: its order
 *
 * Context: any, without zone->lock.
 */
void spb_refused(const struct alloc_context *ac, gfp_t gfp_mask, unsigned int order)
{
	int nid = zonelist_node_idx(ac->preferred_zoneref);

	spb_room.refused++;
	trace_spb_room(nid, order, ac->migratetype, gfp_mask, SPB_ROOM_REFUSED);
	WRITE_ONCE(spb_room_node[nid].refused, true);
	spb_want_room();
}

/**
 * spb_room_start() - room may be made from now on
 */
void spb_room_start(void)
{
	WRITE_ONCE(spb_room_stopped, !spb_room_wq);
}

/**
 * spb_room_stop() - no worker runs from now on
 *
 * Context: process context; sleeps.
 */
void spb_room_stop(void)
{
	WRITE_ONCE(spb_room_stopped, true);
	irq_work_sync(&spb_room_kicker);
	cancel_delayed_work_sync(&spb_room_worker);
}

/**
 * spb_room_show() - print what came of making room
 * @m: where to
 */
void spb_room_show(struct seq_file *m)
{
	seq_printf(m, "asked %lu\nmade %lu\nrefused %lu\npasses %lu\nemptied %lu\nmoved %lu\nleft %lu\n",
		   spb_room.asked, spb_room.made, spb_room.refused, spb_room.passes,
		   spb_room.pageblocks, spb_room.moved, spb_room.left);
}

static int __init spb_room_init(void)
{
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++)
		spb_room_node[nid].not_before = jiffies;
	spb_worker_after = jiffies;
	spb_room_wq = alloc_workqueue("superpageblock", WQ_FREEZABLE | WQ_UNBOUND, 1);
	return spb_room_wq ? 0 : -ENOMEM;
}
subsys_initcall(spb_room_init);

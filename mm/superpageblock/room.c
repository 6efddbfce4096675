// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: making room for kernel memory before it needs a clean block.
 *
 * A request that would taint a clean block, and may wait, has a pageblock of a
 * tainted block emptied first. One that may not wait, but has something smaller in
 * mind, is refused, and the worker empties one in its stead (worker.c). Nothing is
 * reclaimed, and kswapd is not woken.
 *
 * Which pageblock, and who gives up when, is up to the policy (policy/evacuate.rs).
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/psi.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
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
	struct zone *zone;
	struct spb_block *block;
} spb_room_node[MAX_NUMNODES];

static bool spb_room_stopped;

/**
 * spb_count_evacuated() - for those who look at debugfs
 * @result: what an attempt came to
 */
void spb_count_evacuated(const struct spb_evacuated *result)
{
	spb_room.pageblocks += !result->left && result->moved;
	spb_room.moved += result->moved;
	spb_room.left += result->left;
}

/**
 * spb_rest_requests() - no request on a node has room made for a while
 * @nid: the node
 */
void spb_rest_requests(int nid)
{
	WRITE_ONCE(spb_room_node[nid].not_before,
		   jiffies + msecs_to_jiffies(spb_limits.request_rest_ms));
}
EXPORT_SYMBOL_FOR_MODULES(spb_rest_requests, "superpageblock_policy");

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
		spb_rest_requests(pgdat->node_id);
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
	struct zone *zone = zonelist_zone(ac->preferred_zoneref);

	spb_room.refused++;
	trace_spb_room(zone_to_nid(zone), order, ac->migratetype, gfp_mask,
		       SPB_ROOM_REFUSED);
	spb_want_room_for_refused(zone);
}

/**
 * spb_count_pass() - for those who look at debugfs: a worker looks for something to do
 */
void spb_count_pass(void)
{
	spb_room.passes++;
}

/**
 * spb_room_start() - room may be made from now on
 */
void spb_room_start(void)
{
	WRITE_ONCE(spb_room_stopped, false);
}

/**
 * spb_room_stop() - no request has room made from now on
 */
void spb_room_stop(void)
{
	WRITE_ONCE(spb_room_stopped, true);
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
	return 0;
}
subsys_initcall(spb_room_init);

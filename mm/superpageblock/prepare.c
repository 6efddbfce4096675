// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: the memory that a zone needs to be attached.
 *
 * Blocks stay for good once they are allocated, so that a walk over free lists
 * may drop zone->lock. The array of pointers to them and the policy's state are
 * replaced by larger ones when memory is added.
 */
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "../internal.h"
#include "internal.h"

/**
 * spb_zone_start() - where the numbering of a zone's blocks starts
 * @zone: the zone
 *
 * Return: a page frame number, aligned to a block. It stays while the zone is
 * attached, although hotplug moves the start of the zone.
 */
unsigned long spb_zone_start(const struct zone *zone)
{
	return spb_attached(zone) ? zone->spb_start :
				    ALIGN_DOWN(zone->zone_start_pfn, SPB_NR_PAGES);
}

/**
 * spb_zone_nr_blocks() - blocks that a zone should have, attached or not
 * @zone: the zone
 *
 * Return: their number, at least of those that are attached.
 */
unsigned long spb_zone_nr_blocks(const struct zone *zone)
{
	unsigned long start = spb_zone_start(zone);
	unsigned long end = max(zone_end_pfn(zone), start + zone->spb_len);

	return DIV_ROUND_UP(end - start, SPB_NR_PAGES);
}

/* Whether an aligned gigabyte fits between the ends of the zone. */
static bool spb_zone_is_large(const struct zone *zone)
{
	return ALIGN(zone->zone_start_pfn, SPB_NR_PAGES) + SPB_NR_PAGES <= zone_end_pfn(zone);
}

/*
 * Zeroed memory; during boot from memblock, before slab is up. What slab would
 * round up far comes in pages. That there is none, who asked for it says in a line.
 */
static void * __ref spb_alloc(size_t size, int nid)
{
	gfp_t gfp_mask = GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN;

	if (slab_is_available() && size > KMALLOC_MAX_CACHE_SIZE)
		return __vmalloc_node(size, 1, gfp_mask, nid, __builtin_return_address(0));
	if (slab_is_available())
		return kmalloc_node(size, gfp_mask, nid);
	return memblock_alloc_node(size, SMP_CACHE_BYTES, nid);
}

/* What memblock gave cannot be given back; it is little, and happens once. */
static void spb_free(void *p)
{
	if (p && slab_is_available() &&
	    (is_vmalloc_addr(p) || !PageReserved(virt_to_page(p))))
		kvfree(p);
}

/**
 * spb_block_init() - a block that nothing is known of
 * @block: the block, with lists that are empty
 * @id: its number in the zone
 */
void spb_block_init(struct spb_block *block, u32 id)
{
	memset_after(block, 0, free_area);
	bitmap_zero(block->dirty, spb_nr_pageblocks());
	block->id = id;
	block->level_span = U32_MAX;
}

static struct spb_block *spb_block_alloc(struct zone *zone, u32 id)
{
	struct spb_block *block;
	unsigned int order, type;

	block = spb_alloc(struct_size(block, dirty, BITS_TO_LONGS(spb_nr_pageblocks())),
			  zone_to_nid(zone));
	if (!block)
		return NULL;
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		for (type = 0; type < MIGRATE_TYPES; type++)
			INIT_LIST_HEAD(&block->free_area[order].free_list[type]);
	spb_block_init(block, id);
	return block;
}

static int spb_add_blocks(struct zone *zone, unsigned long nr)
{
	struct spb_block **blocks = rcu_dereference_raw(zone->spb_blocks);
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (!blocks[i])
			blocks[i] = spb_block_alloc(zone, i);
		if (!blocks[i])
			return -ENOMEM;
	}
	return 0;
}

/* Put new memory in the place of the zone's; readers of the old array may go on. */
static void spb_publish(struct zone *zone, const struct spb_policy_ops *ops,
			struct spb_block **blocks, struct spb_policy_zone *policy,
			unsigned long nr)
{
	struct spb_policy_zone *old_policy = zone->spb_policy;
	struct spb_block **old = rcu_dereference_raw(zone->spb_blocks);

	if (old)
		memcpy(blocks, old, zone->spb_nr_blocks * sizeof(*old));
	scoped_guard(spinlock_irqsave, &zone->lock) {
		if (old_policy)
			ops->zone_move(policy, old_policy, nr);
		else
			ops->zone_init(policy, nr, pageblock_order, SPB_ORDER,
				       zone_idx(zone) <= ZONE_NORMAL);
		spb_forget_plans(zone);
		zone->spb_policy = policy;
		rcu_assign_pointer(zone->spb_blocks, blocks);
		zone->spb_nr_blocks = nr;
	}
	spb_free(old_policy);
	if (old)
		synchronize_rcu();
	spb_free(old);
}

static int spb_grow(struct zone *zone, const struct spb_policy_ops *ops,
		    unsigned long nr)
{
	int nid = zone_to_nid(zone);
	struct spb_block **blocks = spb_alloc(array_size(nr, sizeof(*blocks)), nid);
	struct spb_policy_zone *policy = spb_alloc(ops->zone_bytes(nr), nid);

	if (!blocks || !policy) {
		spb_free(blocks);
		spb_free(policy);
		return -ENOMEM;
	}
	spb_publish(zone, ops, blocks, policy, nr);
	return 0;
}

/*
 * Room for a zone with @nr blocks. A third more if memory was added, as it may be
 * section by section: what is known is copied under the lock.
 */
static unsigned long spb_room(const struct zone *zone, unsigned long nr)
{
	if (spb_attached(zone))
		nr = min(nr + nr / 3, SPB_MAX_BLOCKS);
	return max(nr, zone->spb_nr_blocks);
}

/**
 * spb_prepare_zone() - allocate what attaching a zone needs
 * @zone: the zone, whose free pages stay where they are
 * @ops: the policy
 *
 * For a zone that is attached: what attaching the memory needs that was added.
 *
 * Context: process context, may sleep; or early boot, before slab is up.
 * Return: 0, -ENODEV if no gigabyte fits into the zone, -E2BIG if there are too
 * many to number, -ENOMEM. Blocks allocated before an error are kept for the
 * next attempt.
 */
int spb_prepare_zone(struct zone *zone, const struct spb_policy_ops *ops)
{
	unsigned long nr = spb_zone_nr_blocks(zone);
	int err = 0;

	if (!managed_zone(zone) || (!spb_attached(zone) && !spb_zone_is_large(zone)))
		return -ENODEV;
	if (nr > SPB_MAX_BLOCKS)
		return -E2BIG;
	if (nr > zone->spb_nr_blocks || !zone->spb_policy)
		err = spb_grow(zone, ops, spb_room(zone, nr));
	return err ?: spb_add_blocks(zone, nr);
}

/**
 * spb_unprepare_zone() - forget what the policy knows of a zone
 * @zone: a zone that is not attached
 *
 * Blocks are kept: walks that have dropped the lock may use them.
 */
void spb_unprepare_zone(struct zone *zone)
{
	struct spb_policy_zone *policy;

	scoped_guard(spinlock_irqsave, &zone->lock) {
		policy = zone->spb_policy;
		zone->spb_policy = NULL;
	}
	spb_free(policy);
}

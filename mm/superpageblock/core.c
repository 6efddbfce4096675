// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: how the allocator and its policy reach each other.
 *
 * Hooks are static calls with typed stubs as default. A site reaches one only
 * for a block, and blocks exist only in zones that are attached, which is
 * decided under zone->lock: so no call can be under way while it is patched.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-isolation.h>
#include "../internal.h"
#include "internal.h"

static u64 spb_advertise_stub(struct spb_policy_zone *pz, u32 block, u32 migratetype,
			      u32 orders, u32 nr_pages)
{
	return U32_MAX | (u64)U16_MAX << 32;
}

static u64 spb_classify_stub(struct spb_policy_zone *pz, u32 block, u32 nr_free,
			     u32 nr_dirty)
{
	return (u64)U32_MAX << 32;
}

u64 spb_plan_stub(struct spb_policy_zone *pz, u32 order, u32 migratetype, u32 flags)
{
	return 0;
}

DEFINE_STATIC_CALL(spb_plan, spb_plan_stub);
DEFINE_STATIC_CALL(spb_advertise, spb_advertise_stub);
DEFINE_STATIC_CALL(spb_classify, spb_classify_stub);

static DEFINE_MUTEX(spb_policy_mutex);
const struct spb_policy_ops *spb_policy_ops;
static bool spb_wanted = true;

static int __init spb_setup(char *arg)
{
	if (arg && kstrtobool(arg, &spb_wanted) == 0)
		return 0;
	pr_err("unknown value '%s' for superpageblock=, use on or off; staying on\n",
	       arg ?: "");
	return 0;
}
early_param("superpageblock", spb_setup);

/**
 * __spb_classify() - tell the policy how full and how tainted a block is
 * @zone: the zone, whose lock is held
 * @block: the block
 */
void __spb_classify(struct zone *zone, struct spb_block *block)
{
	u64 level;

	lockdep_assert_held(&zone->lock);
	level = static_call(spb_classify)(zone->spb_policy, block->id, block->nr_free,
					  block->nr_dirty);
	block->level_lo = lower_32_bits(level);
	block->level_span = upper_32_bits(level) - lower_32_bits(level);
}

/**
 * __spb_advertise() - tell the policy what a block's lists of a type hold
 * @zone: the zone, whose lock is held
 * @block: the block
 * @migratetype: the type; nothing is planned from isolated pages
 */
void __spb_advertise(struct zone *zone, struct spb_block *block, int migratetype)
{
	u64 advert;

	lockdep_assert_held(&zone->lock);
	if (is_migrate_isolate(migratetype)) {
		block->top[migratetype] = U16_MAX;
		block->promote[migratetype] = U32_MAX;
		return;
	}
	advert = static_call(spb_advertise)(zone->spb_policy, block->id, migratetype,
					    block->orders[migratetype],
					    block->nr_pages[migratetype]);
	block->top[migratetype] = upper_32_bits(advert);
	block->promote[migratetype] = lower_32_bits(advert);
	if (is_migrate_cma(migratetype) && !block->has_cma) {
		/* The block is of another category now. */
		block->has_cma = true;
		__spb_classify(zone, block);
	}
	spb_check_block(block, migratetype);
}

/**
 * spb_correct() - a plan found no page: lower what is on file to the truth
 * @zone: the zone, whose lock is held
 * @block: the block of the plan
 * @migratetype: the type of the list it named
 *
 * Each correction undoes an earlier call of the policy, so that there are no
 * more of them than pages that were advertised. The mask is made anew from the
 * lists: whatever went wrong, asking again will not give the same answer.
 */
void spb_correct(struct zone *zone, struct spb_block *block, int migratetype)
{
	unsigned int order;

	for (order = 0; order < NR_PAGE_ORDERS; order++)
		if (list_empty(&block->free_area[order].free_list[migratetype]))
			block->orders[migratetype] &= ~(1U << order);
	__spb_advertise(zone, block, migratetype);
}

/**
 * zone_nth_free_areas() - sets of free lists of a zone
 * @zone: the zone
 * @n: 0 for the zone's own lists, then one for each superpageblock
 *
 * Context: a walk that must see every free page holds zone->lock throughout.
 * Blocks are never freed, so one that drops the lock is safe.
 *
 * Return: an array of NR_PAGE_ORDERS free areas, NULL after the last.
 */
struct free_area *zone_nth_free_areas(struct zone *zone, unsigned long n)
{
	if (!n)
		return zone->free_area;
	if (n > DIV_ROUND_UP(READ_ONCE(zone->spb_len), SPB_NR_PAGES))
		return NULL;
	return zone->spb_blocks[n - 1]->free_area;
}

/**
 * spb_same_lists() - whether two free pages may change places
 * @zone: the zone of both, whose lock is held
 * @a: one page
 * @b: another page
 *
 * Return: true if both are on the lists of the same block, or of the zone.
 */
bool spb_same_lists(const struct zone *zone, const struct page *a, const struct page *b)
{
	return spb_block_of(zone, a) == spb_block_of(zone, b);
}

static struct spb_block *spb_planned_block(struct zone *zone, unsigned int order,
					   int migratetype)
{
	u64 plan;

	while ((plan = static_call(spb_plan)(zone->spb_policy, order, migratetype, 0))) {
		struct spb_block *block = zone->spb_blocks[SPB_PLAN_BLOCK(plan)];

		if (SPB_PLAN_FROM(plan) != migratetype)
			return NULL;
		if (block->orders[migratetype] >> order)
			return block;
		spb_correct(zone, block, migratetype);
	}
	return NULL;
}

/**
 * spb_movable_areas() - the free lists that movable pages should be taken from
 * @zone: the zone, whose lock is held
 * @order: order of the pages
 *
 * Return: the free areas of the block that the policy would use next.
 */
struct free_area *spb_movable_areas(struct zone *zone, unsigned int order)
{
	struct spb_block *block = NULL;

	if (spb_attached(zone))
		block = spb_planned_block(zone, order, MIGRATE_MOVABLE);
	return spb_free_areas(zone, block);
}

static void spb_set_hooks(const struct spb_policy_ops *ops)
{
	static_call_update(spb_plan, ops->plan);
	static_call_update(spb_advertise, ops->advertise);
	static_call_update(spb_classify, ops->classify);
}

/* One line that says what became of it. */
static void spb_report(unsigned int nr_zones, unsigned int nr_blocks,
		       unsigned int nr_tainted)
{
	if (nr_zones)
		pr_info("attached %u zones, %u blocks of 1 GB, %u of them tainted by boot\n",
			nr_zones, nr_blocks, nr_tainted);
	else
		pr_info("no zone has a complete block of 1 GB, nothing to attach\n");
}

static const char *spb_why_not(int err)
{
	return err == -E2BIG ? "too large to number its blocks" : "not enough memory";
}

static void spb_prepare_all(void)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		int err = spb_prepare_zone(zone);

		if (err && err != -ENODEV)
			pr_err("node %d zone %s stays as it is: %s\n",
			       zone_to_nid(zone), zone->name, spb_why_not(err));
	}
}

static void spb_attach_all(void)
{
	unsigned int nr_zones = 0, nr_blocks = 0, nr_tainted = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		if (!spb_prepared(zone) || spb_attach_zone(zone))
			continue;
		nr_zones++;
		nr_blocks += zone->spb_len >> SPB_ORDER;
		nr_tainted += spb_count_tainted(zone);
	}
	spb_report(nr_zones, nr_blocks, nr_tainted);
}

/* Whether a policy may attach; says why if not. */
static bool spb_allowed(void)
{
	if (!spb_wanted) {
		pr_info_once("off, as superpageblock=off asks\n");
		return false;
	}
	if (page_group_by_mobility_disabled) {
		pr_info_once("off, too little memory to group pages by mobility\n");
		return false;
	}
	return true;
}

/**
 * spb_boot_prepare() - allocate what the zones need while memblock can
 *
 * Memory that boot takes between the first free page and the attaching of the
 * policy would be spread over blocks that hold nothing else. So a policy that is
 * built in attaches before slab is up, and its memory comes from where memblock
 * has put everything else.
 *
 * Context: early boot, before memblock_free_all().
 */
void __init spb_boot_prepare(void)
{
	/* Pages that are not initialised yet cannot be looked at. */
	if (!IS_BUILTIN(CONFIG_SUPERPAGEBLOCK_POLICY) || deferred_pages_enabled() ||
	    !spb_allowed())
		return;
	spb_policy_ops = spb_rust_policy();
	spb_set_hooks(spb_policy_ops);
	spb_prepare_all();
}

/**
 * spb_boot_attach() - attach all zones that are prepared
 *
 * Context: early boot, after memblock_free_all() and before slab is up.
 */
void __init spb_boot_attach(void)
{
	if (spb_policy_ops)
		spb_attach_all();
}

/**
 * spb_policy_register() - hand the placement of pages to a policy
 * @ops: its functions; they stay in use until the machine stops
 *
 * Attaches every zone with at least one complete block. Does nothing, and
 * says so, with superpageblock=off or without grouping by mobility. Nothing is
 * left to do if @ops attached early in boot.
 *
 * Context: process context; may sleep.
 * Return: 0, or -EBUSY when another policy is registered already.
 */
int spb_policy_register(const struct spb_policy_ops *ops)
{
	guard(mutex)(&spb_policy_mutex);

	if (spb_policy_ops)
		return spb_policy_ops == ops ? 0 : -EBUSY;
	if (!spb_allowed())
		return 0;
	spb_policy_ops = ops;
	spb_set_hooks(ops);
	get_online_mems();
	spb_prepare_all();
	spb_attach_all();
	put_online_mems();
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(spb_policy_register, "superpageblock_policy");

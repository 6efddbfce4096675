// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: how the allocator and its policy reach each other.
 *
 * Hooks are static calls with typed stubs as default. A site reaches one only
 * in a zone that is attached, or is just being, which is decided under
 * zone->lock: so no call can be under way while it is patched.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-isolation.h>
#include <linux/string_choices.h>
#include "../internal.h"
#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/superpageblock.h>

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

/* Held while a policy comes or goes. */
DEFINE_MUTEX(spb_policy_mutex);
/* Changes only while memory cannot come or go. */
const struct spb_policy_ops __rcu *spb_policy_ops;
static bool spb_wanted __ro_after_init = true;
/* Requests for a block that are emptying one: they fill tainted blocks meanwhile. */
atomic_t spb_emptying = ATOMIC_INIT(0);
/* Of the policy that came last; what is under way may use them after it has gone. */
struct spb_limits spb_limits;

static int __init spb_setup(char *arg)
{
	if (arg && kstrtobool(arg, &spb_wanted) == 0)
		return 0;
	pr_err("unknown value '%s' for superpageblock=, use on or off; staying %s\n",
	       arg ?: "", str_on_off(spb_wanted));
	return 0;
}
early_param("superpageblock", spb_setup);

/* Read without the lock, by all that allocate: written only if it changes. */
static void spb_note_withheld(struct zone *zone)
{
	unsigned long withheld = spb_locked_ops(zone)->withheld(zone->spb_policy);

	if (withheld != zone->spb_withheld)
		WRITE_ONCE(zone->spb_withheld, withheld);
}

/**
 * __spb_classify() - tell the policy how full and how tainted a block is
 * @zone: the zone, whose lock is held
 * @block: the block
 */
void __spb_classify(struct zone *zone, struct spb_block *block)
{
	u64 level;

	lockdep_assert_held(&zone->lock);
	spb_forget_plans(zone);
	level = static_call(spb_classify)(zone->spb_policy, block->id, block->nr_free,
					  block->nr_dirty);
	spb_note_withheld(zone);
	block->low = level & SPB_LEVEL_LOW;
	block->level_lo = lower_32_bits(level) & ~SPB_LEVEL_LOW;
	block->level_span = upper_32_bits(level) - block->level_lo;
	if (block->low)
		spb_want_room(zone);
}

/**
 * spb_block_orders() - which lists of a type hold pages
 * @block: the block, whose zone is locked
 * @migratetype: the type
 *
 * Return: a mask of orders.
 */
u32 spb_block_orders(const struct spb_block *block, int migratetype)
{
	unsigned int order;
	u32 orders = 0;

	for (order = 0; order < NR_PAGE_ORDERS; order++)
		if (!list_empty(&block->free_area[order].free_list[migratetype]))
			orders |= 1U << order;
	return orders;
}

/**
 * __spb_advertise() - tell the policy what a block's lists of a type hold
 * @zone: the zone, whose lock is held
 * @block: the block
 * @migratetype: the type; nothing is planned from isolated pages
 *
 * Also when a plan found no page there, to lower what is on file to the truth. Each
 * such correction undoes an earlier call, so that there are no more of them than
 * pages that were advertised: whatever went wrong, asking again will not give the
 * same answer.
 */
void __spb_advertise(struct zone *zone, struct spb_block *block, int migratetype)
{
	u64 advert;

	lockdep_assert_held(&zone->lock);
	if (is_migrate_isolate(migratetype)) {
		block->top[migratetype] = NR_PAGE_ORDERS;
		block->promote[migratetype] = U32_MAX;
		return;
	}
	spb_forget_plans(zone);
	advert = static_call(spb_advertise)(zone->spb_policy, block->id, migratetype,
					    spb_block_orders(block, migratetype),
					    block->nr_pages[migratetype]);
	block->top[migratetype] = fls(upper_32_bits(advert));
	block->promote[migratetype] = lower_32_bits(advert);
	if (is_migrate_cma(migratetype) && !block->has_cma) {
		/* The block is of another category now. */
		block->has_cma = true;
		__spb_classify(zone, block);
	}
	spb_check_block(block, migratetype);
}

/**
 * spb_block_pfn() - first page of a block
 * @zone: an attached zone
 * @block: index of the block
 *
 * Return: its page frame number.
 */
unsigned long spb_block_pfn(const struct zone *zone, u32 block)
{
	return READ_ONCE(zone->spb_start) + ((unsigned long)block << SPB_ORDER);
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
	struct spb_block *block;

	if (!n)
		return zone->free_area;
	block = spb_find_block(zone, n - 1);
	return block ? block->free_area : NULL;
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
	return spb_block_of(zone, page_to_pfn(a)) == spb_block_of(zone, page_to_pfn(b));
}

/**
 * spb_lists_span() - where to look for pages on the same lists
 * @zone: the zone, whose lock is held
 * @page: a page
 * @first: set to the first page frame of the range
 *
 * Return: pages in the range, some of which may be of another zone or absent.
 */
unsigned long spb_lists_span(const struct zone *zone, const struct page *page,
			     unsigned long *first)
{
	if (!spb_block_of(zone, page_to_pfn(page))) {
		*first = zone->zone_start_pfn;
		return zone->spanned_pages;
	}
	*first = ALIGN_DOWN(page_to_pfn(page), SPB_NR_PAGES);
	return SPB_NR_PAGES;
}

/**
 * spb_planned_block() - the block from whose lists a page of a type would come
 * @zone: an attached zone, locked
 * @order: order of the page
 * @migratetype: its type
 * @flags: SPB_PLAN_* of the request
 *
 * Return: a block with a page of at least @order on its lists of @migratetype,
 * NULL if the policy would take the page from other lists or there is none.
 */
struct spb_block *spb_planned_block(struct zone *zone, unsigned int order,
				    int migratetype, u32 flags)
{
	unsigned int tries = SPB_MAX_CORRECTIONS;
	u64 plan;

	while (tries-- &&
	       (plan = static_call(spb_plan)(zone->spb_policy, order, migratetype, flags))) {
		struct spb_block *block = spb_nth_block(zone, SPB_PLAN_BLOCK(plan));

		if (SPB_PLAN_FROM(plan) != migratetype)
			return NULL;
		if (spb_block_orders(block, migratetype) >> order)
			return block;
		__spb_advertise(zone, block, migratetype);
	}
	return NULL;
}

/**
 * spb_movable_area() - the free lists that movable pages should be taken from
 * @zone: the zone, whose lock is held
 * @order: order of the pages
 *
 * Return: the free area of the block that the policy would use next.
 */
struct free_area *spb_movable_area(struct zone *zone, unsigned int order)
{
	struct spb_block *block = NULL;

	if (spb_attached(zone))
		block = spb_planned_block(zone, order, MIGRATE_MOVABLE, 0);
	return spb_free_area(zone, block, order);
}

static void spb_set_hooks(const struct spb_policy_ops *ops)
{
	static_call_update(spb_plan, ops->plan);
	static_call_update(spb_advertise, ops->advertise);
	static_call_update(spb_classify, ops->classify);
}

/* One line that says what became of it. */
static void spb_report(unsigned int nr_zones, unsigned int nr_blocks,
		       unsigned int nr_tainted, u64 longest)
{
	if (!nr_zones)
		pr_info("no zone has a complete block of 1 GB, nothing to attach\n");
	else if (system_state < SYSTEM_RUNNING)
		pr_info("attached %u zones, %u blocks of 1 GB, %u of them tainted by boot\n",
			nr_zones, nr_blocks, nr_tainted);
	else
		pr_info("attached %u zones, %u blocks of 1 GB, %u of them tainted; longest step %llu us\n",
			nr_zones, nr_blocks, nr_tainted, div_u64(longest, NSEC_PER_USEC));
}

static const char *spb_why_not(int err)
{
	return err == -E2BIG ? "too large to number its blocks" : "not enough memory";
}

/* Prepare all zones; returns -ENOMEM if that was the reason to leave one out. */
static int spb_prepare_all(const struct spb_policy_ops *ops)
{
	struct zone *zone;
	int ret = 0;

	for_each_populated_zone(zone) {
		int err = spb_prepare_zone(zone, ops);

		if (!err || err == -ENODEV)
			continue;
		pr_err("node %d zone %s stays as it is: %s\n",
		       zone_to_nid(zone), zone->name, spb_why_not(err));
		if (err == -ENOMEM)
			ret = err;
	}
	return ret;
}

static void spb_attach_all(void)
{
	unsigned int nr_zones = 0, nr_blocks = 0, nr_tainted = 0;
	struct zone *zone;

	/* Those of memory hotplug do not count. */
	spb_longest_step();
	for_each_populated_zone(zone) {
		if (!spb_prepared(zone) || spb_attach_zone(zone))
			continue;
		nr_zones++;
		nr_blocks += zone->spb_len >> SPB_ORDER;
		nr_tainted += spb_count_tainted(zone);
	}
	spb_report(nr_zones, nr_blocks, nr_tainted, spb_longest_step());
}

/* Returns how many zones were attached. */
static unsigned int spb_detach_all(void)
{
	unsigned int nr_zones = 0;
	struct zone *zone;

	/* A zone may have lost its memory since it was attached. */
	for_each_zone(zone) {
		nr_zones += spb_attached(zone);
		spb_detach_zone(zone);
	}
	return nr_zones;
}

/* Boot asks twice, and says it once. */
static void spb_say_off(const char *why)
{
	static bool said;

	if (!said || system_state == SYSTEM_RUNNING)
		pr_info("off, %s\n", why);
	said = true;
}

/* Whether a policy may attach; says why if not. */
static bool spb_allowed(void)
{
	if (!spb_wanted)
		spb_say_off("as superpageblock=off asks");
	else if (page_group_by_mobility_disabled)
		spb_say_off("too little memory to group pages by mobility");
	return spb_wanted && !page_group_by_mobility_disabled;
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
	const struct spb_policy_ops *ops;

	/* Pages that are not initialised yet cannot be looked at. */
	if (!IS_BUILTIN(CONFIG_SUPERPAGEBLOCK_POLICY) || deferred_pages_enabled() ||
	    !spb_allowed())
		return;
	ops = spb_rust_policy();
	rcu_assign_pointer(spb_policy_ops, ops);
	spb_limits = ops->limits;
	spb_set_hooks(ops);
	/* A zone that is left out is no reason to leave out the others. */
	spb_prepare_all(ops);
}

/**
 * spb_boot_attach() - attach all zones that are prepared
 *
 * Context: early boot, after memblock_free_all() and before slab is up.
 */
void __init spb_boot_attach(void)
{
	if (rcu_access_pointer(spb_policy_ops))
		spb_attach_all();
}

/* Attach all zones, or change nothing. */
static int spb_take_over(const struct spb_policy_ops *ops)
{
	int err;

	get_online_mems();
	rcu_assign_pointer(spb_policy_ops, ops);
	err = spb_prepare_all(ops);
	if (!err) {
		spb_attach_all();
	} else {
		spb_detach_all();
		RCU_INIT_POINTER(spb_policy_ops, NULL);
	}
	put_online_mems();
	return err;
}

static const struct spb_policy_ops spb_no_policy = {
	.plan = spb_plan_stub,
	.advertise = spb_advertise_stub,
	.classify = spb_classify_stub,
};

/**
 * spb_policy_register() - hand the placement of pages to a policy
 * @ops: its functions, in use until spb_policy_unregister()
 *
 * Attaches every zone with at least one complete block, now or when memory is
 * added. If @ops attached early in boot, its workers start.
 *
 * Context: process context; may sleep.
 * Return: 0; -EBUSY when another policy is registered already, -ENODEV with
 * superpageblock=off or without grouping by mobility, -ENOMEM. After an error
 * everything is as it was.
 */
int spb_policy_register(const struct spb_policy_ops *ops)
{
	const struct spb_policy_ops *old;
	int err;

	guard(mutex)(&spb_policy_mutex);

	old = rcu_access_pointer(spb_policy_ops);
	if (old == ops) {
		spb_workers_start(ops);
		return 0;
	}
	if (old) {
		pr_err("a policy is attached already\n");
		return -EBUSY;
	}
	if (!spb_allowed())
		return -ENODEV;
	spb_limits = ops->limits;
	spb_set_hooks(ops);
	err = spb_take_over(ops);
	if (err) {
		spb_set_hooks(&spb_no_policy);
		return err;
	}
	spb_workers_start(ops);
	spb_room_start();
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(spb_policy_register, "superpageblock_policy");

/**
 * spb_policy_unregister() - place pages as without superpageblocks again
 * @ops: what was registered
 *
 * Context: process context; may sleep. Nothing of @ops is in use after it.
 */
void spb_policy_unregister(const struct spb_policy_ops *ops)
{
	unsigned int nr_zones;

	guard(mutex)(&spb_policy_mutex);

	if (rcu_access_pointer(spb_policy_ops) != ops)
		return;
	spb_room_stop();
	spb_workers_stop(ops);
	get_online_mems();
	nr_zones = spb_detach_all();
	RCU_INIT_POINTER(spb_policy_ops, NULL);
	put_online_mems();
	spb_set_hooks(&spb_no_policy);
	/* Contiguous allocation asks @ops without a lock. */
	synchronize_rcu();
	pr_info("detached %u zones\n", nr_zones);
}
EXPORT_SYMBOL_FOR_MODULES(spb_policy_unregister, "superpageblock_policy");

/* Most of what boot gives back has been given back by now. */
static int __init spb_late_recount(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		spb_recount_zone(zone);
	return 0;
}
late_initcall(spb_late_recount);

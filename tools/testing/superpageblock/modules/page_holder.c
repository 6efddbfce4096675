// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages does a test hold that it cannot ask for from user space?
 *
 * Each kind of request is a file, /sys/kernel/debug/page_holder/<kind>. Writing
 * a number has as many pages held; fewer if a request fails, which is no error.
 * Reading gives how many are held.
 *
 * All pages come from one node, and a request that names its node is no reason
 * to kill a process. So that node can be exhausted while others have memory.
 */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched.h>

/* No other node serves these, and a failure is an answer. */
#define PAGE_HOLDER_GFP		(__GFP_THISNODE | __GFP_NOWARN)

/* The least order whose pages do not pass through per-CPU lists. */
#define PAGE_HOLDER_ORDER	(PAGE_ALLOC_COSTLY_ORDER + 1)

/**
 * struct page_holder_kind - requests of a kind
 * @name: name of the file
 * @gfp: what is asked for
 * @order: size of what is asked for
 * @pages: what is held
 * @held: how many that are
 */
struct page_holder_kind {
	const char *name;
	gfp_t gfp;
	unsigned int order;
	struct list_head pages;
	unsigned long held;
};

static struct page_holder_kind page_holder_kinds[] = {
	{
		/* Fills memory; leaves reserves alone and reclaims nothing. */
		.name = "filler",
		.gfp = (GFP_HIGHUSER_MOVABLE | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM,
		.order = MAX_PAGE_ORDER,
	},
	{
		/* May use the highatomic reserve, and has it made. */
		.name = "atomic",
		.gfp = GFP_ATOMIC,
		.order = PAGE_HOLDER_ORDER,
	},
	{
		/* What a network card takes for what it receives. */
		.name = "packet",
		.gfp = GFP_ATOMIC,
		.order = 0,
	},
	{
		/* Fails only when all has been tried, that reserve included. */
		.name = "patient",
		.gfp = GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL,
		.order = 0,
	},
};

static DEFINE_MUTEX(page_holder_lock);
static struct dentry *page_holder_root;

static int page_holder_node;
module_param_named(node, page_holder_node, int, 0444);
MODULE_PARM_DESC(node, "Node whose pages are held");

static bool page_holder_take(struct page_holder_kind *kind)
{
	struct page *page;

	page = alloc_pages_node(page_holder_node, kind->gfp | PAGE_HOLDER_GFP,
				kind->order);
	if (!page)
		return false;
	list_add_tail(&page->lru, &kind->pages);
	kind->held++;
	return true;
}

/* The first page that was taken; the next is spared, so that holes are left. */
static void page_holder_give(struct page_holder_kind *kind)
{
	struct page *page = list_first_entry(&kind->pages, struct page, lru);

	list_del(&page->lru);
	kind->held--;
	__free_pages(page, kind->order);
	list_rotate_left(&kind->pages);
}

static int page_holder_set(void *data, u64 count)
{
	struct page_holder_kind *kind = data;

	guard(mutex)(&page_holder_lock);
	while (kind->held < count && page_holder_take(kind))
		cond_resched();
	while (kind->held > count) {
		page_holder_give(kind);
		cond_resched();
	}
	return 0;
}

static int page_holder_get(void *data, u64 *count)
{
	struct page_holder_kind *kind = data;

	guard(mutex)(&page_holder_lock);
	*count = kind->held;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(page_holder_fops, page_holder_get, page_holder_set,
			 "%llu\n");

static int __init page_holder_init(void)
{
	struct page_holder_kind *kind;
	unsigned int i;

	if (page_holder_node < 0 || page_holder_node >= MAX_NUMNODES ||
	    !node_state(page_holder_node, N_MEMORY))
		return -EINVAL;

	page_holder_root = debugfs_create_dir("page_holder", NULL);
	for (i = 0; i < ARRAY_SIZE(page_holder_kinds); i++) {
		kind = &page_holder_kinds[i];
		INIT_LIST_HEAD(&kind->pages);
		debugfs_create_file_unsafe(kind->name, 0600, page_holder_root,
					   kind, &page_holder_fops);
	}
	return 0;
}
module_init(page_holder_init);

static void __exit page_holder_exit(void)
{
	unsigned int i;

	debugfs_remove_recursive(page_holder_root);
	for (i = 0; i < ARRAY_SIZE(page_holder_kinds); i++)
		page_holder_set(&page_holder_kinds[i], 0);
}
module_exit(page_holder_exit);

MODULE_DESCRIPTION("Holds pages for tests of the page allocator");
MODULE_LICENSE("GPL");

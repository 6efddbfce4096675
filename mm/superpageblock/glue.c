// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: where the policy starts.
 *
 * Built in, it has usually attached before slab was up, see spb_boot_attach().
 * With deferred initialisation of struct pages it attaches here: after hugetlb
 * has initialised those of boot-time gigantic pages, before device drivers and
 * the initial RAM disk scatter their memory.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/superpageblock.h>

static int __init spb_policy_init(void)
{
	return spb_policy_register(spb_rust_policy());
}
subsys_initcall_sync(spb_policy_init);

MODULE_DESCRIPTION("Placement policy for superpageblocks");
MODULE_LICENSE("GPL");

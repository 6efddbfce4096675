// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: where the policy starts and ends, and its parameters.
 *
 * Built in, it has usually attached before slab was up, see spb_boot_attach().
 * With deferred initialisation of struct pages it attaches here: after hugetlb
 * has initialised those of boot-time gigantic pages, before device drivers and
 * the initial RAM disk scatter their memory. As a module it attaches to a
 * machine in use when it is inserted, and detaches when it is removed.
 */
#define pr_fmt(fmt) "superpageblock: " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/superpageblock.h>

/* Read by the policy when a zone is set up. */
unsigned int spb_reserve_percent = 3;

static int spb_set_reserve(const char *val, const struct kernel_param *kp)
{
	unsigned int percent;

	if (kstrtouint(val, 0, &percent) || percent > SPB_MAX_RESERVE_PERCENT) {
		pr_err("reserve_percent=%s: use a number from 0 to %u\n", val,
		       SPB_MAX_RESERVE_PERCENT);
		return -EINVAL;
	}
	*(unsigned int *)kp->arg = percent;
	return 0;
}

static const struct kernel_param_ops spb_reserve_ops = {
	.set = spb_set_reserve,
	.get = param_get_uint,
};
module_param_cb(reserve_percent, &spb_reserve_ops, &spb_reserve_percent, 0444);
MODULE_PARM_DESC(reserve_percent,
		 "Share of a tainted gigabyte that movable memory leaves free, in percent (0 to 25, default 3)");

static int __init spb_policy_init(void)
{
	return spb_policy_register(spb_rust_policy());
}
subsys_initcall_sync(spb_policy_init);

static void __exit spb_policy_exit(void)
{
	spb_policy_unregister(spb_rust_policy());
}
module_exit(spb_policy_exit);

MODULE_DESCRIPTION("Placement policy for superpageblocks");
MODULE_LICENSE("GPL");

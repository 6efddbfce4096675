// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: where the policy starts.
 *
 * Rust's module! macro runs built-in code at device_initcall, after drivers
 * and initramfs have scattered their memory. core_initcall comes before both.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/superpageblock.h>

static int __init spb_policy_init(void)
{
	return spb_policy_register(spb_rust_policy());
}
core_initcall(spb_policy_init);

MODULE_DESCRIPTION("Placement policy for superpageblocks");
MODULE_LICENSE("GPL");

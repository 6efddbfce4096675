/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most files of a kernel include, directly or not. A file that gets more of them than it asks for
 * compiles to the same machine code: spb test looks at some.
 */
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/interrupt.h>
#include <linux/device.h>
#include <linux/uaccess.h>
#include <linux/pagemap.h>
#include <linux/highmem.h>
#include <linux/blkdev.h>
#include <linux/syscalls.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/perf_event.h>
#include <linux/debugfs.h>
#include <linux/vmalloc.h>
#include <linux/kthread.h>
#ifdef CONFIG_PCI
#include <linux/pci.h>
#endif
#ifdef CONFIG_ACPI
#include <linux/acpi.h>
#endif

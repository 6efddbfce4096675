// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superpageblocks: having the owner of movable pages that do not move let go of them.
 *
 * File systems keep blocks of metadata in movable memory. A journal holds a reference
 * to each until it has looked whether the block was written back, which it does when
 * it commits next or when slab is shrunk: never, on a machine with free memory. So
 * whoever meets such pages asks the file system, and nobody else, to look now.
 *
 * That takes no I/O. What was not written back yet stays: its owner is remembered, to be
 * asked to write it back when nothing is isolated any more.
 */
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include "../internal.h"
#include "internal.h"
#include <trace/events/superpageblock.h>

/* Owners that are asked for one list of pages: it has pages of few. */
#define SPB_MAX_OWNERS	4
/* After this time it is worth while to ask the same owner again. */
#define SPB_ASK_AGAIN	DIV_ROUND_UP(HZ, 10)

/* Who was asked last, not to be followed, and when he may be asked again. */
static struct inode *spb_asked;
static unsigned long spb_ask_after = INITIAL_JIFFIES;

/* The owner that kept pages last, with a reference. Requests may take it from another. */
static struct inode *spb_keeper;

/*
 * The inode of the block device that @folio caches metadata of, with a reference;
 * NULL if it is something else. Isolation alone does not keep the mapping.
 */
static struct inode *spb_owner(struct folio *folio)
{
	struct address_space *mapping;
	struct inode *inode = NULL;

	if (folio_test_anon(folio) || !folio_test_private(folio) || !folio_trylock(folio))
		return NULL;
	mapping = folio_mapping(folio);
	if (mapping && mapping->host && sb_is_blkdev_sb(mapping->host->i_sb))
		inode = igrab(mapping->host);
	folio_unlock(folio);
	return inode;
}

/* The owners of the pages on @list, SPB_MAX_OWNERS at most; returns their number. */
static unsigned int spb_owners(struct list_head *list, struct inode **owners)
{
	unsigned int nr = 0, i;
	struct folio *folio;

	list_for_each_entry(folio, list, lru) {
		struct inode *inode = spb_owner(folio);

		if (!inode)
			continue;
		for (i = 0; i < nr && owners[i] != inode; i++)
			;
		if (i == SPB_MAX_OWNERS || i < nr)
			iput(inode);
		else
			owners[nr++] = inode;
	}
	return nr;
}

static bool spb_asked_lately(struct inode *owner)
{
	if (READ_ONCE(spb_asked) == owner && time_before(jiffies, READ_ONCE(spb_ask_after)))
		return true;
	WRITE_ONCE(spb_asked, owner);
	WRITE_ONCE(spb_ask_after, jiffies + SPB_ASK_AGAIN);
	return false;
}

/* Returns whether there was somebody to ask. */
static bool spb_ask_owner(struct inode *owner, bool sync)
{
	struct block_device *bdev = I_BDEV(owner);

	/* Who comes or goes just now holds it for long. */
	if (!mutex_trylock(&bdev->bd_holder_lock))
		return false;
	if (!bdev->bd_holder_ops || !bdev->bd_holder_ops->unpin) {
		mutex_unlock(&bdev->bd_holder_lock);
		return false;
	}
	trace_spb_let_go(bdev->bd_dev, sync);
	bdev->bd_holder_ops->unpin(bdev, sync);
	return true;
}

/* Only who empties a block comes back to it. */
static void spb_remember_keeper(struct inode *owner)
{
	if (current->flags & PF_MEMALLOC_EMPTYING)
		owner = xchg(&spb_keeper, owner);
	iput(owner);
}

/**
 * spb_let_go() - ask the owners of pages that did not move to let go of them
 * @list: isolated pages, what migration has left
 * @gfp_mask: what the caller may do; without __GFP_FS, nothing is done
 *
 * Context: process context; may sleep. No folio is locked, nor a journal handle open.
 * Return: true if one was asked, so that another attempt is worth while.
 */
bool spb_let_go(struct list_head *list, gfp_t gfp_mask)
{
	struct inode *owners[SPB_MAX_OWNERS];
	unsigned int nr, i;
	bool asked = false;

	if (!(gfp_mask & __GFP_FS) || current->journal_info)
		return false;
	nr = spb_owners(list, owners);
	for (i = 0; i < nr; i++) {
		if (spb_asked_lately(owners[i])) {
			spb_remember_keeper(owners[i]);
			continue;
		}
		asked |= spb_ask_owner(owners[i], false);
		iput(owners[i]);
	}
	return asked;
}

/**
 * spb_forget_keeper() - nobody is to be asked to write back
 *
 * Context: process context; may sleep.
 */
void spb_forget_keeper(void)
{
	iput(xchg(&spb_keeper, NULL));
}

/**
 * spb_have_written_back() - ask the owner that kept pages to write them back
 * @gfp_mask: what the caller may do; without __GFP_FS and __GFP_IO, nothing is done
 *
 * Context: process context; sleeps for I/O.
 * Return: true if that was done, so that another attempt is worth while.
 */
bool spb_have_written_back(gfp_t gfp_mask)
{
	struct inode *owner = xchg(&spb_keeper, NULL);
	bool asked = false;

	if (owner && gfp_mask & __GFP_FS && gfp_mask & __GFP_IO && !current->journal_info)
		asked = spb_ask_owner(owner, true);
	iput(owner);
	return asked;
}

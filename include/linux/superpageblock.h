/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Superpageblocks: where the page allocator meets the placement policy.
 *
 * A superpageblock ("block") is one gigabyte of one zone. The allocator keeps
 * a set of buddy lists per block (mm/superpageblock/block.h); the policy,
 * written in Rust, decides from which block and by which means a request is
 * served. Only integers and opaque pointers cross this interface.
 */
#ifndef _LINUX_SUPERPAGEBLOCK_H
#define _LINUX_SUPERPAGEBLOCK_H

#include <linux/types.h>

struct spb_policy_zone;
struct spb_worker;
struct workqueue_struct;

/* What came of a request that would taint a clean block; see spb_make_room(). */
enum spb_room_outcome {
	SPB_ROOM_MADE,
	SPB_ROOM_FAILED,
	SPB_ROOM_RESTS,
	SPB_ROOM_CANNOT_WAIT,
	SPB_ROOM_REFUSED,
};

/* Bits of the @flags argument of plan(); facts about the request. */
#define SPB_PLAN_FIRST_PASS	0x01	/* caller retries: do not taint, spare the reserve */
#define SPB_PLAN_NOFRAGMENT	0x02	/* ALLOC_NOFRAGMENT */
#define SPB_PLAN_CMA_OK		0x04	/* ALLOC_CMA */
#define SPB_PLAN_CMA_FIRST	0x08	/* over half of the free memory is CMA */
#define SPB_PLAN_MUST		0x10	/* reserves, OOM victims: never refused */
#define SPB_PLAN_EMPTYING	0x40	/* PF_MEMALLOC_EMPTYING */
#define SPB_PLAN_TARGET		0x100	/* for a page moved out of a tainted block */

/* More facts about a request, for before_taint(). */
#define SPB_ASK_WAITS		0x200	/* __GFP_DIRECT_RECLAIM */
#define SPB_ASK_IO		0x400	/* __GFP_IO */
#define SPB_ASK_URGENT		0x800	/* __GFP_HIGH */

/* What before_taint() returns: what is to be tried before a clean block is tainted. */
#define SPB_MAKE_ROOM		0x01	/* empty a pageblock of a tainted block */
#define SPB_REFUSE		0x02	/* as long as room can be made, fail */

/* Blocks in a zone, at most: the policy links them by 16-bit numbers. */
#define SPB_MAX_BLOCKS		65535

/*
 * A plan, as the u64 that plan() returns; 0 means that no block can serve the
 * request under @flags.
 *
 *  63       32 31     24 23     16 15      8 7       0
 * +-----------+---------+---------+---------+---------+
 * | block + 1 |    0    |  order  |  from   | action  |
 * +-----------+---------+---------+---------+---------+
 */
#define SPB_PLAN_ACTION(plan)	((unsigned int)(plan) & 0xff)
#define SPB_PLAN_FROM(plan)	(((unsigned int)(plan) >> 8) & 0xff)
#define SPB_PLAN_ORDER(plan)	(((unsigned int)(plan) >> 16) & 0xff)
#define SPB_PLAN_BLOCK(plan)	((u32)((plan) >> 32) - 1)

#define SPB_TAKE		1	/* a page off the block's list of type "from" */
#define SPB_CLAIM_WHOLE		2	/* retype a wholly free pageblock */
#define SPB_CLAIM_PART		3	/* retype that of the largest free page, >= "order" */

/* Set in what classify() returns: the block has less free memory than its reserve. */
#define SPB_LEVEL_LOW		0x80000000

/* What evacuate_key() returns for a block that is not to be evacuated. */
#define SPB_NO_KEY		(~0ULL)

/* What pageblock_key() returns for a pageblock that is not to be emptied. */
#define SPB_NO_PAGEBLOCK	(~0U)

/**
 * struct spb_occupancy - what a block holds, as evacuate_key() is told
 * @in_use: pages in use, without those that boot has reserved
 * @sparse: pageblocks without non-movable content
 * @pageblock: pages in a pageblock
 * @failures: attempts to evacuate a pageblock of it that failed, since the last
 *	that succeeded
 * @lost: never a gigabyte page, whatever is moved out of it
 */
struct spb_occupancy {
	u32 in_use;
	u32 sparse;
	u32 pageblock;
	u32 failures;
	bool lost;
};

/**
 * struct spb_contents - what a pageblock of a tainted block holds
 * @movable: pages that look as if they could move
 * @others: pages that do not
 * @pageblock: pages in a pageblock
 */
struct spb_contents {
	u32 movable;
	u32 others;
	u32 pageblock;
};

/**
 * struct spb_limits - how much is done to make room, and when it is given up
 * @tries: pageblocks that one request has emptied, at most
 * @sample: pageblocks worth emptying of which the best is taken
 * @search: pageblocks that are looked through to find them
 * @stay: pages of a pageblock that may stay; with more of them it is left
 * @request_rest_ms: how long a node's requests do not try after one got no room
 */
struct spb_limits {
	u32 tries;
	u32 sample;
	u32 search;
	u32 stay;
	u32 request_rest_ms;
};

/**
 * struct spb_evacuated - what an attempt to empty a pageblock came to
 * @moved: pages that were moved
 * @left: pages in it that look as if they could move
 * @failed: folios that were to be moved and were not
 * @gave_up: for want of memory to move them to, or of time
 */
struct spb_evacuated {
	unsigned int moved;
	unsigned int left;
	unsigned int failed;
	bool gave_up;
};

/**
 * struct spb_tally - what the policy's index knows of a zone, in blocks
 * @clean: only free and movable pages inside; includes @empty
 * @empty: wholly free
 * @tainted: non-movable content
 * @lost_clean: clean, but cut by an edge: never a gigabyte page
 * @lost_tainted: tainted and cut by an edge or holding boot-reserved pages
 * @cma: holding CMA pageblocks
 * @below_reserve: tainted blocks with less free memory than their reserve
 */
struct spb_tally {
	u32 clean;
	u32 empty;
	u32 tainted;
	u32 lost_clean;
	u32 lost_tainted;
	u32 cma;
	u32 below_reserve;
};

/**
 * struct spb_policy_ops - what the policy provides
 * @zone_bytes: size of the policy's state of a zone with @nr_blocks blocks.
 * @zone_init: set up that state in zeroed memory. Blocks have 1 << @block_order
 *	pages, pageblocks 1 << @claim_order; @kernel if memory that cannot move
 *	is allocated from the zone. The memory stays C's; the policy needs nothing
 *	else, so that it can start before slab does.
 * @zone_move: set up @to, zeroed memory for @nr_blocks blocks, with all that
 *	@from knows of its blocks, which are fewer.
 * @set_block: make block @block known, or say what has changed about it:
 *	it has @present pages, of which boot has reserved @reserved;
 *	@complete if these are all pages of an aligned gigabyte. Returns like
 *	@classify.
 * @plan: where to take 1 << @order pages of type @migratetype; see
 *	SPB_PLAN_ACTION() and friends.
 * @advertise: the free lists of @migratetype in @block hold @nr_pages pages in
 *	the orders of mask @orders. Returns, in the low word, the page count at
 *	which to call again although no higher order appeared and, in the high
 *	word, the bit of the order from above which to call again.
 * @classify: @block has @nr_free free pages and @nr_dirty pageblocks with
 *	non-movable type or content. Called for the first and the last of these
 *	and for each 32nd part of a block. Returns the half-open interval of free
 *	pages within which no call is needed: low end in the low word, where
 *	SPB_LEVEL_LOW may be set.
 * @withheld: free pages that movable requests are to leave in tainted blocks; may
 *	change with each call of @classify.
 * @contig_rank: rank of a clean block for contiguous allocation, the smallest
 *	first: @cost pages have to be moved, and @failures attempts failed. Called
 *	without locks.
 * @evacuate_key: rank of a tainted block as one to move movable pages out of, the
 *	smallest first, SPB_NO_KEY if that is not worth while. The low word is
 *	@block. Called without locks.
 * @pageblock_key: rank of a pageblock of such a block as the one to empty, the
 *	smallest first, SPB_NO_PAGEBLOCK if that is not worth while. Called without
 *	locks.
 * @before_taint: what to try before a request for 1 << @order pages of kernel memory
 *	taints a clean block, a mask of SPB_MAKE_ROOM and SPB_REFUSE. @flags has bits of
 *	SPB_PLAN_* and SPB_ASK_*. Called without locks.
 * @limits: constants of making room.
 * @worker_start: a worker of zone @zone_idx of the possible node @nid, which runs on
 *	@wq, a queue in process context that is never destroyed; NULL if there is no
 *	memory for one. Sleeps.
 * @worker_kick: have it look for something to do, soon. Not beside @worker_stop.
 * @worker_stop: end it, once; it is not running any more then. Sleeps.
 * @verify: number of contradictions in the policy's index. Walks all blocks.
 * @tally: count blocks by state. Walks all blocks.
 *
 * None of the others sleeps, allocates or prints. Those with a zone, but for
 * @zone_init, are called with its lock held and interrupts off.
 */
struct spb_policy_ops {
	size_t (*zone_bytes)(u32 nr_blocks);
	void (*zone_init)(struct spb_policy_zone *pz, u32 nr_blocks, u32 claim_order,
			  u32 block_order, bool kernel);
	void (*zone_move)(struct spb_policy_zone *to, const struct spb_policy_zone *from,
			  u32 nr_blocks);
	u64 (*set_block)(struct spb_policy_zone *pz, u32 block, u32 present,
			 u32 reserved, bool complete);
	u64 (*plan)(struct spb_policy_zone *pz, u32 order, u32 migratetype, u32 flags);
	u64 (*advertise)(struct spb_policy_zone *pz, u32 block, u32 migratetype,
			 u32 orders, u32 nr_pages);
	u64 (*classify)(struct spb_policy_zone *pz, u32 block, u32 nr_free, u32 nr_dirty);
	u64 (*withheld)(struct spb_policy_zone *pz);
	u32 (*contig_rank)(u32 cost, u32 failures);
	u64 (*evacuate_key)(u32 block, const struct spb_occupancy *held);
	u32 (*pageblock_key)(const struct spb_contents *held);
	u32 (*before_taint)(u32 order, u32 flags);
	struct spb_limits limits;
	struct spb_worker *(*worker_start)(int nid, u32 zone_idx, struct workqueue_struct *wq);
	void (*worker_kick)(struct spb_worker *worker);
	void (*worker_stop)(struct spb_worker *worker);
	u32 (*verify)(struct spb_policy_zone *pz);
	void (*tally)(struct spb_policy_zone *pz, struct spb_tally *tally);
};

int spb_policy_register(const struct spb_policy_ops *ops);
void spb_policy_unregister(const struct spb_policy_ops *ops);

/* Provided by the policy (mm/superpageblock/policy_main.rs). */
const struct spb_policy_ops *spb_rust_policy(void);

/* What a worker of the policy has done for it (mm/superpageblock/worker.c, room.c). */
bool spb_pass_begin(int nid, u32 zone_idx);
bool spb_pass_paused(void);
bool spb_pass_empty(int nid, u32 zone_idx, bool low, struct spb_evacuated *result);
void spb_pass_forgive(int nid, u32 zone_idx);
void spb_rest_requests(int nid);

/* Most that a tainted block may withhold from movable requests, in percent. */
#define SPB_MAX_RESERVE_PERCENT	25

/* A parameter of the policy (mm/superpageblock/glue.c), fixed before it starts. */
extern unsigned int spb_reserve_percent;

#endif /* _LINUX_SUPERPAGEBLOCK_H */

/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM superpageblock

#if !defined(_TRACE_SUPERPAGEBLOCK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SUPERPAGEBLOCK_H

#include <linux/kdev_t.h>
#include <linux/mmzone.h>
#include <linux/superpageblock.h>
#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>

/* Movable pages were moved out of a pageblock of a tainted block. */
TRACE_EVENT(spb_evacuate,

	TP_PROTO(struct zone *zone, unsigned long pfn, unsigned int moved,
		 unsigned int left, int mode),

	TP_ARGS(zone, pfn, moved, left, mode),

	TP_STRUCT__entry(
		__field(int,		nid)
		__field(unsigned int,	zid)
		__field(unsigned long,	pfn)
		__field(unsigned int,	moved)
		__field(unsigned int,	left)
		__field(int,		mode)
	),

	TP_fast_assign(
		__entry->nid	= zone_to_nid(zone);
		__entry->zid	= zone_idx(zone);
		__entry->pfn	= pfn;
		__entry->moved	= moved;
		__entry->left	= left;
		__entry->mode	= mode;
	),

	TP_printk("nid=%d zid=%u pfn=%#lx moved=%u left=%u mode=%d",
		  __entry->nid, __entry->zid, __entry->pfn, __entry->moved,
		  __entry->left, __entry->mode)
);

/* A superpageblock was to be emptied for a contiguous allocation. */
TRACE_EVENT(spb_contig,

	TP_PROTO(struct zone *zone, unsigned long pfn, bool obtained),

	TP_ARGS(zone, pfn, obtained),

	TP_STRUCT__entry(
		__field(int,		nid)
		__field(unsigned int,	zid)
		__field(unsigned long,	pfn)
		__field(bool,		obtained)
	),

	TP_fast_assign(
		__entry->nid	= zone_to_nid(zone);
		__entry->zid	= zone_idx(zone);
		__entry->pfn	= pfn;
		__entry->obtained = obtained;
	),

	TP_printk("nid=%d zid=%u pfn=%#lx %s", __entry->nid, __entry->zid,
		  __entry->pfn, __entry->obtained ? "obtained" : "failed")
);

/* The owner of movable pages that did not move was asked to let go of them. */
TRACE_EVENT(spb_let_go,

	TP_PROTO(dev_t dev, bool sync),

	TP_ARGS(dev, sync),

	TP_STRUCT__entry(
		__field(dev_t,		dev)
		__field(bool,		sync)
	),

	TP_fast_assign(
		__entry->dev	= dev;
		__entry->sync	= sync;
	),

	TP_printk("dev=%d:%d sync=%d", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->sync)
);

TRACE_DEFINE_ENUM(SPB_ROOM_MADE);
TRACE_DEFINE_ENUM(SPB_ROOM_FAILED);
TRACE_DEFINE_ENUM(SPB_ROOM_RESTS);
TRACE_DEFINE_ENUM(SPB_ROOM_CANNOT_WAIT);
TRACE_DEFINE_ENUM(SPB_ROOM_REFUSED);

/* A request would taint a clean superpageblock; unless room was made or it was refused, it does. */
TRACE_EVENT(spb_room,

	TP_PROTO(int nid, unsigned int order, int migratetype, gfp_t gfp_mask,
		 int outcome),

	TP_ARGS(nid, order, migratetype, gfp_mask, outcome),

	TP_STRUCT__entry(
		__field(int,		nid)
		__field(unsigned int,	order)
		__field(int,		migratetype)
		__field(unsigned long,	gfp_mask)
		__field(int,		outcome)
	),

	TP_fast_assign(
		__entry->nid	= nid;
		__entry->order	= order;
		__entry->migratetype = migratetype;
		__entry->gfp_mask = (__force unsigned long)gfp_mask;
		__entry->outcome = outcome;
	),

	TP_printk("nid=%d order=%u migratetype=%d gfp_mask=%s %s", __entry->nid,
		  __entry->order, __entry->migratetype,
		  show_gfp_flags(__entry->gfp_mask),
		  __print_symbolic(__entry->outcome,
				   { SPB_ROOM_MADE,		"made" },
				   { SPB_ROOM_FAILED,		"failed" },
				   { SPB_ROOM_RESTS,		"rests" },
				   { SPB_ROOM_CANNOT_WAIT,	"cannot-wait" },
				   { SPB_ROOM_REFUSED,		"refused" }))
);

/* A superpageblock got its first memory that cannot move, or lost its last. */
TRACE_EVENT(spb_taint,

	TP_PROTO(struct zone *zone, unsigned int block, bool tainted),

	TP_ARGS(zone, block, tainted),

	TP_STRUCT__entry(
		__field(int,		nid)
		__field(unsigned int,	zid)
		__field(unsigned int,	block)
		__field(bool,		tainted)
	),

	TP_fast_assign(
		__entry->nid	= zone_to_nid(zone);
		__entry->zid	= zone_idx(zone);
		__entry->block	= block;
		__entry->tainted = tainted;
	),

	TP_printk("nid=%d zid=%u block=%u %s", __entry->nid, __entry->zid,
		  __entry->block, __entry->tainted ? "tainted" : "clean")
);

#endif /* _TRACE_SUPERPAGEBLOCK_H */

/* This part must be outside protection */
#include <trace/define_trace.h>

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does every page name the zone that spans it?
 *
 * Memory holes count, as far as they have struct pages. A guest shows something
 * if such a hole is the end of a zone: QEMU's "pc" has one below 4 GB when it has
 * more than 3.5 GB of memory.
 */

#include <kunit/test.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>

static unsigned long end_of_memmap(void)
{
	unsigned long end = 0;
	int nid;

	for_each_online_node(nid)
		end = max(end, node_end_pfn(nid));
	return SECTION_ALIGN_UP(end);
}

static struct zone *populated_zone_spanning(unsigned long pfn)
{
	struct zone *zone;
	int nid, i;

	for_each_online_node(nid) {
		for (i = 0; i < MAX_NR_ZONES; i++) {
			zone = &NODE_DATA(nid)->node_zones[i];
			if (populated_zone(zone) && zone_spans_pfn(zone, pfn))
				return zone;
		}
	}
	return NULL;
}

/* Returns the zone @page should name, or NULL if it is as it should be. */
static struct zone *better_zone(struct page *page, unsigned long pfn)
{
	if (zone_spans_pfn(page_zone(page), pfn))
		return NULL;
	return populated_zone_spanning(pfn);
}

static void pages_name_the_zone_that_spans_them(struct kunit *test)
{
	unsigned long pfn, end = end_of_memmap(), pages = 0, wrong = 0;
	struct page *page;
	struct zone *zone;

	for (pfn = 0; pfn < end; pfn++) {
		page = pfn_to_online_page(pfn);
		if (!page)
			continue;
		if (!(++pages % PAGES_PER_SECTION))
			cond_resched();
		zone = better_zone(page, pfn);
		if (zone && !wrong++)
			kunit_err(test, "pfn %#lx names node %d zone %s, node %d zone %s spans it\n",
				  pfn, page_to_nid(page), page_zone(page)->name,
				  zone_to_nid(zone), zone->name);
	}

	KUNIT_EXPECT_NE(test, pages, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static struct kunit_case page_zone_cases[] = {
	KUNIT_CASE_SLOW(pages_name_the_zone_that_spans_them),
	{}
};

static struct kunit_suite page_zone_suite = {
	.name = "page_zone",
	.test_cases = page_zone_cases,
};

kunit_test_suite(page_zone_suite);

MODULE_DESCRIPTION("Test of the zones that pages name");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a page be dumped that the zone it names does not span?
 *
 * With CONFIG_CMA and CONFIG_DEBUG_VM, a kernel that looks up the pageblock of
 * such a page while dumping it dies here: there is no failure to report.
 */

#include <kunit/test.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmdebug.h>
#include <linux/module.h>

/* The first page of memory is in no zone on a PC. */
static struct page *page_outside_its_zone(void)
{
	unsigned long pfn, end = node_end_pfn(first_online_node);
	struct page *page;

	for (pfn = 0; pfn < end; pfn++) {
		page = pfn_to_online_page(pfn);
		if (page && !zone_spans_pfn(page_zone(page), pfn))
			return page;
	}
	return NULL;
}

static void dump_page_outside_its_zone(struct kunit *test)
{
	struct page *page = page_outside_its_zone();

	if (!page)
		kunit_skip(test, "all pages are inside the zones they name");

	dump_page(page, "test");
	KUNIT_SUCCEED(test);
}

static struct kunit_case dump_page_cases[] = {
	KUNIT_CASE(dump_page_outside_its_zone),
	{}
};

static struct kunit_suite dump_page_suite = {
	.name = "dump_page",
	.test_cases = dump_page_cases,
};

kunit_test_suite(dump_page_suite);

MODULE_DESCRIPTION("Test of dump_page() on pages outside their zones");
MODULE_LICENSE("GPL");

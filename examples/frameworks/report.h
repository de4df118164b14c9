/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report written by hand: what tests of one's own test code start from. */
#ifndef EXAMPLE_REPORT_H
#define EXAMPLE_REPORT_H

static const char report[] =
	"{\"schema\": \"single\", \"tag\": \"example\", \"maps\": ["
	"{\"name\": \"demo.bss\", \"map_type\": 2, \"value_size\": 8, \"max_entries\": 1, \"value\":"
	" {\"kind\": \"struct\", \"members\": [{\"name\": \"nr_dispatched\", \"value\":"
	" {\"kind\": \"uint\", \"bits\": 64, \"value\": 57}}]}}]}";

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TESTS_TOPOLOGY_H
#define SF_TESTS_TOPOLOGY_H

/* What the two halves of topology.c agree on. The part in the guest is topology_guest.c. */

/* Words that the part in the guest takes. */
#define PART_NODES "nodes"     /* write to every node's memory */
#define PART_HOTPLUG "hotplug" /* take a CPU away from a scheduler that does not mind, and give it back */
#define PART_LEAVES "leaves"   /* take one away from a scheduler that does mind */

#define CAPTURE_PATTERN "pattern"
#define CAPTURE_BUSY "busy"
#define CAPTURE_OFFLINE "offline"
#define CAPTURE_ONLINE "online"

/* Files are published by their names below /sys/devices/system. Pages, by their address in physical memory: */
#define PAGE_OF_NODE "page-of-node-%u"
#define PATTERN UINT64_C(0x5a17f0ad00c0ffee)
#define PATTERN_WORDS 4 /* at the begin of a page: PATTERN, its address, its node, and the sum of these */

/* What was said to an order that cannot be followed. */
#define SAID_CPU_0 "said-cpu-0"
#define SAID_CPU_99 "said-cpu-99"
#define SAID_ATTACHED "said-attached"
#define ONLINE_BEFORE "online-before"
#define ONLINE_WITHOUT "online-without"
#define ONLINE_AFTER "online-after"

int topology_guest(const char *part, unsigned int last_cpu);

#endif

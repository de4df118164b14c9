/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which scheduler is active. A report says so itself; of memory the programs have to be asked.
 */

#include <stdatomic.h>

#include "document_private.h"

static struct sf_frame_active *ask_programs(struct sf_frame *f)
{
	struct sf_frame_active *active = calloc(1, sizeof(*active));
	const struct sf_frame_maps *maps;
	SF_OWNED(error) err = active ? sf_frame_maps(f, &maps) : NULL;

	if (active && err)
		active->why = "the kernel's maps cannot be listed";
	else if (active)
		sf_frame_find_active(f, maps, active);
	return active;
}

const struct sf_frame_active *sf_frame_active(struct sf_frame *f)
{
	static const struct sf_frame_active none = { .why = "there is nothing in this frame" };
	static const struct sf_frame_active no_memory = { .why = "there was no memory to find out" };
	struct sf_frame_active *active, *other = NULL;

	if (f->doc)
		return &f->doc->active;
	if (sf_frame_is_placeholder(f))
		return &none;
	active = atomic_load_explicit(&f->active, memory_order_acquire);
	if (active)
		return active;
	/* Whoever is first, is kept: all find the same. */
	active = ask_programs(f);
	if (active && !atomic_compare_exchange_strong(&f->active, &other, active)) {
		sf_frame_active_free(active);
		active = other;
	}
	return active ? active : &no_memory;
}

void sf_frame_active_free(struct sf_frame_active *active)
{
	if (!active)
		return;
	free((char *)active->obj_name);
	free((uint64_t *)active->kvas);
	free(active);
}

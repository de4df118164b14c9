/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_RENDER_REPORT_H
#define SF_RENDER_REPORT_H

/* What text and JSON of a frame have in common. */

#include "render/render.h"

#define SF_CR3_PAGE UINT64_C(0x000ffffffffff000) /* the physical address in CR3; the rest are flags and the PCID */

/* What the listing of its maps met; a snapshot has listed them already, so this does not fail. */
static inline struct sf_bpf_stats sf_frame_map_stats(struct sf_frame *frame)
{
	const struct sf_frame_maps *maps = NULL;
	SF_OWNED(error) err = sf_frame_maps(frame, &maps);

	return !err && maps ? maps->stats : (struct sf_bpf_stats){ 0 };
}

#endif

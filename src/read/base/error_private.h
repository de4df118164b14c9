/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_BASE_ERROR_PRIVATE_H
#define SF_BASE_ERROR_PRIVATE_H

/*
 * What the parts of the error object share: who makes errors, who compares and stores payloads, who
 * words them.
 */

#include "base/error.h"

/*
 * The codes from here on have a sentence of their own (`reason`); those below are worded from their
 * payload.
 */
#define FIRST_FRAME_CODE SF_PAGE_NOT_KEPT
#define FIRST_MACHINERY_CODE SF_SYSTEM

/* Is @err one of the static errors, which own nothing and take nothing? */
bool sf_error_is_static(const struct sf_error *err);

/* What a failed request for scheduler statistics is called; NULL for a number that is none. */
const char *sf_missing_stats_name(enum sf_missing_stats kind);

/* Fills the (empty) payload of @err with copies of what @from holds. */
void sf_error_payload_copy(struct sf_error *err, const struct sf_error_payload *from);

#endif

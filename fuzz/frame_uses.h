/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_FUZZ_FRAME_USES_H
#define SF_FUZZ_FRAME_USES_H

/* Asking everything there is to ask of what a frame gives. What cannot be true ends the program. */

#include "snapshot/snapshot.h"

/* Reads what would not be read otherwise. */
void use_text(const char *text);
/* Its message, and its JSON, which has to read back as the same error. Frees @err. */
void use_error(struct sf_error *err);
/* The node and what is in it and behind it, as far as @budget nodes go. */
void use_node(const struct sf_node *n, uint32_t *budget);

/* A sink of text that reads it and stops after some 256 KiB; @arg: a size_t, which counts. */
bool use_piece(void *arg, const char *text, size_t len);

#endif

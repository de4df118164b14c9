/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_SUMMARY_H
#define SF_CLI_SUMMARY_H

#include "cli.h"

/* How a run went, for people. */
void cli_summary(FILE *out, struct sf_run *run, const struct sf_topology *topology);

#endif

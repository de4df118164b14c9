/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_CLI_SUMMARY_H
#define SF_CLI_SUMMARY_H

#include "report.h"

/* false: it came to its end before there was a guest; its findings say why, and there is nothing to sum up. */
bool cli_was_started(const struct sf_json_node *run);
/* How a run went, for people: in the good case on one screen. @host_cpus: of this machine; 0: not known. */
void cli_summary(FILE *out, const struct cli_run_report *report, unsigned long host_cpus);
/* Is a finding worth telling, where the run came to @verdict? */
bool cli_is_told(const struct sf_json_node *finding, enum sf_verdict verdict);
/* The one that moved most, as a few words; free() it, NULL: none did. @run: root of a run.json. */
char *cli_first_counter(const struct sf_json_node *run);
/* What a run came to, in its colour where @out is a terminal, and at least @columns wide. */
void cli_put_verdict(FILE *out, enum sf_verdict verdict, int columns);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"
#include "scenario/steps.h"

/* Another process of the same program, started by PID 1 like any test: what it does may block, and PID 1 does not. */
int scenario_main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], SF_SCENARIO_OPTION)) {
		console("stillframe's agent is PID 1 of a guest, and nothing else.");
		return 3;
	}
	SF_OWNED(error) err = sf_scenario_in_guest(argv[2]);

	if (!err)
		return 0;
	fprintf(stderr, "%s: %s\n", argv[2], sf_error_message(err));
	return 125;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_TRIAL_TRIAL_H
#define SF_TRIAL_TRIAL_H

/*
 * One run from start to verdict: its directory, its guest, the talk with the agent, its deadlines, what was found out.
 * This room puts the others together and decides; it reads no guest memory and speaks no QMP.
 *
 * Two threads: the caller's, which talks to the agent, keeps the frames and writes the files, and the coordinator's
 * (freeze/), which stops the guest. They meet in a queue of outcomes.
 *
 * The public side is stillframe/run.h and stillframe/test.h.
 */

#include "stillframe/run.h"
#include "stillframe/test.h"

/*
 * A directory for what is called @name: @out, made if it is not there; without one the next of stillframe.out/NAME-1, -2,
 * ..., which is new. What is in it is not looked at. free() @ret. SF_USAGE: a name that cannot be a directory's, or an @out
 * that nothing can be put into.
 */
SF_CHECKED struct sf_error *sf_run_take_dir(const char *name, const char *out, char **ret);

#endif

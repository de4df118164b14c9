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

#endif

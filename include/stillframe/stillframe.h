/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STILLFRAME_STILLFRAME_H
#define STILLFRAME_STILLFRAME_H

/* Everything. A program that only reads frames needs snapshot.h and links libstillframe alone. */

#include "stillframe/base.h"
#include "stillframe/bridge.h"
#include "stillframe/expr.h"
#include "stillframe/field.h"
#include "stillframe/frame.h"
#include "stillframe/guest.h"
#include "stillframe/json.h"
#include "stillframe/map.h"
#include "stillframe/run.h"
#include "stillframe/snapshot.h"
#include "stillframe/test.h"
#include "stillframe/value.h"

#endif

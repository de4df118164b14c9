/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SF_WIRE_RPC_H
#define SF_WIRE_RPC_H

/*
 * A request and its reply over a stream of frames, as a program in the guest makes them.
 *
 * One connection, two locks. `call` is held from a request to its reply: one is in flight. `write` is held while bytes
 * go out and while the connection is made or dropped, so that telling the host something never waits for a reply. The
 * reader works on a duplicate of the descriptor, which another thread cannot close under it.
 *
 * Every wait has an end: the deadline that the caller names.
 */

#include <pthread.h>

#include "wire/wire.h"

/* Gives a connected descriptor, which becomes the rpc's. */
typedef struct sf_error *sf_wire_connect_fn(void *arg, int *ret_fd);

enum sf_wire_channel { SF_WIRE_CHANNEL_SNAPSHOT, SF_WIRE_CHANNEL_WAIT, SF_WIRE_CHANNELS };

struct sf_wire_rpc {
	struct sf_logger log;
	sf_wire_connect_fn *connect;
	void *connect_arg;

	pthread_mutex_t call;
	uint32_t next_id[SF_WIRE_CHANNELS]; /* independent of each other; never 0 */
	struct sf_wire_in in;
	uint64_t in_connection; /* the connection that `in` holds bytes of */

	pthread_mutex_t write;
	int fd; /* -1: not connected */
	uint64_t connection;
	struct sf_wire_out out;
};

SF_CHECKED struct sf_error *sf_wire_rpc_init(struct sf_wire_rpc *rpc, sf_wire_connect_fn *connect, void *arg,
					     struct sf_logger log);
void sf_wire_rpc_destroy(struct sf_wire_rpc *rpc); /* no other thread may be in a call */

/* A frame that has no reply. SF_TRANSPORT when it is not handed over whole within @timeout_ns. */
SF_CHECKED struct sf_error *sf_wire_rpc_send(struct sf_wire_rpc *rpc, uint32_t type, const void *payload, size_t len,
					     uint64_t timeout_ns);

/* NULL: status OK. SF_HOST: status ERR, and the reason is the message. SF_TRANSPORT: everything else. */
SF_CHECKED struct sf_error *sf_wire_rpc_call(struct sf_wire_rpc *rpc, enum sf_wire_channel channel, uint32_t kind,
					     const char *tag, uint64_t timeout_ns);

/* The descriptor just now, for a child to close; -1: none. */
int sf_wire_rpc_fd(struct sf_wire_rpc *rpc);

/* CLOCK_MONOTONIC in ns. */
uint64_t sf_wire_now(void);

#endif

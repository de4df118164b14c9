/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/sysinfo.h>

#include "agent.h"
#include "guest/guest.h"

/* ---- workers ------------------------------------------------------------------------------------- */

static struct sf_error *start(struct agent *agent, enum sf_worker what, const char *cgroup, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		pid_t *slot = sf_vec_push(&agent->workers);

		if (!slot)
			return sf_error_nomem();
		*slot = 0;
		SF_TRY(sf_worker_start(what, SF_CGROUP_ROOT, cgroup, agent->port.source.fd, slot));
	}
	return NULL;
}

/* Enough of everything that every CPU has something to choose from: for each a spinner, two sleepers, a pipe pair. */
static struct sf_error *start_mixed(struct agent *agent, const struct load *load)
{
	uint64_t n = load->n ? load->n : (uint64_t)sf_max(get_nprocs(), 1);

	SF_TRY(start(agent, SF_WORKER_SPIN, load->cgroup, n));
	SF_TRY(start(agent, SF_WORKER_SLEEP, load->cgroup, 2 * n));
	SF_TRY(start(agent, SF_WORKER_PIPE, load->cgroup, n));
	return start(agent, SF_WORKER_FORK, load->cgroup, 1);
}

struct sf_error *workload_start(struct agent *agent)
{
	struct config *c = &agent->config;

	for (size_t i = 0; i < c->n_cgroups; i++)
		SF_TRY(sf_cgroup_create(SF_CGROUP_ROOT, c->cgroups[i]));
	for (size_t i = 0; i < c->n_loads; i++) {
		const struct load *load = &c->loads[i];

		SF_TRY(load->kind == LOAD_MIXED ? start_mixed(agent, load) :
		       start(agent, load->what, load->cgroup, load->n));
	}
	return NULL;
}

void workload_stop(struct agent *agent)
{
	/* children_reap() may have taken some of them; a pid is not used again so soon. */
	for (size_t i = 0; i < agent->workers.n; i++)
		if (agent->workers.v[i] > 1)
			kill(agent->workers.v[i], SIGKILL);
	agent->workers.n = 0;
}

/* ---- captures ------------------------------------------------------------------------------------ */

static void capture_failed(struct capture *capture, const char *why)
{
	capture->state = CAPTURE_OVER;
	agent_event(capture->agent, "capture-failed", "%s: %s", capture->name, why);
}

static void capture_replied(void *arg, uint32_t status, const char *reason)
{
	struct capture *capture = arg;

	loop_disarm(&capture->agent->loop, &capture->at);
	if (status != SF_WIRE_OK) {
		capture_failed(capture, reason);
		return;
	}
	capture->state = CAPTURE_OVER;
	agent_event(capture->agent, "captured", "%s", capture->name);
}

static void capture_due(struct timer *timer)
{
	struct capture *capture = sf_container_of(timer, struct capture, at);
	struct agent *agent = capture->agent;

	if (capture->state == CAPTURE_ASKED) {
		relay_forget(&agent->relay, capture->id);
		capture_failed(capture, "the host did not answer in time");
		return;
	}
	capture->state = CAPTURE_ASKED;
	SF_OWNED(error) err = relay_ask(&agent->relay, capture->kind, capture->name, capture_replied, capture,
					&capture->id);

	if (err)
		capture_failed(capture, sf_error_message(err));
	else
		loop_arm(&agent->loop, timer, sf_wire_now() + agent->config.capture_ns);
}

struct sf_error *captures_start(struct agent *agent)
{
	size_t n = agent->config.n_captures;

	agent->captures = calloc(n ? n : 1, sizeof(*agent->captures));
	if (!agent->captures)
		return sf_error_nomem();
	for (size_t i = 0; i < n; i++) {
		struct capture *c = &agent->captures[i];

		*c = (struct capture){
			.agent = agent, .name = agent->config.captures[i].name, .kind = SF_SNAPSHOT_KIND_CAPTURE,
		};
		c->at.fired = capture_due;
		loop_arm(&agent->loop, &c->at, agent->attached_ns + agent->config.captures[i].at_ns);
	}
	return NULL;
}

void capture_moment(struct agent *agent, struct capture *c, const char *what, const char *why)
{
	*c = (struct capture){ .agent = agent, .name = what, .kind = SF_WIRE_KIND_MOMENT, .at.fired = capture_due };
	agent_event(agent, "because", "%s", why);
	capture_due(&c->at);
}

bool captures_over(const struct agent *agent)
{
	for (size_t i = 0; agent->captures && i < agent->config.n_captures; i++)
		if (agent->captures[i].state != CAPTURE_OVER)
			return false;
	return true;
}

void captures_abandon(struct agent *agent)
{
	for (size_t i = 0; i < agent->config.n_captures; i++) {
		struct capture *c = agent->captures ? &agent->captures[i] : NULL;

		if (!c) {
			agent_event(agent, "capture-failed", "%s: the run ended before its workload began",
				    agent->config.captures[i].name);
		} else if (c->state == CAPTURE_PLANNED) {
			loop_disarm(&agent->loop, &c->at);
			capture_failed(c, "the run ended before its time");
		}
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run does now. On a terminal the current step is one line with a clock that goes on; a step that is over stays
 * above it with the time at which it began. Anywhere else each step is a plain line.
 *
 * A thread of its own moves the clock, since a run tells only when something new begins.
 */

#include <pthread.h>
#include <time.h>

#include "cli.h"

#define TICK_NS 200000000
#define LOG_COLUMN 11 /* where steps begin */

struct cli_progress {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct timespec began;
	char *step;              /* NULL: none */
	double step_at;
	bool live, colour, has_thread, ending;
};

static double elapsed(const struct cli_progress *p)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - p->began.tv_sec) + (double)(now.tv_nsec - p->began.tv_nsec) / 1e9;
}

static void clear_line(const struct cli_progress *p)
{
	if (p->live && p->step)
		fputs("\r\033[K", stderr);
}

/* @p->lock is held. */
static void draw(const struct cli_progress *p)
{
	int room = (int)cli_columns(STDERR_FILENO) - 12;

	if (!p->live || !p->step)
		return;
	fprintf(stderr, "\r\033[K%s%7.1f s%s  %.*s", p->colour ? "\033[36m" : "", elapsed(p), p->colour ? "\033[0m" : "",
		room > 0 ? room : 1, p->step);
	fflush(stderr);
}

static void *tick(void *arg)
{
	struct cli_progress *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->changed, &p->lock, &until);
		if (!p->ending)
			draw(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct cli_progress *cli_progress_new(void)
{
	struct cli_progress *p = calloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	clock_gettime(CLOCK_MONOTONIC, &p->began);
	p->live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
	p->colour = cli_colour(STDERR_FILENO);
	p->has_thread = p->live && !pthread_create(&p->thread, NULL, tick, p);
	return p;
}

/* The line of a step that is over, or of one where nothing is redrawn. @p->lock is held. */
static void put_step(const struct cli_progress *p, double at, const char *what)
{
	fprintf(stderr, "%s%7.1f s%s  %s\n", p->colour ? "\033[2m" : "", at, p->colour ? "\033[0m" : "", what);
}

void cli_progress_say(void *progress, const char *what)
{
	struct cli_progress *p = progress;
	char *clean = cli_clean(what, 512);

	if (!p || !clean) {
		free(clean);
		return;
	}
	pthread_mutex_lock(&p->lock);
	if (p->live) {
		clear_line(p);
		if (p->step)
			put_step(p, p->step_at, p->step);
		free(p->step);
		p->step = clean;
		p->step_at = elapsed(p);
		draw(p);
	} else {
		put_step(p, elapsed(p), clean);
		free(clean);
	}
	pthread_mutex_unlock(&p->lock);
}

void cli_progress_log(void *progress, enum sf_log_level level, const char *message)
{
	static const char *const words[] = { [SF_LOG_ERROR] = "           error: ", [SF_LOG_WARN] = "           warning: " };
	struct cli_progress *p = progress;
	_cleanup_free_ char *clean = cli_clean(message, 4096);

	if (!p || !clean)
		return;
	pthread_mutex_lock(&p->lock);
	clear_line(p);
	/* Lines of the guest's stand as they are. */
	if (level <= SF_LOG_WARN)
		cli_wrap(stderr, words[level], LOG_COLUMN, clean);
	else
		fprintf(stderr, "%*s%s\n", LOG_COLUMN, "", clean);
	draw(p);
	pthread_mutex_unlock(&p->lock);
}

void cli_progress_end(struct cli_progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	clear_line(p);
	if (p->live && p->step)
		put_step(p, p->step_at, p->step);
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p->step);
	free(p);
}

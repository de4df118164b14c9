/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "freeze/freeze.h"

static struct sf_error *qmp_stop(void *arg, uint64_t deadline)
{
	return sf_vm_stop(arg, deadline);
}

static struct sf_error *qmp_resume(void *arg, uint64_t deadline)
{
	return sf_vm_cont(arg, deadline);
}

static struct sf_error *qmp_regs(void *arg, uint64_t deadline, struct sf_vcpu_regs *ret, size_t n)
{
	return sf_vm_regs(arg, deadline, ret, n);
}

static int qmp_fd(void *arg)
{
	return sf_vm_fd(arg);
}

static struct sf_error *qmp_poll(void *arg, uint64_t deadline, struct sf_vm_event *ret)
{
	return sf_vm_poll(arg, deadline, ret);
}

struct sf_stopper sf_stopper_qmp(struct sf_vm *vm)
{
	return (struct sf_stopper){
		.arg = vm,
		.stop = qmp_stop,
		.resume = qmp_resume,
		.regs = qmp_regs,
		.fd = qmp_fd,
		.poll = qmp_poll,
		.n_cpus = sf_vm_n_cpus(vm),
	};
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd as a virtio-pmem device. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/pmem.h"
#include "device/pmem_sums.h"
#include "host/serve.h"
#include "host/vmemd.h"

/*
 * The memory is QEMU's; a flush copies it to the file, if there is one, and remembers a sum of
 * each page. So at the end the pages are known that were stored to and never flushed: what a power
 * cut would have taken.
 */
struct pmemd {
	struct pmem pmem;
	struct serve serve;
	uint64_t *sums;
	uint64_t pages;
	uint8_t *memory; /* NULL until the guest's memory is known */
	int file;	 /* -1: none */
};

/* All of the memory to the file, or the other way round. */
static bool copy_file(struct pmemd *d, bool load)
{
	uint64_t size = d->pmem.size_bytes;

	for (uint64_t done = 0; done < size;) {
		ssize_t n = load ? pread(d->file, d->memory + done, size - done, (off_t)done)
				 : pwrite(d->file, d->memory + done, size - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return false;
		if (n == 0)
			return load; /* a shorter file: the rest is as it is */
		done += n > 0 ? (uint64_t)n : 0;
	}
	return load || fdatasync(d->file) == 0;
}

static int op_flush(void *ctx)
{
	struct pmemd *d = ctx;

	if (d->memory == NULL || (d->file >= 0 && !copy_file(d, false))) {
		serve_print("pmem: cannot flush: %s",
			    d->memory == NULL ? "no guest memory" : strerror(errno));
		return -1;
	}
	pmem_sums_take(d->sums, d->memory, 0, d->pages);
	return 0;
}

static void op_interrupt(void *ctx)
{
	struct pmemd *d = ctx;

	vhost_interrupt(&d->serve.vh);
}

static const struct pmem_ops pmem_ops = {.flush = op_flush, .interrupt = op_interrupt};

static void vh_read_config(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
	struct pmemd *d = ctx;
	struct virtio_pmem_config config;

	pmem_config(&d->pmem, &config);
	memcpy(buf, (const uint8_t *)&config + offset, len);
}

/* The table comes again at every start of the driver; the first time the file's content goes in. */
static int vh_memory_changed(void *ctx)
{
	struct pmemd *d = ctx;
	const struct pmem *p = &d->pmem;
	const struct vhost_region *r = vhost_find_guest(&d->serve.vh, p->start, p->size_bytes);
	bool first = d->memory == NULL;

	if (r == NULL) {
		serve_print("pmem: region 0x%llx+%llu does not lie in one piece of guest memory "
			    "(enough RAM? share=on?)",
			    (unsigned long long)p->start, (unsigned long long)p->size_bytes);
		return -1;
	}
	d->memory = r->map + (p->start - r->guest_addr);
	if (!first)
		return 0;
	if (d->file >= 0 && !copy_file(d, true)) {
		serve_print("pmem: cannot read the file: %s", strerror(errno));
		return -1;
	}
	pmem_sums_take(d->sums, d->memory, 0, d->pages);
	return 0;
}

static void vh_ring_started(void *ctx)
{
	struct pmemd *d = ctx;

	serve_queue_now(&d->serve);
}

static const struct vhost_ops vhost_ops = {
	.read_config = vh_read_config,
	.memory_changed = vh_memory_changed,
	.ring_started = vh_ring_started,
};

static int process(void *ctx)
{
	struct pmemd *d = ctx;

	return pmem_process(&d->pmem);
}

/* While the guest's memory is still mapped here. False: something would have been lost. */
static bool print_verdict(const struct pmemd *d)
{
	const struct pmem *p = &d->pmem;
	uint64_t page = 0;
	uint64_t differ;

	serve_print("pmem: %llu flushes, %llu refused", (unsigned long long)p->flushes,
		    (unsigned long long)p->failures);
	if (d->memory == NULL) {
		serve_print("pmem: blind: the driver never started the device");
		return true;
	}
	differ = pmem_sums_differ(d->sums, d->memory, 0, d->pages, &page);
	if (differ == 0)
		serve_print("pmem: clean, %llu pages are as they were flushed",
			    (unsigned long long)d->pages);
	else
		serve_print("pmem: FAIL %llu pages were stored to and not flushed, the first at "
			    "0x%llx",
			    (unsigned long long)differ,
			    (unsigned long long)(p->start + page * PMEM_PAGE_BYTES));
	return differ == 0;
}

static bool setup(struct pmemd *d, const struct vmemd_options *opt)
{
	uint64_t size = opt->params.region_size;

	d->pages = size / PMEM_PAGE_BYTES;
	d->sums = calloc(d->pages, sizeof(*d->sums));
	if (d->sums == NULL) {
		fprintf(stderr, "hotwalk-vmemd: no memory for %llu pages\n",
			(unsigned long long)d->pages);
		return false;
	}
	d->file = -1;
	if (opt->file != NULL) {
		d->file = open(opt->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (d->file < 0) {
			fprintf(stderr, "hotwalk-vmemd: --file '%s': %s\n", opt->file,
				strerror(errno));
			return false;
		}
	}
	d->serve.hold = &d->pmem.hold;
	d->serve.process = process;
	d->serve.error_text = pmem_error_text;
	d->serve.ctx = d;
	pmem_init(&d->pmem, opt->params.addr, size, &d->serve.vh.ring, &pmem_ops, d);
	return true;
}

static int run(struct pmemd *d)
{
	bool kept;

	if (!serve_accept(&d->serve))
		return d->serve.broken ? STATUS_ERROR : STATUS_CLEAN;
	vhost_init(&d->serve.vh, d->serve.sock, pmem_features(&d->pmem), VIRTIO_PMEM_CONFIG_BYTES,
		   &vhost_ops, d);
	serve_connection(&d->serve);
	kept = print_verdict(d);
	vhost_close(&d->serve.vh);
	if (!kept)
		return STATUS_TOUCHED;
	return d->serve.broken ? STATUS_ERROR : STATUS_CLEAN;
}

int vmemd_pmem(const struct vmemd_options *opt)
{
	static struct pmemd d;
	int status;

	if (!setup(&d, opt) || !serve_listen(&d.serve, opt->socket_path))
		return STATUS_ERROR;
	status = run(&d);
	serve_end(&d.serve);
	if (d.file >= 0)
		close(d.file);
	free(d.sums);
	return status;
}

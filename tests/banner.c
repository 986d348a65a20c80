/* SPDX-License-Identifier: BSD-2-Clause */
/* The first lines: what this machine is, as far as it matters to the results. */
#include "tests/banner.h"

#include <stdio.h>
#include <string.h>

#include "firmware/console.h"
#include "firmware/image.h"
#include "firmware/root.h"
#include "firmware/sbi.h"
#include "firmware/timer.h"
#include "mm/kernel.h"
#include "mm/memtype.h"
#include "mm/shootdown.h"
#include "version.h"

#define LIST_LEN 200

static void append(char *buf, const char *fmt, ...) printf_fn(2, 3);
static void append(char *buf, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, LIST_LEN - n, fmt, ap);
	va_end(ap);
}

static const char *append_regions(char *buf, const struct region *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		append(buf, "%s0x%llx-0x%llx", i == 0 ? "" : ",", (unsigned long long)r[i].start,
		       (unsigned long long)(region_end(r[i]) - 1));
	return n == 0 ? "none" : buf;
}

static void print_sbi(void)
{
	const struct sbi_info *s = sbi();
	char impl[64] = "";
	char exts[LIST_LEN] = "";

	if (s->impl_id == 1)
		snprintf(impl, sizeof(impl), "OpenSBI %llu.%llu",
			 (unsigned long long)s->impl_version >> 16,
			 (unsigned long long)s->impl_version & 0xffff);
	else
		snprintf(impl, sizeof(impl), "implementation %llu version 0x%llx",
			 (unsigned long long)s->impl_id, (unsigned long long)s->impl_version);
	append(exts, "%s%s%s%s%s%s%s", s->rfence ? " rfence" : "", s->hsm ? " hsm" : "",
	       s->ipi ? " ipi" : "", s->time ? " time" : "", s->srst ? " srst" : "",
	       s->dbcn ? " dbcn" : "", s->fwft ? " fwft" : "");
	note("sbi: %llu.%llu %s;%s; flush=%s", (unsigned long long)s->spec_version >> 24 & 0x7f,
	     (unsigned long long)s->spec_version & 0xffffff, impl, exts,
	     shootdown_backend_name(shootdown_backend()));
	if (!s->dbcn)
		note("console: %s", console_name());
	note("core: mvendorid=0x%llx marchid=0x%llx mimpid=0x%llx",
	     (unsigned long long)s->mvendorid, (unsigned long long)s->marchid,
	     (unsigned long long)s->mimpid);
}

static void print_mmu(const struct bench *b)
{
	static const char *const claims[] = {"nothing", "none", "sv39", "sv48", "sv57"};
	static const char *const exts[] = {"svinval", "svnapot", "svpbmt", "svadu", "svade",
					   "svvptc",  "sstc",	 "h",	   "ssaia"};
	char list[LIST_LEN] = "";

	for (unsigned i = 0; i < ARRAY_LEN(exts); i++) {
		if ((b->machine->isa >> i & 1) != 0)
			append(list, " %s", exts[i]);
	}
	note("mmu: %s%s%s measured, DT says %s; asid %u bits; DT claims%s",
	     (b->modes >> 8 & 1) != 0 ? "sv39" : "", (b->modes >> 9 & 1) != 0 ? " sv48" : "",
	     (b->modes >> 10 & 1) != 0 ? " sv57" : "", claims[b->machine->mmu],
	     arch_measure_asid_bits(), list[0] != '\0' ? list : " nothing");
	if (b->args->asid < arch_measure_asid_bits())
		note("asid=%llu: no more bits of ASID are used", (unsigned long long)b->args->asid);
	note("in use: timer by %s; memory types %s", timer_way_name(timer_used()),
	     memtype_on() ? "PMA, NC, IO" : "PMA");
}

static void print_machine(const struct bench *b)
{
	const struct machine *m = b->machine;
	struct region image = image_region();
	char ram[LIST_LEN] = "";
	char reserved[LIST_LEN] = "";

	note("machine: %s (%s)", m->model[0] != '\0' ? m->model : "no model", m->compatible);
	print_sbi();
	print_mmu(b);
	note("ram: %s; reserved: %s", append_regions(ram, m->ram, m->nr_ram),
	     append_regions(reserved, m->reserved, m->nr_reserved));
	note("image: 0x%llx-0x%llx", (unsigned long long)image.start,
	     (unsigned long long)(region_end(image) - 1));
}

void banner_print(const struct bench *b)
{
	struct hartset peers = hart_peers();
	bool linux_order = b->args->order == ORDER_ARG_LINUX;

	say("hotwalk " HOTWALK_VERSION " (git " HOTWALK_GIT
	    ") %s harts=%u boot-hart=%llu seed=0x%llx%s",
	    kernel_table()->mode->name, hartset_count(&peers) + 1,
	    (unsigned long long)b->boot_hartid, (unsigned long long)b->seed,
	    linux_order ? " order=linux" : "");
	if (!b->args->brief)
		print_machine(b);
	if (linux_order)
		note("order=linux: memory is removed as Linux does: this run is meant to fail");
	if (b->args->inject[0] != '\0')
		note("inject: %s: this run is meant to fail", b->args->inject);
}

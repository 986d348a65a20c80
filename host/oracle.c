/* SPDX-License-Identifier: BSD-2-Clause */
/* The outside oracle: which unplugged pages were touched, seen in the file behind guest memory. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/oracle.h"

#define MAX_LINES 16U
#define THP_FILE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

bool oracle_init(struct oracle *o, const struct vmem *vm, void (*print)(const char *format, ...))
{
	memset(o, 0, sizeof(*o));
	o->vm = vm;
	o->fd = -1;
	o->blind = "no guest memory was handed over (share=off, or the driver never started)";
	o->print = print;
	o->unplugged_by = calloc(vm->nb_blocks, sizeof(*o->unplugged_by));
	return o->unplugged_by != NULL;
}

/* With huge pages for shared memory one touch fills 2 MiB, and no page can be told apart. */
static bool huge_pages_possible(void)
{
	char text[128];
	const char *open_bracket;
	FILE *f = fopen(THP_FILE, "re");
	bool possible;

	if (f == NULL)
		return false; /* a kernel without them */
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	open_bracket = strchr(text, '[');
	possible = open_bracket != NULL && strncmp(open_bracket, "[never]", 7) != 0 &&
		   strncmp(open_bracket, "[advise]", 8) != 0 &&
		   strncmp(open_bracket, "[deny]", 6) != 0;
	return possible;
}

int oracle_discard(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes)
{
	int rc;

	do
		rc = fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)(o->file_offset + offset_bytes), (off_t)size_bytes);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/*
 * The first run of data in [from, end), as offsets in the region. False when there is none.
 */
static bool next_data(const struct oracle *o, uint64_t from, uint64_t end, uint64_t *data,
		      uint64_t *data_end)
{
	off_t at = lseek(o->fd, (off_t)(o->file_offset + from), SEEK_DATA);

	/* ENXIO: no data up to the end of the file. */
	if (at < 0 || (uint64_t)at - o->file_offset >= end)
		return false;
	*data = (uint64_t)at - o->file_offset;
	at = lseek(o->fd, at, SEEK_HOLE);
	*data_end = at < 0 ? end : (uint64_t)at - o->file_offset;
	if (*data_end > end)
		*data_end = end;
	return true;
}

/* Whether a touched page was only loaded from: a hole reads as zeros, and stays so. */
static bool holds_zeros(const struct oracle *o, uint64_t offset)
{
	static const uint8_t zeros[ORACLE_PAGE_BYTES];
	uint8_t page[ORACLE_PAGE_BYTES];

	return pread(o->fd, page, sizeof(page), (off_t)(o->file_offset + offset)) ==
		       (ssize_t)sizeof(page) &&
	       memcmp(page, zeros, sizeof(page)) == 0;
}

/* Must see one touched page, exactly it, tell a load from a store, and must see it gone. */
static const char *self_control(struct oracle *o, volatile uint8_t *probe)
{
	uint64_t end = o->vm->params.region_size;
	uint64_t data, data_end;

	if (next_data(o, 0, end, &data, &data_end))
		return "a page is still there after its discard";
	(void)*probe;
	if (!next_data(o, 0, end, &data, &data_end))
		return "the control's touched page is not seen";
	if (data != 0 || data_end != ORACLE_PAGE_BYTES)
		return "the control's touch shows as more than one page (huge pages?)";
	if (!holds_zeros(o, 0))
		return "the control's load is taken for a store";
	probe[ORACLE_PAGE_BYTES - 1] = 1;
	if (holds_zeros(o, 0))
		return "the control's store is taken for a load";
	if (oracle_discard(o, 0, ORACLE_PAGE_BYTES) != 0 || next_data(o, 0, end, &data, &data_end))
		return "the control's page cannot be discarded";
	return NULL;
}

bool oracle_attach(struct oracle *o, int fd, uint64_t file_offset, uint8_t *probe)
{
	uint64_t size = o->vm->params.region_size;

	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	o->file_offset = file_offset;
	o->blind = NULL;
	if (o->fd < 0 || oracle_discard(o, 0, size) != 0) {
		o->print("oracle: cannot discard the region: %s", strerror(errno));
		o->blind = "the region cannot be discarded";
		return false;
	}
	if (huge_pages_possible())
		o->blind = THP_FILE " is neither never nor advise";
	else
		o->blind = self_control(o, probe);
	if (o->blind != NULL)
		o->print("oracle: blind: %s", o->blind);
	else
		o->print("oracle: control ok");
	return true;
}

void oracle_note_unplug(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes,
			uint32_t request)
{
	uint64_t block_size = o->vm->params.block_size;
	uint64_t end = (offset_bytes + size_bytes) / block_size;

	for (uint64_t block = offset_bytes / block_size; block < end; block++)
		o->unplugged_by[block] = request;
}

static void report(struct oracle *o, uint64_t offset)
{
	uint64_t block = offset / o->vm->params.block_size;
	unsigned long long addr = o->vm->params.addr + offset;

	if (o->touched_pages >= MAX_LINES) {
		if (o->touched_pages == MAX_LINES)
			o->print("oracle: more touched pages follow and are only counted");
	} else if (o->unplugged_by[block] == 0) {
		o->print("oracle: touched unplugged page 0x%llx (block %llu, never plugged)", addr,
			 (unsigned long long)block);
	} else {
		o->print("oracle: touched unplugged page 0x%llx (block %llu, unplugged by "
			 "request #%u)",
			 addr, (unsigned long long)block, o->unplugged_by[block]);
	}
	o->touched_pages++;
}

/* One page of an unplugged block has data. */
static void judge(struct oracle *o, uint64_t offset)
{
	if (offset < o->readable_bytes && holds_zeros(o, offset))
		o->read_pages++;
	else
		report(o, offset);
}

/* Blocks [start, end) of the region, in bytes, are unplugged. */
static void scan_run(struct oracle *o, uint64_t start, uint64_t end)
{
	uint64_t data, data_end;

	o->scanned_pages += (end - start) / ORACLE_PAGE_BYTES;
	o->scanned_blocks += (end - start) / o->vm->params.block_size;
	while (next_data(o, start, end, &data, &data_end)) {
		for (uint64_t page = data; page < data_end; page += ORACLE_PAGE_BYTES)
			judge(o, page);
		(void)oracle_discard(o, data, data_end - data);
		start = data_end;
	}
}

void oracle_scan(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes)
{
	uint64_t block_size = o->vm->params.block_size;
	uint64_t end_block = (offset_bytes + size_bytes) / block_size;
	uint64_t start;
	uint64_t blocks;

	if (o->blind != NULL)
		return;
	blocks = vmem_next_run(o->vm, offset_bytes / block_size, false, &start);
	while (blocks != 0 && start < end_block) {
		uint64_t end = start + blocks < end_block ? start + blocks : end_block;

		scan_run(o, start * block_size, end * block_size);
		blocks = vmem_next_run(o->vm, end, false, &start);
	}
}

void oracle_allow_reads(struct oracle *o, uint64_t bytes)
{
	if (bytes == o->readable_bytes)
		return;
	oracle_scan(o, 0, o->vm->params.region_size);
	o->readable_bytes = bytes;
}

bool oracle_close(struct oracle *o)
{
	char reads[64] = "";

	if (o->blind == NULL)
		oracle_scan(o, 0, o->vm->params.region_size);
	if (o->readable_bytes != 0)
		snprintf(reads, sizeof(reads), ", %llu were read as they may be",
			 (unsigned long long)o->read_pages);
	if (o->touched_pages != 0)
		o->print("oracle: FAIL %llu pages%s", (unsigned long long)o->touched_pages, reads);
	else if (o->blind != NULL)
		o->print("oracle: blind: %s", o->blind);
	else
		o->print("oracle: clean, scanned %llu pages in %llu blocks%s",
			 (unsigned long long)o->scanned_pages,
			 (unsigned long long)o->scanned_blocks, reads);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	free(o->unplugged_by);
	o->unplugged_by = NULL;
	return o->touched_pages == 0;
}

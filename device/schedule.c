/* SPDX-License-Identifier: BSD-2-Clause */
/* A schedule of requested sizes: when a virtio-mem device asks for what. */

#include <string.h>

#include "device/schedule.h"

static int digit_value(char c, unsigned base)
{
	int v = -1;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		v = c - 'A' + 10;
	return v < (int)base ? v : -1;
}

static int parse_number(const char **text, unsigned base, uint64_t *value)
{
	const char *p = *text;
	uint64_t v = 0;

	if (digit_value(*p, base) < 0)
		return SCHEDULE_ERR_NUMBER;
	for (; digit_value(*p, base) >= 0; p++) {
		uint64_t d = (uint64_t)digit_value(*p, base);

		if (v > (UINT64_MAX - d) / base)
			return SCHEDULE_ERR_NUMBER;
		v = v * base + d;
	}
	*text = p;
	*value = v;
	return SCHEDULE_OK;
}

/* The power of two that a unit stands for, or -1. */
static int unit_shift(char unit)
{
	switch (unit) {
	case 'K':
	case 'k':
		return 10;
	case 'M':
	case 'm':
		return 20;
	case 'G':
	case 'g':
		return 30;
	case 'T':
	case 't':
		return 40;
	default:
		return -1;
	}
}

int schedule_parse_size(const char *text, uint64_t *size, const char **end)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	uint64_t value;
	int shift;
	int error;

	if (hex)
		text += 2;
	error = parse_number(&text, hex ? 16 : 10, &value);
	if (error != SCHEDULE_OK)
		return error;
	shift = unit_shift(*text);
	if (shift >= 0) {
		if (value > UINT64_MAX >> shift)
			return SCHEDULE_ERR_NUMBER;
		value <<= shift;
		text++;
	}
	if (end == NULL && *text != '\0')
		return SCHEDULE_ERR_SUFFIX;
	if (end != NULL)
		*end = text;
	*size = value;
	return SCHEDULE_OK;
}

/* One entry, up to a comma or the end. */
static int parse_entry(const char **text, uint64_t region_size, uint64_t block_size, uint64_t *size)
{
	const char *p = *text;
	int error;

	if (*p == '\0' || *p == ',')
		return SCHEDULE_ERR_EMPTY;
	error = schedule_parse_size(p, size, &p);
	if (error != SCHEDULE_OK)
		return error;
	if (*p == '%') {
		if (*size > 100)
			return SCHEDULE_ERR_RANGE;
		/* Two steps, because the region times 100 may not fit. */
		*size = region_size / 100 * *size + region_size % 100 * *size / 100;
		*size -= *size % block_size;
		p++;
	}
	if (*p != '\0' && *p != ',')
		return SCHEDULE_ERR_SUFFIX;
	if (*size % block_size != 0)
		return SCHEDULE_ERR_ALIGN;
	if (*size > region_size)
		return SCHEDULE_ERR_RANGE;
	*text = p;
	return SCHEDULE_OK;
}

int schedule_parse(const char *text, uint64_t region_size, uint64_t block_size, uint64_t *sizes,
		   unsigned capacity, unsigned *count, const char **bad)
{
	unsigned n = 0;

	for (;; text++) {
		int error = n < capacity ? parse_entry(&text, region_size, block_size, &sizes[n])
					 : SCHEDULE_ERR_COUNT;

		if (error != SCHEDULE_OK) {
			if (bad != NULL)
				*bad = text;
			return error;
		}
		n++;
		if (*text == '\0')
			break;
	}
	*count = n;
	return SCHEDULE_OK;
}

const char *schedule_error_text(int error)
{
	switch (error) {
	case SCHEDULE_OK:
		return "is fine";
	case SCHEDULE_ERR_EMPTY:
		return "is empty";
	case SCHEDULE_ERR_NUMBER:
		return "is not a number, or too large";
	case SCHEDULE_ERR_SUFFIX:
		return "has an unknown unit (known: K, M, G, T; % in a schedule)";
	case SCHEDULE_ERR_ALIGN:
		return "is not a multiple of the block size";
	case SCHEDULE_ERR_RANGE:
		return "is larger than the region";
	case SCHEDULE_ERR_COUNT:
		return "is one entry too many";
	default:
		return "has an unknown error";
	}
}

void schedule_init(struct schedule *sched, const uint64_t *sizes, unsigned count)
{
	sched->sizes = sizes;
	sched->count = count;
	sched->next = 1;
	sched->armed = false;
}

static void set_next(struct schedule *sched, struct vmem *vm)
{
	/* Sizes were checked when they were parsed; a bad one changes nothing. */
	(void)vmem_set_requested_size(vm, sched->sizes[sched->next]);
	sched->next++;
	sched->armed = sched->next < sched->count;
}

unsigned schedule_after_request(struct schedule *sched, struct vmem *vm,
				const struct vmem_request *req)
{
	unsigned set = 0;

	/* Whatever came of it: a driver that gives everything back is leaving, or starting over. */
	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		sched->armed = false;
		return 0;
	}
	/* Its answer does not matter: with nothing requested nothing is usable, and it is ERROR. */
	if (req->type == VIRTIO_MEM_REQ_STATE && !sched->armed && sched->count > 1) {
		sched->next = 1;
		set_next(sched, vm);
		set++;
	}
	while (sched->armed && vm->plugged_size == vm->params.requested_size) {
		set_next(sched, vm);
		set++;
	}
	return set;
}

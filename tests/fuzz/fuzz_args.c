/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot arguments: any text, whose every value ends up inside its limits. */
#include "firmware/args.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, size_t room, const char *what)
{
	size_t len = strnlen(text, room);

	FUZZ_CHECK(len < room, "%s: no end", what);
}

static void check_errors(const struct args_errors *e, enum err err)
{
	FUZZ_CHECK(e->nr <= ARGS_MAX_ERRORS, "%u errors", e->nr);
	FUZZ_CHECK(e->lost == 0 || e->nr == ARGS_MAX_ERRORS, "lost with room");
	FUZZ_CHECK(err == (e->nr == 0 ? OK : ERR_INVAL), "result %d with %u errors", (int)err,
		   e->nr);
	for (unsigned i = 0; i < e->nr; i++) {
		check_text(e->line[i], ARGS_ERROR_LEN, "error");
		FUZZ_CHECK(e->line[i][0] != '\0', "an error that says nothing");
		/* It goes to a terminal. */
		for (const char *c = e->line[i]; *c != '\0'; c++)
			FUZZ_CHECK(*c >= ' ' && *c <= '~', "byte %#x in an error", (unsigned)*c);
	}
}

static void check_values(const struct args *a)
{
	check_text(a->test, ARGS_TEXT_LEN, "test");
	check_text(a->inject, ARGS_TEXT_LEN, "inject");
	check_text(a->vmem_fault, ARGS_TEXT_LEN, "vmem.fault");
	FUZZ_CHECK(a->test[0] != '\0', "test is empty");
	FUZZ_CHECK(a->mem >= PAGE_SIZE, "mem %#llx", (unsigned long long)a->mem);
	FUZZ_CHECK((unsigned)a->mode <= MODE_ARG_SV57, "mode %u", (unsigned)a->mode);
	FUZZ_CHECK((unsigned)a->vmem <= VMEM_ARG_NONE, "vmem %u", (unsigned)a->vmem);
	FUZZ_CHECK((unsigned)a->flush <= FLUSH_ARG_SVINVAL, "flush %u", (unsigned)a->flush);
	FUZZ_CHECK(a->vmem_size == 0 || a->vmem_size >= PAGE_SIZE, "vmem.size %#llx",
		   (unsigned long long)a->vmem_size);
	FUZZ_CHECK(a->vmem_block == 0 || (a->vmem_block >= PAGE_SIZE && is_pow2(a->vmem_block)),
		   "vmem.block %#llx", (unsigned long long)a->vmem_block);
	FUZZ_CHECK(a->harts >= 1, "no harts");
	FUZZ_CHECK(a->timeout_scale >= 1 && a->timeout_scale <= 1000000, "timeout %llu",
		   (unsigned long long)a->timeout_scale);
	FUZZ_CHECK(a->repeat >= 1 && a->repeat <= 1000000, "repeat %llu",
		   (unsigned long long)a->repeat);
	FUZZ_CHECK(a->seed_given || a->seed == 0, "a seed that nobody gave");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct args a, again;
	struct args_errors errors;
	enum err err;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';

	/* Nothing of what was there before may shine through. */
	memset(&a, 0xa5, sizeof(a));
	memset(&errors, 0x5a, sizeof(errors));
	err = args_parse(&a, text, &errors);
	check_errors(&errors, err);
	check_values(&a);
	err = args_parse(&again, text, &errors);
	check_errors(&errors, err);
	FUZZ_CHECK(strcmp(a.test, again.test) == 0 && strcmp(a.inject, again.inject) == 0 &&
			   strcmp(a.vmem_fault, again.vmem_fault) == 0 && a.seed == again.seed &&
			   a.mem == again.mem && a.vmem_size == again.vmem_size &&
			   a.harts == again.harts && a.repeat == again.repeat &&
			   a.list == again.list,
		   "the same text gives other values");
	free(text);
	return 0;
}

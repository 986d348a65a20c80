/* SPDX-License-Identifier: BSD-2-Clause */
/* What every hart sees at a list of addresses: the live probes of all suites. */
#ifndef TESTS_PROBES_H
#define TESTS_PROBES_H

#include "firmware/probe.h"
#include "tests/test.h"

/* Spots of a range: both ends and one seeded word in every 2 MiB. */
struct spots {
	vaddr_t va;
	uint64_t size;
	uint64_t seed;
};

unsigned spots_count(const struct spots *s);
/* Address of spot @i, 8-byte aligned, i < spots_count(). */
vaddr_t spots_at(const struct spots *s, unsigned i);

/*
 * On each of @harts, one after the other, at each spot: store a word that names hart and spot, and
 * load it back. What the last one stored is there for probes_read().
 */
void probes_write_and_read(struct test_run *t, const struct hartset *harts, const struct spots *s);

/* Each of @harts loads what the last one of probes_write_and_read(..., @writers) stored. */
void probes_read(struct test_run *t, const struct hartset *harts, const struct hartset *writers,
		 const struct spots *s);

/*
 * Beside what the caller does next: each of @harts (no boot hart among them) loads what the last
 * one of probes_write_and_read(..., @writers) stored at the spots of the @n ranges @s, and stores
 * it again, time after time until probes_use_end(), which reports what went wrong. @s stays.
 */
void probes_use_begin(const struct hartset *harts, const struct hartset *writers,
		      const struct spots *s, unsigned n);
void probes_use_end(struct test_run *t);

/* Each of @harts loads a word of every page of [@va, @va + @size). Whatever it gets is right. */
void probes_load_pages(struct test_run *t, const struct hartset *harts, vaddr_t va, uint64_t size);

/* Each of @harts calls the stub at @va and gets @value. */
void probes_fetch(struct test_run *t, const struct hartset *harts, vaddr_t va, uint64_t value);

/*
 * On each of @harts, at each spot, an access of kind @a has to raise a page fault. Counts what did
 * not into t as failures of evidence "probe".
 */
void probes_must_trap(struct test_run *t, const struct hartset *harts, const struct spots *s,
		      enum access a);

/*
 * The control: between the change and its fences, how many of the harts' accesses still go
 * through. Call it before the operation; it watches the next shootdown.
 */
void probes_control_next(struct test_run *t, const struct hartset *harts, const struct spots *s,
			 enum access a);

#endif

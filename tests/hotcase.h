/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hotplug.* tests have in common: blocks of the device, add and remove that must work. */
#ifndef TESTS_HOTCASE_H
#define TESTS_HOTCASE_H

#include "platform/plug.h"
#include "tests/probes.h"
#include "tests/test.h"

/* The clause of probes behind a removal. */
#define TRAP_CLAUSE "Privileged ISA, SFENCE.VMA: after the shootdown no hart uses the old entry"

/* The smallest memory that the device and hot-plug both know. */
uint64_t hotcase_block_size(const struct test_run *t);
/* How many of them the device wants to see plugged, at most. */
uint64_t hotcase_nr_blocks(const struct test_run *t);
/* @n blocks from the @first one on, of the device's region. */
struct region hotcase_blocks(const struct test_run *t, uint64_t first, uint64_t n);
/*
 * Whether the device wants @n blocks, and boot memory has room for the records of them and for
 * tables; if not, the test is skipped with the reason.
 */
bool hotcase_need(struct test_run *t, uint64_t n);
/* The same for the room of records and tables alone, of @size bytes of any device. */
bool hotcase_need_room(struct test_run *t, uint64_t size);
/* The numbers below @n in a random order. */
void hotcase_shuffle(struct test_run *t, unsigned *order, unsigned n);
/* The same three of another device than the first. */
uint64_t hotcase_block_size_of(const struct virtio_mem *v);
uint64_t hotcase_nr_blocks_of(const struct virtio_mem *v);
struct region hotcase_blocks_of(const struct virtio_mem *v, uint64_t first, uint64_t n);
/* Both ends of @r and a word in every 2 MiB, in the direct map. */
struct spots hotcase_spots(const struct test_run *t, struct region r);

/* One shootdown for all of it; in Linux's order as many as that takes. */
void hotcase_check_shootdowns(struct test_run *t, struct region r, const struct hot_report *rep);

/*
 * plug_add() and plug_remove() of one device's memory, whichever it is, that must succeed with the
 * shootdowns that are due; else the test ends.
 */
struct hot_region *hotcase_add(struct test_run *t, struct region r, uint64_t prot);
void hotcase_remove(struct test_run *t, struct hot_region *h);
/* The same for who has to tidy up before the test ends. False: it failed, and that is recorded. */
bool must_check hotcase_try_remove(struct test_run *t, struct hot_region *h);

#endif

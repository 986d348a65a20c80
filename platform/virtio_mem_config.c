/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of a virtio-mem device: read, decoded, and believed only if it can be true. */

#include <stdio.h>

#include "platform/virtio_mem_config.h"

#include "device/vmem_abi.h"
#include "firmware/console.h"

/* The largest address that an entry can hold: 44 bits of page number. */
#define MAX_PADDR (UINT64_C(1) << 56)

/* Always false: the end of a chain of checks. */
static bool refuse(const struct virtio_device *d, const char *field, uint64_t value,
		   const char *why)
{
	note("%s: config %s %#llx %s", d->name, field, (unsigned long long)value, why);
	return false;
}

static bool multiples_ok(const struct virtio_device *d, const struct virtio_mem_geometry *g)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"addr", g->addr},
		{"region_size", g->region_size},
		{"usable_region_size", g->usable_size},
		{"plugged_size", g->plugged_size},
		{"requested_size", g->requested_size},
	};

	for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
		if (!is_aligned(fields[i].value, g->block_size))
			return refuse(d, fields[i].name, fields[i].value,
				      "is no multiple of block_size");
	}
	return true;
}

/* 5.15.4.2, and what follows from it. */
static bool geometry_ok(const struct virtio_device *d, const struct virtio_mem_geometry *g)
{
	if (!is_pow2(g->block_size))
		return refuse(d, "block_size", g->block_size, "is no power of two");
	if (g->block_size < PAGE_SIZE)
		return refuse(d, "block_size", g->block_size, "is below 4 KiB");
	if (!multiples_ok(d, g))
		return false;
	if (g->region_size == 0)
		return refuse(d, "region_size", g->region_size, "leaves nothing to plug");
	if (g->addr >= MAX_PADDR || g->region_size > MAX_PADDR - g->addr)
		return refuse(d, "addr + region_size", g->addr + g->region_size,
			      "lies beyond 56 bits or wraps");
	if (g->region_size / g->block_size > VIRTIO_MEM_MAX_REGION_BLOCKS)
		return refuse(d, "region_size", g->region_size, "has too many blocks");
	if (g->usable_size > g->region_size)
		return refuse(d, "usable_region_size", g->usable_size, "exceeds region_size");
	if (g->requested_size > g->usable_size)
		return refuse(d, "requested_size", g->requested_size, "exceeds usable_region_size");
	if (g->plugged_size > g->usable_size)
		return refuse(d, "plugged_size", g->plugged_size, "exceeds usable_region_size");
	return true;
}

enum err virtio_mem_config_read(const struct virtio_device *d, struct virtio_mem_geometry *g)
{
	struct virtio_mem_config raw;
	enum err e = virtio_read_config(d, 0, &raw, sizeof(raw));

	if (e == ERR_RANGE) {
		note("%s: no room for a configuration of %u bytes", d->name, (unsigned)sizeof(raw));
		return ERR_IO;
	}
	if (e != OK)
		return e;
	g->block_size = le64_load(raw.block_size);
	g->addr = le64_load(raw.addr);
	g->region_size = le64_load(raw.region_size);
	g->usable_size = le64_load(raw.usable_region_size);
	g->plugged_size = le64_load(raw.plugged_size);
	g->requested_size = le64_load(raw.requested_size);
	g->node_id = le16_load(raw.node_id);
	return geometry_ok(d, g) ? OK : ERR_RANGE;
}

enum err virtio_mem_config_reread(const struct virtio_device *d,
				  const struct virtio_mem_geometry *old, bool may_shrink,
				  struct virtio_mem_geometry *g)
{
	enum err e = virtio_mem_config_read(d, g);
	bool ok = true;

	if (e != OK)
		return e;
	if (g->block_size != old->block_size)
		ok = refuse(d, "block_size", g->block_size, "has changed");
	else if (g->addr != old->addr)
		ok = refuse(d, "addr", g->addr, "has changed");
	else if (g->region_size != old->region_size)
		ok = refuse(d, "region_size", g->region_size, "has changed");
	else if (g->usable_size < old->usable_size && !may_shrink)
		ok = refuse(d, "usable_region_size", g->usable_size, "shrank without UNPLUG_ALL");
	return ok ? OK : ERR_RANGE;
}

struct region virtio_mem_granules(const struct virtio_mem_geometry *g, uint64_t granule)
{
	uint64_t unit = max_u64(granule, g->block_size);
	paddr_t start = align_up(g->addr, unit);
	paddr_t end = align_down(g->addr + g->usable_size, unit);

	return (struct region){start, end > start ? end - start : 0};
}

const char *virtio_mem_size_text(uint64_t bytes, char *buf, size_t len)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned u = 0;

	while (u + 1 < ARRAY_LEN(units) && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, len, "%llu %s", (unsigned long long)bytes, units[u]);
	return buf;
}

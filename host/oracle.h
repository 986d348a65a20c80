/* SPDX-License-Identifier: BSD-2-Clause */
/* The outside oracle: which unplugged pages were touched, seen in the file behind guest memory. */
#ifndef HOST_ORACLE_H
#define HOST_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "device/vmem.h"

/*
 * A block is discarded with a punched hole when it is unplugged. A hole that the guest loads
 * from, stores to or walks through becomes data, page by page, and lseek(SEEK_DATA) tells.
 * Each touched page is reported once and punched again.
 *
 * A guest that may read unplugged blocks (no UNPLUGGED_INACCESSIBLE) may do so in the usable region
 * only. There a page that holds nothing but zeros was loaded from, and is counted; one that holds
 * anything else was stored to, and is reported. A store of zeros is taken for a load.
 */

#define ORACLE_PAGE_BYTES 4096ULL

struct oracle {
	const struct vmem *vm;
	int fd; /* of the guest memory that holds the region; -1 until oracle_attach() */
	uint64_t file_offset;	 /* of the region's first byte */
	uint32_t *unplugged_by;	 /* for every block the request that unplugged it, 0 none */
	uint64_t touched_pages;	 /* found so far */
	uint64_t readable_bytes; /* from the region's start: a load is no touch; 0 none */
	uint64_t read_pages;	 /* loads that were none */
	uint64_t scanned_pages;
	uint64_t scanned_blocks;
	const char *blind; /* the reason why nothing can be seen, or NULL */
	void (*print)(const char *format, ...);
};

/* False when there is no memory for it. @print writes one line. */
bool oracle_init(struct oracle *o, const struct vmem *vm, void (*print)(const char *format, ...));

/*
 * Take over the region: duplicate @fd, discard all of the region, and try on the page at @probe,
 * the region's first byte in this process, whether a touch is seen. Prints the outcome. Returns
 * false when the region cannot even be discarded; a blind oracle is no failure.
 */
bool oracle_attach(struct oracle *o, int fd, uint64_t file_offset, uint8_t *probe);

/*
 * From now on the guest may load from unplugged blocks among the first @bytes of the region, and
 * from no others; what it did before is judged by what it was allowed before.
 */
void oracle_allow_reads(struct oracle *o, uint64_t bytes);

/* Give a range's pages back. 0, or -1 and errno. Bytes from the region's start. */
int oracle_discard(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes);

/* Note that the range was unplugged by request number @request. */
void oracle_note_unplug(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes,
			uint32_t request);

/* Look at the unplugged blocks of a range; what was touched is printed and discarded. */
void oracle_scan(struct oracle *o, uint64_t offset_bytes, uint64_t size_bytes);

/* Print the closing line. Returns false when an unplugged page had been touched. */
bool oracle_close(struct oracle *o);

#endif

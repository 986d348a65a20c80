/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd as a virtio-pmem device: what was not flushed is found, and a file keeps the rest.
 */

#include "device/pmem_abi.h"
#include "tests/host/test_device_vmemd_rig.h"

#define SIZE (4 * MIB)
#define SPOT (SIZE - 24) /* in its last page */

static uint8_t *pmem(struct frontend *f)
{
	return f->mem + (REGION - RAM);
}

static bool get_pmem_config(struct frontend *f, struct virtio_pmem_config *c)
{
	return get_config_bytes(f, c, sizeof(*c));
}

/* @file: NULL for none. */
static bool begin_pmem(struct frontend *f, const char *file)
{
	char *argv[] = {(char *)(uintptr_t)daemon_path(),
			"--pmem",
			"--socket",
			f->path,
			"--addr",
			"0x82000000",
			"--size",
			"4M",
			file != NULL ? "--file" : NULL,
			(char *)(uintptr_t)file,
			NULL};

	struct virtio_pmem_config c;

	if (!begin_dir(f) || !begin_daemon(f, argv))
		return false;
	connect_all(f);
	/* Messages are handled in order: behind this answer the file's content is in the memory. */
	return get_pmem_config(f, &c);
}

/* Its answer; 0x11111111 when none comes. */
static uint32_t send_flush(struct frontend *f)
{
	memset(f->mem + RESP, 0x11, 4);
	le32_store(f->mem + REQ, VIRTIO_PMEM_REQ_FLUSH);
	if (post_chain(f, VIRTIO_PMEM_REQ_BYTES, VIRTIO_PMEM_RESP_BYTES))
		(void)answered(f, 5000);
	return le32_load(f->mem + RESP);
}

static void test_flushed(void)
{
	struct virtio_pmem_config c = {{0}, {0}};
	struct frontend f;

	tap_ok(begin_pmem(&f, NULL), "flushed: connected");
	tap_is(f.features >> VIRTIO_F_VERSION_1 & 1, 1, "flushed: VERSION_1");
	tap_ok(get_pmem_config(&f, &c), "flushed: configuration");
	tap_is(le64_load(c.start), REGION, "flushed: start");
	tap_is(le64_load(c.size), SIZE, "flushed: size");
	pmem(&f)[SPOT] = 1;
	tap_is(send_flush(&f), VIRTIO_PMEM_RESP_OK, "flushed: ack");
	tap_is(finish(&f), 0, "flushed: status");
	tap_ok(strstr(f.text, "pmem: clean, 1024 pages") != NULL, "flushed: clean");
}

/* A store behind the last flush: named by its page, and a failure. */
static void test_lost(void)
{
	struct frontend f;

	tap_ok(begin_pmem(&f, NULL), "lost: connected");
	tap_is(send_flush(&f), VIRTIO_PMEM_RESP_OK, "lost: ack");
	pmem(&f)[SPOT] ^= 0x80;
	tap_is(finish(&f), 1, "lost: status");
	tap_ok(strstr(f.text, "pmem: FAIL 1 pages were stored to and not flushed, the first at "
			      "0x823ff000") != NULL,
	       "lost: named");
	print_text(&f);
}

static void test_file(void)
{
	char path[] = "/tmp/hotwalk-test-pmem-XXXXXX";
	int fd = mkstemp(path);
	struct frontend f;

	tap_ok(begin_pmem(&f, path), "file: connected");
	pmem(&f)[SPOT] = 77;
	tap_is(send_flush(&f), VIRTIO_PMEM_RESP_OK, "file: ack");
	pmem(&f)[SPOT] = 78;
	tap_is(finish(&f), 1, "file: what came behind the flush is lost");
	/* Another run, another guest memory. */
	tap_ok(begin_pmem(&f, path), "file: connected again");
	tap_is(send_flush(&f), VIRTIO_PMEM_RESP_OK, "file: ack again");
	tap_is(pmem(&f)[SPOT], 77, "file: the content of the flush is there");
	tap_is(finish(&f), 0, "file: status");
	close(fd);
	unlink(path);
}

/* A file that cannot be written: the driver is told. */
static void test_file_full(void)
{
	struct frontend f;

	tap_ok(begin_pmem(&f, "/dev/full"), "full: connected");
	pmem(&f)[SPOT] = 77;
	tap_is(send_flush(&f), VIRTIO_PMEM_RESP_FAILED, "full: the flush fails");
	tap_is(finish(&f), 1, "full: status");
	tap_ok(strstr(f.text, "pmem: 0 flushes, 1 refused") != NULL, "full: counted");
}

static void test_usage(void)
{
	static char *const rows[][5] = {
		{"--pmem", "--schedule", "100%", NULL},
		{"--file", "x", "--schedule", "100%", NULL},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[16] = {(char *)(uintptr_t)daemon_path(),
				  "--socket",
				  "/tmp/x",
				  "--addr",
				  "0x82000000",
				  "--size",
				  "4M"};
		struct frontend f;
		int status;

		for (unsigned k = 0; rows[i][k] != NULL; k++)
			argv[7 + k] = rows[i][k];
		memset(&f, 0, sizeof(f));
		f.pid = spawn(argv, &f.out);
		(void)read_until(&f, NULL);
		waitpid(f.pid, &status, 0);
		tap_is(WEXITSTATUS(status), 2, "usage: row %u: %s", i, f.text);
		close(f.out);
	}
}

int main(void)
{
	test_flushed();
	test_lost();
	test_file();
	test_file_full();
	test_usage();
	return tap_done();
}

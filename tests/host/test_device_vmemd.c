/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of hotwalk-vmemd, as QEMU sees it: vhost-user messages, requests, the oracle. */

#include "tests/host/test_device_vmemd_rig.h"

static void test_clean(void)
{
	struct virtio_mem_config c;
	uint32_t base[2] = {0, 0};
	struct frontend f;

	if (!tap_ok(begin(&f, "32M", "0,8M,2M,0", NULL), "clean: daemon listens"))
		return;
	tap_is(get_u64(&f, GET_FEATURES), 1ULL << 32 | 1ULL << 30 | 2, "clean: features");
	tap_ok((get_u64(&f, GET_PROTOCOL_FEATURES) & (1U << 5 | 1U << 9)) == (1U << 5 | 1U << 9),
	       "clean: protocol features CONFIG and BACKEND_REQ");
	tap_ok(get_config(&f, &c) && le64_load(c.addr) == REGION &&
		       le64_load(c.region_size) == 32 * MIB && le64_load(c.block_size) == BLOCK,
	       "clean: configuration before DRIVER_OK");
	connect_all(&f);
	tap_ok(no_config_message(&f), "clean: no message before the driver is ready");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0), VIRTIO_MEM_RESP_ACK,
	       "clean: unplug all");
	request(&f, VIRTIO_MEM_REQ_STATE, 0, 1);
	tap_ok(config_message(&f), "clean: STATE brings the next size");
	tap_ok(get_config(&f, &c) && le64_load(c.requested_size) == 8 * MIB, "clean: it is 8M");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 3, 4), VIRTIO_MEM_RESP_ACK, "clean: plug");
	tap_ok(post(&f, VIRTIO_MEM_REQ_STATE, 0, 1) && !answered(&f, 100),
	       "clean: no answer while QEMU has not seen the message");
	tap_ok(config_message(&f), "clean: reached: the next size");
	tap_ok(answered(&f, 5000), "clean: confirmed: the request is answered");
	memset(f.mem + 38 * MIB, 0x5a, 8 * MIB);
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 0, 1), VIRTIO_MEM_RESP_NACK, "clean: NACK");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG, 4, 3), VIRTIO_MEM_RESP_ACK, "clean: unplug");
	tap_ok(config_message(&f), "clean: reached: the last size");
	tap_ok(no_config_message(&f), "clean: and quiet after it");
	tap_ok(lseek(f.mem_fd, (off_t)(FILE_OFFSET + 40 * MIB), SEEK_DATA) < 0,
	       "clean: the discard is real");
	tap_is(f.mem[38 * MIB], 0x5a, "clean: a plugged block keeps its content");
	send_state(&f, GET_VRING_BASE, 0);
	tap_ok(get_reply(&f, GET_VRING_BASE, base, sizeof(base)) && base[1] == f.avail_idx,
	       "clean: the queue stops at its index");
	driver_ok(&f);
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 3, 1), VIRTIO_MEM_RESP_ACK,
	       "clean: and goes on after a device reset");
	tap_ok(config_message(&f), "clean: a new STATE starts again");
	tap_is(le16_load(f.mem + RESP + 8), VIRTIO_MEM_STATE_PLUGGED, "clean: blocks as they were");
	tap_is(f.mem[38 * MIB], 0x5a, "clean: contents too");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG, 3, 1), VIRTIO_MEM_RESP_ACK, "clean: unplug last");
	tap_is(finish(&f), 0, "clean: exit status 0");
	tap_ok(blind(&f) || (strstr(f.text, "oracle: control ok\n") != NULL &&
			     strstr(f.text, "oracle: clean, scanned ") != NULL),
	       "clean: the oracle says so");
	print_text(&f);
}

static void test_touched(void)
{
	struct frontend f;
	int status;

	if (!tap_ok(begin(&f, "32M", "8M,0", NULL), "touched: daemon listens"))
		return;
	connect_all(&f);
	request(&f, VIRTIO_MEM_REQ_PLUG, 0, 2);
	request(&f, VIRTIO_MEM_REQ_UNPLUG, 1, 1);
	f.mem[34 * MIB + 0x3000] = 1;		/* block 1, unplugged by request #2 */
	request(&f, VIRTIO_MEM_REQ_PLUG, 1, 1); /* the last moment to see it */
	f.mem[60 * MIB] += f.mem[60 * MIB];	/* block 14, never plugged */
	status = finish(&f);
	if (blind(&f)) {
		tap_ok(status == 0, "touched # SKIP the oracle is blind on this machine");
		return;
	}
	tap_is(status, 1, "touched: exit status 1");
	tap_ok(strstr(f.text, "oracle: touched unplugged page 0x82203000 (block 1, unplugged by "
			      "request #2)\n") != NULL,
	       "touched: a page written before a plug");
	tap_ok(strstr(f.text, "page 0x83c00000 (block 14, never plugged)\n") != NULL,
	       "touched: a page of a block that was never plugged");
	tap_ok(strstr(f.text, "oracle: FAIL 2 pages\n") != NULL, "touched: each counted once");
	print_text(&f);
}

static void test_errors(void)
{
	struct frontend f;
	uint64_t value = 1;
	uint32_t garbage[3] = {GET_FEATURES, 1, 0x7fffffff};

	if (!tap_ok(begin(&f, "32M", "0", NULL), "errors: daemon listens"))
		return;
	connect_all(&f);
	le16_store(f.mem + AVAIL + 2, 1000);
	tap_ok(write(f.kick, &value, sizeof(value)) > 0 && read_until(&f, "driver error: index"),
	       "errors: a lying driver is reported");
	tap_is(finish(&f), 2, "errors: and shows in the exit status");
	begin(&f, "32M", "0", NULL);
	if (send(f.sock, garbage, sizeof(garbage), 0) < 0)
		tap_ok(false, "errors: send");
	tap_ok(read_until(&f, "protocol error"), "errors: a message of 2 GiB");
	tap_is(finish(&f), 2, "errors: exit status 2");
	begin(&f, "32M", "0", NULL);
	tap_is(finish(&f), 0, "errors: a QEMU that goes at once is none");
	tap_ok(blind(&f), "errors: but nothing was seen, and that is said");
}

static void test_usage(void)
{
	static const struct {
		const char *args[10];
		const char *says;
	} rows[] = {
		{{"--addr", "0", "--size", "1G", "--schedule", "0"}, "--socket is missing"},
		{{"--socket", "/tmp/x", "--size", "1G", "--schedule", "0"}, "--addr is missing"},
		{{"--socket", "/tmp/x", "--addr", "0x100001", "--size", "1G", "--schedule", "0"},
		 "--addr 0x100001 is not a multiple of the block size 2097152"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "3M", "--schedule", "0"},
		 "--size 3145728 is not a multiple"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "1Q", "--schedule", "0"},
		 "--size '1Q' has an unknown unit"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "1G", "--schedule", "0", "--block",
		  "3M"},
		 "--block 3145728 is not a power of two"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "1G", "--schedule", "0,2G"},
		 "entry '2G' is larger than the region"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "1G", "--schedule", "1M"},
		 "entry '1M' is not a multiple of the block size"},
		{{"--socket", "/tmp/x", "--addr", "0", "--size", "1G", "--schedule", "0", "--node",
		  "65536"},
		 "--node '65536'"},
		{{"--socket", "/nonexistent/x", "--addr", "0", "--size", "1G", "--schedule", "0"},
		 "cannot listen on /nonexistent/x"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[12] = {(char *)(uintptr_t)daemon_path()};
		struct frontend f;
		int status = -1;

		memset(&f, 0, sizeof(f));
		for (unsigned k = 0; k < 10; k++)
			argv[k + 1] = (char *)(uintptr_t)rows[i].args[k];
		f.pid = spawn(argv, &f.out);
		if (!read_until(&f, NULL))
			kill(f.pid, SIGKILL);
		waitpid(f.pid, &status, 0);
		close(f.out);
		tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 2 &&
			       strstr(f.text, rows[i].says) != NULL,
		       "usage: %s", rows[i].says);
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_usage();
	test_clean();
	test_touched();
	test_errors();
	return tap_done();
}

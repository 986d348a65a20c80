/* SPDX-License-Identifier: BSD-2-Clause */
/* What the built-in device does wrong on request. */

#include <string.h>

#include "platform/misbehave.h"

#include "device/mmio.h"
#include "platform/builtin.h"

enum kind {
	FEATURES_REFUSED,
	NO_VERSION_1,
	NO_INACCESSIBLE,
	NO_QUEUE,
	DEAD_QUEUE,
	ODD_BLOCK,
	ODD_ADDR,
	ODD_REGION,
	MOVED_BLOCK,
	SHRUNK_USABLE,
	FALSE_PLUGGED,
	TORN,
	RESTLESS,
	SPURIOUS,
	LEFTOVERS,
	BUSY,
	NACK,
	ANSWER_ERROR,
	UNKNOWN_ANSWER,
	NOISE,
	SHORT_ANSWER,
	WRONG_ID,
	NO_ANSWER,
	LATE,
	NEEDS_RESET,
	RESIZE,
	RESIZE_AFTER,
	SMALL_USABLE,
	KEEP_CONTENT,
	NR_KINDS,
};

/* Clauses: virtio 1.2; 5.15.x are those of the memory device. */
static const struct misbehaviour table[NR_KINDS] = {
	[FEATURES_REFUSED] = {"features-refused", "FEATURES_OK does not stay set (3.1.1)",
			      "write FAILED, not use the device", 0, true},
	[NO_VERSION_1] = {"no-version-1", "VERSION_1 is not offered (6)",
			  "write FAILED, not use the device", 0, true},
	[NO_INACCESSIBLE] = {"no-inaccessible", "UNPLUGGED_INACCESSIBLE is not offered (5.15.3)",
			     "go on without", 0, true},
	[NO_QUEUE] = {"no-queue", "the request queue has no size (4.2.3.2)",
		      "write FAILED, not use the device", 0, false},
	[DEAD_QUEUE] = {"dead-queue", "the request queue does not become ready (4.2.3.2)",
			"write FAILED, not use the device", 0, false},
	[ODD_BLOCK] = {"odd-block", "block_size is no power of two (5.15.4.2)",
		       "not believe the configuration", 0, false},
	[ODD_ADDR] = {"odd-addr", "addr is no multiple of block_size (5.15.4.2)",
		      "not believe the configuration", 0, false},
	[ODD_REGION] = {"odd-region", "region_size is no multiple of block_size (5.15.4.2)",
			"not believe the configuration", 0, false},
	[MOVED_BLOCK] = {"moved-block", "block_size halves while the driver runs (5.15.4.2)",
			 "give the device up", 0, false},
	[SHRUNK_USABLE] = {"shrunk-usable",
			   "usable_region_size shrinks without UNPLUG_ALL (5.15.4.2)",
			   "give the device up", 0, false},
	[FALSE_PLUGGED] = {"false-plugged", "plugged_size is a block too high (5.15.4.2)",
			   "say so, and go on", 0, false},
	[TORN] = {"torn", "requested_size changes while its halves are read (4.2.2.2)",
		  "read again", 2, true},
	[RESTLESS] = {"restless", "the configuration's generation never holds still (4.2.2.2)",
		      "give the device up after a bounded number of reads", 0, false},
	[SPURIOUS] = {"spurious", "configuration notices when nothing changed (5.15.4.2: MAY)",
		      "look, and do nothing", 0, true},
	[LEFTOVERS] = {"leftovers", "every other of 2 N blocks is plugged at start",
		       "UNPLUG_ALL until it succeeds (5.15.5.1)", 3, true},
	[BUSY] = {"busy", "BUSY to whatever would be granted (5.15.6: MAY)",
		  "wait twice as long each time, a bounded number of times", 0, true},
	[NACK] = {"nack", "NACK to whatever would be granted",
		  "return the error, send nothing more", 0, true},
	[ANSWER_ERROR] = {"error", "ERROR to requests that are right (5.15.6)",
			  "give the device up", 0, false},
	[UNKNOWN_ANSWER] = {"unknown-answer", "answers of type 77 (5.15.6)", "give the device up",
			    0, false},
	[NOISE] = {"noise", "answers with noise behind their type (5.15.6.3.1)", "not look at it",
		   0, true},
	[SHORT_ANSWER] = {"short-answer", "used length is 9, an answer has 10 (5.15.6)",
			  "give the device up", 0, false},
	[WRONG_ID] = {"wrong-id", "the used element names another request (2.7.8)",
		      "give the device up", 0, false},
	[NO_ANSWER] = {"no-answer", "requests are never answered", "give the device up after 2 s",
		       0, false},
	[LATE] = {"late", "answers come late, at the third look at the status", "wait", 0, true},
	[NEEDS_RESET] = {"needs-reset", "NEEDS_RESET instead of an answer (2.1.2)",
			 "give the device up", 0, true},
	[RESIZE] = {"resize",
		    "another requested_size after a request is offered, before it is used",
		    "take the answer as it is, then look", 0, true},
	[RESIZE_AFTER] = {"resize-after", "another requested_size after each request", "look", 0,
			  true},
	[SMALL_USABLE] = {"small-usable",
			  "the usable region is no more than is requested: grows with it, and "
			  "shrinks without a word at UNPLUG_ALL (5.15.4.2)",
			  "stay inside it", 0, true},
	[KEEP_CONTENT] = {"keep-content", "unplugged blocks are not discarded (5.15.6: MAY)",
			  "not rely on what is in them", 0, true},
};

#define FOR_EVER UINT32_MAX
#define LATE_LOOKS 3
#define STRANGE_TYPE 77

static struct {
	uint32_t left[NR_KINDS]; /* times still to come */
	uint64_t count;
	unsigned held; /* looks until the notice that was held back is let through; 0: none */
	uint64_t random;
} state;

const struct misbehaviour *misbehave_info(unsigned row)
{
	return row < NR_KINDS ? &table[row] : NULL;
}

uint64_t misbehave_count(void)
{
	return state.count;
}

/* Is it to happen now? Counted if so. */
static bool strike(enum kind k)
{
	if (state.left[k] == 0)
		return false;
	if (state.left[k] != FOR_EVER)
		state.left[k]--;
	state.count++;
	return true;
}

/* Any other multiple of the block size, zero and all of the region included. */
static void resize(struct vmmio *io)
{
	const struct vmem *vm = io->vm;
	uint64_t nr = vm->nb_blocks + 1;
	uint64_t now = vm->params.requested_size / vm->params.block_size;

	state.random = state.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	now = (now + 1 + (state.random >> 33) % (nr - 1)) % nr;
	(void)vmem_set_requested_size(io->vm, now * vm->params.block_size);
}

static void add64(uint8_t *field, uint64_t n)
{
	le64_store(field, le64_load(field) + n);
}

/* What the driver reads of a configuration that is not true. */
static uint64_t read_config(struct vmmio *io, uint64_t at, uint64_t value)
{
	uint64_t block = io->vm->params.block_size;
	struct virtio_mem_config c;

	vmem_config(io->vm, &c);
	if (at == offsetof(struct virtio_mem_config, requested_size) && strike(TORN)) {
		/* The half of another moment: a size that might be, were it not for the other. */
		io->vm->generation++;
		return value ^ (uint32_t)block;
	}
	if (at > sizeof(c) - 4)
		return value;
	if (strike(ODD_BLOCK))
		add64(c.block_size, block / 2);
	if (strike(ODD_ADDR))
		add64(c.addr, PAGE_SIZE / 2);
	if (strike(ODD_REGION))
		add64(c.region_size, -(PAGE_SIZE / 2));
	if (strike(FALSE_PLUGGED))
		add64(c.plugged_size, block);
	if ((io->status & VIRTIO_STATUS_DRIVER_OK) != 0) {
		if (strike(MOVED_BLOCK))
			add64(c.block_size, -(block / 2));
		if (strike(SHRUNK_USABLE))
			add64(c.usable_region_size, -block);
	}
	return le32_load((const uint8_t *)&c + at);
}

static uint64_t on_read(struct vmmio *io, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	if (offset >= VMMIO_REG_CONFIG && size_bytes == 4)
		return read_config(io, offset - VMMIO_REG_CONFIG, value);
	switch (offset) {
	case VMMIO_REG_DEVICE_FEATURES:
		return io->device_features_sel == 1 && strike(NO_VERSION_1) ? 0 : value;
	case VMMIO_REG_QUEUE_NUM_MAX:
		return strike(NO_QUEUE) ? 0 : value;
	case VMMIO_REG_CONFIG_GENERATION:
		if (strike(RESTLESS))
			io->vm->generation++;
		return value;
	case VMMIO_REG_INTERRUPT_STATUS:
		if (strike(SPURIOUS))
			vmmio_config_changed(io);
		return io->interrupt_status;
	case VMMIO_REG_STATUS:
		if (state.held != 0 && --state.held == 0)
			vmmio_write(io, VMMIO_REG_QUEUE_NOTIFY, 0, 4);
		return io->status;
	default:
		return value;
	}
}

/* The driver offers a request. False: it is not taken up now. */
static bool on_notify(struct vmmio *io)
{
	if (strike(NO_ANSWER))
		return false;
	if (strike(NEEDS_RESET)) {
		io->status |= VIRTIO_STATUS_NEEDS_RESET;
		vmmio_config_changed(io);
		return false;
	}
	if (strike(RESIZE))
		resize(io);
	if (strike(LATE)) {
		state.held = LATE_LOOKS;
		return false;
	}
	return true;
}

static bool on_write(struct vmmio *io, uint64_t offset, uint64_t *value)
{
	switch (offset) {
	case VMMIO_REG_STATUS:
		state.held = 0;
		/* What was not offered is not missed here: the driver has to insist on it. */
		if ((*value & VIRTIO_STATUS_FEATURES_OK) != 0 && state.left[NO_VERSION_1] != 0)
			io->driver_features |= UINT64_C(1) << VIRTIO_F_VERSION_1;
		if ((*value & ~(uint64_t)io->status & VIRTIO_STATUS_FEATURES_OK) != 0 &&
		    strike(FEATURES_REFUSED))
			*value &= ~(uint64_t)VIRTIO_STATUS_FEATURES_OK;
		return true;
	case VMMIO_REG_QUEUE_READY:
		return *value == 0 || !strike(DEAD_QUEUE);
	case VMMIO_REG_QUEUE_NOTIFY:
		return on_notify(io);
	default:
		return true;
	}
}

/* The used element that was written last. */
static uint8_t *last_used(struct vmmio *io)
{
	return io->ring.used + 4 + (uint16_t)(io->ring.used_idx - 1) % io->ring.params.size * 8;
}

/* A request was served: the driver has not looked yet, it runs on this hart. */
static void on_wrote(struct vmmio *io, uint64_t offset)
{
	const struct vring_chain *chain = &io->q.chain;
	const struct vring_segment *answer = &chain->segments[chain->nb_readable];

	if (offset != VMMIO_REG_QUEUE_NOTIFY || !io->ring.started)
		return;
	if (chain->nb_segments > chain->nb_readable && answer->len_bytes > 2 && strike(NOISE))
		memset(answer->data + 2, 0xee, answer->len_bytes - 2);
	if (strike(SHORT_ANSWER))
		le32_store(last_used(io) + 4, VIRTIO_MEM_RESP_BYTES - 1);
	if (strike(WRONG_ID))
		le32_store(last_used(io), (le32_load(last_used(io)) + 2) % io->ring.params.size);
	if (strike(RESIZE_AFTER))
		resize(io);
}

static uint16_t on_admit(const struct vmem_request *req)
{
	(void)req;
	if (strike(BUSY))
		return VIRTIO_MEM_RESP_BUSY;
	if (strike(NACK))
		return VIRTIO_MEM_RESP_NACK;
	if (strike(ANSWER_ERROR))
		return VIRTIO_MEM_RESP_ERROR;
	return strike(UNKNOWN_ANSWER) ? STRANGE_TYPE : VIRTIO_MEM_RESP_ACK;
}

/* Requested, and no more: before anything grew, or when it may shrink. */
static void usable_trim(struct vmem *vm)
{
	vm->usable_size = vm->params.requested_size;
	vm->generation++;
}

static uint64_t usable_before;

static void on_carried_out(struct vmem *vm, const struct vmem_request *req, uint16_t type)
{
	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL && type == VIRTIO_MEM_RESP_ACK &&
	    vm->usable_size != vm->params.requested_size && strike(SMALL_USABLE)) {
		usable_trim(vm);
		usable_before = vm->usable_size;
	}
}

static void on_usable_changed(struct vmem *vm)
{
	if (strike(SMALL_USABLE)) {
		usable_trim(vm);
		vm->usable_size = vm->usable_size > usable_before ? vm->usable_size : usable_before;
	}
	usable_before = vm->usable_size;
}

static bool on_keeps_content(void)
{
	return strike(KEEP_CONTENT);
}

static const struct builtin_hooks hooks = {
	.read = on_read,
	.write = on_write,
	.wrote = on_wrote,
	.admit = on_admit,
	.carried_out = on_carried_out,
	.usable_changed = on_usable_changed,
	.keeps_content = on_keeps_content,
};

/* What has to be done at once. Nothing is armed yet that could stand in its way. */
static void begin(struct vmmio *io, void *arg)
{
	const uint32_t *times = arg;
	struct vmem_request req = {.type = VIRTIO_MEM_REQ_PLUG, .nb_blocks = 1};
	struct vmem_response resp;

	for (uint32_t i = 0; i < times[LEFTOVERS]; i++) {
		req.addr = io->vm->params.addr + (2 * i + 1) * io->vm->params.block_size;
		vmem_handle(io->vm, &req, &resp);
		state.count += resp.type == VIRTIO_MEM_RESP_ACK;
	}
	if (times[NO_INACCESSIBLE] != 0)
		io->vm->params.readable_unplugged = true;
	usable_before = io->vm->usable_size;
	/* Before the driver runs it may be anything; later only UNPLUG_ALL makes it smaller. */
	if (times[SMALL_USABLE] != 0 && (io->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
		usable_trim(io->vm);
		usable_before = io->vm->usable_size;
	}
	for (unsigned k = 0; k < NR_KINDS; k++) {
		if (times[k] != 0 && k != LEFTOVERS)
			state.left[k] = times[k];
	}
}

/* One NAME[:N] of @len characters. The row, or NR_KINDS. */
static enum kind parse_one(const char *text, size_t len, uint32_t *times)
{
	const char *colon = memchr(text, ':', len);
	size_t name = colon != NULL ? (size_t)(colon - text) : len;
	uint32_t n = 0;

	for (size_t i = name + 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || n > 100000)
			return NR_KINDS;
		n = n * 10 + (uint32_t)(text[i] - '0');
	}
	if (colon != NULL && n == 0)
		return NR_KINDS;
	for (unsigned k = 0; k < NR_KINDS; k++) {
		if (strlen(table[k].name) != name || memcmp(table[k].name, text, name) != 0)
			continue;
		*times = n != 0 ? n : table[k].times != 0 ? table[k].times : FOR_EVER;
		return (enum kind)k;
	}
	return NR_KINDS;
}

enum err misbehave(const char *list, char *unknown, size_t len)
{
	uint32_t times[NR_KINDS] = {0};

	for (;;) {
		size_t n = strcspn(list, ",");
		uint32_t t = 0;
		enum kind k = parse_one(list, n, &t);

		if (k == NR_KINDS) {
			size_t copied = min_u64(n, len - 1);

			memcpy(unknown, list, copied);
			unknown[copied] = '\0';
			return ERR_INVAL;
		}
		times[k] = t;
		if (list[n] == '\0')
			break;
		list += n + 1;
	}
	if (!builtin_with(begin, times))
		return ERR_NOSYS;
	builtin_hook(&hooks);
	return OK;
}

static void as_before(struct vmmio *io, void *arg)
{
	(void)arg;
	io->vm->params.readable_unplugged = false;
}

void behave(void)
{
	builtin_hook(NULL);
	memset(&state, 0, sizeof(state));
	(void)builtin_with(as_before, NULL);
	builtin_calm();
}

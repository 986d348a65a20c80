/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in device: its instructions decoded, its traps taken, its blocks scribbled over. */

#include "firmware/trap.h"
#include "mm/window.h"
#include "platform/builtin.h"
#include "platform/mmio_insn.h"
#include "platform/scribble.h"
#include "tests/host/test_vmem_driver_rig.h"

#define WINDOW UINT64_C(0xffffffc800000000)
#define SSTATUS_SPP (UINT64_C(1) << 8)
#define BLOCK UINT64_C(65536)
#define NR_BLOCKS 80
#define REGION (NR_BLOCKS * BLOCK)

static trap_handler_fn handler;
static uint8_t *memory; /* the region */
static unsigned windows;
static unsigned fail_window; /* the n-th window cannot be had; 0: all can */
static bool window_open;
static uint64_t window_size;

void trap_register(enum trap_order order, trap_handler_fn fn)
{
	if (order == TRAP_ORDER_DEVICE)
		handler = fn;
}

const char *trap_cause_name(uint64_t scause)
{
	(void)scause;
	return "page fault";
}

bool spin_lock_irq(struct spinlock *l)
{
	spin_lock(l);
	return true;
}

void spin_unlock_irq(struct spinlock *l, bool enabled)
{
	(void)enabled;
	spin_unlock(l);
}

enum err io_reserve(uint64_t size, vaddr_t *va)
{
	(void)size;
	*va = WINDOW;
	return OK;
}

enum err window_init(uint64_t size)
{
	window_size = size;
	return OK;
}

enum err window_map(paddr_t pa, uint64_t size, uint64_t prot, void **p)
{
	(void)prot;
	if (window_open || size > window_size || pa < RIG_ADDR || pa + size > RIG_ADDR + REGION)
		abort();
	if (++windows == fail_window)
		return ERR_NOMEM;
	window_open = true;
	*p = memory + (pa - RIG_ADDR);
	return OK;
}

void window_unmap(void)
{
	if (!window_open)
		abort();
	window_open = false;
}

static void *ptr(void *ctx, uint64_t pa, uint64_t len, bool is_write)
{
	return rig_translate(ctx, pa, len, is_write);
}

/* Take the trap of @insn with @base and @value in its registers. */
static bool take_trap(uint32_t insn, struct trap_frame *f)
{
	static uint16_t code[2];

	code[0] = (uint16_t)insn;
	code[1] = (uint16_t)(insn >> 16);
	f->sepc = (uint64_t)(uintptr_t)code;
	f->sstatus = SSTATUS_SPP;
	if (!handler(f))
		return false;
	f->sepc -= (uint64_t)(uintptr_t)code;
	return true;
}

/* lw a5, 0(a4) and c.lw a5, 0(a4), by turns: compilers make both. */
static uint32_t load(vaddr_t reg)
{
	static unsigned turn;
	struct trap_frame f = {.scause = CAUSE_LOAD_PAGE, .stval = reg};
	uint32_t insn = ++turn % 2 != 0 ? 0x00072783 : 0x431c;

	f.x[14] = reg;
	if (!take_trap(insn, &f) || f.sepc != (turn % 2 != 0 ? 4 : 2))
		abort();
	return (uint32_t)f.x[15];
}

/* sw a5, 0(a4) and c.sw a5, 0(a4). */
static void store(vaddr_t reg, uint32_t value)
{
	static unsigned turn;
	struct trap_frame f = {.scause = CAUSE_STORE_PAGE, .stval = reg};
	uint32_t insn = ++turn % 2 != 0 ? 0x00f72023 : 0xc31c;

	f.x[14] = reg;
	f.x[15] = UINT64_C(0xffffffff00000000) | value;
	if (!take_trap(insn, &f) || f.sepc != (turn % 2 != 0 ? 4 : 2))
		abort();
}

static void test_decode(void)
{
	/* As the assembler encodes them. */
	static const struct {
		const char *text;
		uint32_t bits;
		struct mmio_insn insn; /* store, sign, size, len, reg, base, offset */
	} rows[] = {
		{"lb x1, 0(x2)", 0x00010083, {false, true, 1, 4, 1, 2, 0}},
		{"lbu x31, -1(x30)", 0xffff4f83, {false, false, 1, 4, 31, 30, -1}},
		{"lh x5, 2047(x6)", 0x7ff31283, {false, true, 2, 4, 5, 6, 2047}},
		{"lhu x7, -2048(x8)", 0x80045383, {false, false, 2, 4, 7, 8, -2048}},
		{"lwu x11, 12(x12)", 0x00c66583, {false, false, 4, 4, 11, 12, 12}},
		{"lw x15, 0(x14)", 0x00072783, {false, true, 4, 4, 15, 14, 0}},
		{"sb x15, 1(x16)", 0x00f800a3, {true, false, 1, 4, 15, 16, 1}},
		{"sh x17, -2(x18)", 0xff191f23, {true, false, 2, 4, 17, 18, -2}},
		{"sw x19, 2047(x20)", 0x7f3a2fa3, {true, false, 4, 4, 19, 20, 2047}},
		{"sd x21, -2048(x22)", 0x815b3023, {true, false, 8, 4, 21, 22, -2048}},
		{"sw x0, 112(x3)", 0x0601a823, {true, false, 4, 4, 0, 3, 112}},
		{"c.lw x9, 4(x10)", 0x4144, {false, true, 4, 2, 9, 10, 4}},
		{"c.lw x8, 0(x9)", 0x4080, {false, true, 4, 2, 8, 9, 0}},
		{"c.lw x15, 124(x14)", 0x5f7c, {false, true, 4, 2, 15, 14, 124}},
		{"c.lw x10, 64(x11)", 0x41a8, {false, true, 4, 2, 10, 11, 64}},
		{"c.sw x8, 4(x15)", 0xc3c0, {true, false, 4, 2, 8, 15, 4}},
		{"c.sw x9, 120(x8)", 0xdc24, {true, false, 4, 2, 9, 8, 120}},
		{"c.ld x13, 8(x14)", 0x6714, {false, false, 8, 2, 13, 14, 8}},
		{"c.ld x8, 0(x15)", 0x6380, {false, false, 8, 2, 8, 15, 0}},
		{"c.ld x12, 248(x13)", 0x7ef0, {false, false, 8, 2, 12, 13, 248}},
		{"c.sd x11, 64(x10)", 0xe12c, {true, false, 8, 2, 11, 10, 64}},
		{"c.sd x14, 184(x9)", 0xfcd8, {true, false, 8, 2, 14, 9, 184}},
	};
	static const uint32_t others[] = {
		0x00000000, /* illegal */
		0x00007083, /* load, width 7 */
		0x00004023, /* store, width 4 */
		0x00002087, /* flw */
		0x0007202f, /* amoadd.w */
		0x00000013, /* nop */
		0x2000,	    /* c.fld */
		0xa000,	    /* c.fsd */
		0x8000,	    /* reserved */
		0x4082,	    /* c.lwsp */
		0x0001,	    /* c.nop */
	};
	struct mmio_insn got;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mmio_insn *want = &rows[i].insn;

		tap_ok(mmio_insn_decode(rows[i].bits, &got) && got.store == want->store &&
			       got.sign == want->sign && got.size_bytes == want->size_bytes &&
			       got.len_bytes == want->len_bytes && got.reg == want->reg &&
			       got.base == want->base && got.offset == want->offset &&
			       mmio_insn_is_long((uint16_t)rows[i].bits) == (want->len_bytes == 4),
		       "%s", rows[i].text);
	}
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		tap_ok(!mmio_insn_decode(others[i], &got), "%#x is none", (unsigned)others[i]);
	/* The upper half of a short one is the next instruction. */
	tap_ok(mmio_insn_decode(0xffff4144, &got) && got.len_bytes == 2 && got.offset == 4,
	       "what follows a short one does not matter");

	got = (struct mmio_insn){.size_bytes = 1, .sign = true};
	tap_ok(mmio_insn_extend(&got, 0x180) == (uint64_t)-128, "lb extends");
	got.sign = false;
	tap_ok(mmio_insn_extend(&got, 0x180) == 0x80, "lbu does not");
	got = (struct mmio_insn){.size_bytes = 4, .sign = true};
	tap_ok(mmio_insn_extend(&got, 0x80000000) == UINT64_C(0xffffffff80000000), "lw extends");
	got = (struct mmio_insn){.size_bytes = 8};
	tap_ok(mmio_insn_extend(&got, UINT64_MAX) == UINT64_MAX, "ld takes all");
}

static void test_scribble(void)
{
	static uint64_t words[64];
	paddr_t first = 0;

	scribble_fill(words, 0x180000000, sizeof(words));
	tap_ok(words[0] == scribble_word(0x180000000) && words[63] == scribble_word(0x1800001f8),
	       "every word says where it is");
	tap_ok(scribble_check(words, 0x180000000, sizeof(words), &first) == 0, "intact");
	tap_ok(scribble_check(words, 0x180001000, sizeof(words), &first) == 64,
	       "elsewhere it is not");
	words[13] ^= 1;
	words[63] = 0;
	tap_ok(scribble_check(words, 0x180000000, sizeof(words), &first) == 2 &&
		       first == 0x180000000 + 13 * 8,
	       "two words were stored to, first at %#llx", (unsigned long long)first);
}

static void test_bad_params(void)
{
	struct builtin_params p = {.region = RIG_ADDR, .size = REGION, .block = BLOCK, .ptr = ptr};
	uint64_t size;
	vaddr_t window;

	memset(&rig, 0, sizeof(rig));
	p.schedule = "100%,half";
	tap_ok(builtin_init(&p, &window, &size) == ERR_INVAL && strstr(rig.note, "\"half\""),
	       "schedule refused: %s", rig.note);
	p.schedule = NULL;
	p.block = 3 * 4096;
	tap_ok(builtin_init(&p, &window, &size) == ERR_INVAL, "block size refused");
	p.block = BLOCK;
	p.size = REGION + 1;
	tap_ok(builtin_init(&p, &window, &size) == ERR_INVAL, "size refused");
	p.size = REGION;
	p.region = RIG_ADDR + 4096;
	tap_ok(builtin_init(&p, &window, &size) == ERR_INVAL, "address refused");
	builtin_scan();
	tap_ok(builtin_violations(NULL) == 0 && builtin_set_requested(0) == ERR_INVAL,
	       "without a device nothing happens");
	rig_end();
}

static void test_traps(void)
{
	struct trap_frame f = {.scause = CAUSE_LOAD_PAGE, .stval = WINDOW + 8};
	struct trap_frame g;

	f.x[14] = WINDOW;
	g = f;
	tap_ok(take_trap(0x00872783, &g) && g.x[15] == VIRTIO_ID_MEM && g.sepc == 4,
	       "lw x15, 8(x14)");
	g = f;
	tap_ok(take_trap(0x00876783, &g) && g.x[15] == VIRTIO_ID_MEM, "lwu x15, 8(x14)");
	g = f;
	g.stval = 0;
	tap_ok(take_trap(0x00872783, &g) && g.x[15] == VIRTIO_ID_MEM && rig.note[0] == '\0',
	       "without stval");
	g = f;
	tap_ok(take_trap(0x00872003, &g) && g.x[0] == 0, "lw x0, 8(x14)");
	g = f;
	g.x[14] = WINDOW + 0x200;
	g.stval = WINDOW + 0x200;
	tap_ok(!take_trap(0x00072783, &g), "behind the window");
	g = f;
	g.x[14] = WINDOW - 8;
	g.stval = WINDOW - 8;
	tap_ok(!take_trap(0x00072783, &g), "before the window");
	g = f;
	g.x[14] = WINDOW + 0x1fe;
	g.stval = WINDOW + 0x1fe;
	tap_ok(!take_trap(0x00072783, &g), "across its end");
	g = f;
	g.scause = CAUSE_STORE_PAGE;
	tap_ok(!take_trap(0x00872783, &g), "a load that faults as a store");
	g = f;
	g.scause = CAUSE_LOAD_ACCESS;
	tap_ok(!take_trap(0x00872783, &g), "an access fault");
	g = f;
	tap_ok(!take_trap(0x0007202f, &g), "amoadd.w");
	g = f;
	g.sepc = 0;
	g.sstatus = 0;
	tap_ok(!handler(&g), "a fault from U-mode is not looked into");
	g = f;
	g.stval = 0x1000;
	tap_ok(!handler(&g), "nor is one from elsewhere");
	g = f;
	g.stval = WINDOW + 4;
	tap_ok(take_trap(0x00872783, &g) && g.x[15] == VIRTIO_ID_MEM &&
		       strstr(rig.note, "stval is 0xffffffc800000004") != NULL,
	       "stval that is wrong is told: %s", rig.note);
}

static bool all_scribbled(uint64_t block)
{
	paddr_t first;

	return scribble_check(memory + block * BLOCK, RIG_ADDR + block * BLOCK, BLOCK, &first) == 0;
}

static void test_device(void)
{
	struct builtin_params p = {.region = RIG_ADDR, .size = REGION, .block = BLOCK, .ptr = ptr};
	struct virtio_mem *v = &rig.v;
	struct virtio_device t;
	paddr_t first = 1;
	uint64_t size;
	vaddr_t window;

	memset(&rig, 0, sizeof(rig));
	rig.load = load;
	rig.store = store;
	memory = malloc(REGION);
	if (memory == NULL)
		abort();
	memset(memory, 0x5a, REGION);
	tap_ok(builtin_init(&p, &window, &size) == OK && window == WINDOW && size == 0x200 &&
		       windows == 0,
	       "is there");
	tap_ok(builtin_init(&p, &window, &size) == ERR_EXIST, "once");
	test_traps();
	tap_ok(virtio_mmio_open(&t, "builtin", window, size, 0, VIRTIO_ID_MEM) == OK &&
		       virtio_mem_init(v, &t) == OK && builtin_misuses() == 0,
	       "the driver starts it");
	tap_ok(v->geo.requested_size == REGION, "it asks for everything");
	tap_ok(virtio_mem_plug(v, RIG_ADDR, REGION) == OK && memory[0] == 0x5a &&
		       memory[REGION - 1] == 0x5a,
	       "plugged content is left alone");
	(void)virtio_mem_config_changed(v);
	tap_ok(virtio_mem_ready(v) == OK && virtio_mem_config_changed(v) &&
		       virtio_mem_refresh(v) == OK && v->geo.requested_size == 0,
	       "it asks for everything back");

	/* Across the edge of a 2 MiB frame. */
	tap_ok(virtio_mem_unplug(v, RIG_ADDR + 30 * BLOCK, 4 * BLOCK) == OK && all_scribbled(30) &&
		       all_scribbled(33) && memory[30 * BLOCK - 1] == 0x5a &&
		       memory[34 * BLOCK] == 0x5a,
	       "unplugged content is gone, its neighbours are not");
	tap_ok(builtin_set_requested(REGION) == OK && virtio_mem_config_changed(v) &&
		       builtin_set_requested(REGION + BLOCK) == ERR_INVAL,
	       "it can be told to ask for more");
	tap_ok(virtio_mem_plug(v, RIG_ADDR + 30 * BLOCK, 2 * BLOCK) == OK &&
		       builtin_violations(&first) == 0 && first == 1 && all_scribbled(31),
	       "nobody wrote there");
	memory[32 * BLOCK + 4096] ^= 0x80;
	memory[33 * BLOCK + 9] ^= 1;
	memory[33 * BLOCK + 16] ^= 1;
	tap_ok(virtio_mem_plug(v, RIG_ADDR + 32 * BLOCK, BLOCK) == OK &&
		       builtin_violations(&first) == 1 && first == RIG_ADDR + 32 * BLOCK + 4096,
	       "a store to unplugged memory is found at %#llx", (unsigned long long)first);
	builtin_scan();
	tap_ok(builtin_violations(NULL) == 3, "two more are found without plugging");
	builtin_scan();
	tap_ok(builtin_violations(NULL) == 3, "once");

	builtin_answer_next(VIRTIO_MEM_RESP_BUSY, 3);
	tap_ok(virtio_mem_unplug(v, RIG_ADDR, BLOCK) == OK && v->nr_busy == 3, "busy on request");
	windows = 0;
	fail_window = 1;
	tap_ok(virtio_mem_unplug(v, RIG_ADDR + BLOCK, BLOCK) == OK && v->nr_busy == 4 &&
		       all_scribbled(1),
	       "busy while it has no window");
	windows = 0;
	fail_window = 2;
	tap_ok(virtio_mem_unplug(v, RIG_ADDR + 62 * BLOCK, 4 * BLOCK) == OK && all_scribbled(63) &&
		       !all_scribbled(64),
	       "a window that fails half way costs a scribble");
	memory[62 * BLOCK] ^= 1;
	tap_ok(virtio_mem_plug(v, RIG_ADDR + 62 * BLOCK, 4 * BLOCK) == OK &&
		       builtin_violations(NULL) == 4,
	       "and raises no false alarm, and no less");
	tap_ok(virtio_mem_unplug_all(v) == OK && all_scribbled(79) && virtio_mem_check(v) == OK,
	       "unplugs all");
	tap_ok(builtin_misuses() == 0 && !v->broken, "the driver used registers as it may");
	free(memory);
	rig_end();
}

int main(void)
{
	test_decode();
	test_scribble();
	test_bad_params();
	test_device();
	return tap_done();
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree: what QEMU's virt would say of such a machine, without interrupt controller. */
#include "host/sim/fdt.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "host/sim/bus.h"

#define TIMEBASE_HZ 10000000
#define PHANDLE_FINISHER 1
#define PHANDLE_INTC(hart) (2 + (uint32_t)(hart))

struct maker {
	const struct config *c;
	void *fdt;
	int error; /* the first one */
};

static void note(struct maker *k, int error)
{
	if (k->error == 0 && error < 0)
		k->error = error;
}

static void begin(struct maker *k, const char *name)
{
	note(k, fdt_begin_node(k->fdt, name));
}

static void begin_at(struct maker *k, const char *name, uint64_t unit)
{
	char text[48];

	snprintf(text, sizeof(text), "%s@%llx", name, (unsigned long long)unit);
	begin(k, text);
}

static void end(struct maker *k)
{
	note(k, fdt_end_node(k->fdt));
}

static void u32(struct maker *k, const char *name, uint32_t v)
{
	note(k, fdt_property_u32(k->fdt, name, v));
}

static void text(struct maker *k, const char *name, const char *v)
{
	note(k, fdt_property(k->fdt, name, v, (int)strlen(v) + 1));
}

static void flag(struct maker *k, const char *name)
{
	note(k, fdt_property(k->fdt, name, NULL, 0));
}

static void reg(struct maker *k, uint64_t base, uint64_t size)
{
	fdt64_t cells[2] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};

	note(k, fdt_property(k->fdt, "reg", cells, sizeof(cells)));
}

/* Single letters, then names, each ended by NUL; *isa gets them joined as "riscv,isa" has them. */
static size_t extensions(const struct config *c, char list[static 128], char isa[static 128])
{
	const char *const all[] = {
		"i",
		"m",
		"a",
		"c",
		"zicntr",
		"zicsr",
		"zifencei",
		c->ad == AD_FAULT ? "svade" : NULL,
		c->ad == AD_ADUE ? "svadu" : NULL,
		c->svinval ? "svinval" : NULL,
		c->svnapot ? "svnapot" : NULL,
		c->svpbmt ? "svpbmt" : NULL,
		c->sstc ? "sstc" : NULL,
	};
	size_t used = 0;
	size_t at = (size_t)snprintf(isa, 128, "rv64");

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] == NULL)
			continue;
		at += (size_t)snprintf(isa + at, 128 - at, "%s%s", i < 4 ? "" : "_", all[i]);
		used += (size_t)snprintf(list + used, 128 - used, "%s", all[i]) + 1;
	}
	return used;
}

static const char *mmu_type(const struct config *c)
{
	if ((c->modes & BIT(SATP_MODE_SV57)) != 0)
		return "riscv,sv57";
	return (c->modes & BIT(SATP_MODE_SV48)) != 0 ? "riscv,sv48" : "riscv,sv39";
}

static void cpu(struct maker *k, unsigned hart)
{
	char list[128];
	char isa[128];
	size_t used = extensions(k->c, list, isa);

	begin_at(k, "cpu", hart);
	text(k, "device_type", "cpu");
	text(k, "compatible", "riscv");
	text(k, "status", "okay");
	u32(k, "reg", hart);
	text(k, "riscv,isa", isa);
	text(k, "riscv,isa-base", "rv64i");
	note(k, fdt_property(k->fdt, "riscv,isa-extensions", list, (int)used));
	text(k, "mmu-type", mmu_type(k->c));
	begin(k, "interrupt-controller");
	text(k, "compatible", "riscv,cpu-intc");
	u32(k, "#interrupt-cells", 1);
	flag(k, "interrupt-controller");
	u32(k, "phandle", PHANDLE_INTC(hart));
	end(k);
	end(k);
}

static void cpus(struct maker *k)
{
	begin(k, "cpus");
	u32(k, "#address-cells", 1);
	u32(k, "#size-cells", 0);
	u32(k, "timebase-frequency", TIMEBASE_HZ);
	for (unsigned i = 0; i < k->c->harts; i++)
		cpu(k, i);
	end(k);
}

static void clint(struct maker *k)
{
	static const char compatible[] = "sifive,clint0\0riscv,clint0";
	fdt32_t cells[MAX_HARTS * 4];

	for (unsigned i = 0; i < k->c->harts; i++) {
		cells[4 * i] = cells[4 * i + 2] = cpu_to_fdt32(PHANDLE_INTC(i));
		cells[4 * i + 1] = cpu_to_fdt32(IRQ_MSI);
		cells[4 * i + 3] = cpu_to_fdt32(IRQ_MTI);
	}
	begin_at(k, "clint", CLINT_BASE);
	note(k, fdt_property(k->fdt, "compatible", compatible, sizeof(compatible)));
	reg(k, CLINT_BASE, CLINT_BYTES);
	note(k, fdt_property(k->fdt, "interrupts-extended", cells, (int)k->c->harts * 16));
	end(k);
}

static void serial(struct maker *k)
{
	if (k->c->uart == UART_NONE)
		return;
	begin_at(k, "serial", UART_BASE);
	text(k, "compatible", uart_names[k->c->uart]);
	reg(k, UART_BASE, UART_BYTES);
	u32(k, "clock-frequency", 3686400);
	if (k->c->uart == UART_DW_APB) {
		u32(k, "reg-shift", 2);
		u32(k, "reg-io-width", 4);
	}
	end(k);
}

static void devices(struct maker *k)
{
	static const char finisher[] = "sifive,test1\0sifive,test0\0syscon";

	begin(k, "soc");
	u32(k, "#address-cells", 2);
	u32(k, "#size-cells", 2);
	text(k, "compatible", "simple-bus");
	flag(k, "ranges");
	clint(k);
	serial(k);
	begin_at(k, "test", FINISHER_BASE);
	note(k, fdt_property(k->fdt, "compatible", finisher, sizeof(finisher)));
	reg(k, FINISHER_BASE, FINISHER_BYTES);
	u32(k, "phandle", PHANDLE_FINISHER);
	end(k);
	end(k);
}

/* The way that firmware without a driver for the finisher takes. */
static void reset(struct maker *k, const char *name, const char *compatible, uint32_t value)
{
	begin(k, name);
	text(k, "compatible", compatible);
	u32(k, "regmap", PHANDLE_FINISHER);
	u32(k, "offset", 0);
	u32(k, "value", value);
	end(k);
}

size_t fdt_make(const struct config *c, void *buffer, size_t size)
{
	struct maker k = {.c = c, .fdt = buffer};

	note(&k, fdt_create(k.fdt, (int)size));
	note(&k, fdt_finish_reservemap(k.fdt));
	begin(&k, "");
	u32(&k, "#address-cells", 2);
	u32(&k, "#size-cells", 2);
	text(&k, "compatible", "hotwalk,sim");
	text(&k, "model", "hotwalk-sim");
	begin(&k, "chosen");
	text(&k, "bootargs", c->append);
	if (c->uart != UART_NONE)
		text(&k, "stdout-path", "/soc/serial@10000000:115200n8");
	end(&k);
	begin_at(&k, "memory", c->ram_base);
	text(&k, "device_type", "memory");
	reg(&k, c->ram_base, c->ram_bytes);
	end(&k);
	cpus(&k);
	devices(&k);
	reset(&k, "poweroff", "syscon-poweroff", 0x5555);
	reset(&k, "reboot", "syscon-reboot", 0x7777);
	end(&k);
	note(&k, fdt_finish(k.fdt));
	return k.error == 0 ? fdt_totalsize(k.fdt) : 0;
}

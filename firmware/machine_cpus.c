/* SPDX-License-Identifier: BSD-2-Clause */
/* /cpus: hart ids, claims about MMU and extensions, the timebase. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

static const struct {
	const char *name;
	uint32_t bit;
} isa_names[] = {
	{"svinval", ISA_SVINVAL}, {"svnapot", ISA_SVNAPOT},
	{"svpbmt", ISA_SVPBMT},	  {"svadu", ISA_SVADU},
	{"svade", ISA_SVADE},	  {"svvptc", ISA_SVVPTC},
	{"sstc", ISA_SSTC},	  {"h", ISA_H},
	{"ssaia", ISA_SSAIA},
};

static const struct {
	const char *name;
	enum mmu_claim claim;
} mmu_names[] = {
	{"riscv,none", MMU_CLAIM_NONE},
	{"riscv,sv39", MMU_CLAIM_SV39},
	{"riscv,sv48", MMU_CLAIM_SV48},
	{"riscv,sv57", MMU_CLAIM_SV57},
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(const char *s, size_t len, size_t i)
{
	while (i < len && digit(s[i]))
		i++;
	return i;
}

/* Length of a version suffix such as "1p0" at @s, 0 if there is none. */
static size_t version_len(const char *s, size_t len)
{
	size_t i = skip_digits(s, len, 0);

	if (i == 0 || i + 1 >= len || lower(s[i]) != 'p' || !digit(s[i + 1]))
		return i;
	return skip_digits(s, len, i + 1);
}

/* The bit of one extension, written in either case and with or without its version. */
static uint32_t isa_bit(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(isa_names); i++) {
		const char *name = isa_names[i].name;
		size_t n = 0;

		while (n < len && name[n] != '\0' && lower(s[n]) == name[n])
			n++;
		if (name[n] == '\0' && n + version_len(s + n, len - n) == len)
			return isa_names[i].bit;
	}
	return 0;
}

/* "-NAME" as ext= has it; 0: no such name. */
static uint32_t forgotten_bit(const char *word, size_t len)
{
	static const char fwft[] = "-fwft";

	if (len < 2 || *word != '-')
		return 0;
	if (len == sizeof(fwft) - 1 && memcmp(word, fwft, len) == 0)
		return SBI_FWFT;
	return isa_bit(word + 1, len - 1);
}

enum err machine_forget_isa(struct machine *m, const char *list, char *unknown, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		uint32_t bit = forgotten_bit(list, n);

		if (bit == 0) {
			size_t keep = min_u64(n, len - 1);

			memcpy(unknown, list, keep);
			unknown[keep] = '\0';
			return ERR_INVAL;
		}
		m->forgotten |= bit;
		m->isa &= ~bit;
		for (unsigned i = 0; i < m->nr_cpus; i++)
			m->cpus[i].isa &= ~bit;
		if (bit == ISA_SSAIA && m->intc.kind == INTC_APLIC_MSI)
			machine_drop_intc(m);
		list += n;
		list += *list == ',' ? 1 : 0;
	}
	return OK;
}

/* "riscv,isa-extensions": one string each. */
static uint32_t isa_from_list(const char *list, size_t len)
{
	uint32_t isa = 0;

	while (len != 0) {
		const char *end = memchr(list, '\0', len);
		size_t n = end == NULL ? len : (size_t)(end - list);

		isa |= isa_bit(list, n);
		n += end == NULL ? 0 : 1;
		list += n;
		len -= n;
	}
	return isa;
}

/*
 * "riscv,isa": rv64, single letters, then names that begin with s, x or z and end at '_' (ISA
 * manual, "ISA Extension Naming Conventions"). Old QEMUs wrote the modes s and u in between:
 * "su" is no name.
 */
static uint32_t isa_from_string(const char *s, size_t len)
{
	uint32_t isa = 0;
	size_t i = 4;

	if (len < 4 || lower(s[0]) != 'r' || lower(s[1]) != 'v' || s[2] != '6' || s[3] != '4')
		return 0;
	while (i < len) {
		char c = lower(s[i]);
		size_t n = 1;

		if (c == '_') {
			i++;
			continue;
		}
		if ((c == 's' && !(i + 1 < len && lower(s[i + 1]) == 'u')) || c == 'x' ||
		    c == 'z') {
			while (i + n < len && s[i + n] != '_')
				n++;
		} else {
			n += version_len(s + i + 1, len - i - 1);
		}
		isa |= isa_bit(s + i, n);
		i += n;
	}
	return isa;
}

static uint32_t read_isa(const struct dt *dt, int node)
{
	int len;
	const char *text = dt_prop(dt, node, "riscv,isa-extensions", &len);
	const char *end;

	if (text != NULL && len > 0)
		return isa_from_list(text, (size_t)len);
	text = dt_prop(dt, node, "riscv,isa", &len);
	if (text == NULL || len <= 0) {
		machine_note(dt->m, "%.24s: no riscv,isa", dt_name(dt, node));
		return 0;
	}
	end = memchr(text, '\0', (size_t)len);
	return isa_from_string(text, end == NULL ? (size_t)len : (size_t)(end - text));
}

static enum mmu_claim read_mmu(const struct dt *dt, int node)
{
	const char *text = dt_string(dt, node, "mmu-type");

	if (text == NULL)
		return MMU_CLAIM_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(mmu_names); i++) {
		if (strcmp(text, mmu_names[i].name) == 0)
			return mmu_names[i].claim;
	}
	machine_note(dt->m, "%.24s: mmu-type \"%.32s\" unknown", dt_name(dt, node), text);
	return MMU_CLAIM_UNKNOWN;
}

/* The hart id; @na is what /cpus says, but the length of reg has the last word. */
static bool read_hartid(const struct dt *dt, int node, uint32_t na, uint64_t *hartid)
{
	int len;
	const void *reg = dt_prop(dt, node, "reg", &len);
	unsigned cells = na == 2 ? 2 : 1;

	if (reg == NULL || len < 4 || len % 4 != 0) {
		machine_note(dt->m, "%.24s: no usable reg, skipped", dt_name(dt, node));
		return false;
	}
	if ((unsigned)len != 4 * na) {
		machine_note(dt->m, "%.24s: reg of %d bytes with #address-cells %u",
			     dt_name(dt, node), len, (unsigned)na);
		if (len == 4)
			cells = 1;
	}
	return dt_cells_value(reg, cells, hartid);
}

/* phandle of the interrupt controller inside a cpu, 0 if there is none. */
static uint32_t read_cpu_intc(const struct dt *dt, int cpu)
{
	int node;

	dt_for_each_child(node, dt, cpu)
	{
		if (dt_compatible(dt, node, "riscv,cpu-intc") ||
		    dt_prop(dt, node, "interrupt-controller", NULL) != NULL)
			return dt_phandle(dt, node);
	}
	return 0;
}

static bool is_known(const struct machine *m, uint64_t hartid)
{
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (m->cpus[i].hartid == hartid)
			return true;
	}
	return false;
}

/* True if the cpu found no room. */
static bool add_cpu(struct dt *dt, int node, uint32_t na)
{
	struct machine *m = dt->m;
	struct machine_cpu cpu;

	if (!dt_enabled(dt, node) || !read_hartid(dt, node, na, &cpu.hartid))
		return false;
	if (is_known(m, cpu.hartid)) {
		machine_note(m, "%.24s: hart 0x%llx is there twice, skipped", dt_name(dt, node),
			     (unsigned long long)cpu.hartid);
		return false;
	}
	if (m->nr_cpus == MAX_HARTS)
		return true;
	cpu.mmu = read_mmu(dt, node);
	cpu.isa = read_isa(dt, node);
	dt->cpu_intc[m->nr_cpus] = read_cpu_intc(dt, node);
	m->cpus[m->nr_cpus++] = cpu;
	return false;
}

static bool is_cpu(const struct dt *dt, int node)
{
	if (dt_prop(dt, node, "device_type", NULL) != NULL)
		return dt_prop_is(dt, node, "device_type", "cpu");
	return strncmp(dt_name(dt, node), "cpu@", 4) == 0;
}

/* On /cpus, where it belongs; old Rocket trees have it in each cpu. */
static void read_timebase(struct dt *dt, int cpus)
{
	uint64_t hz = 0;
	int node;

	if (!dt_u64(dt, cpus, "timebase-frequency", &hz)) {
		dt_for_each_child(node, dt, cpus)
		{
			if (is_cpu(dt, node) && dt_enabled(dt, node) &&
			    dt_u64(dt, node, "timebase-frequency", &hz))
				break;
		}
	}
	if (hz == 0)
		machine_note(dt->m, "cpus: no timebase-frequency");
	dt->m->timebase_hz = hz;
}

void machine_read_cpus(struct dt *dt)
{
	struct machine *m = dt->m;
	int cpus = dt_find(dt, "cpus");
	uint32_t na = 1;
	unsigned lost = 0;
	int node;

	if (cpus < 0)
		return;
	(void)dt_u32(dt, cpus, "#address-cells", &na);
	if (na != 1 && na != 2)
		machine_note(m, "cpus: #address-cells %u, taken as 1", (unsigned)na);
	na = na == 2 ? 2 : 1;
	dt_for_each_child(node, dt, cpus)
	{
		if (is_cpu(dt, node) && add_cpu(dt, node, na))
			lost++;
	}
	if (lost != 0)
		machine_note(m, "more than %d harts: %u left out", MAX_HARTS, lost);
	read_timebase(dt, cpus);

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		m->isa = i == 0 ? m->cpus[i].isa : m->isa & m->cpus[i].isa;
		if (i == 0 || m->cpus[i].mmu < m->mmu)
			m->mmu = m->cpus[i].mmu;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Files into memory. ELF: 64-bit, little-endian, RISC-V, program headers by physical address. */
#include "host/sim/load.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/sim/bus.h"

struct file {
	const char *name;
	uint8_t *bytes;
	size_t size;
};

static bool bad(const struct file *f, const char *what)
{
	fprintf(stderr, "hotwalk-sim: %s: %s\n", f->name, what);
	return false;
}

static bool read_whole(struct file *f)
{
	FILE *in = fopen(f->name, "rb");
	long size;
	bool ok;

	if (in == NULL)
		return bad(f, strerror(errno));
	ok = fseek(in, 0, SEEK_END) == 0 && (size = ftell(in)) > 0 && fseek(in, 0, SEEK_SET) == 0;
	if (ok) {
		f->size = (size_t)size;
		f->bytes = malloc(f->size);
		ok = f->bytes != NULL && fread(f->bytes, 1, f->size, in) == f->size;
	}
	fclose(in);
	return ok || bad(f, "cannot be read, or is empty");
}

static bool place(struct machine *m, const struct file *f, uint64_t address, uint64_t offset,
		  uint64_t size)
{
	uint8_t *to = bus_ram(m, address, size);

	if (offset > f->size || f->size - offset < size)
		return bad(f, "is cut short");
	if (to == NULL) {
		fprintf(stderr,
			"hotwalk-sim: %s: 0x%llx bytes at 0x%llx do not fit into RAM "
			"0x%llx+0x%llx\n",
			f->name, (unsigned long long)size, (unsigned long long)address,
			(unsigned long long)m->ram_base, (unsigned long long)m->ram_bytes);
		return false;
	}
	memcpy(to, f->bytes + offset, size);
	return true;
}

static bool load_elf(struct machine *m, const struct file *f, uint64_t *entry)
{
	Elf64_Ehdr eh;

	if (f->size < sizeof(eh))
		return bad(f, "is cut short");
	memcpy(&eh, f->bytes, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_machine != EM_RISCV || eh.e_phentsize != sizeof(Elf64_Phdr))
		return bad(f, "is no ELF for 64-bit RISC-V");
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		uint64_t at = eh.e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr ph;

		if (at > f->size || f->size - at < sizeof(ph))
			return bad(f, "is cut short");
		memcpy(&ph, f->bytes + at, sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_filesz != 0 &&
		    !place(m, f, ph.p_paddr, ph.p_offset, ph.p_filesz))
			return false;
	}
	*entry = eh.e_entry;
	return true;
}

bool load_file(struct machine *m, const char *name, uint64_t address, uint64_t *entry)
{
	struct file f = {.name = name};
	bool ok = read_whole(&f);

	*entry = address;
	if (ok && f.size >= SELFMAG && memcmp(f.bytes, ELFMAG, SELFMAG) == 0)
		ok = load_elf(m, &f, entry);
	else if (ok)
		ok = place(m, &f, address, 0, f.size);
	free(f.bytes);
	return ok;
}

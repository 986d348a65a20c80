/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-vmemd. */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "device/schedule.h"
#include "host/vmemd_options.h"

#define USAGE_ERROR 2

static const char usage[] =
	"usage: hotwalk-vmemd --socket PATH --addr A --size S --schedule LIST [options]\n"
	"       hotwalk-vmemd --pmem --socket PATH --addr A --size S [--file FILE]\n"
	"Serves QEMU's vhost-user-test-device as a virtio-mem device, and tells which unplugged\n"
	"pages the guest touched.\n"
	"  --socket PATH    Unix socket to listen on; one QEMU is served, then the daemon ends\n"
	"  --addr A         guest physical address of the region, a multiple of the block size\n"
	"  --size S         size of the region, a multiple of the block size\n"
	"  --block B        block size, a power of two (2M)\n"
	"  --schedule LIST  sizes to ask for, such as 1G,256M,0 or 50%,100%; the first one holds\n"
	"                   from the start, the others follow a STATE request\n"
	"  --node N         proximity domain, 0 to 65535; offers ACPI_PXM\n"
	"  --unplugged-readable  do not offer UNPLUGGED_INACCESSIBLE: the guest may read "
	"unplugged\n"
	"                   blocks in the usable region\n"
	"  --pmem           be a virtio-pmem device instead; sizes are multiples of 2 MiB\n"
	"  --file FILE      what a flush writes its content to, and what it starts with\n"
	"  --verbose        print every request\n"
	"Sizes take K, M, G, T; addresses may be hexadecimal.\n"
	"Exit status: 0 clean or blind, 1 an unplugged page was touched, or one stored\n"
	"to and not flushed; 2 usage or protocol "
	"error.\n";

__attribute__((format(printf, 1, 2))) static int bad(const char *format, ...)
{
	va_list args;

	fputs("hotwalk-vmemd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return USAGE_ERROR;
}

static int size_option(const char *name, const char *text, uint64_t *size)
{
	int error = schedule_parse_size(text, size, NULL);

	if (error != SCHEDULE_OK)
		return bad("--%s '%s' %s", name, text, schedule_error_text(error));
	return 0;
}

static int node_option(const char *text, struct vmem_params *p)
{
	uint64_t node;

	if (schedule_parse_size(text, &node, NULL) != SCHEDULE_OK || node > UINT16_MAX)
		return bad("--node '%s' is not a number from 0 to 65535", text);
	p->node_id = (uint16_t)node;
	p->has_node = true;
	return 0;
}

static int check_region(const struct vmem_params *p)
{
	unsigned long long block = p->block_size;

	if ((block & (block - 1)) != 0 || block < VMEM_MIN_BLOCK_BYTES)
		return bad("--block %llu is not a power of two of at least %llu", block,
			   VMEM_MIN_BLOCK_BYTES);
	if (p->addr % block != 0)
		return bad("--addr 0x%llx is not a multiple of the block size %llu",
			   (unsigned long long)p->addr, block);
	if (p->region_size == 0 || p->region_size % block != 0)
		return bad("--size %llu is not a multiple (1 or more) of the block size %llu",
			   (unsigned long long)p->region_size, block);
	if (p->addr + (p->region_size - 1) < p->addr || p->region_size > INT64_MAX)
		return bad("--size %llu at --addr 0x%llx does not fit into 64 bits",
			   (unsigned long long)p->region_size, (unsigned long long)p->addr);
	return 0;
}

static int parse_schedule(struct vmemd_options *opt)
{
	const char *at;
	int error =
		schedule_parse(opt->schedule_text, opt->params.region_size, opt->params.block_size,
			       opt->steps, VMEMD_MAX_STEPS, &opt->nb_steps, &at);

	if (error != SCHEDULE_OK)
		return bad("--schedule '%s': entry '%.*s' %s", opt->schedule_text,
			   (int)strcspn(at, ","), at, schedule_error_text(error));
	opt->params.requested_size = opt->steps[0];
	return 0;
}

static int check(struct vmemd_options *opt, bool have_addr)
{
	int rc;

	if (opt->socket_path == NULL)
		return bad("--socket is missing (try --help)");
	if (opt->socket_path[0] == '\0' ||
	    strlen(opt->socket_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return bad("--socket '%s' is empty or longer than %zu bytes", opt->socket_path,
			   sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (!have_addr)
		return bad("--addr is missing (try --help)");
	if (opt->pmem && opt->schedule_text != NULL)
		return bad("--pmem knows no --schedule");
	if (!opt->pmem && opt->file != NULL)
		return bad("--file goes with --pmem");
	if (opt->pmem)
		return check_region(&opt->params);
	if (opt->schedule_text == NULL)
		return bad("--schedule is missing (try --help)");
	rc = check_region(&opt->params);
	return rc != 0 ? rc : parse_schedule(opt);
}

int vmemd_options_parse(struct vmemd_options *opt, int argc, char **argv)
{
	static const struct option names[] = {
		{"socket", required_argument, NULL, 's'},
		{"addr", required_argument, NULL, 'a'},
		{"size", required_argument, NULL, 'z'},
		{"block", required_argument, NULL, 'b'},
		{"schedule", required_argument, NULL, 'l'},
		{"node", required_argument, NULL, 'n'},
		{"unplugged-readable", no_argument, NULL, 'r'},
		{"pmem", no_argument, NULL, 'p'},
		{"file", required_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool have_addr = false;
	int rc = 0;
	int c;

	memset(opt, 0, sizeof(*opt));
	opt->params.block_size = 2ULL << 20;
	while (rc == 0 && (c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (c) {
		case 's':
			opt->socket_path = optarg;
			break;
		case 'a':
			have_addr = true;
			rc = size_option("addr", optarg, &opt->params.addr);
			break;
		case 'z':
			rc = size_option("size", optarg, &opt->params.region_size);
			break;
		case 'b':
			rc = size_option("block", optarg, &opt->params.block_size);
			break;
		case 'l':
			opt->schedule_text = optarg;
			break;
		case 'n':
			rc = node_option(optarg, &opt->params);
			break;
		case 'r':
			opt->params.readable_unplugged = true;
			break;
		case 'p':
			opt->pmem = true;
			break;
		case 'f':
			opt->file = optarg;
			break;
		case 'v':
			opt->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default: /* getopt has said what is wrong */
			return USAGE_ERROR;
		}
	}
	if (rc == 0 && optind < argc)
		return bad("'%s' is not an option (try --help)", argv[optind]);
	return rc != 0 ? rc : check(opt, have_addr);
}

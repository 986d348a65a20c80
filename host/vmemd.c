/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd: a virtio-mem or virtio-pmem device behind QEMU's vhost-user-test-device. */

#include "host/serve.h"
#include "host/vmemd.h"

int main(int argc, char **argv)
{
	static struct vmemd_options opt;
	int status = vmemd_options_parse(&opt, argc, argv);

	if (status != 0)
		return status == 1 ? STATUS_CLEAN : STATUS_ERROR;
	return opt.pmem ? vmemd_pmem(&opt) : vmemd_mem(&opt);
}

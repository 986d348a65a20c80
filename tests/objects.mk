# SPDX-License-Identifier: BSD-2-Clause
objs-y += main.o accounts.o banner.o boot.o glob.o hotplug.o memdev.o probes.o runner.o table.o

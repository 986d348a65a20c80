# SPDX-License-Identifier: BSD-2-Clause
# Programs of the host. hotwalk-vmemd is vmemd-objs-y and device-objs-y, hotwalk-run is run-objs-y.
vmemd-objs-y += vmemd.o
vmemd-objs-y += vmemd_mem.o
vmemd-objs-y += vmemd_pmem.o
vmemd-objs-y += serve.o
vmemd-objs-y += vmemd_options.o
vmemd-objs-y += vhost.o
vmemd-objs-y += vhost_wire.o
vmemd-objs-y += oracle.o

run-objs-y += compare.o
run-objs-y += compare_log.o
run-objs-y += run.o
run-objs-y += run_child.o
run-objs-y += run_dir.o
run-objs-y += run_log.o
run-objs-y += run_options.o
run-objs-y += run_watch.o

# SPDX-License-Identifier: BSD-2-Clause
objs-y += attr.o audit.o bootmem.o clear.o dma.o dump.o exposure.o fault.o frame.o hot_report.o hotplug.o io.o kernel.o map.o mode.o model.o
objs-y += model_check.o model_exposure.o model_inval.o model_look.o model_odd.o model_paths.o model_records.o model_report.o model_spaces.o
objs-y += model_tables.o model_types.o movable.o ptpage.o records.o shadow.o shootdown.o teardown_linux.o walk.o window.o
objs-y += batch.o buddy.o frame_alloc.o split.o zone.o zones.o
objs-y += hvo.o remap.o
objs-y += devmem.o memtype.o
objs-y += apply.o areas.o deferred.o link.o vmap.o
objs-y += hot_notify.o kasan.o

# SPDX-License-Identifier: BSD-2-Clause
objs-y += main.o accounts.o banner.o boot.o extensions.o glob.o hotcase.o hotplug.o hotplug_neighbours.o hotplug_shapes.o hotplug_used.o memdev.o probes.o results.o runner.o table.o teardown.o lookout.o
objs-y += missing.o
objs-y += torture.o torture_life.o torture_look.o torture_maps.o torture_memory.o torture_steps.o
objs-y += torture_frames.o torture_units.o
objs-y += pmemdev.o rtl.o
objs-y += second_root.o
objs-y += vmem.o vmem_irq.o vmem_bad.o vmem_odd.o vmem_scene.o

# SPDX-License-Identifier: BSD-2-Clause
objs-y += cast.o
objs-y += locks.o
objs-y += dump.o
objs-y += attr.o pieces.o
objs-y += hvo.o
objs-y += memmap.o dax.o

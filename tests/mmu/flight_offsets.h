/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of struct flight for flight_insns.S; plain numbers. */
#ifndef TESTS_MMU_FLIGHT_OFFSETS_H
#define TESTS_MMU_FLIGHT_OFFSETS_H

#define FLIGHT_LOADS 8

#define FLIGHT_VA 0
#define FLIGHT_STRIDE 8
#define FLIGHT_SATP 16
#define FLIGHT_PROBE_VA 24
#define FLIGHT_SEEN 32

#endif

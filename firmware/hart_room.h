/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that the firmware let in together with the boot hart, since its SBI has no HSM. */
#ifndef FIRMWARE_HART_ROOM_H
#define FIRMWARE_HART_ROOM_H

#include "firmware/types.h"

/* Written and read untranslated by start.S; layout in offsets.h. */
struct hart_slot {
	uint64_t hartid;
	uint64_t boot; /* 0: nobody; HART_SLOT_*; else the physical address of its struct hart_boot
			*/
};

/* How many came in beside the boot hart, up to now. */
unsigned hart_room_count(void);

/*
 * Let the hart @hartid go on as if HSM had started it, with @boot (physical). False: it is not
 * among those that came in. Boot hart only, each hart once.
 */
bool must_check hart_room_release(uint64_t hartid, paddr_t boot);

/* Whoever is left waits for an interrupt that never comes, in place of a word that never changes.
 */
void hart_room_close(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that the firmware let in together with the boot hart, since its SBI has no HSM. */
#include "firmware/hart_room.h"

#include "firmware/arch.h"
#include "firmware/hartset.h"
#include "firmware/offsets.h"
#include "firmware/time.h"

_Static_assert(offsetof(struct hart_slot, hartid) == HART_SLOT_HARTID, "start.S");
_Static_assert(offsetof(struct hart_slot, boot) == HART_SLOT_BOOT, "start.S");
_Static_assert(sizeof(struct hart_slot) == 1 << HART_SLOT_SHIFT, "start.S");
_Static_assert(HART_SLOTS == MAX_HARTS, "a ticket is a place");

/* From a hart's ticket to its name on its place: some instructions, behind the clearing of .bss. */
#define SIT_DOWN_MS 1000

/* start.S: tickets drawn, the boot hart's is 0. */
extern const uint32_t hart_tickets;

extern struct hart_slot hart_room[HART_SLOTS];
struct hart_slot hart_room[HART_SLOTS];

unsigned hart_room_count(void)
{
	uint32_t n = __atomic_load_n(&hart_tickets, __ATOMIC_RELAXED);

	return (n < HART_SLOTS ? n : HART_SLOTS) - 1;
}

/* Who has a ticket sits down at once; the deadline is for a hart that died on the way. */
static bool occupied(const struct hart_slot *s)
{
	uint64_t deadline = time_deadline_ms(SIT_DOWN_MS);

	while (__atomic_load_n(&s->boot, __ATOMIC_ACQUIRE) == 0) {
		if (time_past(deadline))
			return false;
		arch_yield();
	}
	return true;
}

bool hart_room_release(uint64_t hartid, paddr_t boot)
{
	for (unsigned i = 1; i <= hart_room_count(); i++) {
		struct hart_slot *s = &hart_room[i];

		if (!occupied(s) || s->hartid != hartid || s->boot != HART_SLOT_WAITS)
			continue;
		__atomic_store_n(&s->boot, boot, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

void hart_room_close(void)
{
	for (unsigned i = 1; i <= hart_room_count(); i++) {
		if (hart_room[i].boot == HART_SLOT_WAITS)
			__atomic_store_n(&hart_room[i].boot, HART_SLOT_SENT_HOME, __ATOMIC_RELEASE);
	}
}

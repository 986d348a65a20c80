/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of a device. */
#include "mm/devmem.h"

#include "mm/fault.h"

/* In users: nobody more may come. Born closed, so that a zeroed one is open to nobody. */
#define OPEN 0x80000000U

enum err devmem_map(struct devmem *d, struct region phys, uint64_t prot, struct hot_report *rep)
{
	enum err err;

	if (d->r != NULL)
		return ERR_EXIST;
	err = hot_add_device(phys, prot, 0, &d->r, rep);
	if (err != OK)
		return err;
	if (fault_armed(FAULT_DEVMEM_ONLINE))
		zone_add(&d->r->zone, phys);
	/* Only now: whoever gets in finds it mapped on every hart. */
	__atomic_store_n(&d->users, OPEN, __ATOMIC_RELEASE);
	return OK;
}

bool devmem_get(struct devmem *d)
{
	uint32_t users = __atomic_load_n(&d->users, __ATOMIC_RELAXED);

	while ((users & OPEN) != 0) {
		if (__atomic_compare_exchange_n(&d->users, &users, users + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

void devmem_put(struct devmem *d)
{
	/* Behind all that was done with the memory. */
	__atomic_fetch_sub(&d->users, 1, __ATOMIC_RELEASE);
}

enum err devmem_unmap(struct devmem *d, struct hot_report *rep)
{
	uint32_t nobody = OPEN;
	enum err err;

	if (d->r == NULL)
		return ERR_NOENT;
	/* Closed in the same step in which it is seen that nobody is inside. */
	if (!__atomic_compare_exchange_n(&d->users, &nobody, 0, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED) &&
	    !fault_armed(FAULT_DEVMEM_USERS))
		return ERR_BUSY;
	err = hot_remove(d->r, rep);
	if (err == OK)
		d->r = NULL;
	else if (err == ERR_NOMEM)
		__atomic_store_n(&d->users, OPEN, __ATOMIC_RELEASE);
	return err;
}

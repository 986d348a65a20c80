/* SPDX-License-Identifier: BSD-2-Clause */
/* Who wants to know when memory goes online and offline (Linux: memory notifiers). */
#ifndef MM_HOT_NOTIFY_H
#define MM_HOT_NOTIFY_H

#include "firmware/types.h"

enum hot_event {
	HOT_GOING_ONLINE,  /* nobody can have any of it yet; an error refuses it */
	HOT_CANCEL_ONLINE, /* somebody behind this one in the chain refused */
	HOT_WENT_ONLINE,   /* anybody may use it */
	HOT_WENT_OFFLINE,  /* nobody does any more */
};

/* Errors of @told count for HOT_GOING_ONLINE only. */
struct hot_notifier {
	enum err (*told)(enum hot_event event, struct region phys);
	struct hot_notifier *next;
};

/* Told in the order of their coming. Locks: both write hotplug_lock. */
void hot_notifier_add(struct hot_notifier *n);
void hot_notifier_remove(struct hot_notifier *n);

/*
 * HOT_GOING_ONLINE: the first error ends it, and those who agreed are told that it is off. Locks:
 * hotplug_lock, written.
 */
enum err must_check hot_ask(struct region phys);
/* Any other event: nobody can refuse what has happened. Locks: hotplug_lock, written. */
void hot_tell(enum hot_event event, struct region phys);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The chain of who is told. */
#include "mm/hot_notify.h"

#include "mm/hotplug.h"

static struct hot_notifier *notifiers;

void hot_notifier_add(struct hot_notifier *n)
{
	struct hot_notifier **at = &notifiers;

	rw_write_lock(&hotplug_lock);
	while (*at != NULL)
		at = &(*at)->next;
	n->next = NULL;
	*at = n;
	rw_write_unlock(&hotplug_lock);
}

void hot_notifier_remove(struct hot_notifier *n)
{
	struct hot_notifier **at = &notifiers;

	rw_write_lock(&hotplug_lock);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	rw_write_unlock(&hotplug_lock);
}

/* All in the chain before @end. */
static void tell(enum hot_event event, struct region phys, const struct hot_notifier *end)
{
	for (const struct hot_notifier *n = notifiers; n != end; n = n->next)
		(void)n->told(event, phys);
}

void hot_tell(enum hot_event event, struct region phys)
{
	tell(event, phys, NULL);
}

enum err hot_ask(struct region phys)
{
	for (const struct hot_notifier *n = notifiers; n != NULL; n = n->next) {
		enum err err = n->told(HOT_GOING_ONLINE, phys);

		if (err == OK)
			continue;
		tell(HOT_CANCEL_ONLINE, phys, n);
		return err;
	}
	return OK;
}

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

/* All in the chain before @end. The one that refused is in *@refused. */
static enum err tell(enum hot_event event, struct region phys, const struct hot_notifier *end,
		     const struct hot_notifier **refused)
{
	for (const struct hot_notifier *n = notifiers; n != end; n = n->next) {
		enum err err = n->told(event, phys);

		if (err != OK && event == HOT_GOING_ONLINE) {
			*refused = n;
			return err;
		}
	}
	return OK;
}

enum err hot_tell(enum hot_event event, struct region phys)
{
	const struct hot_notifier *refused = NULL;
	enum err err = tell(event, phys, NULL, &refused);

	if (err != OK)
		(void)tell(HOT_CANCEL_ONLINE, phys, refused, &refused);
	return err;
}

/* The host's side of tenon_host: what plugins call, and how their words become error messages. */
#ifndef TENON__LOADER_SERVICES_H
#define TENON__LOADER_SERVICES_H

#include "loader/plugin.h"

/* Fills plugin->host. */
void tenon__services_init(tenon__plugin *plugin);

/* Logs host memory that a closed instance did not release. */
void tenon__services_check_leaks(tenon__plugin *plugin);

/* Forgets what this thread's last hook reported; called before a hook that may fail. */
void tenon__report_forget(void);

/* Keeps words as if this thread's hook had reported them: for layers, which may have no host to report to. */
void tenon__report_words(const char *text);

/* Makes the message of a hook's failure: "subject: what: words", the words being what the plugin reported on this thread,
 * or late on a stream, or else the status's meaning. Returns the status, INTERNAL for one that is not in the set.
 * `late` may be NULL. */
tenon_status tenon__report_failure(tenon_status status, const char *subject, const char *what, const char *late);

/* Registers a live stream for late reports, and takes it out again. Reading its text needs `report_mutex`. */
void tenon__late_add(tenon__plugin *plugin, tenon__late *late);
void tenon__late_remove(tenon__plugin *plugin, tenon__late *late);

/* Registers work for the `cancelled` service, and takes it out again. */
void tenon__preparing_add(tenon__plugin *plugin, tenon__preparing *preparing);
void tenon__preparing_remove(tenon__plugin *plugin, tenon__preparing *preparing);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * server/model.h: traces and experiments as the Trace Server Protocol has them, for the server's own files; handlers that only look at an experiment need server/private.h alone.
 *
 * An experiment opens its traces itself, so that each stands alone. Its analysis runs on a thread of its own; what is finished is published and never changes.
 */
#ifndef STRATA_SERVER_MODEL_H
#define STRATA_SERVER_MODEL_H

#include "server/keep.h"
#include "server/private.h"

/* A trace that somebody may make experiments of. */
typedef struct {
	gint references;      /* atomic */
	char *uuid, *path, *name;
	gint n_events;        /* atomic; 0: not yet counted */
	gint64 begin_ns, end_ns; /* of its packets, in its own clock; 0, 0: it has no times */
} ServerTrace;

ServerModel *server_model_new(GPtrArray *traces, const ServerOptions *options);
void server_model_free(ServerModel *model); /* NULL is fine; waits for what is being analysed */
gboolean server_model_busy(ServerModel *model); /* something is being analysed */

void server_trace_unref(gpointer trace);

/* All that are known, and all experiments: arrays of references. Free with g_ptr_array_unref(). */
GPtrArray *server_model_traces(ServerModel *model);
GPtrArray *server_model_experiments(ServerModel *model);

/*
 * The trace at a path, opened if it isn't known. Errors: ST_ERROR_USAGE where the path is not below those given at start; those of opening. The caller gives the reference back.
 */
ServerTrace *server_model_open_trace(ServerModel *model, const char *path, GError **error);

/* FALSE: there is none of that UUID, or (`used_out`) an experiment has it. */
gboolean server_model_close_trace(ServerModel *model, const char *uuid, gboolean *used_out);

/*
 * An experiment of these traces: the one that there is, or a new one, whose analysis begins. NULL: `clash_out` is one of the same name with other traces; or `error`. References, all of them.
 */
ServerExperiment *server_model_open_experiment(ServerModel *model, const char *name, GPtrArray *traces, ServerExperiment **clash_out, GError **error);

/* Closed ones are no longer found; who looks at one still can. NULL: there is none of that UUID. */
ServerExperiment *server_model_close_experiment(ServerModel *model, const char *uuid);

/* What people put down about an experiment: lists of theirs, behind a lock. Whoever holds it returns at once. */
typedef enum { SERVER_BOOKMARKS, SERVER_DERIVED, SERVER_LISTS } ServerList;

/* Takes the lock. The elements are freed with `free_element`, which is the same at each call. `*first_out`: nobody has had this list before; may be NULL. */
GPtrArray *server_experiment_lock(ServerExperiment *e, ServerList list, GDestroyNotify free_element, gboolean *first_out);
void server_experiment_unlock(ServerExperiment *e);

/* Whether anything of it may be kept in the cache directory. */
gboolean server_experiment_is_cached(const ServerExperiment *e);

/* What takes long to find out about it. */
ServerKeep *server_experiment_keep(ServerExperiment *e);

/* The traces of an experiment: ServerTrace *, the experiment's. */
const GPtrArray *server_experiment_traces(const ServerExperiment *e);

#endif

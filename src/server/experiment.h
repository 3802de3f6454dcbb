/* SPDX-License-Identifier: MIT */
/* server/experiment.h: an experiment's life, for the server's own files. */
#ifndef STRATA_SERVER_EXPERIMENT_H
#define STRATA_SERVER_EXPERIMENT_H

#include "server/model.h"

/* How many experiments are being analysed. */
typedef struct {
	GMutex lock;
	GCond done;
	guint running;
} ServerWork;

void server_work_init(ServerWork *w);
void server_work_clear(ServerWork *w);
gboolean server_work_busy(ServerWork *w);
void server_work_wait(ServerWork *w); /* until nothing is being analysed */

/* `traces`: ServerTrace *. `opened` are these, opened (CtfTrace *, a reference is taken); NULL: it opens them. The analysis begins at once. The caller owns a reference. */
ServerExperiment *server_experiment_new(ServerWork *work, const ServerOptions *options, const char *name, const GPtrArray *traces, GPtrArray *opened);

/* A name-based UUID. The caller frees. */
char *server_uuid_of(const char *text);

/* A reference; NULL: there is none. `uuid` NULL: that of the start. */
ServerExperiment *server_model_experiment(ServerModel *m, const char *uuid);

#endif

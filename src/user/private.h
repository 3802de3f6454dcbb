/* SPDX-License-Identifier: MIT */
/* user/private.h: what the files of this folder share. */
#ifndef STRATA_USER_PRIVATE_H
#define STRATA_USER_PRIVATE_H

#include "user/user.h"

/*
 * R(ID, NAMES, FIELDS): events that mean something to this folder. NAMES are globs (of LTTng-UST before 2.6 too), FIELDS what is needed of them, in the order of their values;
 * of "a|b" the first that is there.
 */
/* clang-format off */
#define USER_ROLES(R) \
	R(PLAIN,          "",                                                    "") \
	R(MALLOC,         "lttng_ust_libc:malloc ust_libc:malloc",                 "size ptr") \
	R(CALLOC,         "lttng_ust_libc:calloc ust_libc:calloc",                 "size ptr nmemb") \
	R(REALLOC,        "lttng_ust_libc:realloc ust_libc:realloc",               "size ptr in_ptr") \
	R(MEMALIGN,       "lttng_ust_libc:memalign",                             "size ptr") \
	R(POSIX_MEMALIGN, "lttng_ust_libc:posix_memalign",                       "size out_ptr result") \
	R(FREE,           "lttng_ust_libc:free ust_libc:free",                     "ptr") \
	R(LOCK_REQ,       "lttng_ust_pthread:pthread_mutex_lock_req ust_pthread:pthread_mutex_lock_req", "mutex") \
	R(LOCK_ACQ,       "lttng_ust_pthread:pthread_mutex_lock_acq ust_pthread:pthread_mutex_lock_acq", "mutex status") \
	R(TRYLOCK,        "lttng_ust_pthread:pthread_mutex_trylock ust_pthread:pthread_mutex_trylock", "mutex status") \
	R(UNLOCK,         "lttng_ust_pthread:pthread_mutex_unlock ust_pthread:pthread_mutex_unlock", "mutex status") \
	R(FUNC_ENTRY,     "lttng_ust_cyg_profile*:func_entry",                   "addr") \
	R(FUNC_EXIT,      "lttng_ust_cyg_profile*:func_exit",                    "addr") \
	R(BINARY,         "lttng_ust_statedump:bin_info lttng_ust_statedump:soinfo lttng_ust_dl:dlopen lttng_ust_dl:dlmopen lttng_ust_lib:load ust_baddr_statedump:soinfo ust_baddr:push", "baddr memsz|size path|sopath|filename") \
	R(NO_BINARY,      "lttng_ust_dl:dlclose lttng_ust_lib:unload ust_baddr:pop", "baddr") \
	R(PROCNAME,       "lttng_ust_statedump:procname",                        "procname") \
	R(MESSAGE,        "lttng_ust_tracef:* lttng_ust_tracelog:* lttng_jul:* lttng_log4j:* lttng_log4j2:* lttng_python:*", "msg") \
	R(SWITCH,         "sched_switch sched:sched_switch",                     "next_tid|next_pid")
/* clang-format on */

typedef enum {
#define USER_R(id, names, fields) USER_##id,
	USER_ROLES(USER_R)
#undef USER_R
	USER_ROLE_COUNT
} UserRole;

#define USER_FIELDS_MAX 3
#define USER_KEYS_MAX   4 /* fields that spans need of one event class */

/* What events of this name are, and the name of a field of theirs in a payload; NULL: it isn't there. */
UserRole user_role_of(const char *event_name);
const char *user_role_field(UserRole role, guint field, const CtfFc *payload);

gboolean user_role_is_text(UserRole role, guint field);

/* What is known of an event class, once its first event was met. */
typedef struct {
	guint32 name;                       /* text */
	guint32 begins, ends;               /* a bit for each span that it begins or ends */
	guint32 lacks;                      /* a bit for each that it would begin or end, if it had the field */
	guint8 key_at[USER_SPANS_MAX];      /* which of the key values is the span's; USER_KEYS_MAX: none */
	gboolean key_is_text[USER_KEYS_MAX];
	gboolean met;
} UserClass;

/* An event, laid out. */
typedef struct {
	gint64 time;
	gint32 cpu;
	guint32 thread;
	UserRole role;
	const UserClass *class;
	guint8 present;                     /* a bit for each of `v` */
	guint8 keys_present;
	guint64 v[USER_FIELDS_MAX];
	guint64 keys[USER_KEYS_MAX];
	const guint8 *base;
} UserEv;

static inline gboolean user_has(const UserEv *ev, guint field)
{
	return (ev->present >> field) & 1;
}

typedef struct UserMemoryModel UserMemoryModel;
typedef struct UserLockModel UserLockModel;
typedef struct UserFunctionModel UserFunctionModel;
typedef struct UserSpanModel UserSpanModel;

/* From when to when events were lost, on any processor. */
typedef struct {
	gint64 begin, end;
} UserLoss;

typedef struct {
	History *history;
	guint threads_table, counts_table, events_table;
	UserFacts *facts;
	guint32 crowd;             /* the thread that stands for all beyond USER_THREADS_MAX; G_MAXUINT32: there are none */
	guint lossy;               /* how many processors lose events now: nothing that is met can be believed to be all that there was */
	GArray *losses;            /* UserLoss, in order of time */
	guint n_texts;             /* different free texts so far, about */
	guint32 highest_text;      /* the greatest number that one of them had */
	UserMemoryModel *memory;
	UserLockModel *locks;
	UserFunctionModel *functions;
	UserSpanModel *spans;
} UserPass;

static inline UserThread *user_thread(const UserPass *p, guint32 thread)
{
	return history_table_item(p->history, p->threads_table, thread);
}

/* For g_int64_equal(): of two numbers in one, thread and name. GLib's own looks at the lower one only. */
static inline guint user_pair_hash(gconstpointer key)
{
	return (guint)((*(const guint64 *)key * 0x9e3779b97f4a7c15u) >> 32);
}

/* A text that the trace gave; "..." beyond USER_TEXTS_MAX. */
guint32 user_free_text(UserPass *p, const char *text, gsize len);

UserMemoryModel *user_memory_new(UserPass *p);
void user_memory_event(UserMemoryModel *m, const UserEv *ev);
void user_memory_loss(UserMemoryModel *m);
void user_memory_free(UserMemoryModel *m);

UserLockModel *user_locks_new(UserPass *p);
void user_locks_event(UserLockModel *m, const UserEv *ev);
void user_locks_loss(UserLockModel *m);
void user_locks_free(UserLockModel *m);

UserFunctionModel *user_functions_new(UserPass *p);
void user_functions_event(UserFunctionModel *m, const UserEv *ev);
void user_functions_loss(UserFunctionModel *m, gint64 time);
void user_functions_finish(UserFunctionModel *m, gint64 end_ns);
void user_functions_free(UserFunctionModel *m);

UserSpanModel *user_spans_new(UserPass *p, const GArray *rules);
/* What of these spans an event class is; fills begins, ends and key_at, and lists the fields that are wanted of it. */
guint user_spans_class(const UserSpanModel *m, const CtfEventClass *ec, UserClass *class, const char *fields_out[USER_KEYS_MAX]);
void user_spans_event(UserSpanModel *m, const UserEv *ev);
void user_spans_loss(UserSpanModel *m, gint64 time);
void user_spans_finish(UserSpanModel *m, gint64 end_ns);
void user_spans_free(UserSpanModel *m);

/* user_*_loss(): events are lost from now on. What is open is forgotten, for it may end among them; while UserPass.lossy, nothing is opened. */

/* After all events: spans as rows. */
void user_rows_write(UserPass *p);

#endif

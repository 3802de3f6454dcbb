/* SPDX-License-Identifier: MIT */
/* functions.c: calls of functions as spans, named by the binary that they are in. */
#include "user/private.h"

#include <string.h>

typedef struct {
	guint64 begin, end;
	guint32 path;
} Binary;

typedef struct {
	gint32 vpid;
	guint64 address;
} Place;

typedef struct {
	guint64 address;
	guint64 span; /* index in the table plus one; 0: beyond a limit */
} Call;

/* The calls that a thread is in. Those above USER_DEPTH_MAX are none of them, but their exits come too. */
typedef struct {
	GArray *calls; /* of Call */
	guint64 skipped;
} Stack;

struct UserFunctionModel {
	UserPass *pass;
	guint table;
	guint32 name;
	GHashTable *stacks;   /* thread -> Stack */
	GHashTable *binaries; /* vpid -> GArray of Binary, in order of addresses, of which none overlaps another */
	guint n_binaries;
	GHashTable *places;   /* Place -> text: those that were asked for since a binary came or went */
};

#define BINARIES_MAX 65536
#define PLACES_MAX   65536

static void stack_free(gpointer data)
{
	Stack *stack = data;

	g_array_unref(stack->calls);
	g_free(stack);
}

static guint place_hash(gconstpointer key)
{
	const Place *k = key;

	return (guint)(((k->address ^ ((guint64)(guint32)k->vpid << 44)) * 0x9e3779b97f4a7c15u) >> 32);
}

static gboolean place_equal(gconstpointer a, gconstpointer b)
{
	const Place *x = a, *y = b;

	return x->vpid == y->vpid && x->address == y->address;
}

UserFunctionModel *user_functions_new(UserPass *p)
{
	UserFunctionModel *m = g_new0(UserFunctionModel, 1);

	m->pass = p;
	m->table = history_table(p->history, USER_SPANS_TABLE, sizeof(UserSpan));
	m->name = history_text(p->history, "function", -1);
	m->stacks = g_hash_table_new_full(NULL, NULL, NULL, stack_free);
	m->binaries = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
	m->places = g_hash_table_new_full(place_hash, place_equal, g_free, NULL);
	return m;
}

void user_functions_free(UserFunctionModel *m)
{
	g_hash_table_unref(m->stacks);
	g_hash_table_unref(m->binaries);
	g_hash_table_unref(m->places);
	g_free(m);
}

/* ---- Where an address is ------------------------------------------------------------------------------------------- */

/* The first of a process's binaries that ends behind an address. */
static guint binary_behind(const GArray *all, guint64 address)
{
	guint low = 0, high = all->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(all, Binary, middle).end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static GArray *binaries_of(UserFunctionModel *m, gint32 vpid)
{
	GArray *all = g_hash_table_lookup(m->binaries, GINT_TO_POINTER(vpid));

	if (!all) {
		all = g_array_new(FALSE, FALSE, sizeof(Binary));
		g_hash_table_insert(m->binaries, GINT_TO_POINTER(vpid), all);
	}
	return all;
}

static void remove_binaries(UserFunctionModel *m, GArray *all, guint at, guint n)
{
	if (n)
		g_array_remove_range(all, at, n);
	m->n_binaries -= n;
	g_hash_table_remove_all(m->places);
}

/* Where one is loaded, none of those before is any more: state dumps tell the same ones again. */
static void load(UserFunctionModel *m, const UserEv *ev)
{
	guint64 begin = ev->v[0], size = user_has(ev, 1) ? ev->v[1] : 0;

	if (!user_has(ev, 2) || !size || begin + size < begin)
		return;
	GArray *all = binaries_of(m, user_thread(m->pass, ev->thread)->vpid);
	guint at = binary_behind(all, begin), n = 0;
	while (at + n < all->len && g_array_index(all, Binary, at + n).begin < begin + size)
		n++;
	remove_binaries(m, all, at, n);
	if (m->n_binaries >= BINARIES_MAX)
		return;
	Binary b = {begin, begin + size, user_free_text(m->pass, (const char *)ev->base + CTF_TEXT_POS(ev->v[2]), CTF_TEXT_LEN(ev->v[2]))};
	g_array_insert_val(all, at, b);
	m->n_binaries++;
}

static void unload(UserFunctionModel *m, const UserEv *ev)
{
	GArray *all = binaries_of(m, user_thread(m->pass, ev->thread)->vpid);
	guint at = binary_behind(all, ev->v[0]);

	if (at < all->len && g_array_index(all, Binary, at).begin == ev->v[0])
		remove_binaries(m, all, at, 1);
}

static guint32 place_text(UserFunctionModel *m, const Place *place)
{
	const GArray *all = g_hash_table_lookup(m->binaries, GINT_TO_POINTER(place->vpid));
	guint at = all ? binary_behind(all, place->address) : 0;
	const Binary *b = all && at < all->len ? &g_array_index(all, Binary, at) : NULL;
	char text[512];

	g_snprintf(text, sizeof(text), "0x%" G_GINT64_MODIFIER "x", place->address);
	if (b && b->begin <= place->address) {
		const char *path = history_text_get(m->pass->history, b->path), *slash = strrchr(path, '/');

		g_snprintf(text, sizeof(text), "%s+0x%" G_GINT64_MODIFIER "x", slash ? slash + 1 : path, place->address - b->begin);
	}
	return user_free_text(m->pass, text, strlen(text));
}

/* What a process calls an address: as there are calls, so often is it asked for. */
static guint32 place(UserFunctionModel *m, gint32 vpid, guint64 address)
{
	const Place key = {vpid, address};
	gpointer text;

	if (g_hash_table_lookup_extended(m->places, &key, NULL, &text))
		return GPOINTER_TO_UINT(text);
	if (g_hash_table_size(m->places) >= PLACES_MAX)
		g_hash_table_remove_all(m->places);
	guint32 made = place_text(m, &key);
	g_hash_table_insert(m->places, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(made));
	return made;
}

/* ---- Calls ----------------------------------------------------------------------------------------------------------- */

static Stack *stack_of(UserFunctionModel *m, guint32 thread)
{
	Stack *stack = g_hash_table_lookup(m->stacks, GUINT_TO_POINTER(thread));

	if (!stack) {
		stack = g_new0(Stack, 1);
		stack->calls = g_array_new(FALSE, TRUE, sizeof(Call));
		g_hash_table_insert(m->stacks, GUINT_TO_POINTER(thread), stack);
	}
	return stack;
}

static void enter(UserFunctionModel *m, const UserEv *ev)
{
	Stack *at = stack_of(m, ev->thread);
	GArray *stack = at->calls;
	Call call = {.address = ev->v[0]};

	if (stack->len >= USER_DEPTH_MAX) {
		at->skipped++;
		m->pass->facts->deep_calls++;
		return;
	}
	UserSpan *span = history_table_add(m->pass->history, m->table);
	*span = (UserSpan){.begin_ns = ev->time, .end_ns = ev->time, .name = m->name, .thread = ev->thread, .end_thread = ev->thread,
			   .key = place(m, user_thread(m->pass, ev->thread)->vpid, ev->v[0]), .is_function = TRUE,
			   .depth = (guint16)stack->len};
	call.span = history_table_len(m->pass->history, m->table);
	g_array_append_val(stack, call);
}

static void close_call(const UserFunctionModel *m, const Call *call, gint64 time, gboolean finished)
{
	UserSpan *span = history_table_item(m->pass->history, m->table, call->span - 1);

	span->end_ns = time;
	span->finished = finished != FALSE;
}

/* Exits that were not seen (an exception, longjmp) end with the function that they were called from. The fast kind of exit event says no address. */
static void leave(UserFunctionModel *m, const UserEv *ev)
{
	Stack *of = stack_of(m, ev->thread);
	GArray *stack = of->calls;
	guint at = stack->len;

	if (of->skipped) {
		of->skipped--;
		return;
	}
	while (at > 0 && user_has(ev, 0) && g_array_index(stack, Call, at - 1).address != ev->v[0])
		at--;
	if (at == 0)
		return;
	for (guint i = stack->len; i >= at; i--)
		close_call(m, &g_array_index(stack, Call, i - 1), ev->time, TRUE);
	g_array_set_size(stack, at - 1);
}

void user_functions_event(UserFunctionModel *m, const UserEv *ev)
{
	gboolean is_call = ev->role == USER_FUNC_ENTRY || ev->role == USER_FUNC_EXIT;

	if (is_call && m->pass->lossy)
		return;
	switch (ev->role) {
	case USER_BINARY:
		load(m, ev);
		break;
	case USER_NO_BINARY:
		unload(m, ev);
		break;
	case USER_FUNC_ENTRY:
		enter(m, ev);
		break;
	default:
		leave(m, ev);
		break;
	}
}

/* What is open then has no end that is known. */
void user_functions_finish(UserFunctionModel *m, gint64 end_ns)
{
	GHashTableIter iter;
	gpointer stack;

	g_hash_table_iter_init(&iter, m->stacks);
	while (g_hash_table_iter_next(&iter, NULL, &stack))
		for (guint i = 0; i < ((Stack *)stack)->calls->len; i++)
			close_call(m, &g_array_index(((Stack *)stack)->calls, Call, i), end_ns, FALSE);
}

void user_functions_loss(UserFunctionModel *m, gint64 time)
{
	user_functions_finish(m, time);
	g_hash_table_remove_all(m->stacks);
}

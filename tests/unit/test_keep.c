/* SPDX-License-Identifier: MIT */
/* server/keep.h: what is kept of an experiment is bounded, made once, and the least recently used goes first. */
#include "server/keep.h"

#include "base/error.h"

typedef struct {
	gint made;    /* atomic */
	gint alive;   /* atomic: values that are not freed */
	gsize bytes;  /* of each */
	gboolean fails;
	GMutex hold;  /* whoever makes one goes through it */
} Maker;

typedef struct {
	Maker *maker;
	gint number;
} Value;

static gpointer make(gpointer user, gsize *bytes_out, GError **error)
{
	Maker *m = user;
	Value *v;

	g_mutex_lock(&m->hold);
	g_mutex_unlock(&m->hold);
	if (m->fails) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "it fails");
		return NULL;
	}
	v = g_new(Value, 1);
	*v = (Value){m, g_atomic_int_add(&m->made, 1) + 1};
	g_atomic_int_inc(&m->alive);
	*bytes_out = m->bytes;
	return v;
}

static void free_value(gpointer value)
{
	g_atomic_int_add(&((Value *)value)->maker->alive, -1);
	g_free(value);
}

/* Which one it was. */
static gint get(ServerKeep *keep, const char *key, Maker *m)
{
	g_autoptr(ServerKept) kept = server_keep_get(keep, key, make, free_value, m, NULL);

	return kept ? ((const Value *)server_kept_value(kept))->number : 0;
}

static void test_made_once(void)
{
	Maker m = {.bytes = 10};
	g_autoptr(ServerKeep) keep = server_keep_new(1 << 20, 8);

	g_assert_cmpint(get(keep, "a", &m), ==, 1);
	g_assert_cmpint(get(keep, "b", &m), ==, 2);
	g_assert_cmpint(get(keep, "a", &m), ==, 1);
}

static void test_least_recently_used_goes_first(void)
{
	Maker m = {.bytes = 10};
	g_autoptr(ServerKeep) keep = server_keep_new(1 << 20, 2);

	get(keep, "a", &m);
	get(keep, "b", &m);
	get(keep, "a", &m);
	get(keep, "c", &m);
	g_assert_cmpint(get(keep, "a", &m), ==, 1);
	g_assert_cmpint(get(keep, "b", &m), ==, 4);
	g_assert_cmpint(m.alive, ==, 2);
}

static void test_bytes_are_bounded(void)
{
	Maker m = {.bytes = 9000};
	g_autoptr(ServerKeep) keep = server_keep_new(100000, 1000);
	char key[16];

	for (guint i = 0; i < 100; i++) {
		g_snprintf(key, sizeof(key), "%u", i);
		get(keep, key, &m);
		g_assert_cmpuint(server_keep_bytes(keep), <=, 100000);
	}
	g_assert_cmpint(m.alive, ==, 10);
	m.bytes = 60000; /* too large a part of it all: the others stay */
	get(keep, "large", &m);
	g_assert_cmpint(m.alive, ==, 10);
}

static void test_what_fails_is_tried_again(void)
{
	Maker m = {.bytes = 10, .fails = TRUE};
	g_autoptr(ServerKeep) keep = server_keep_new(1 << 20, 8);
	g_autoptr(GError) error = NULL;

	g_assert_null(server_keep_get(keep, "a", make, free_value, &m, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
	g_assert_cmpuint(server_keep_bytes(keep), ==, 0);
	m.fails = FALSE;
	g_assert_cmpint(get(keep, "a", &m), ==, 1);
}

static void test_what_is_used_outlives_its_place(void)
{
	ServerKeep *keep = server_keep_new(1 << 20, 1);
	Maker m = {.bytes = 10};
	ServerKept *kept = server_keep_get(keep, "a", make, free_value, &m, NULL);

	get(keep, "b", &m);
	server_keep_free(keep);
	g_assert_cmpint(m.alive, ==, 1);
	g_assert_cmpint(((const Value *)server_kept_value(kept))->number, ==, 1);
	server_kept_unref(kept);
	g_assert_cmpint(m.alive, ==, 0);
}

typedef struct {
	ServerKeep *keep;
	Maker *maker;
} Asker;

static gpointer ask(gpointer data)
{
	Asker *a = data;

	return GINT_TO_POINTER(get(a->keep, "slow", a->maker));
}

static void test_many_who_ask_wait_for_one_who_makes(void)
{
	Maker m = {.bytes = 10};
	g_autoptr(ServerKeep) keep = server_keep_new(1 << 20, 8);
	Asker a = {keep, &m};
	GThread *threads[16];

	g_mutex_lock(&m.hold);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("asker", ask, &a);
	g_usleep(20000);
	g_mutex_unlock(&m.hold);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, 1);
	g_assert_cmpint(m.made, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/keep/made-once", test_made_once);
	g_test_add_func("/keep/least-recently-used-goes-first", test_least_recently_used_goes_first);
	g_test_add_func("/keep/bytes-are-bounded", test_bytes_are_bounded);
	g_test_add_func("/keep/what-fails-is-tried-again", test_what_fails_is_tried_again);
	g_test_add_func("/keep/what-is-used-outlives-its-place", test_what_is_used_outlives_its_place);
	g_test_add_func("/keep/many-who-ask-wait-for-one-who-makes", test_many_who_ask_wait_for_one_who_makes);
	return g_test_run();
}

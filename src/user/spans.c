/* SPDX-License-Identifier: MIT */
/* spans.c: from one event to another. */
#include "user/private.h"

#include <string.h>

/* What is open: of a rule, on a thread or with a value. A text is compared whole: of one that is kept the bytes stand behind its key. */
typedef struct {
	guint32 rule;
	guint32 len;   /* of a text */
	guint64 value; /* the text's hash */
	const guint8 *text;
} Key;

/* All that is open with one key. */
typedef struct {
	GArray *spans;   /* indices of the table, the last begun last */
	guint64 skipped; /* begun after those, beyond USER_OPEN_MAX: their ends come first */
} Open;

struct UserSpanModel {
	UserPass *pass;
	const GArray *rules;
	guint table, sums_table;
	GHashTable *open;    /* Key -> Open */
	GHashTable *unknown; /* Key -> index of a span that was open when events were lost, until the next event with its key */
	guint n_open;
	guint64 text_bytes;  /* of the keys of `open` */
};

static guint key_hash(gconstpointer key)
{
	const Key *k = key;
	guint64 h = (k->value ^ ((guint64)k->rule << 58) ^ ((guint64)k->len << 20)) * 0x9e3779b97f4a7c15u;

	return (guint)(h >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->rule == y->rule && !x->text == !y->text && x->len == y->len && x->value == y->value && (!x->len || memcmp(x->text, y->text, x->len) == 0);
}

static Key *key_keep(const Key *key)
{
	Key *kept = g_malloc(sizeof(*kept) + key->len);

	*kept = *key;
	kept->text = key->text ? (const guint8 *)(kept + 1) : NULL;
	if (key->len)
		memcpy(kept + 1, key->text, key->len);
	return kept;
}

static void open_free(gpointer data)
{
	Open *open = data;

	g_array_unref(open->spans);
	g_free(open);
}

static guint64 text_hash(const guint8 *text, guint32 len)
{
	guint64 h = 0xcbf29ce484222325u;

	for (guint32 i = 0; i < len; i++)
		h = (h ^ text[i]) * 0x100000001b3u;
	return h;
}

static const UserSpanRule *rule_at(const UserSpanModel *m, guint i)
{
	return &g_array_index(m->rules, UserSpanRule, i);
}

UserSpanModel *user_spans_new(UserPass *p, const GArray *rules)
{
	UserSpanModel *m = g_new0(UserSpanModel, 1);

	m->pass = p;
	m->rules = rules;
	m->table = history_table(p->history, USER_SPANS_TABLE, sizeof(UserSpan));
	m->sums_table = history_table(p->history, USER_SPAN_SUMS_TABLE, sizeof(UserSpanSum));
	m->open = g_hash_table_new_full(key_hash, key_equal, g_free, open_free);
	m->unknown = g_hash_table_new_full(key_hash, key_equal, g_free, g_free);
	for (guint i = 0; rules && i < rules->len; i++) {
		UserSpanSum *sum = history_table_add(p->history, m->sums_table);
		const UserSpanRule *rule = rule_at(m, i);
		sum->name = history_text(p->history, rule->name, -1);
		sum->begin = history_text(p->history, rule->begin, -1);
		sum->end = history_text(p->history, rule->end, -1);
		sum->field = history_text(p->history, rule->field, -1);
	}
	return m;
}

void user_spans_free(UserSpanModel *m)
{
	g_hash_table_unref(m->open);
	g_hash_table_unref(m->unknown);
	g_free(m);
}

/* ---- Event classes --------------------------------------------------------------------------------------------------- */

/* The place of a field among the class's keys, made if need be; USER_KEYS_MAX: the class hasn't it, or has no room. */
static guint key_place(const CtfEventClass *ec, const char *field, const char *fields[USER_KEYS_MAX], guint *n, UserClass *class)
{
	const CtfWant want = {CTF_SCOPE_COUNT, field};
	const CtfFc *fc = ctf_event_class_field(ec, &want);

	for (guint i = 0; i < *n; i++)
		if (strcmp(fields[i], field) == 0)
			return i;
	gboolean text = fc && (fc->type == CTF_FC_STRING || fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_DYNAMIC_TEXT);
	if (!fc || *n == USER_KEYS_MAX || (!text && fc->type != CTF_FC_INT && fc->type != CTF_FC_VARINT))
		return USER_KEYS_MAX;
	class->key_is_text[*n] = text;
	fields[*n] = g_intern_string(field);
	return (*n)++;
}

guint user_spans_class(const UserSpanModel *m, const CtfEventClass *ec, UserClass *class, const char *fields_out[USER_KEYS_MAX])
{
	guint n = 0;

	for (guint i = 0; m->rules && i < m->rules->len; i++) {
		const UserSpanRule *rule = rule_at(m, i);
		guint32 bit = 1u << i;
		guint32 begins = g_pattern_match_simple(rule->begin, ec->name) ? bit : 0;
		guint32 ends = g_pattern_match_simple(rule->end, ec->name) ? bit : 0;

		if (!begins && !ends)
			continue;
		class->key_at[i] = (guint8)(rule->field ? key_place(ec, rule->field, fields_out, &n, class) : USER_KEYS_MAX);
		if (rule->field && class->key_at[i] == USER_KEYS_MAX) {
			class->lacks |= bit; /* without the field it is none of this span's events */
			continue;
		}
		class->begins |= begins;
		class->ends |= ends;
	}
	return n;
}

/* ---- Events ------------------------------------------------------------------------------------------------------------ */

static gboolean key_of(const UserSpanModel *m, const UserEv *ev, guint rule, Key *key_out)
{
	guint at = ev->class->key_at[rule];

	*key_out = (Key){.rule = rule, .value = ev->thread};
	if (!rule_at(m, rule)->field)
		return ev->thread != m->pass->crowd;
	if (!((ev->keys_present >> at) & 1))
		return FALSE;
	key_out->value = ev->keys[at];
	if (ev->class->key_is_text[at]) {
		key_out->text = ev->base + CTF_TEXT_POS(ev->keys[at]);
		key_out->len = CTF_TEXT_LEN(ev->keys[at]);
		key_out->value = text_hash(key_out->text, key_out->len);
	}
	return TRUE;
}

static guint32 key_text(UserSpanModel *m, const Key *key)
{
	char text[32];

	if (!rule_at(m, key->rule)->field)
		return 0;
	if (key->text)
		return user_free_text(m->pass, (const char *)key->text, key->len);
	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, (gint64)key->value);
	return user_free_text(m->pass, text, strlen(text));
}

static UserSpanSum *sum_of(const UserSpanModel *m, guint rule)
{
	return history_table_item(m->pass->history, m->sums_table, rule);
}

static UserSpan *span_at(const UserSpanModel *m, guint64 index)
{
	return history_table_item(m->pass->history, m->table, index);
}

/* Whether a span of before a loss is still open, is known again by an event with its key. */
static void know_again(UserSpanModel *m, const Key *key, gint64 time)
{
	const guint64 *index = g_hash_table_size(m->unknown) ? g_hash_table_lookup(m->unknown, key) : NULL;

	if (!index)
		return;
	span_at(m, *index)->unknown_ns = time;
	g_hash_table_remove(m->unknown, key);
}

/* What is open with a key, made if need be; NULL: there is no room. */
static Open *open_of(UserSpanModel *m, const Key *key)
{
	Open *open = g_hash_table_lookup(m->open, key);
	gboolean full = m->n_open >= USER_OPEN_MAX || m->text_bytes + key->len > USER_OPEN_TEXTS_MAX;

	if (!open && !full) {
		open = g_new0(Open, 1);
		open->spans = g_array_new(FALSE, FALSE, sizeof(guint64));
		g_hash_table_insert(m->open, key_keep(key), open);
		m->text_bytes += key->len;
	}
	if (!full)
		return open;
	sum_of(m, key->rule)->unfollowed++;
	if (open)
		open->skipped++;
	return NULL;
}

static void begin(UserSpanModel *m, const UserEv *ev, guint rule)
{
	Key key;

	if (!key_of(m, ev, rule, &key))
		return;
	sum_of(m, rule)->begun++;
	if (m->pass->lossy) {
		sum_of(m, rule)->lost++;
		return;
	}
	know_again(m, &key, ev->time);
	Open *open = open_of(m, &key);
	if (!open)
		return;
	UserSpan *span = history_table_add(m->pass->history, m->table);
	*span = (UserSpan){.begin_ns = ev->time, .end_ns = ev->time, .name = sum_of(m, rule)->name, .thread = ev->thread,
			   .end_thread = ev->thread, .key = key_text(m, &key), .depth = (guint16)MIN(open->spans->len, G_MAXUINT16)};
	guint64 index = history_table_len(m->pass->history, m->table) - 1;
	g_array_append_val(open->spans, index);
	m->n_open++;
}

static void end(UserSpanModel *m, const UserEv *ev, guint rule)
{
	Key key;

	if (!key_of(m, ev, rule, &key))
		return;
	if (!m->pass->lossy)
		know_again(m, &key, ev->time);
	Open *open = g_hash_table_lookup(m->open, &key);
	if (!open) {
		sum_of(m, rule)->ends_alone++;
		return;
	}
	if (open->skipped) {
		open->skipped--;
		return;
	}
	UserSpan *span = span_at(m, g_array_index(open->spans, guint64, open->spans->len - 1));
	span->end_ns = ev->time;
	span->end_thread = ev->thread;
	span->finished = TRUE;
	sum_of(m, rule)->finished++;
	m->n_open--;
	g_array_set_size(open->spans, open->spans->len - 1);
	if (open->spans->len == 0) {
		m->text_bytes -= key.len;
		g_hash_table_remove(m->open, &key);
	}
}

void user_spans_event(UserSpanModel *m, const UserEv *ev)
{
	for (guint32 bits = ev->class->lacks; bits; bits &= bits - 1)
		sum_of(m, (guint)__builtin_ctz(bits))->without_field++;
	for (guint32 bits = ev->class->ends; bits; bits &= bits - 1)
		end(m, ev, (guint)__builtin_ctz(bits));
	for (guint32 bits = ev->class->begins; bits; bits &= bits - 1)
		begin(m, ev, (guint)__builtin_ctz(bits));
}

/* Of several with one key the first one's row tells about all. */
static void forget(UserSpanModel *m, const Key *key, const GArray *spans, gint64 time)
{
	for (guint i = 0; i < spans->len; i++)
		span_at(m, g_array_index(spans, guint64, i))->end_ns = time;
	sum_of(m, key->rule)->lost += spans->len;
	if (g_hash_table_contains(m->unknown, key))
		return;
	if (g_hash_table_size(m->unknown) < USER_OPEN_MAX)
		g_hash_table_insert(m->unknown, key_keep(key), g_memdup2(spans->data, sizeof(guint64)));
	else
		span_at(m, g_array_index(spans, guint64, 0))->unknown_ns = history_end(m->pass->history);
}

void user_spans_loss(UserSpanModel *m, gint64 time)
{
	GHashTableIter iter;
	gpointer key, open;

	g_hash_table_iter_init(&iter, m->open);
	while (g_hash_table_iter_next(&iter, &key, &open))
		forget(m, key, ((const Open *)open)->spans, time);
	g_hash_table_remove_all(m->open);
	m->n_open = 0;
	m->text_bytes = 0;
}

void user_spans_finish(UserSpanModel *m, gint64 end_ns)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, m->open);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const GArray *spans = ((const Open *)value)->spans;

		for (guint i = 0; i < spans->len; i++)
			span_at(m, g_array_index(spans, guint64, i))->end_ns = end_ns;
	}
	g_hash_table_iter_init(&iter, m->unknown);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		span_at(m, *(const guint64 *)value)->unknown_ns = end_ns;
}

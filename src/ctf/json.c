/* SPDX-License-Identifier: MIT */
/*
 * CTF 2 metadata (2 §5): a JSON text sequence (RFC 7464) of fragments, each read and forgotten in turn but for aliases.
 */
#include "ctf/json.h"

#include <stdarg.h>
#include <string.h>

#define RECORD_SEPARATOR '\x1e'

/* ---- Values --------------------------------------------------------------------------------------------------- */

gboolean ctf_json_fail(CtfJsonReader *r, const CtfJson *v, const char *format, ...)
{
	if (r->error)
		return FALSE;
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	return ctf_metadata_error(r->m, r->m->text + v->at, &r->error, "%s", what);
}

gboolean ctf_json_spend(CtfJsonReader *r, const CtfJson *v, guint n)
{
	if (n > CTF_JSON_STEPS_MAX - r->steps)
		return ctf_json_fail(r, v, "these field classes take too much work: aliases multiply them");
	r->steps += n;
	return TRUE;
}

gpointer ctf_json_made(CtfJsonReader *r, const CtfJson *v, CtfJsonMade kind, gpointer *key_out)
{
	*key_out = GSIZE_TO_POINTER((gsize)v->at * CTF_JSON_MADE_COUNT + kind);
	return g_hash_table_lookup(r->made, *key_out);
}

const CtfJson *ctf_json_need(CtfJsonReader *r, const CtfJson *v, const char *name)
{
	const CtfJson *property = ctf_json_get(r->m, v, name);
	if (!property && v->type != CTF_JSON_OBJECT)
		ctf_json_fail(r, v, "an object with a property \"%s\" must be here", name);
	else if (!property)
		ctf_json_fail(r, v, "this object must have a property \"%s\"", name);
	return property;
}

gboolean ctf_json_expect(CtfJsonReader *r, const CtfJson *v, CtfJsonType type, const char *what)
{
	static const char *const names[] = {
	        [CTF_JSON_INT] = "an integer",
	        [CTF_JSON_STRING] = "a string",
	        [CTF_JSON_ARRAY] = "an array",
	        [CTF_JSON_OBJECT] = "an object",
	};
	return v->type == type || ctf_json_fail(r, v, "%s must be %s", what, names[type]);
}

gboolean ctf_json_uint(CtfJsonReader *r, const CtfJson *v, const char *what, guint64 *value_out)
{
	gboolean negative;
	if (!ctf_json_expect(r, v, CTF_JSON_INT, what))
		return FALSE;
	if (!ctf_json_int(r->m, v, &negative, value_out) || (negative && *value_out))
		return ctf_json_fail(r, v, "%s must not be negative, nor larger than 2^64 - 1", what);
	return TRUE;
}

static gboolean sint(CtfJsonReader *r, const CtfJson *v, const char *what, gint64 *value_out)
{
	gboolean negative;
	guint64 magnitude;
	if (!ctf_json_expect(r, v, CTF_JSON_INT, what))
		return FALSE;
	if (!ctf_json_int(r->m, v, &negative, &magnitude) || magnitude > (guint64)G_MAXINT64 + negative)
		return ctf_json_fail(r, v, "%s must fit into 64 bits with sign", what);
	*value_out = (gint64)(negative ? 0 - magnitude : magnitude);
	return TRUE;
}

const char *ctf_json_text(CtfJsonReader *r, const CtfJson *v, const char *what)
{
	gpointer key;
	if (!ctf_json_expect(r, v, CTF_JSON_STRING, what))
		return NULL;
	char *text = ctf_json_made(r, v, CTF_JSON_MADE_TEXT, &key);
	if (text)
		return text;
	ctf_json_string(r->m, v, r->scratch);
	if (strlen(r->scratch->str) != r->scratch->len) {
		ctf_json_fail(r, v, "%s must not hold a null character", what);
		return NULL;
	}
	text = g_hash_table_lookup(r->strings, r->scratch->str);
	if (!text) {
		text = ctf_arena_strndup(r->m->arena, r->scratch->str, r->scratch->len);
		g_hash_table_add(r->strings, text);
	}
	g_hash_table_insert(r->made, key, text);
	return text;
}

gboolean ctf_json_optional_text(CtfJsonReader *r, const CtfJson *v, const char *name, const char **text_out)
{
	const CtfJson *property = ctf_json_get(r->m, v, name);
	*text_out = property ? ctf_json_text(r, property, name) : NULL;
	return *text_out || !property;
}

gboolean ctf_json_no_extensions(CtfJsonReader *r, const CtfJson *v)
{
	const CtfJson *extensions = ctf_json_get(r->m, v, "extensions");
	if (!extensions)
		return TRUE;
	if (!ctf_json_expect(r, extensions, CTF_JSON_OBJECT, "extensions") ||
	    !ctf_json_spend(r, extensions, extensions->n))
		return FALSE;
	const CtfJson *namespace = extensions + 1;
	for (guint i = 0; i < extensions->n; i++, namespace = ctf_json_next(namespace + 1)) {
		const CtfJson *names = namespace + 1;
		if (names->type != CTF_JSON_OBJECT || names->n)
			return ctf_json_fail(
			        r, namespace,
			        "this needs an extension of the format that Strata doesn't know: %.*s, of %.*s",
			        names->n ? (int)names[1].len : 1, names->n ? r->m->text + names[1].at : "?",
			        (int)namespace->len, r->m->text + namespace->at);
	}
	return TRUE;
}

/* ---- Fragments ------------------------------------------------------------------------------------------------ */

static gboolean read_uuid(CtfJsonReader *r, const CtfJson *v)
{
	if (!ctf_json_expect(r, v, CTF_JSON_ARRAY, "a UUID"))
		return FALSE;
	if (v->n != 16)
		return ctf_json_fail(r, v, "a UUID must have 16 bytes");
	const CtfJson *byte = v + 1;
	for (guint i = 0; i < 16; i++, byte = ctf_json_next(byte)) {
		guint64 value;
		if (!ctf_json_uint(r, byte, "a byte of a UUID", &value))
			return FALSE;
		if (value > 255)
			return ctf_json_fail(r, byte, "a byte of a UUID must be less than 256");
		r->m->uuid[i] = (guint8)value;
	}
	r->m->has_uuid = TRUE;
	return TRUE;
}

static gboolean read_preamble(CtfJsonReader *r, const CtfJson *v)
{
	guint64 version;
	const CtfJson *number = ctf_json_need(r, v, "version"), *uuid = ctf_json_get(r->m, v, "uuid");
	if (!number || !ctf_json_uint(r, number, "a version", &version))
		return FALSE;
	if (version != 2)
		return ctf_json_fail(r, number, "Strata reads version 2 of such metadata only");
	return !uuid || read_uuid(r, uuid);
}

static gboolean read_alias(CtfJsonReader *r, const CtfJson *v)
{
	const CtfJson *name_value = ctf_json_need(r, v, "name"), *fc = ctf_json_need(r, v, "field-class");
	const char *name = name_value && fc ? ctf_json_text(r, name_value, "a name") : NULL;
	if (!name)
		return FALSE;
	if (g_hash_table_contains(r->aliases, name))
		return ctf_json_fail(r, name_value, "there is a field class alias \"%s\" already", name);
	CtfJsonAlias alias = {.fc = fc, .end = v->at + v->len};
	if (fc->type == CTF_JSON_STRING) {
		const char *other_name = ctf_json_text(r, fc, "an alias");
		const CtfJsonAlias *other = other_name ? g_hash_table_lookup(r->aliases, other_name) : NULL;
		if (!other)
			return ctf_json_fail(r, fc, "no such field class alias comes before this");
		alias.fc = other->fc;
	} else {
		alias.values = g_steal_pointer(&r->values);
		r->kept += alias.values->len;
		r->values = g_array_new(FALSE, FALSE, sizeof(CtfJson));
	}
	g_hash_table_insert(r->aliases, (gpointer)(guintptr)name, g_memdup2(&alias, sizeof(alias)));
	return TRUE;
}

static gboolean read_environment(CtfJsonReader *r, const CtfJson *v)
{
	if (!ctf_json_expect(r, v, CTF_JSON_OBJECT, "an environment"))
		return FALSE;
	const CtfJson *key = v + 1;
	for (guint i = 0; i < v->n; i++, key = ctf_json_next(key + 1)) {
		const CtfJson *value = key + 1;
		const char *name = ctf_json_text(r, key, "a name");
		CtfEnv *env = name ? ctf_metadata_add_env(r->m, name) : NULL;
		if (!env)
			return ctf_json_fail(r, key, "the environment is too large");
		env->is_int = value->type == CTF_JSON_INT;
		if (env->is_int && !sint(r, value, "a value of the environment", &env->i))
			return FALSE;
		if (!env->is_int && !(env->s = ctf_json_text(r, value, "a value of the environment")))
			return FALSE;
	}
	return TRUE;
}

static gboolean read_trace_class(CtfJsonReader *r, const CtfJson *v)
{
	const CtfJson *env = ctf_json_get(r->m, v, "environment"),
	              *header = ctf_json_get(r->m, v, "packet-header-field-class");
	if (r->has_trace_class || r->m->stream_classes->len)
		return ctf_json_fail(
		        r, v, "there may be one trace class only, and it must come before any data stream class");
	r->has_trace_class = TRUE;
	if (!ctf_json_optional_text(r, v, "name", &r->m->trace_name) ||
	    !ctf_json_optional_text(r, v, "uid", &r->m->uid))
		return FALSE;
	if (env && !read_environment(r, env))
		return FALSE;
	return !header || ctf_json_tree(r, header, CTF_SCOPE_PACKET_HEADER, &r->m->packet_header);
}

static CtfClock *clock_of(const CtfJsonReader *r, const char *id)
{
	for (guint i = 0; i < r->m->clocks->len; i++) {
		CtfClock *clock = g_ptr_array_index(r->m->clocks, i);
		if (strcmp(clock->id, id) == 0)
			return clock;
	}
	return NULL;
}

static gboolean read_offset(CtfJsonReader *r, const CtfJson *v, CtfClock *clock)
{
	if (!ctf_json_expect(r, v, CTF_JSON_OBJECT, "a clock's offset"))
		return FALSE;
	const CtfJson *seconds = ctf_json_get(r->m, v, "seconds"), *cycles = ctf_json_get(r->m, v, "cycles");
	return (!seconds || sint(r, seconds, "seconds", &clock->offset_s)) &&
	       (!cycles || ctf_json_uint(r, cycles, "cycles", &clock->offset_cycles));
}

static gboolean read_clock_numbers(CtfJsonReader *r, const CtfJson *v, CtfClock *clock)
{
	const CtfJson *freq = ctf_json_need(r, v, "frequency"), *precision = ctf_json_get(r->m, v, "precision");
	const CtfJson *offset = ctf_json_get(r->m, v, "offset-from-origin"), *origin = ctf_json_get(r->m, v, "origin");
	if (!freq || !ctf_json_uint(r, freq, "a frequency", &clock->freq))
		return FALSE;
	if (!clock->freq)
		return ctf_json_fail(r, freq, "a frequency must not be 0");
	if (precision && !ctf_json_uint(r, precision, "a precision", &clock->precision))
		return FALSE;
	clock->absolute = origin && ctf_json_is(r->m, origin, "unix-epoch");
	if (origin && !clock->absolute && origin->type != CTF_JSON_OBJECT)
		return ctf_json_fail(r, origin, "an origin is \"unix-epoch\" or an object");
	return !offset || read_offset(r, offset, clock);
}

static gboolean read_clock(CtfJsonReader *r, const CtfJson *v)
{
	const char *uid;
	const CtfJson *id_value = ctf_json_need(r, v, "id");
	const char *id = id_value ? ctf_json_text(r, id_value, "an id") : NULL;
	if (!id)
		return FALSE;
	if (clock_of(r, id))
		return ctf_json_fail(r, id_value, "there is a clock class \"%s\" already", id);
	if (r->m->clocks->len >= CTF_STREAM_CLASSES_MAX)
		return ctf_json_fail(r, v, "more than %d clock classes", CTF_STREAM_CLASSES_MAX);
	CtfClock *clock = ctf_metadata_add_clock(r->m);
	clock->id = id;
	if (!ctf_json_optional_text(r, v, "name", &clock->name) || !ctf_json_optional_text(r, v, "uid", &uid) ||
	    !ctf_json_optional_text(r, v, "description", &clock->description) || !read_clock_numbers(r, v, clock))
		return FALSE;
	if (!clock->name)
		clock->name = id;
	clock->has_uuid = uid && ctf_uuid_parse(uid, strlen(uid), clock->uuid);
	return TRUE;
}

/* A property with an id, 0 if it is missing. The value to blame for it goes to `at_out`. */
static gboolean read_id(CtfJsonReader *r, const CtfJson *v, const char *name, guint64 *id_out, const CtfJson **at_out)
{
	const CtfJson *id = ctf_json_get(r->m, v, name);
	*id_out = 0;
	*at_out = id ? id : v;
	return !id || ctf_json_uint(r, id, "an id", id_out);
}

static gboolean read_default_clock(CtfJsonReader *r, const CtfJson *v, CtfStreamClass *sc)
{
	const char *id;
	if (!ctf_json_optional_text(r, v, "default-clock-class-id", &id))
		return FALSE;
	sc->clock = id ? clock_of(r, id) : NULL;
	return !id || sc->clock ||
	       ctf_json_fail(r, ctf_json_get(r->m, v, "default-clock-class-id"),
	                     "no clock class \"%s\" comes before this", id);
}

static gboolean read_tree(CtfJsonReader *r, const CtfJson *v, const char *name, CtfScope scope, CtfFc **tree_out)
{
	const CtfJson *tree = ctf_json_get(r->m, v, name);
	return !tree || ctf_json_tree(r, tree, scope, tree_out);
}

/* LTTng writes the processor of a stream's packets there (it has no role of its own). */
static void mark_cpu_id(const CtfFc *context)
{
	CtfFc *cpu = ctf_fc_member(context, "cpu_id");
	if (cpu && cpu->type == CTF_FC_INT && !cpu->is_signed && cpu->role == CTF_ROLE_NONE)
		cpu->role = CTF_ROLE_CPU_ID;
}

/* Make the trees of a stream class, and no others, those that field locations may name. */
static void set_stream_class(CtfJsonReader *r, CtfStreamClass *sc)
{
	r->sc = sc;
	memset(r->trees, 0, sizeof(r->trees));
	r->trees[CTF_SCOPE_PACKET_HEADER] = r->m->packet_header;
	r->trees[CTF_SCOPE_PACKET_CONTEXT] = sc->packet_context;
	r->trees[CTF_SCOPE_EVENT_HEADER] = sc->event_header;
	r->trees[CTF_SCOPE_COMMON_CONTEXT] = sc->common_context;
}

static gboolean read_stream_class(CtfJsonReader *r, const CtfJson *v)
{
	guint64 id;
	const CtfJson *id_value;
	if (!read_id(r, v, "id", &id, &id_value))
		return FALSE;
	if (ctf_metadata_stream_class(r->m, id))
		return ctf_json_fail(r, id_value, "there is a data stream class %" G_GUINT64_FORMAT " already", id);
	CtfStreamClass *sc = ctf_metadata_add_stream_class(r->m, id, &r->error);
	if (!sc || !ctf_json_optional_text(r, v, "name", &sc->name) || !read_default_clock(r, v, sc))
		return FALSE;
	set_stream_class(r, sc);
	if (!read_tree(r, v, "packet-context-field-class", CTF_SCOPE_PACKET_CONTEXT, &sc->packet_context) ||
	    !read_tree(r, v, "event-record-header-field-class", CTF_SCOPE_EVENT_HEADER, &sc->event_header) ||
	    !read_tree(r, v, "event-record-common-context-field-class", CTF_SCOPE_COMMON_CONTEXT, &sc->common_context))
		return FALSE;
	mark_cpu_id(sc->packet_context);
	return TRUE;
}

/* Attributes never change how data is read: what has another form than expected is no error. */
static void read_log_level(CtfJsonReader *r, const CtfJson *v, CtfEventClass *ec)
{
	static const char *const levels[] = {
	        "emergency",    "alert",      "critical",       "error",         "warning",
	        "notice",       "info",       "debug:system",   "debug:program", "debug:process",
	        "debug:module", "debug:unit", "debug:function", "debug:line",    "debug",
	};
	for (guint i = 0; i < G_N_ELEMENTS(levels); i++)
		if (ctf_json_is(r->m, v, levels[i])) {
			ec->has_log_level = TRUE;
			ec->log_level = i;
		}
}

static void read_attributes(CtfJsonReader *r, const CtfJson *v, CtfEventClass *ec)
{
	static const char *const namespaces[] = {"lttng.org,2009", "babeltrace.org,2020"};
	const CtfJson *attributes = ctf_json_get(r->m, v, "attributes");
	for (guint i = 0; attributes && i < G_N_ELEMENTS(namespaces); i++) {
		const CtfJson *own = ctf_json_get(r->m, attributes, namespaces[i]);
		const CtfJson *level = own ? ctf_json_get(r->m, own, "log-level") : NULL;
		const CtfJson *uri = own ? ctf_json_get(r->m, own, "emf-uri") : NULL;
		if (level)
			read_log_level(r, level, ec);
		if (uri && uri->type == CTF_JSON_STRING) {
			ctf_json_string(r->m, uri, r->scratch);
			ec->emf_uri = ctf_arena_strndup(r->m->arena, r->scratch->str, r->scratch->len);
		}
	}
}

static gboolean read_event_class(CtfJsonReader *r, const CtfJson *v)
{
	guint64 id, sc_id;
	const char *name;
	const CtfJson *id_value, *sc_value;
	if (!read_id(r, v, "id", &id, &id_value) || !read_id(r, v, "data-stream-class-id", &sc_id, &sc_value) ||
	    !ctf_json_optional_text(r, v, "name", &name))
		return FALSE;
	CtfStreamClass *sc = ctf_metadata_stream_class(r->m, sc_id);
	if (!sc)
		return ctf_json_fail(r, sc_value, "no data stream class %" G_GUINT64_FORMAT " comes before this",
		                     sc_id);
	if (ctf_stream_class_event(sc, id))
		return ctf_json_fail(r, id_value, "there is an event record class %" G_GUINT64_FORMAT " already", id);
	CtfEventClass *ec = ctf_metadata_add_event_class(sc, id, name, &r->error);
	if (!ec)
		return FALSE;
	read_attributes(r, v, ec);
	set_stream_class(r, sc);
	ec->loaded = 1;
	return read_tree(r, v, "specific-context-field-class", CTF_SCOPE_SPECIFIC_CONTEXT, &ec->spec_context) &&
	       read_tree(r, v, "payload-field-class", CTF_SCOPE_PAYLOAD, &ec->payload);
}

static const struct {
	const char *type;
	gboolean (*read)(CtfJsonReader *r, const CtfJson *v);
} fragments[] = {
        {"preamble", read_preamble}, {"field-class-alias", read_alias},        {"trace-class", read_trace_class},
        {"clock-class", read_clock}, {"data-stream-class", read_stream_class}, {"event-record-class", read_event_class},
};

static gboolean read_fragment(CtfJsonReader *r, gboolean is_first)
{
	const CtfJson *v = &g_array_index(r->values, CtfJson, 0);
	const CtfJson *type = ctf_json_need(r, v, "type");
	if (!type || !ctf_json_no_extensions(r, v))
		return FALSE;
	if (ctf_json_is(r->m, type, "preamble") != is_first)
		return ctf_json_fail(r, type, "the first fragment, and only the first, must be a preamble");
	for (guint i = 0; i < G_N_ELEMENTS(fragments); i++)
		if (ctf_json_is(r->m, type, fragments[i].type))
			return fragments[i].read(r, v);
	return ctf_json_fail(r, type, "this is no type of a fragment");
}

/* ---- The sequence --------------------------------------------------------------------------------------------- */

static gboolean is_blank(const char *p, const char *end)
{
	while (p < end && g_ascii_isspace(*p))
		p++;
	return p == end;
}

static gboolean read_sequence(CtfJsonReader *r)
{
	const char *text = r->m->text, *end = text + r->m->text_len, *next;
	gboolean is_first = TRUE;
	const char *p = memchr(text, RECORD_SEPARATOR, r->m->text_len);
	if (!p || !is_blank(text, p))
		return ctf_metadata_error(r->m, text, &r->error,
		                          "CTF 2 metadata must begin with a record separator (0x1E)");
	for (; p < end; p = next) {
		next = memchr(p + 1, RECORD_SEPARATOR, (gsize)(end - p) - 1);
		if (!next)
			next = end;
		if (is_blank(p + 1, next))
			continue;
		if (!ctf_json_parse_text(r->m, (gsize)(p + 1 - text), (gsize)(next - text), r->values,
		                         CTF_JSON_VALUES_MAX - r->kept, &r->error) ||
		    !read_fragment(r, is_first))
			return FALSE;
		is_first = FALSE;
	}
	return !is_first || ctf_metadata_error(r->m, text, &r->error, "CTF 2 metadata must have a preamble");
}

static void alias_free(gpointer data)
{
	CtfJsonAlias *alias = data;
	if (alias->values)
		g_array_unref(alias->values);
	g_free(alias);
}

gboolean ctf_json_parse(CtfMetadata *m, GError **error)
{
	CtfJsonReader r = {
	        .m = m,
	        .values = g_array_new(FALSE, FALSE, sizeof(CtfJson)),
	        .aliases = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, alias_free),
	        .strings = g_hash_table_new(g_str_hash, g_str_equal),
	        .made = g_hash_table_new(NULL, NULL),
	        .parents = g_hash_table_new(NULL, NULL),
	        /* One takes more text than this: that many more come out of aliases only. */
	        .max_fcs = 65536 + (guint)(m->text_len / 32),
	        .scratch = g_string_new(NULL),
	};
	m->version = 2;
	gboolean ok = read_sequence(&r);
	g_array_unref(r.values);
	g_hash_table_unref(r.aliases);
	g_hash_table_unref(r.strings);
	g_hash_table_unref(r.made);
	g_hash_table_unref(r.parents);
	g_string_free(r.scratch, TRUE);
	if (r.error)
		g_propagate_error(error, r.error);
	return ok;
}

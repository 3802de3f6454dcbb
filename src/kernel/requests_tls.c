/* SPDX-License-Identifier: MIT */
/*
 * requests_tls.c: which turns of a connection are a handshake of TLS. What goes over it can't be read, but it begins with a hello on ports that are TLS's from the first byte on; and what a client says last
 * in a handshake has one of a few lengths, which no other text of it has but by chance.
 */
#include "kernel/requests_private.h"

static gboolean is_tls_port(guint16 port)
{
	/* IANA's, and those that everybody uses: https, smtps, nntps, ldaps, dns, ftps, imaps, pop3s, sips, amqps, syslog, kubernetes, ircs, mqtts, databases' and proxies' */
	static const guint16 ports[] = {443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2376, 2379, 2380, 3269, 5061, 5671, 6443, 6514, 6697, 8443, 8883, 9443, 10250};

	for (guint i = 0; i < G_N_ELEMENTS(ports); i++)
		if (ports[i] == port)
			return TRUE;
	return FALSE;
}

/* Bytes of a client's last words in a handshake, with the records' heads. */
static gboolean is_finished_length(guint64 bytes)
{
	enum { CHANGE = 6, HEAD = 5 };
	/* TLS 1.3: Finished, with a hash of 32 or 48 bytes; many send a change of ciphers before it, which means nothing. */
	static const guint finished_13[] = {58, 74};
	/* TLS 1.2: the key exchange (x25519, P-256, P-384, RSA of 2048 bits), a change of ciphers, Finished (AES-GCM, ChaCha20). */
	static const guint key_exchange_12[] = {HEAD + 37, HEAD + 70, HEAD + 102, HEAD + 262}, finished_12[] = {HEAD + 40, HEAD + 32};

	for (guint i = 0; i < G_N_ELEMENTS(finished_13); i++)
		if (bytes == finished_13[i] || bytes == CHANGE + finished_13[i])
			return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(key_exchange_12); i++)
		for (guint k = 0; k < G_N_ELEMENTS(finished_12); k++)
			if (bytes == key_exchange_12[i] + CHANGE + finished_12[k])
				return TRUE;
	return FALSE;
}

gboolean kernel_request_is_handshake(guint16 port, guint turn, guint64 asked)
{
	return is_tls_port(port) && (turn == 0 || (turn == 1 && is_finished_length(asked)));
}

/* The first requests of a connection: items. */
typedef struct {
	guint64 items[3];
	guint n;
} Opening;

/* The i-th request is a handshake. A client waits for that before its next one, as it does for the connection. */
static void set_handshake(KernelRequests *r, const Opening *o, guint i)
{
	KernelRequest *q = history_table_item(r->set->history, r->table, o->items[i]);
	KernelRequest *next = i + 1 < o->n ? history_table_item(r->set->history, r->table, o->items[i + 1]) : NULL;

	q->flags |= KERNEL_REQUEST_LOGIN;
	if (next && next->side == KERNEL_REQUEST_CLIENT)
		next->early_ns = q->early_ns != KERNEL_REQUEST_NO_TIME ? q->early_ns : q->begin_ns;
}

static void judge(KernelRequests *r, const KernelRequestConnection *c, const Opening *o)
{
	for (guint i = 0; i < o->n; i++) {
		const KernelRequest *q = history_table_get(r->set->history, r->table, o->items[i]);

		if (!kernel_request_is_handshake(kernel_request_port(c), i, q->asked))
			return;
		set_handshake(r, o, i);
	}
}

void requests_handshakes(KernelRequests *r)
{
	History *h = r->set->history;
	g_autofree Opening *openings = g_new0(Opening, (gsize)r->sockets->len + 1);

	for (guint64 i = 0; i < history_table_len(h, r->table); i++) {
		const KernelRequest *q = history_table_get(h, r->table, i);
		Opening *o = &openings[q->connection];

		if (q->side == ((const KernelRequestConnection *)history_table_get(h, r->connections, q->connection))->side && o->n < G_N_ELEMENTS(o->items))
			o->items[o->n++] = i;
	}
	for (guint i = 0; i < r->sockets->len; i++) {
		const KernelRequestConnection *c = history_table_get(h, r->connections, i);

		if (((const KernelFileItem *)history_table_get(h, r->files, c->file))->opened_ns != G_MININT64)
			judge(r, c, &openings[i]);
	}
}

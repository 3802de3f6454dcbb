/* SPDX-License-Identifier: MIT */
/* netkey.c: packets' connections as numbers. */
#include <string.h>

#include "kernel/net.h"

guint64 kernel_packet_mix(guint64 h, guint64 v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static guint64 mix_address(guint64 h, const guint8 *address)
{
	guint64 v[2];

	memcpy(v, address, sizeof v);
	return kernel_packet_mix(kernel_packet_mix(h, v[0]), v[1]);
}

guint64 kernel_packet_flow(const KernelPacket *p, const KernelConnection *c)
{
	guint from = p->side & 1, to = !from;
	guint64 h = mix_address(mix_address(p->protocol, c->address[from]), c->address[to]);

	return kernel_packet_mix(h, (guint64)c->port[from] << 16 | c->port[to]);
}

/* SPDX-License-Identifier: MIT */
/* trace/events/net.h: the network; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_NET_H
#define STRATA_TRACE_EVENTS_NET_H

/* clang-format off */
#define TRACE_EVENTS_NET(E, F) \
	E(NET_DEV_QUEUE, "net", "net_dev_queue") \
	F(NET_DEV_QUEUE, SKB, 0, "skbaddr") \
	F(NET_DEV_QUEUE, LEN, 1, "len") \
	F(NET_DEV_QUEUE, NAME, 2, "name") \
	E(NET_DEV_XMIT, "net", "net_dev_xmit") \
	F(NET_DEV_XMIT, SKB, 0, "skbaddr") \
	F(NET_DEV_XMIT, LEN, 1, "len") \
	F(NET_DEV_XMIT, NAME, 2, "name") \
	F(NET_DEV_XMIT, RC, 3, "rc") \
	E(NET_IF_RECEIVE_SKB, "net", "net_if_receive_skb netif_receive_skb") \
	F(NET_IF_RECEIVE_SKB, SKB, 0, "skbaddr") \
	F(NET_IF_RECEIVE_SKB, LEN, 1, "len") \
	F(NET_IF_RECEIVE_SKB, NAME, 2, "name") \
	E(NET_IF_RX, "net", "net_if_rx netif_rx") \
	F(NET_IF_RX, SKB, 0, "skbaddr") \
	F(NET_IF_RX, LEN, 1, "len") \
	F(NET_IF_RX, NAME, 2, "name") \
	E(NAPI_POLL, "napi", "napi_poll") \
	F(NAPI_POLL, NAME, 0, "dev_name") \
	F(NAPI_POLL, WORK, 1, "work") \
	F(NAPI_POLL, BUDGET, 2, "budget") \
	E(SKB_KFREE, "skb", "skb_kfree kfree_skb") \
	F(SKB_KFREE, SKB, 0, "skbaddr") \
	F(SKB_KFREE, LOCATION, 1, "location") \
	F(SKB_KFREE, REASON, 2, "reason") \
	E(SKB_CONSUME, "skb", "skb_consume consume_skb") \
	F(SKB_CONSUME, SKB, 0, "skbaddr") \
	E(SKB_COPY, "skb", "skb_copy_datagram_iovec") \
	F(SKB_COPY, SKB, 0, "skbaddr") \
	F(SKB_COPY, LEN, 1, "len") \
	E(TCP_RETRANSMIT, "tcp", "tcp_retransmit_skb") \
	F(TCP_RETRANSMIT, SPORT, 0, "sport") \
	F(TCP_RETRANSMIT, DPORT, 1, "dport")
/* clang-format on */

#endif

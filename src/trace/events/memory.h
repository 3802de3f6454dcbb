/* SPDX-License-Identifier: MIT */
/* trace/events/memory.h: memory and signals; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_MEMORY_H
#define STRATA_TRACE_EVENTS_MEMORY_H

/* clang-format off */
#define TRACE_EVENTS_MEMORY(E, F) \
	E(FAULT_USER, "exceptions", "x86_exceptions_page_fault_user page_fault_user") \
	F(FAULT_USER, ADDRESS, 0, "address") \
	F(FAULT_USER, IP, 1, "ip") \
	F(FAULT_USER, ERROR_CODE, 2, "error_code") \
	E(FAULT_KERNEL, "exceptions", "x86_exceptions_page_fault_kernel page_fault_kernel") \
	F(FAULT_KERNEL, ADDRESS, 0, "address") \
	F(FAULT_KERNEL, IP, 1, "ip") \
	F(FAULT_KERNEL, ERROR_CODE, 2, "error_code") \
	E(PAGE_ALLOC, "kmem", "kmem_mm_page_alloc mm_page_alloc") \
	F(PAGE_ALLOC, ORDER, 0, "order") \
	F(PAGE_ALLOC, PAGE, 1, "page") \
	F(PAGE_ALLOC, PFN, 2, "pfn") \
	F(PAGE_ALLOC, GFP, 3, "gfp_flags") \
	E(PAGE_FREE, "kmem", "kmem_mm_page_free mm_page_free") \
	F(PAGE_FREE, ORDER, 0, "order") \
	F(PAGE_FREE, PAGE, 1, "page") \
	F(PAGE_FREE, PFN, 2, "pfn") \
	E(PAGE_FREE_BATCHED, "kmem", "kmem_mm_page_free_batched mm_page_free_batched") \
	F(PAGE_FREE_BATCHED, PAGE, 0, "page") \
	F(PAGE_FREE_BATCHED, PFN, 1, "pfn") \
	E(KMALLOC, "kmem", "kmem_kmalloc kmem_kmalloc_node kmalloc kmalloc_node") \
	F(KMALLOC, PTR, 0, "ptr") \
	F(KMALLOC, REQUESTED, 1, "bytes_req") \
	F(KMALLOC, ALLOCATED, 2, "bytes_alloc") \
	F(KMALLOC, CALL_SITE, 3, "call_site") \
	E(KFREE, "kmem", "kmem_kfree kfree") \
	F(KFREE, PTR, 0, "ptr") \
	E(CACHE_ALLOC, "kmem", "kmem_cache_alloc kmem_cache_alloc_node kmem_kmem_cache_alloc kmem_kmem_cache_alloc_node") \
	F(CACHE_ALLOC, PTR, 0, "ptr") \
	F(CACHE_ALLOC, REQUESTED, 1, "bytes_req") \
	F(CACHE_ALLOC, ALLOCATED, 2, "bytes_alloc") \
	F(CACHE_ALLOC, CALL_SITE, 3, "call_site") \
	E(CACHE_FREE, "kmem", "kmem_cache_free kmem_kmem_cache_free") \
	F(CACHE_FREE, PTR, 0, "ptr") \
	E(RECLAIM_BEGIN, "vmscan", "mm_vmscan_direct_reclaim_begin") \
	E(RECLAIM_END, "vmscan", "mm_vmscan_direct_reclaim_end") \
	E(GROUP_RECLAIM_BEGIN, "vmscan", "mm_vmscan_memcg_reclaim_begin") \
	E(GROUP_RECLAIM_END, "vmscan", "mm_vmscan_memcg_reclaim_end") \
	E(SIGNAL_GENERATE, "signal", "signal_generate") \
	F(SIGNAL_GENERATE, SIG, 0, "sig") \
	F(SIGNAL_GENERATE, PID, 1, "pid") \
	F(SIGNAL_GENERATE, CODE, 2, "code") \
	F(SIGNAL_GENERATE, COMM, 3, "comm")
/* clang-format on */

#endif

/* SPDX-License-Identifier: MIT */
/* trace/events/irq.h: interrupts; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_IRQ_H
#define STRATA_TRACE_EVENTS_IRQ_H

/* clang-format off */
#define TRACE_EVENTS_IRQ(E, F) \
	E(IRQ_ENTRY, "irq", "irq_handler_entry") \
	F(IRQ_ENTRY, IRQ, 0, "irq") \
	F(IRQ_ENTRY, NAME, 1, "name") \
	E(IRQ_EXIT, "irq", "irq_handler_exit") \
	F(IRQ_EXIT, IRQ, 0, "irq") \
	F(IRQ_EXIT, RET, 1, "ret") \
	E(SOFTIRQ_RAISE, "irq", "irq_softirq_raise softirq_raise") \
	F(SOFTIRQ_RAISE, VEC, 0, "vec") \
	E(SOFTIRQ_ENTRY, "irq", "irq_softirq_entry softirq_entry") \
	F(SOFTIRQ_ENTRY, VEC, 0, "vec") \
	E(SOFTIRQ_EXIT, "irq", "irq_softirq_exit softirq_exit") \
	F(SOFTIRQ_EXIT, VEC, 0, "vec") \
	E(VECTOR_LOCAL_TIMER_ENTRY, "irq_vectors", "x86_irq_vectors_local_timer_entry local_timer_entry") \
	F(VECTOR_LOCAL_TIMER_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_LOCAL_TIMER_EXIT, "irq_vectors", "x86_irq_vectors_local_timer_exit local_timer_exit") \
	F(VECTOR_LOCAL_TIMER_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_RESCHEDULE_ENTRY, "irq_vectors", "x86_irq_vectors_reschedule_entry reschedule_entry") \
	F(VECTOR_RESCHEDULE_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_RESCHEDULE_EXIT, "irq_vectors", "x86_irq_vectors_reschedule_exit reschedule_exit") \
	F(VECTOR_RESCHEDULE_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_CALL_FUNCTION_ENTRY, "irq_vectors", "x86_irq_vectors_call_function_entry call_function_entry") \
	F(VECTOR_CALL_FUNCTION_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_CALL_FUNCTION_EXIT, "irq_vectors", "x86_irq_vectors_call_function_exit call_function_exit") \
	F(VECTOR_CALL_FUNCTION_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_CALL_FUNCTION_SINGLE_ENTRY, "irq_vectors", "x86_irq_vectors_call_function_single_entry call_function_single_entry") \
	F(VECTOR_CALL_FUNCTION_SINGLE_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_CALL_FUNCTION_SINGLE_EXIT, "irq_vectors", "x86_irq_vectors_call_function_single_exit call_function_single_exit") \
	F(VECTOR_CALL_FUNCTION_SINGLE_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_IRQ_WORK_ENTRY, "irq_vectors", "x86_irq_vectors_irq_work_entry irq_work_entry") \
	F(VECTOR_IRQ_WORK_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_IRQ_WORK_EXIT, "irq_vectors", "x86_irq_vectors_irq_work_exit irq_work_exit") \
	F(VECTOR_IRQ_WORK_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_SPURIOUS_APIC_ENTRY, "irq_vectors", "x86_irq_vectors_spurious_apic_entry spurious_apic_entry") \
	F(VECTOR_SPURIOUS_APIC_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_SPURIOUS_APIC_EXIT, "irq_vectors", "x86_irq_vectors_spurious_apic_exit spurious_apic_exit") \
	F(VECTOR_SPURIOUS_APIC_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_ERROR_APIC_ENTRY, "irq_vectors", "x86_irq_vectors_error_apic_entry error_apic_entry") \
	F(VECTOR_ERROR_APIC_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_ERROR_APIC_EXIT, "irq_vectors", "x86_irq_vectors_error_apic_exit error_apic_exit") \
	F(VECTOR_ERROR_APIC_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_THERMAL_APIC_ENTRY, "irq_vectors", "x86_irq_vectors_thermal_apic_entry thermal_apic_entry") \
	F(VECTOR_THERMAL_APIC_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_THERMAL_APIC_EXIT, "irq_vectors", "x86_irq_vectors_thermal_apic_exit thermal_apic_exit") \
	F(VECTOR_THERMAL_APIC_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_THRESHOLD_APIC_ENTRY, "irq_vectors", "x86_irq_vectors_threshold_apic_entry threshold_apic_entry") \
	F(VECTOR_THRESHOLD_APIC_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_THRESHOLD_APIC_EXIT, "irq_vectors", "x86_irq_vectors_threshold_apic_exit threshold_apic_exit") \
	F(VECTOR_THRESHOLD_APIC_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_DEFERRED_ERROR_APIC_ENTRY, "irq_vectors", "x86_irq_vectors_deferred_error_apic_entry deferred_error_apic_entry") \
	F(VECTOR_DEFERRED_ERROR_APIC_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_DEFERRED_ERROR_APIC_EXIT, "irq_vectors", "x86_irq_vectors_deferred_error_apic_exit deferred_error_apic_exit") \
	F(VECTOR_DEFERRED_ERROR_APIC_EXIT, VECTOR, 0, "vector") \
	E(VECTOR_PLATFORM_IPI_ENTRY, "irq_vectors", "x86_irq_vectors_ipi_entry x86_platform_ipi_entry") \
	F(VECTOR_PLATFORM_IPI_ENTRY, VECTOR, 0, "vector") \
	E(VECTOR_PLATFORM_IPI_EXIT, "irq_vectors", "x86_irq_vectors_ipi_exit x86_platform_ipi_exit") \
	F(VECTOR_PLATFORM_IPI_EXIT, VECTOR, 0, "vector")
/* clang-format on */

#endif

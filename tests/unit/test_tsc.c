/* SPDX-License-Identifier: MIT */
/* Clocks by time stamp counters: a guest whose place the user told, and of whose processors nothing is known. */
#include "experiment/experiment.h"
#include "kvm/rows.h"
#include "kvm/tsc.h"

#define SECOND  ((gint64)1000000000)
#define HZ      3.0      /* ticks of the host's counter in a ns */
#define OFFSET  ((gint64)-40000000000)
#define AHEAD   ((gint64)86400 * SECOND) /* of the guest's clock, when both begin */
#define FAST    20e-6    /* of the guest's clock */

typedef struct {
	History *host, *guest;
	ExperimentTsc *theirs, *mine;
	StWarnings *warnings;
	double ratio;        /* of the guest's counter */
} World;

static gint64 guest_time(gint64 t)
{
	return t + AHEAD + (gint64)(FAST * (double)t);
}

static ExperimentTsc *tsc_new(void)
{
	ExperimentTsc *t = g_new0(ExperimentTsc, 1);

	t->readings = g_array_new(FALSE, FALSE, sizeof(ExperimentReading));
	t->vcpus = g_array_new(FALSE, FALSE, sizeof(ExperimentTscVcpu));
	return t;
}

static void read_at(ExperimentTsc *t, guint64 tsc, gint64 time)
{
	ExperimentReading r = {.tsc = tsc, .width = 200, .time_ns = time};

	g_array_append_val(t->readings, r);
}

static guint64 counter(gint64 t)
{
	return (guint64)(HZ * (double)t) + 1000000000;
}

static void world_begin(World *w, double ratio)
{
	*w = (World){.host = history_new(0, 20 * SECOND, NULL), .guest = history_new(guest_time(0), guest_time(20 * SECOND), NULL), .theirs = tsc_new(),
		     .mine = tsc_new(), .warnings = st_warnings_new(), .ratio = ratio};
	KvmVmItem *vm = history_table_add(w->host, history_table(w->host, KVM_VMS_TABLE, sizeof *vm));

	*vm = (KvmVmItem){.pid = 100, .first_vcpu = 0, .n_vcpus = 2};
	for (gint v = 0; v < 2; v++) {
		KvmVcpuItem *vcpu = history_table_add(w->host, history_table(w->host, KVM_VCPUS_TABLE, sizeof *vcpu));

		*vcpu = (KvmVcpuItem){.vm = 0, .id = v, .row = KVM_NO_ROW};
	}
	for (gint64 t = SECOND; t <= 19 * SECOND; t += 9 * SECOND) {
		read_at(w->theirs, counter(t), t);
		read_at(w->mine, (guint64)(ratio * (double)counter(t + SECOND / 2)) + (guint64)OFFSET, guest_time(t + SECOND / 2));
	}
}

static void write_offset(World *w, gint64 time, gint32 vcpu, gint64 offset)
{
	*(KvmTscItem *)history_table_add(w->host, history_table(w->host, KVM_TSC_TABLE, sizeof(KvmTscItem))) =
		(KvmTscItem){.time_ns = time, .offset = offset, .pid = 100, .vcpu = vcpu};
}

static void tell_offset(World *w, gint32 vcpu, gint64 offset, guint bits)
{
	ExperimentTscVcpu v = {.pid = 100, .vcpu = vcpu, .offset = offset, .ratio = bits ? (guint64)(w->ratio * (double)(1ull << bits)) : 0, .bits = bits};

	g_array_append_val(w->theirs->vcpus, v);
}

/* TRUE: the guest's clock was found, and is right within its bound. */
static gboolean is_found(World *w, gint64 most)
{
	static const char *const map[] = {"100=guest", NULL};
	ExperimentInput inputs[] = {{.name = "host", .history = w->host, .tsc = w->theirs}, {.name = "guest", .history = w->guest, .tsc = w->mine}};
	ExperimentOptions options = {.map = map, .warnings = w->warnings};

	g_assert_true(history_finish(w->host, NULL));
	g_assert_true(history_finish(w->guest, NULL));
	g_autoptr(Experiment) e = experiment_new(inputs, 2, &options, NULL);
	const ExperimentMember *m = experiment_member(e, 1);
	gboolean found = m->methods >> EXPERIMENT_BY_TSC & 1;
	g_assert_cmpuint(m->clocks->len, ==, found);
	for (gint64 t = 0; found && t <= 20 * SECOND; t += SECOND)
		g_assert_cmpint(ABS(experiment_up(m, guest_time(t)) - t), <=, m->bound_ns);
	if (found)
		g_assert_cmpint(m->bound_ns, <, most);
	return found;
}

static void world_end(World *w)
{
	history_free(w->host);
	history_free(w->guest);
	experiment_tsc_free(w->theirs);
	experiment_tsc_free(w->mine);
	st_warnings_free(w->warnings);
}

static void test_offsets_that_were_told(void)
{
	World w;

	world_begin(&w, 1);
	tell_offset(&w, 0, OFFSET, 0);
	tell_offset(&w, 1, OFFSET, 0);
	g_assert_true(is_found(&w, 3000));
	world_end(&w);
}

static void test_a_counter_that_is_scaled(void)
{
	World w;

	world_begin(&w, 1.5);
	tell_offset(&w, 0, OFFSET, 48);
	g_assert_true(is_found(&w, 3000));
	world_end(&w);
}

/* The hypervisor wrote the right one before the first reading, and another one after the last. */
static void test_offsets_that_were_traced(void)
{
	World w;

	world_begin(&w, 1);
	for (gint v = 0; v < 2; v++) {
		write_offset(&w, SECOND / 4, v, 0);
		write_offset(&w, SECOND / 2, v, OFFSET);
		write_offset(&w, 20 * SECOND - 1, v, 77);
	}
	g_assert_true(is_found(&w, 3000));
	world_end(&w);
}

static void test_without_offsets(void)
{
	World w;

	world_begin(&w, 1);
	g_assert_false(is_found(&w, 0));
	g_assert_cmpuint(st_warnings_count(w.warnings), ==, 0);
	world_end(&w);
}

static void test_vcpus_whose_counters_differ(void)
{
	World w;

	world_begin(&w, 1);
	tell_offset(&w, 0, OFFSET, 0);
	tell_offset(&w, 1, OFFSET + 3000, 0);
	g_assert_false(is_found(&w, 0));
	g_assert_cmpuint(st_warnings_count(w.warnings), ==, 1);
	world_end(&w);
}

/* One of the guest's readings was of another boot. */
static void test_readings_that_fit_no_line(void)
{
	World w;

	world_begin(&w, 1);
	tell_offset(&w, 0, OFFSET, 0);
	g_array_index(w.mine->readings, ExperimentReading, 1).time_ns += 20000;
	g_assert_false(is_found(&w, 0));
	g_assert_cmpuint(st_warnings_count(w.warnings), ==, 1);
	world_end(&w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tsc/offsets-that-were-told", test_offsets_that_were_told);
	g_test_add_func("/tsc/a-counter-that-is-scaled", test_a_counter_that_is_scaled);
	g_test_add_func("/tsc/offsets-that-were-traced", test_offsets_that_were_traced);
	g_test_add_func("/tsc/without-offsets-it-is-not-used", test_without_offsets);
	g_test_add_func("/tsc/vcpus-whose-counters-differ", test_vcpus_whose_counters_differ);
	g_test_add_func("/tsc/readings-that-fit-no-line", test_readings_that_fit_no_line);
	return g_test_run();
}

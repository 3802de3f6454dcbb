/* SPDX-License-Identifier: MIT */
/*
 * mktrace: makes a trace of a KVM host as LTTng's kernel tracer writes them, of any size, the same bytes each time, and
 * a summary of what is in it (the truth) for programs that read it to be held against.
 */
#include "host.h"

#include <errno.h>
#include <stdlib.h>

typedef struct {
	gint64 events, cpus, seed, packet_size;
	gboolean compact, natural, no_context, discard, nested, index, fixed_probe;
	char *truth;
	char **rest;
} Options;

static G_NORETURN void usage(const char *message)
{
	fprintf(stderr, "mktrace: %s (see mktrace --help)\n", message);
	exit(2);
}

static void parse(int argc, char **argv, Options *o)
{
	const GOptionEntry entries[] = {
	        {"events", 'n', 0, G_OPTION_ARG_INT64, &o->events, "About how many events (20000000)", "N"},
	        {"cpus", 'c', 0, G_OPTION_ARG_INT64, &o->cpus, "Processors, 1 to 512 (8)", "N"},
	        {"seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Another seed, another trace (1)", "N"},
	        {"packet-size", 'p', 0, G_OPTION_ARG_INT64, &o->packet_size,
	         "A multiple of 4096, at most 1 GiB (1048576)", "BYTES"},
	        {"compact", 0, 0, G_OPTION_ARG_NONE, &o->compact, "Compact event headers (5+27 bits)", NULL},
	        {"natural", 0, 0, G_OPTION_ARG_NONE, &o->natural, "Integers aligned to their size", NULL},
	        {"no-context", 0, 0, G_OPTION_ARG_NONE, &o->no_context, "Events without vpid and vtid", NULL},
	        {"discard", 0, 0, G_OPTION_ARG_NONE, &o->discard, "Lose some events, and count them", NULL},
	        {"nested", 0, 0, G_OPTION_ARG_NONE, &o->nested, "One VM runs a VM", NULL},
	        {"fixed-probe", 0, 0, G_OPTION_ARG_NONE, &o->fixed_probe,
	         "Right values where LTTng's stock KVM probe writes garbage", NULL},
	        {"index", 0, 0, G_OPTION_ARG_NONE, &o->index, "Packet indexes in index/", NULL},
	        {"truth", 't', 0, G_OPTION_ARG_FILENAME, &o->truth, "The summary (OUTDIR.truth.json)", "FILE"},
	        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->rest, NULL, "OUTDIR"},
	        {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context, "Makes a CTF trace of a simulated KVM host in OUTDIR.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		usage(error->message);
	if (!o->rest || g_strv_length(o->rest) != 1)
		usage("one OUTDIR is needed");
	if (o->cpus < 1 || o->cpus > 512)
		usage("--cpus: 1 to 512");
	if (o->packet_size < 4096 || o->packet_size % 4096 != 0 || o->packet_size > 1 << 30)
		usage("--packet-size: a multiple of 4096, at most 1 GiB");
	if (o->events < 1)
		usage("--events: at least 1");
}

static void set_format(const Options *o)
{
	out_format = (OutFormat){.dir = o->rest[0],
	                         .packet_size = (uint64_t)o->packet_size,
	                         .compact = o->compact,
	                         .natural = o->natural,
	                         .no_context = o->no_context,
	                         .discard = o->discard,
	                         .index = o->index};
	uint64_t x = (uint64_t)o->seed;
	for (unsigned i = 0; i < 16; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		out_format.uuid[i] = (uint8_t)(x >> 56);
	}
}

/* ---- the truth ---- */

static void put_counts(FILE *f, const Host *host)
{
	const char *separator = "";
	fprintf(f, "  \"by_name\": {");
	for (unsigned id = 0; id < OUT_N_EVENTS; id++) {
		if (host->counts[id] == 0)
			continue;
		fprintf(f, "%s\n    \"%s\": %" G_GUINT64_FORMAT, separator, out_event_name(id), host->counts[id]);
		separator = ",";
	}
	fprintf(f, "\n  },\n");
}

static void put_streams(FILE *f, const Host *host)
{
	fprintf(f, "  \"streams\": [");
	for (unsigned id = 0; id < host->n_cpus; id++) {
		const OutStats *stats = &host->cpus[id].out.stats;
		fprintf(f,
		        "%s\n    {\"cpu\": %u, \"events\": %" G_GUINT64_FORMAT ", \"packets\": %" G_GUINT64_FORMAT
		        ", \"discarded\": %" G_GUINT64_FORMAT ", \"begin\": %" G_GUINT64_FORMAT
		        ", \"end\": %" G_GUINT64_FORMAT "}",
		        id ? "," : "", id, stats->events, stats->packets, stats->discarded, stats->first_ts,
		        stats->last_ts);
	}
	fprintf(f, "\n  ],\n");
}

static void put_exits(FILE *f, const uint64_t exits[EXIT_N_REASONS])
{
	const char *separator = "";
	fprintf(f, "{");
	for (unsigned i = 0; i < EXIT_N_REASONS; i++) {
		if (exits[i] == 0)
			continue;
		fprintf(f, "%s\"%u\": %" G_GUINT64_FORMAT, separator, vcpu_exit_reasons[i], exits[i]);
		separator = ", ";
	}
	fprintf(f, "}");
}

static void put_vcpu(FILE *f, const Vcpu *vcpu)
{
	fprintf(f,
	        "\n    {\"vm_pid\": %d, \"vcpu_id\": %u, \"tid\": %d, \"entries\": %" G_GUINT64_FORMAT
	        ", \"guest_ns\": [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "], \"in_guest_at_begin\": %s, "
	        "\"in_guest_at_end\": %s, \"reflected\": %" G_GUINT64_FORMAT ", \"handled\": %" G_GUINT64_FORMAT
	        ",\n     \"exits\": [",
	        vcpu->vm->main.tid, vcpu->id, vcpu->task.tid, vcpu->entries, vcpu->guest_ns[0], vcpu->guest_ns[1],
	        vcpu->in_guest_at_begin ? "true" : "false", vcpu->entered_at != 0 ? "true" : "false", vcpu->reflected,
	        vcpu->handled);
	put_exits(f, vcpu->exits[0]);
	fprintf(f, ", ");
	put_exits(f, vcpu->exits[1]);
	fprintf(f, "]}");
}

static void put_vcpus(FILE *f, const Host *host)
{
	const char *separator = "";
	fprintf(f, "  \"vcpus\": [");
	for (unsigned i = 0; i < host->n_vms; i++) {
		for (unsigned id = 0; id < host->vms[i].n_vcpus; id++) {
			fprintf(f, "%s", separator);
			put_vcpu(f, &host->vms[i].vcpus[id]);
			separator = ",";
		}
	}
	fprintf(f, "\n  ],\n");
}

static void put_threads(FILE *f, const Host *host)
{
	fprintf(f, "  \"threads\": [");
	for (unsigned i = 0; i < host->tasks->len; i++) {
		const Task *task = host->tasks->pdata[i];
		fprintf(f,
		        "%s\n    {\"tid\": %d, \"pid\": %d, \"comm\": \"%s\", \"switched_in\": %" G_GUINT64_FORMAT
		        ", \"run_ns\": %" G_GUINT64_FORMAT "}",
		        i ? "," : "", task->tid, task->pid, task->comm, task->switched_in, task->run_ns);
	}
	fprintf(f,
	        "\n  ],\n  \"exited_threads\": {\"count\": %" G_GUINT64_FORMAT ", \"run_ns\": %" G_GUINT64_FORMAT "}\n",
	        host->exited, host->exited_run_ns);
}

/* by_name and streams count what was written; vcpus and threads what happened, lost events included. Times are in ns:
 * in guest from an entry to the next exit, both in the trace; on a processor from a switch to the next one. */
static void write_truth(const Host *host, const char *path)
{
	FILE *f = fopen(path, "we");
	if (!f) {
		fprintf(stderr, "%s: cannot create: %s\n", path, g_strerror(errno));
		exit(1);
	}
	fprintf(f,
	        "{\n  \"events\": %" G_GUINT64_FORMAT ",\n  \"context_switches\": %" G_GUINT64_FORMAT
	        ",\n  \"entries\": %" G_GUINT64_FORMAT ",\n  \"exits\": %" G_GUINT64_FORMAT ",\n",
	        host_events(host), host->counts[OUT_sched_switch], host->counts[OUT_kvm_x86_entry],
	        host->counts[OUT_kvm_x86_exit]);
	put_counts(f, host);
	put_streams(f, host);
	put_vcpus(f, host);
	put_threads(f, host);
	fprintf(f, "}\n");
	if (fclose(f) != 0) {
		fprintf(stderr, "%s: cannot write: %s\n", path, g_strerror(errno));
		exit(1);
	}
}

static char *truth_path(const Options *o)
{
	if (o->truth)
		return g_strdup(o->truth);
	g_autofree char *dir = g_strdup(o->rest[0]);
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	return g_strconcat(dir, ".truth.json", NULL);
}

int main(int argc, char **argv)
{
	Options o = {.events = 20000000, .cpus = 8, .seed = 1, .packet_size = 1 << 20};
	parse(argc, argv, &o);
	set_format(&o);
	out_begin();
	out_metadata("mktrace", 1767225600000000000u);
	Host *host = host_new(&(HostOptions){.n_cpus = (unsigned)o.cpus,
	                                     .seed = (uint64_t)o.seed,
	                                     .nested = o.nested,
	                                     .fixed_probe = o.fixed_probe});
	/* Counting is a walk over the processors: not after each step. */
	while (host_events(host) < (uint64_t)o.events)
		for (unsigned i = 0; i < 64; i++)
			host_step(host);
	host_close(host);
	g_autofree char *path = truth_path(&o);
	write_truth(host, path);
	host_free(host);
	g_free(o.truth);
	g_strfreev(o.rest);
	return 0;
}

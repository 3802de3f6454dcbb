/* SPDX-License-Identifier: MIT */
/* unfit.c: so many events were lost that nothing can be said of a good part of the time. */
#include "diagnose/private.h"
#include "diagnose/spans.h"

static GArray *losses_of(const Diagnose *d, const AnalysisStoreTrace *t, gint32 *cpu_out)
{
	GArray *spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	gint64 begin = diagnose_begin(d, t), end = diagnose_end(d, t);

	for (guint i = 0; i < t->trace->streams->len; i++) {
		const CtfStream *s = g_ptr_array_index(t->trace->streams, i);

		for (guint k = 0; k < s->losses->len; k++) {
			const CtfLoss *l = &g_array_index(s->losses, CtfLoss, k);

			diagnose_span_add(spans, MAX(l->begin_ns, begin), MIN(l->end_ns, end));
			*cpu_out = s->cpu;
		}
	}
	diagnose_spans_merge(spans);
	return spans;
}

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "trace-unfit", loss, diagnose_end(d, t) - diagnose_begin(d, t));

	f->victim = t->member;
	f->confidence = 1;
	f->is_heavy = TRUE; /* it says how far everything else can be trusted */
	f->title = g_strdup_printf("Of %.0f %% of the time of %s it is not known what some processor did: the tracer lost events", f->share * 100, t->name);
	f->advice = g_strdup("What is told of these times may be wrong, and causes may be missing. Record with larger or more sub-buffers (lttng enable-channel --subbuf-size --num-subbuf), or fewer events.");
	diagnose_who(&f->sufferer, "trace", t->name, t->name, -1, -1);
	diagnose_who(&f->culprit, "tracer", "lost events", t->name, -1, -1);
	diagnose_add(d, f);
}

void diagnose_rule_unfit(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(t);
	gint32 cpu = -1;
	g_autoptr(GArray) spans = losses_of(d, t, &cpu);

	for (guint i = 0; i < spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, kernel_find_cpu_row(t->history, cpu));
	}
	if (diagnose_matters(d, loss, diagnose_end(d, t) - diagnose_begin(d, t), DIAGNOSE_UNFIT_SHARE))
		add_finding(d, t, loss);
}

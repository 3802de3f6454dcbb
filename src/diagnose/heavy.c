/* SPDX-License-Identifier: MIT */
/*
 * heavy.c: which findings are of weight. Rules find what is real and can be told from chance; much of that is what a healthy machine costs itself anyway, and a report that
 * leads with it hides what matters.
 *
 * What others do to somebody is of weight if it costs a good part of what he wanted, and of the time (who wants little loses little); or much of some second, for
 * what lasts for a moment in a long recording is none the less why it was slow then. What is in the nature of the sufferer's own work is, if it is most of its time, or of some seconds.
 */
#include "diagnose/private.h"

#define OWN_WEIGHT 1 /* of causes that are in the nature of the sufferer's own work */

gboolean diagnose_is_heavy(const Diagnose *d, const DiagnoseFinding *f)
{
	const double *bar = d->thresholds;
	double weight = (double)f->cause->weight / 100;

	if (f->is_heavy)
		return TRUE;
	if (f->cause->weight <= OWN_WEIGHT)
		return MAX(f->share, f->of_while) >= bar[DIAGNOSE_HEAVY_OWN];
	return (f->share * weight >= bar[DIAGNOSE_HEAVY_SHARE] && f->of_time >= bar[DIAGNOSE_HEAVY_TIME]) || f->of_second * weight >= bar[DIAGNOSE_HEAVY_SECOND];
}

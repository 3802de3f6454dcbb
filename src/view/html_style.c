/* SPDX-License-Identifier: MIT */
/*
 * The style sheet. Colours of parts are those of Okabe and Ito, which people see apart whatever colours they see; each has its name and its share beside it. Shades
 * of a role differ in lightness. Paper has the light ones.
 */
#include "view/html.h"

/* clang-format off */
static const char *const rules[] = {
	":root{color-scheme:light dark;--paper:#fff;--card:#f7f8fa;--ink:#1b1f24;--soft:#5b6470;--line:#dde1e6;--accent:#0072b2;--work:#0072b2;--overhead:#e69f00;--lost:#d55e00;--wait:#b06a92;--idle:#d3d8de;--unknown:#9aa2ac;--track:#e8ebef;--on-dark:#fff;--on-light:#1b1f24}",
	"@media(prefers-color-scheme:dark){:root{--paper:#14171c;--card:#1c2027;--ink:#e8eaee;--soft:#9aa4b1;--line:#2d333c;--accent:#56b4e9;--work:#3d9bd6;--overhead:#e69f00;--lost:#e8702a;--wait:#cc79a7;--idle:#3a424d;--unknown:#69727e;--track:#2a3038;--on-dark:#fff;--on-light:#14171c}}",
	"*{box-sizing:border-box}",
	"body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}",
	"main{max-width:1080px;margin:0 auto;padding:2.5rem 1.5rem 1rem}",
	"h1{font-size:1.75rem;line-height:1.2;margin:0 0 .75rem;letter-spacing:-.01em}",
	"h2{font-size:1.3rem;margin:0 0 1rem;padding-top:.25rem;letter-spacing:-.01em}",
	"h3{font-size:1rem;margin:1.75rem 0 .6rem}",
	"p{margin:.6rem 0;max-width:75ch}",
	"section{margin:2.25rem 0 0;padding-top:1.25rem;border-top:1px solid var(--line)}",
	"nav{display:flex;flex-wrap:wrap;gap:.35rem .5rem;margin:0 0 1rem}",
	"nav a{font-size:.85rem;color:var(--soft);text-decoration:none;padding:.15rem .65rem;border:1px solid var(--line);border-radius:1rem}",
	"nav a:hover,nav a:focus-visible{color:var(--accent);border-color:var(--accent)}",
	"ul{margin:.5rem 0;padding-left:1.25rem}",
	".summary{list-style:none;padding:0;margin:0;font-size:1.02rem}",
	".summary li{padding:.3rem 0;overflow-wrap:anywhere}",
	".summary li:first-child{font-size:1.18rem;font-weight:600;line-height:1.4}",
	".card{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--unknown);border-radius:8px;padding:1.1rem 1.25rem;margin:0 0 1rem;break-inside:avoid}",
	".card.heavy{border-left-color:var(--lost)}",
	".card.medium{border-left-color:var(--overhead)}",
	".card h3{margin:0 0 .8rem;font-size:1.08rem;line-height:1.4;overflow-wrap:anywhere}",
	"dl{margin:.5rem 0;display:grid;gap:.3rem}",
	"dl div{display:grid;grid-template-columns:8.5rem 1fr;gap:1rem}",
	"dt{color:var(--soft);font-size:.88rem;line-height:1.7}",
	"dd{margin:0;overflow-wrap:anywhere;white-space:pre-line}",
	"figure{margin:.9rem 0 1.1rem}",
	".when svg{display:block;width:100%;height:42px;overflow:visible}",
	".when .track{fill:var(--track)}",
	".tick{fill:var(--soft);font-size:11px}",
	".bar{display:grid;grid-template-columns:minmax(7rem,13rem) 1fr;gap:.9rem;align-items:center;margin:.35rem 0}",
	".bar .label{font-size:.85rem;text-align:right;overflow-wrap:anywhere;line-height:1.25}",
	".bar svg{display:block;width:100%;height:26px;border-radius:4px;background:var(--track)}",
	".bar rect{stroke:var(--paper);stroke-width:1}",
	".bar text{font-size:11.5px;text-anchor:middle;dominant-baseline:central;fill:var(--on-dark);pointer-events:none;font-variant-numeric:tabular-nums}",
	".work rect{fill:var(--work)}.overhead rect{fill:var(--overhead)}.lost rect{fill:var(--lost)}.wait rect{fill:var(--wait)}.idle rect{fill:var(--idle)}.unknown rect{fill:var(--unknown)}",
	".overhead text,.idle text,.unknown text{fill:var(--ink)}",
	"@media(prefers-color-scheme:dark){.overhead text{fill:var(--on-light)}}",
	".s1 rect{fill-opacity:.72}.s2 rect{fill-opacity:.5}.s3 rect{fill-opacity:.32}",
	".s2 text,.s3 text{fill:var(--ink)}",
	".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;padding:0;margin:.7rem 0 0;font-size:.83rem;color:var(--soft)}",
	".legend li{display:flex;align-items:center;gap:.45rem}",
	".swatch{width:13px;height:13px;border-radius:3px;flex:none}",
	".histogram figcaption{font-size:.88rem;margin-bottom:.4rem;font-weight:600}",
	".bin{display:grid;grid-template-columns:11rem 5rem 1fr;gap:.8rem;align-items:center;font-size:.8rem;font-variant-numeric:tabular-nums}",
	".bin span{text-align:right;color:var(--soft)}",
	".bin svg{display:block;width:100%;height:12px}",
	".scroll{overflow-x:auto;margin:.6rem 0}",
	"table{border-collapse:collapse;font-size:.86rem;min-width:40%}",
	"th{font-weight:600;text-align:left;color:var(--soft);border-bottom:1px solid var(--soft);vertical-align:bottom;white-space:nowrap;font-size:.8rem}",
	"td{border-bottom:1px solid var(--line);vertical-align:top;font-variant-numeric:tabular-nums}",
	"th,td{padding:.32rem 1.1rem .32rem 0}th:last-child,td:last-child{padding-right:.2rem}",
	"td.n,th.n{text-align:right;white-space:nowrap}",
	"tbody tr:hover{background:var(--card)}",
	".depth-1{padding-left:1.4rem}.depth-2{padding-left:2.8rem}.depth-3{padding-left:4.2rem}.depth-4{padding-left:5.6rem}.depth-5{padding-left:7rem}.depth-6{padding-left:8.4rem}",
	".series svg{display:block;width:160px;height:16px;background:var(--track)}",
	".note,.none{color:var(--soft);font-size:.83rem}",
	"details{margin-top:.8rem}summary{cursor:pointer;color:var(--accent);font-size:.88rem}",
	"pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.55rem .8rem;margin:.5rem 0;overflow-x:auto;font-size:.83rem}",
	"footer{max-width:1080px;margin:0 auto;padding:1.5rem;color:var(--soft);font-size:.8rem}",
	"@media(max-width:640px){main{padding:1.25rem 1rem}dl div,.bar{grid-template-columns:1fr;gap:.1rem}.bar .label{text-align:left}.bin{grid-template-columns:9rem 4rem 1fr}}",
	"@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--track:#eee;--idle:#d3d8de;--unknown:#9aa2ac;--work:#0072b2;--lost:#d55e00;--wait:#b06a92}body{font-size:10.5pt}nav{display:none}.scroll{overflow:visible}svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}}",
};
/* clang-format on */

char *html_style(void)
{
	GString *style = g_string_new("\n");

	for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
		g_string_append_printf(style, "%s\n", rules[i]);
	return g_string_free(style, FALSE);
}

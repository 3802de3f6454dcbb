#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report for people: it leads with at most five lines, and as a page it needs nothing but itself."""
import base64
import hashlib
import html.parser
import json
import re

import tap

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(html.parser.HTMLParser):
    """Elements and what is in them; complains of what is not closed."""
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        tap.equal(self.open, [], "elements that are not closed")

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), self.getpos()))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), self.getpos()))

    def handle_endtag(self, tag):
        tap.equal(self.open.pop() if self.open else None, tag, f"closed at {self.getpos()}")

    def handle_data(self, data):
        self.text.append((tuple(self.open[-2:]), data))

    def of(self, tag):
        return [attrs for name, attrs, _ in self.elements if name == tag]

    def inside(self, *where):
        return [data for open_elements, data in self.text if open_elements[-len(where):] == where]


def page_of(*arguments):
    text = tap.strata(*arguments, "--format=html").stdout
    return text, Page(text)


def parts(text):
    """Headings (lines that do not begin with a blank) and what stands below them."""
    return [(block.splitlines()[0], block.splitlines()[1:]) for block in re.split(r"\n\n(?=\S)", text)]


def check_text(scenario):
    all_of = parts(tap.strata("report", scenario).stdout)
    report = json.loads(tap.strata("report", "--format=json", scenario).stdout)
    names = [name for name, lines in all_of if not name.startswith(" ")]
    tap.equal(names[:4 if report["notes"] else 3], ["Summary", "Findings"] + ["Of little weight"] * bool(report["notes"]) + ["Who runs in whom"], "the first parts")
    tap.check(1 <= len(all_of[0][1]) <= 5, f"summary: {all_of[0][1]}")
    findings = report["findings"]
    tap.equal([line.strip() for line in all_of[0][1]], report["summary"], "the same lines for programs")
    first = findings[0]["title"] if findings else "Nothing of weight"
    tap.check(first in all_of[0][1][0], f"the first line is not of the first finding: {all_of[0][1][0]}")


def test_the_text_leads_with_five_lines():
    for scenario in tap.scenarios():
        yield scenario.name, check_text, scenario


def check_guest_alone(trace, whole):
    report = json.loads(tap.strata("report", "--format=json", trace).stdout)
    machine, = [m for m in report["machines"] if m["trace"]]
    tap.check(machine["virtual_by"].startswith(("virtio", "vd")), f"by {machine['virtual_by']}")
    hint = f"What the host of {machine['name']} does"
    runs_vms = len(report["machines"]) > 1
    tap.equal(hint in report["summary"][-1], not runs_vms, f"the hint in {report['summary'][-1]}")
    tap.check(hint not in whole, "the hint where its host is known")


def test_a_guest_alone_is_told_that_its_host_is_missing():
    for scenario in tap.scenarios():
        truth = json.loads((scenario / "truth.json").read_text()) if (scenario / "truth.json").exists() else {"machines": []}
        whole = "".join(json.loads(tap.strata("report", "--format=json", scenario).stdout)["summary"])
        for machine in truth["machines"]:
            if machine.get("traced") and machine["level"]:
                yield f"{scenario.name}/{machine['name']}", check_guest_alone, scenario / machine["dir"], whole


def check_page(scenario):
    text, page = page_of("report", scenario)
    report = json.loads(tap.strata("report", "--format=json", scenario).stdout)
    policy = [attrs["content"] for attrs in page.of("meta") if attrs.get("http-equiv") == "Content-Security-Policy"][0]
    style = "".join(page.inside("style"))
    tap.check("default-src 'none'" in policy and "unsafe" not in policy, policy)
    tap.check(base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy, "the policy does not allow the page's own style")
    for tag, attrs, where in page.elements:
        tap.check(tag not in ("script", "link", "img", "iframe", "object", "base"), f"{where}: <{tag}>")
        for name, value in attrs.items():
            tap.check(name not in ("src", "style") and not name.startswith("on"), f"{where}: {name}=")
            tap.check(name != "href" or value.startswith("#"), f"{where}: {name}={value}")
    tap.check("url(" not in style and "@import" not in style, "the style asks for a file")
    tap.equal(len(page.inside("article", "h3")), len(report["findings"]), "cards")
    for finding, title in zip(report["findings"], page.inside("article", "h3")):
        tap.check(finding["title"] in title, title)
    tap.equal(sum("when" in attrs.get("class", "") for attrs in page.of("figure")), sum(bool(f["ranges"]) for f in report["findings"]), "charts of when")
    tap.check({attrs["href"][1:] for attrs in page.of("a")} == {attrs["id"] for attrs in page.of("section")}, "contents")


def test_a_page_needs_nothing_but_itself():
    for scenario in tap.scenarios():
        yield scenario.name, check_page, scenario


def test_bars_are_the_tables_shares():
    scenario = tap.SAMPLES / "nested-cpu"
    text, _ = page_of("report", scenario)
    part = text[text.index("Where the time of every level went</h2>"):]
    bars = re.findall(r'<div class="bar">.*?</div>', part[:part.index("</figure>")], re.S)
    levels = json.loads(tap.strata("report", "--format=json", scenario).stdout)["levels"]
    names = list(dict.fromkeys(row["name"] for row in levels))
    tap.equal(len(bars), len(names), "bars")
    for bar, name in zip(bars, names):
        widths = [float(w) for w in re.findall(r'width="([0-9.]+)%"', bar)]
        wanted = [row["share"] * 100 for row in levels if row["name"] == name]
        tap.check(len(widths) == len(wanted) and all(abs(a - b) < 0.001 for a, b in zip(widths, wanted)), f"{name}: {widths}, {wanted}")


def test_tables_are_pages_too():
    for command in (["threads"], ["requests", "--histogram"], ["vms"], ["sync"], ["info"], ["exits", "--by=what", "--histogram"]):
        _, page = page_of(*command, tap.SAMPLES / "one-vm-io")
        tap.check(page.of("table") or page.of("dl"), f"{command}: no table")
    tap.check("export" in tap.strata("states", "--format=html", tap.SAMPLES / "one-vm-io", status=2).stderr, "states")


tap.main(globals())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of strata serve, in a browser."""
import atexit
import contextlib
import functools
import json
import pathlib
import shutil
import struct
import tempfile
import time
import urllib.request
import xml.etree.ElementTree

import browser
import tap
from served import Server

SAMPLE = tap.SAMPLES / "nested-cpu"


# Servers and browsers are started once for all tests that want the same.
RUNNING = contextlib.ExitStack()
atexit.register(RUNNING.close)


@functools.cache
def served(trace):
    """A server of the trace; the page is the source's."""
    cache = RUNNING.enter_context(tempfile.TemporaryDirectory())
    server = Server("--web-dir", tap.SOURCE / "web", trace, cache=cache)
    RUNNING.callback(server.stop)
    server.wait()
    return server


@functools.cache
def chromium(width, height):
    return RUNNING.enter_context(browser.Browser(width, height))


@contextlib.contextmanager
def opened(server, fragment="", width=1280, height=900):
    if not browser.find():
        tap.skip("there is no Chromium")
    page = chromium(width, height).page(server.url + fragment)
    try:
        page.wait("document.documentElement?.dataset.ready === '1'")
        yield page
        tap.equal(page.errors, [], "what the page complained of")
    finally:
        page.close()


def settled(page):
    """The timeline has drawn all that it asked for."""
    page.wait("(() => { const t = strata.timeline(); return t && !t.frame && !t.pictures.busy && t.pictures.strips.size > 0; })()")


def view_range(page):
    return page.evaluate("[strata.app.view.b, strata.app.view.e]")


# ---- In the browser -------------------------------------------------------------------------------------------------------


def test_every_view_of_every_sample_opens_without_an_error():
    for trace in tap.scenarios():
        yield trace.name, check_views, trace


def check_views(trace):
    server = served(trace)
    with opened(server) as page:
        tap.check(page.evaluate("document.querySelector('.verdict h1').textContent.length > 10"), "a verdict in words")
        answer = server.json("GET", "/api/v1/findings")
        cards = [page.evaluate(f"document.querySelectorAll('.card[data-finding]{which}').length") for which in (":not(.light)", ".light")]
        tap.equal(cards, [len(answer["findings"]), len(answer["notes"])], "a card for each finding, and a line for each note")
        tap.equal(page.evaluate("strata.app.findings.flatMap(f => f.evidence.map(e => e.row)).filter(row => !strata.app.byPath.has(row))"), [], "rows of evidence that the timeline does not have")
        page.key("2")
        settled(page)
        for panel in ("interval", "range", "path", "events", "bookmarks"):
            page.evaluate(f"strata.app.change({{panel: '{panel}'}})")
            page.wait(f"document.querySelector('.panel').dataset.kind === '{panel}' && document.querySelector('.panel-body').childElementCount > 0")
        for table in server.json("GET", "/api/v1/tables")["tables"]:
            page.evaluate(f"strata.app.change({{tab: 'tables', table: '{table['name']}', options: {{}}}})")
            page.wait(f"document.querySelector('.table-main h1')?.textContent === '{table['name']}' && !document.querySelector('.waiting') && document.querySelector('.table-body').childElementCount > 0")
            refused = page.evaluate("document.querySelector('.table-body .notice strong')?.textContent ?? ''")
            tap.check("could not" not in refused, f"{table['name']}: {refused}")
        tap.check(page.requests and all(url.startswith(server.url) for url in page.requests if not url.startswith(("blob:", "data:"))), "no request leaves the server that the page is from")


def test_one_click_leads_from_a_finding_to_its_evidence():
    with opened(served(SAMPLE)) as page:
        finding = served(SAMPLE).json("GET", "/api/v1/findings")["findings"][0]
        page.click_on(".card .title")
        settled(page)
        begin, end = view_range(page)
        tap.check(begin <= finding["ranges"][0][0] and end >= finding["ranges"][-1][1], f"the timeline shows {begin} to {end}, where it mattered is {finding['ranges']}")
        rows = page.evaluate("strata.timeline().lines.slice(1).map(l => l.node.row?.path).filter(Boolean)")
        tap.equal(rows[0], finding["evidence"][0]["row"], "the evidence's row stands on top")
        # The next piece of evidence is selected, and in sight.
        page.key(".")
        page.wait(f"strata.timeline().interval?.[0] <= {finding['evidence'][0]['begin']} && strata.timeline().interval?.[1] >= {finding['evidence'][0]['end']}")
        begin, end = view_range(page)
        tap.check(begin <= finding["evidence"][0]["begin"] < finding["evidence"][0]["end"] <= end, "the interval is in sight")
        page.wait(f"document.querySelector('.panel').innerText.includes('{finding['evidence'][0]['state']}')")


def test_keys_zoom_and_pan_and_the_address_follows():
    with opened(served(SAMPLE), "#timeline") as page:
        settled(page)
        whole = view_range(page)
        tap.equal(page.evaluate("location.hash"), "#timeline", "the whole recording needs no words")
        page.key("w")
        near = view_range(page)
        tap.check(near[0] > whole[0] and near[1] < whole[1], f"W zooms in: {near}")
        page.wait(f"location.hash.includes('b={round(near[0])}')")
        time.sleep(0.7)  # moves in quick succession are undone as one
        page.key("d")
        right = view_range(page)
        tap.check(right[0] > near[0] and abs((right[1] - right[0]) - (near[1] - near[0])) < 2, f"D pans: {right}")
        page.key("u")
        tap.equal(view_range(page), near, "U undoes what was done last")
        page.key("u")
        tap.equal(view_range(page), whole, "and what was before it")
        page.key("U", shift=True)
        tap.equal(view_range(page), near, "Shift+U does it again")
        page.key("0")
        tap.equal(view_range(page), whole, "0 shows all")


def test_the_wheel_zooms_at_the_mouse():
    with opened(served(SAMPLE), "#timeline") as page:
        settled(page)
        box = page.evaluate("(() => { const r = strata.timeline().canvas.getBoundingClientRect(); return [r.x, r.y, r.width]; })()")
        x = box[0] + box[2] / 4
        whole = view_range(page)
        before = page.evaluate(f"strata.timeline().timeAt({x - box[0]})")
        page.mouse("mouseMoved", x, box[1] + 50)
        page.mouse("mouseWheel", x, box[1] + 50, deltaX=0, deltaY=-240)
        page.wait("strata.app.view.e - strata.app.view.b < strata.app.length * 0.6")
        after = page.evaluate(f"strata.timeline().timeAt({x - box[0]})")
        pixel = (whole[1] - whole[0]) / box[2]
        tap.check(abs(after - before) < pixel, f"the time at the mouse stays where it is: {before}, then {after}")


def test_a_search_finds_rows_that_are_folded():
    with opened(served(SAMPLE), "#timeline") as page:
        settled(page)
        tap.check(not page.evaluate("strata.timeline().lines.some(l => l.node.row?.path.includes('periodic'))"), "it is folded")
        for key in "/periodic":
            page.key(key)
        page.key("Enter")
        page.wait("strata.app.view.row.includes('periodic') && strata.timeline().lines.some(l => l.node.row?.path === strata.app.view.row)")
        first = page.evaluate("strata.app.view.row")
        page.key("n")
        page.key("N", shift=True)
        tap.equal(page.evaluate("strata.app.view.row"), first, "N goes back to where n came from")
        page.key("f")
        tap.check(not page.evaluate("strata.timeline().lines.some(l => l.node.row?.path === strata.app.view.row)"), "F folds it")


def test_dragging_selects_a_range_whose_sums_are_exact():
    with opened(served(SAMPLE), "#timeline?filter=a/vm/175/vcpu") as page:
        settled(page)
        box = page.evaluate("(() => { const r = strata.timeline().canvas.getBoundingClientRect(); return [r.x, r.y]; })()")
        page.mouse("mousePressed", box[0] + 250, box[1] + 300, "left", clickCount=1, modifiers=8)
        page.mouse("mouseMoved", box[0] + 260, box[1] + 300, "left", buttons=1, modifiers=8)
        page.mouse("mouseMoved", box[0] + 270, box[1] + 300, "left", buttons=1, modifiers=8)
        page.mouse("mouseReleased", box[0] + 270, box[1] + 300, "left", clickCount=1, modifiers=8)
        page.wait("document.querySelectorAll('.sum').length > 0")
        view = page.evaluate("[strata.app.view.sb, strata.app.view.se, strata.app.view.b, strata.app.view.e]")
        tap.check(view[2] < view[0] < view[1] < view[3], f"a range within what is seen: {view}")
        row = page.evaluate("strata.app.byPath.get('a/vm/175/vcpu/0').id")
        states = page.evaluate("strata.app.states.get(strata.app.byPath.get('a/vm/175/vcpu/0').id).map(s => s.name)")
        with urllib.request.urlopen(f"{served(SAMPLE).url}api/v1/intervals?row={row}&begin={int(view[0])}&end={-int(-view[1] // 1)}&limit=10000") as answer:
            answer = json.load(answer)
        tap.check(not answer["more"], "all intervals of the range")
        intervals = answer["intervals"]
        inside = sum(min(end, view[1]) - max(begin, view[0]) for begin, end, state, _ in intervals if states[state] == "guest-l1")
        wanted = page.evaluate(f"import('/format.js').then(f => f.duration({inside}))")
        said = page.wait("document.querySelector('.sum').innerText.replace(/\\s+/g, ' ')")
        tap.check(f"guest-l1 {wanted}" in said, f"in the guest for {wanted} of {view}, and the page says: {said}")


def test_an_address_restores_the_view():
    fragment = "#timeline?b=6000000000&e=8000000000&row=a/vm/175/vcpu/0&sb=6300000000&se=7500000000&filter=vcpu&pins=a/cpu/0&bookmarks=6500000000~here&panel=range"
    with opened(served(SAMPLE), fragment) as page:
        settled(page)
        view = page.evaluate("strata.app.view")
        tap.equal([view[k] for k in ("tab", "b", "e", "row", "sb", "se", "filter", "pins", "panel")],
                  ["timeline", 6000000000, 8000000000, "a/vm/175/vcpu/0", 6300000000, 7500000000, "vcpu", ["a/cpu/0"], "range"], "what the address says")
        tap.equal(view["bookmarks"], [{"time": 6500000000, "note": "here"}], "bookmarks")
        labels = page.evaluate("strata.timeline().lines.map(l => l.node.row?.path).filter(Boolean)")
        tap.equal(labels[0], "a/cpu/0", "pinned rows stand on top")
        tap.check(all("vcpu" in path for path in labels[1:]), f"only rows that fit the filter: {labels}")
        page.evaluate("strata.app.write()")
        tap.equal(page.evaluate("strata.app.view.b"), 6000000000, "writing it changes nothing")


def test_bookmarks_are_there_again_when_the_page_is_opened_anew():
    with opened(served(SAMPLE), "#timeline") as page:
        settled(page)
        page.key("b")
        page.wait("!!document.querySelector('.bookmark input')")
        page.evaluate("document.querySelector('.bookmark input').focus()")
        for key in "50 % | <b>":
            page.key(key)
        page.wait("strata.app.view.bookmarks[0].note === '50 % | <b>'")
        mark = page.evaluate("strata.app.view.bookmarks[0]")
    with opened(served(SAMPLE), "#timeline?panel=bookmarks&bookmarks=1000000000~a%20link%27s") as page:
        tap.equal(page.evaluate("strata.app.view.bookmarks"), [{"time": 1000000000, "note": "a link's"}, mark], "the link's, and what the browser kept")
        page.evaluate("strata.app.write()")
        tap.equal(page.evaluate("import('/view.js').then(v => v.parse(location.hash).bookmarks)")[1], mark, "the address has them as they are")
        page.wait("document.querySelectorAll('.bookmark').length === 2")
        page.evaluate("document.querySelectorAll('.bookmark')[1].querySelector('[title=\"Forget it\"]').click()")
        page.wait("document.querySelectorAll('.bookmark').length === 1")
        page.evaluate("document.querySelector('.bookmark [title=\"Forget it\"]').click()")
        tap.equal(page.evaluate("localStorage.getItem('strata-bookmarks')"), "[]", "what was removed is gone")


def test_a_part_of_a_histogram_shows_those_items():
    server = served(SAMPLE)
    columns = "document.querySelectorAll('.bars')[0].children"
    with opened(server, "#tables?table=syscalls&o.histogram=1") as page:
        page.wait(f"document.querySelectorAll('.bars').length > 0 && {columns}.length > 3")
        bins = page.evaluate("import('/api.js').then(api => api.once('table/syscalls', {limit: 5000, histogram: 1}))"
                                      + ".then(t => { const c = t.columns.find(c => c.unit === 'histogram').name, r = [...t.rows].sort((a, b) => b.count - a.count)[0]; return r[c]; })")
        boxes = page.evaluate(f"[...{columns}].map(b => b.getBoundingClientRect()).map(r => [r.x + r.width / 2, r.y + r.height / 2])")
        page.mouse("mousePressed", *boxes[1], "left", clickCount=1)
        page.mouse("mouseMoved", *boxes[2], "left", buttons=1)
        page.mouse("mouseReleased", *boxes[2], "left", clickCount=1)
        page.wait("strata.app.view.options.log === '1' && !!document.querySelector('.bars')")
        tap.equal(page.evaluate("strata.app.view.options.between"), f"{bins[1][0]}-{bins[2][1]}", "both bars' durations")
        tap.equal(page.evaluate(f"[...{columns}].map(b => b.getAttribute('aria-pressed')).indexOf('true')"), 1, "the histogram is still there, and says which")
        tap.equal(page.evaluate("document.querySelectorAll('.grid tbody tr').length"), min(200, bins[1][2] + bins[2][2]), "as many items as the bars say")
        page.evaluate(f"{columns}[0].focus()")
        page.key("ArrowRight")
        page.key("ArrowRight", shift=True)
        page.key("ArrowRight", shift=True)
        page.key("Enter")
        page.wait(f"strata.app.view.options.between === '{bins[1][0]}-{bins[3][1]}'")
        page.evaluate("document.querySelector('[title=\"All of them again\"]').click()")
        page.wait("!strata.app.view.options.between && strata.app.view.options.histogram === '1'")


def test_the_timeline_is_saved_as_a_drawing_that_looks_the_same():
    with opened(served(SAMPLE), "#timeline?bookmarks=6500000000~%3Cb%3E%20%26%20%22%01&sb=3000000000&se=4000000000") as page:
        settled(page)
        text = page.evaluate("import('/save.js').then(s => s.svgOf(strata.timeline()))")
        root = xml.etree.ElementTree.fromstring(text.encode())
        texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        tap.check({'<b> & "', "1.00 s", "10 s", "L1 vCPU 0", "preempted"} <= set(texts), f"the note, the selected range, the axis, rows and the legend: {texts}")
        tap.check("href" not in text and "url(http" not in text, "nothing from elsewhere")
        alike = page.evaluate("""import('/save.js').then(async save => {
            const png = save.pngOf(strata.timeline()), image = new Image(), svg = document.createElement('canvas');
            image.src = URL.createObjectURL(new Blob([save.svgOf(strata.timeline())], {type: 'image/svg+xml'}));
            await image.decode();
            [svg.width, svg.height] = [png.width, png.height];
            svg.getContext('2d').drawImage(image, 0, 0);
            const [a, b] = [png, svg].map(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data);
            let same = 0;
            for (let i = 0; i < a.length; i += 4)
                same += Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2]) < 48;
            return same / (a.length / 4);
        })""")
        tap.check(alike > 0.98, f"{alike:.1%} of the pixels are those of the PNG")


def test_processes_of_a_container_stand_below_it():
    trace = tap.SAMPLES / "container"
    rows = served(trace).json("GET", "/api/v1/rows")["rows"]
    wanted = {(row["path"], row["container"]) for row in rows if "container" in row and row["tid"] == row["pid"]}
    tap.check(wanted, "the sample has containers")
    with opened(served(trace), "#timeline?quiet=1") as page:
        settled(page)
        found = page.evaluate("""(() => {
            const found = [], walk = (node, container) => {
                const inside = node.key.includes('/container/') ? node.label : container;
                if (node.row?.kind === 'thread' && node.row.tid === node.row.pid)
                    found.push([node.row.path, inside]);
                node.children.forEach(child => walk(child, inside));
            };
            strata.timeline().roots.forEach(root => walk(root, ''));
            return found;
        })()""")
        tap.equal({(path, inside) for path, inside in found if inside}, wanted, "each main thread stands in its container, and nobody else does")


def test_back_leads_to_the_view_before():
    with opened(served(SAMPLE)) as page:
        page.key("2")
        page.wait("location.hash.startsWith('#timeline')")
        page.evaluate("history.back()")
        page.wait("strata.app.view.tab === 'findings' && !!document.querySelector('.verdict')")


def test_the_critical_path_covers_the_range():
    with opened(served(SAMPLE), "#timeline?b=6000000000&e=6200000000&row=a/vm/175/vcpu/0") as page:
        settled(page)
        page.key("c")
        page.wait("strata.timeline().path.length > 0")
        path = page.evaluate("strata.timeline().path")
        tap.equal([path[0][0], path[-1][1]], [6000000000, 6200000000], "from begin to end")
        tap.check(all(a[1] == b[0] for a, b in zip(path, path[1:])), "piece by piece")
        page.wait("document.querySelectorAll('.flame .bar-button').length > 3")
        tap.check("200 ms" in page.evaluate("document.querySelector('.flame .bar-button').title"), "its flame graph is as long as the range")
        page.key("c")
        page.wait("strata.timeline().path.length === 0")


def test_a_frame_with_200_rows_costs_less_than_10_ms_of_script():
    with opened(served(SAMPLE), "#timeline?size=6&quiet=1&open=l0-17000/process|a/process|l0-17000/kernel|a/kernel", height=1500, width=1600) as page:
        settled(page)
        page.wait("strata.timeline().lines.length > 250")
        page.evaluate("strata.timeline().times.length = 0")
        for _ in range(10):
            page.key("d")
            page.key("w")
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        times = sorted(page.evaluate("strata.timeline().times"))
        rows = page.evaluate("strata.timeline().height / strata.app.view.size")
        tap.check(rows >= 180, f"{rows} rows in sight")
        tap.check(times[len(times) // 2] < 10 * browser.PATIENCE / 20, f"ms a frame: {times}")


def test_numbers_are_written_as_people_read_them():
    cases = {"duration(0)": "0 s", "duration(999)": "999 ns", "duration(1348380035)": "1.35 s", "duration(999.7e6)": "1.00 s", "duration(125e9)": "2 min 5 s", "time(9341480971, 1)": "9.341480971 s",
             "time(61.5e9, 1e8)": "1:01.5", "percent(0.12013)": "12.0 %", "percent(0.0004)": "<0.1 %", "bytes(1536)": "1.50 KiB", "count(1234567)": "1,234,567", "heading('ON CPU')": "On CPU",
             "heading('VCPU')": "vCPU", "cell(null, 'ns')": "–"}
    with opened(served(SAMPLE)) as page:
        for call, wanted in cases.items():
            tap.equal(page.evaluate(f"import('/format.js').then(f => f.{call})"), wanted, call)


def test_kinds_of_time_are_told_apart_without_red_and_green():
    """Work, the hypervisor's work and lost time, in both themes, as people see them who lack one kind of cones (Machado, Oliveira, Fernandes 2009)."""
    sights = {"protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
              "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)), "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1))}
    names = {"user": "run", "guest-l1": "run", "guest-l2": "run", "exit": "exit", "preempted": "lost", "steal": "lost", "throttled": "lost"}
    with opened(served(SAMPLE)) as page:
        for dark in ("false", "true"):
            colours = {name: page.evaluate(f"import('/states.js').then(s => (s.useDark({dark}), s.colour({{name: '{name}', class: '{kind}'}})))") for name, kind in names.items()}
            for sight, matrix in sights.items():
                for one, other in ((a, b) for a in names for b in names if names[a] < names[b]):
                    distance = sum((x - y) ** 2 for x, y in zip(lab(colours[one], matrix), lab(colours[other], matrix))) ** 0.5
                    tap.check(distance > 20, f"{one} and {other}, dark {dark}, {sight}: {distance:.0f}")


def lab(colour, matrix):
    """A colour as somebody sees it, in CIE L*a*b*, in which distances are differences that people see."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))]
    red, green, blue = (min(max(sum(m * c for m, c in zip(row, linear)), 0), 1) for row in matrix)
    x, y, z = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505, 0.2126 * red + 0.7152 * green + 0.0722 * blue, (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


# ---- What the page asks ---------------------------------------------------------------------------------------------------


def test_sums_of_a_picture_are_those_of_the_states():
    """Columns and intervals, added up over the whole, are what /sums says of each state."""
    server = served(SAMPLE)
    length = server.json("GET", "/api/v1/experiment")["length"]
    rows = [row["id"] for row in server.json("GET", "/api/v1/rows")["rows"] if row["busy"]]
    sums = {row["id"]: row["ns"] for row in server.json("GET", f"/api/v1/sums?rows={','.join(map(str, rows))}")["rows"]}
    for width in (64, 4096):
        with urllib.request.urlopen(f"{server.url}api/v1/picture?rows={','.join(map(str, rows))}&width={width}") as answer:
            picture = decode(answer.read(), width)
        for row, shares in picture.items():
            for state, ns in enumerate(sums[row]):
                tap.check(abs(shares.get(state, 0.0) * length - ns) <= 0.001 * length + 1, f"row {row}, state {state}, width {width}: {shares.get(state, 0.0) * length} for {ns}")


def decode(data, width):
    """Per row each state's part of the whole."""
    magic, n_rows = struct.unpack_from("<II", data)
    tap.equal(magic, 0x31495053, "magic")
    at, rows = 8, {}
    for _ in range(n_rows):
        row, form, n = struct.unpack_from("<III", data, at)
        at += 12
        shares = rows[row] = {}
        if form == 0:
            for _, count, share, state in struct.iter_unpack("<HHHBx", data[at:at + 8 * n]):
                shares[state] = shares.get(state, 0.0) + count * share / 65535 / width
            at += 8 * n
            at += 4 + 16 * struct.unpack_from("<I", data, at)[0]
        else:
            begins = struct.unpack_from(f"<{n}I", data, at)
            for begin, end, state in zip(begins, begins[1:], data[at + 8 * n:at + 9 * n]):
                shares[state] = shares.get(state, 0.0) + (end - begin) / 2**32
            at += 8 * n + (n + 3) // 4 * 4
    return rows


def test_events_around_a_time_are_those_of_the_command():
    server = served(SAMPLE)
    time_ns = 6400000000
    begin = int(server.json("GET", "/api/v1/experiment")["begin"])
    page = server.json("GET", f"/api/v1/events?time={time_ns}&count=40")["events"]
    tap.equal(len(page), 40, "as many as were asked for")
    tap.equal(sum(e["time"] < time_ns for e in page), 20, "as many before as behind")
    tap.check(all(a["time"] <= b["time"] and a["index"] + 1 == b["index"] for a, b in zip(page, page[1:])), "in order")
    host = [e for e in page if e["machine"] == 0]
    lines = tap.strata("events", "--format=json", f"--begin={begin + host[0]['time']}", f"--end={begin + host[-1]['time']}", SAMPLE / "host").stdout.splitlines()
    tap.equal([e["name"] for e in host], [json.loads(line)["name"] for line in lines], "the host's events")


def test_alone_is_what_the_machine_saw_itself():
    server = served(SAMPLE)
    row = next(row for row in server.json("GET", "/api/v1/rows")["rows"] if row["path"] == "n/cpu/0")
    states = server.json("GET", "/api/v1/rows")["kinds"][row["kind"]]
    lost = {}
    for alone in (0, 1):
        sums = server.json("GET", f"/api/v1/sums?rows={row['id']}&alone={alone}")["rows"][0]["ns"]
        lost[alone] = sum(ns for ns, state in zip(sums, states) if state["name"] == "steal")
    tap.check(lost[0] > 1e9 and lost[1] == 0, f"a guest does not see what its host took: {lost}")


def test_no_more_is_sent_than_pixels_need():
    server = served(SAMPLE)
    rows = [row["id"] for row in server.json("GET", "/api/v1/rows")["rows"]][:200]
    with urllib.request.urlopen(f"{server.url}api/v1/picture?rows={','.join(map(str, rows))}&width=2000") as answer:
        tap.check(len(answer.read()) < 200 * 2000 * 8, "less than a state for each pixel")


def test_wrong_questions_are_refused():
    server = served(SAMPLE)
    for path, status in (("picture?rows=x", 400), ("picture?rows=99999999", 400), ("picture?rows=1&width=0", 400), ("picture?rows=1&begin=5&end=5", 400), ("sums?rows=" + ",".join(["1"] * 1001), 400),
                         ("intervals", 400), ("intervals?row=1&limit=0", 400), ("critical-path?row=0", 404), ("table/none", 404), ("table/threads?sort=none", 400), ("table/threads?every=-1", 400),
                         ("experiment?experiment=none", 404)):
        got, _, text = server.ask("GET", f"/api/v1/{path}")
        tap.equal(got, status, path)
        tap.check(json.loads(text)["title"], f"{path}: a title")


def test_a_table_is_what_the_command_prints():
    server = served(SAMPLE)
    _, _, text = server.ask("GET", "/api/v1/table/threads?format=csv&limit=1000")
    with tempfile.TemporaryDirectory() as cache:
        wanted = tap.strata("threads", "--format=csv", SAMPLE, env={"XDG_CACHE_HOME": cache, "PATH": "/usr/bin"}).stdout
    tap.equal(text.decode(), wanted, "threads")


def test_the_perfetto_trace_is_what_the_command_writes():
    server = served(SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        status, _, got = server.ask("GET", "/api/v1/perfetto")
        tap.equal(status, 200, "status")
        tap.strata("export", "--to=perfetto", f"--output={folder}/trace", SAMPLE, env={"XDG_CACHE_HOME": folder, "PATH": "/usr/bin"})
        tap.check(got == pathlib.Path(folder, "trace").read_bytes(), "the same bytes")


def test_types_of_the_page_are_right():
    """Its comments say what everything is; the compiler of TypeScript checks them where it is installed."""
    compiler = shutil.which("tsc")
    if not compiler:
        tap.skip("there is no tsc")
    tap.run(compiler, "--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node", "--lib", "es2022,dom,dom.iterable",
            *sorted((tap.SOURCE / "web").glob("*.js")))


tap.main(globals())

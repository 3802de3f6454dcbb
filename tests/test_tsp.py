#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strata serve: the Trace Server Protocol 0.6. Every answer has the shape that viewers rely on, and what is in it agrees with what commands say."""
import atexit
import concurrent.futures
import csv
import http.client
import io
import json
import math
import os
import pathlib
import random
import re
import shutil
import socket
import tempfile
import threading
import time

import tap
from handmade_talk import talk
from served import Server

SAMPLE = tap.SAMPLES / "nested-cpu"
SLOW = int(os.environ.get("STRATA_PATIENCE", "1")) > 1
CACHE = tempfile.TemporaryDirectory()
HISTOGRAM = "org.eclipse.tracecompass.internal.tmf.core.histogram.HistogramDataProvider"
PATHS = {"TIME_GRAPH": "timeGraph", "GANTT_CHART": "timeGraph", "TREE_TIME_XY": "XY", "TREE_GENERIC_XY": "genericXY", "DATA_TREE": "data"}
DATA_TYPES = {"NUMBER", "BINARY_NUMBER", "TIMESTAMP", "DURATION", "STRING", "TIME_RANGE"}


def start():
    server = Server(SAMPLE, cache=CACHE.name)
    atexit.register(lambda: server.process.poll() is None and server.stop())
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = server.json("GET", "/tsp/api/experiments")[0]
        if found["indexingStatus"] == "COMPLETED":
            return server, found
        time.sleep(0.05)
    raise AssertionError("the analysis takes too long")


SERVER, E = start()
BASE = f"/tsp/api/experiments/{E['UUID']}"
OUTPUTS = SERVER.json("GET", f"{BASE}/outputs")


def ask(path, parameters=None, output=None):
    """The model of an answer, and that its wrapper is right."""
    answer = SERVER.json("POST", f"{BASE}/outputs/{path}", {} if parameters is None else {"parameters": parameters})
    tap.equal(set(answer), {"model", "status", "statusMessage"}, f"wrapper of {path}")
    tap.equal(answer["status"], "COMPLETED", path)
    return answer["model"]


def span(output, times=500):
    """The range of all: a flame graph's begins at 0."""
    begin, end = (0, E["end"] - E["start"]) if output["type"] == "GANTT_CHART" else (E["start"], E["end"])
    return {"requested_timerange": {"start": begin, "end": end, "nbTimes": times}}


def tree(output, **more):
    return ask(f"{PATHS[output['type']]}/{output['id']}/tree", {**span(output), **more})


def of_type(*types):
    return [output for output in OUTPUTS if output["type"] in types]


def output_of(name):
    return next(output for output in OUTPUTS if output["id"] == name)


def states(name, ids, **more):
    output = output_of(name)
    return ask(f"timeGraph/{name}/states", {**span(output), "requested_items": ids, **more})["rows"]


# ---- Shapes ---------------------------------------------------------------------------------------------------------

INT = int
TRACE = {"UUID": str, "name": str, "path": str, "start": INT, "end": INT, "nbEvents": INT, "indexingStatus": str, "properties": dict}
EXPERIMENT = {"UUID": str, "name": str, "start": INT, "end": INT, "nbEvents": INT, "indexingStatus": str, "traces": [TRACE]}


def shape(value, wanted, what, optional=()):
    """TRUE members are those of `wanted`, but for optional ones."""
    if isinstance(wanted, dict):
        tap.check(isinstance(value, dict), f"{what}: an object")
        tap.equal(sorted(set(value) ^ set(wanted) - set(optional)) and sorted(set(value) - set(wanted) | set(wanted) - set(value) - set(optional)), [], f"{what}: members")
        for key in value:
            shape(value[key], wanted[key], f"{what}.{key}", optional)
    elif isinstance(wanted, list):
        tap.check(isinstance(value, list), f"{what}: a list")
        for item in value:
            shape(item, wanted[0], f"{what}[]", optional)
    else:
        tap.check(type(value) is wanted or (wanted is float and type(value) in (int, float)), f"{what}: {value!r} is no {wanted.__name__}")


def check_style(style, what):
    tap.check(isinstance(style.get("values"), dict), f"{what}: a style always has values")
    for key, value in style["values"].items():
        if key in ("color", "background-color"):
            tap.check(re.fullmatch("#[0-9A-F]{6}", value), f"{what}: {key} {value}")


def check_tree(model, output):
    shape(model["headers"], [{"name": str, "tooltip": str, "dataType": str}], "headers")
    tap.check(all(header["dataType"] in DATA_TYPES for header in model["headers"]), "types of columns")
    ids = [entry["id"] for entry in model["entries"]]
    tap.equal(len(set(ids)), len(ids), f"{output['id']}: each id once")
    tap.check(all(0 < i < 2 ** 31 for i in ids), f"{output['id']}: ids are positive and have 32 bits")
    known = {-1}
    for entry in model["entries"]:
        tap.check(entry["parentId"] in known, f"{output['id']}: parents come before their children")
        known.add(entry["id"])
        tap.equal(len(entry["labels"]), len(model["headers"]), f"{output['id']}: a label for each column")
        tap.check(all(isinstance(label, str) for label in entry["labels"]), "labels are texts")
        if output["type"] in ("TIME_GRAPH", "GANTT_CHART"):
            tap.check(type(entry["start"]) is int and entry["start"] <= entry["end"], "an entry's life")
        if output["type"].startswith("TREE_"):
            tap.check(type(entry["isDefault"]) is bool, "isDefault")
    return ids


def test_server_traces_and_experiments_have_their_shapes():
    shape(E, EXPERIMENT, "experiment")
    tap.equal(SERVER.json("GET", BASE), E, "one experiment")
    traces = SERVER.json("GET", "/tsp/api/traces")
    shape(traces, [TRACE], "traces")
    tap.equal(SERVER.json("GET", f"/tsp/api/traces/{traces[0]['UUID']}"), traces[0], "one trace")
    tap.equal(sum(trace["nbEvents"] for trace in traces), E["nbEvents"], "events")
    tap.equal(len({trace["name"] for trace in traces}), len(traces), "names that nothing else has")
    shape(SERVER.json("GET", "/tsp/api/identifier"), {"version": str, "buildTime": str, "os": str, "osArch": str, "osVersion": str, "cpuCount": int, "maxMemory": int,
                                                     "productId": str, "tspVersion": str}, "identifier")


def test_what_is_open_is_opened_again_without_complaint():
    """Viewers open each folder with its path and its last part as a name, and then an experiment of all."""
    uuids = []
    for directory in tap.trace_dirs(SAMPLE):
        trace = SERVER.json("POST", "/tsp/api/traces", {"parameters": {"uri": str(directory), "name": "kernel", "typeID": "any"}})
        tap.equal(trace["path"], str(directory), "by its path")
        uuids.append(trace["UUID"])
    tap.equal(SERVER.json("POST", "/tsp/api/experiments", {"parameters": {"name": "any", "traces": uuids}})["UUID"], E["UUID"], "the same traces, the same experiment")
    part = SERVER.json("POST", "/tsp/api/experiments", {"parameters": {"name": "part", "traces": uuids[:1]}})
    tap.equal(len(part["traces"]), 1, "a part of them")
    status, _, text = SERVER.ask("POST", "/tsp/api/experiments", {"parameters": {"name": "part", "traces": uuids[1:2]}})
    tap.equal((status, json.loads(text)["experiment"]["UUID"]), (409, part["UUID"]), "a name that other traces have")
    tap.equal(SERVER.ask("DELETE", f"/tsp/api/traces/{uuids[0]}")[0], 409, "a trace that is used")
    tap.equal(SERVER.json("DELETE", f"/tsp/api/experiments/{part['UUID']}")["UUID"], part["UUID"], "closed")
    tap.equal(SERVER.ask("GET", f"/tsp/api/experiments/{part['UUID']}")[0], 404, "and gone")


def early(made):
    """What a viewer that comes during the analysis asks once, and never again."""
    base = f"/tsp/api/experiments/{made['UUID']}/outputs"
    tap.check({"strata.vcpus", "strata.findings", "strata.events", HISTOGRAM} <= {output["id"] for output in SERVER.json("GET", base)}, "its list of views")
    tap.check("user" in SERVER.json("POST", f"{base}/strata.vcpus/style", {"parameters": {}})["model"]["styles"], "styles")
    tap.equal(SERVER.json("POST", f"{base}/table/strata.events/columns", {"parameters": {}})["status"], "COMPLETED", "columns")
    model = SERVER.json("POST", f"{base}/table/strata.events/lines", {"parameters": {"requested_table_index": 0, "requested_table_count": 200}})["model"]
    tap.equal(len(model["lines"]), min(model["size"], 200), "lines: none of those that are said to be there is missing")


def test_an_experiment_has_no_length_before_it_is_known():
    """Traces say other times than their host's: viewers would keep to a range that they saw first."""
    uuids = [SERVER.json("POST", "/tsp/api/traces", {"parameters": {"uri": str(directory)}})["UUID"] for directory in tap.trace_dirs(SAMPLE)]
    told = [SERVER.json("POST", "/tsp/api/experiments", {"parameters": {"name": "early", "traces": uuids[:2]}})]
    early(told[0])
    while told[-1]["indexingStatus"] == "RUNNING":
        told.append(SERVER.json("GET", f"/tsp/api/experiments/{told[0]['UUID']}"))
        time.sleep(0.01)
    last = told[-1]
    tap.check(last["start"] < last["end"] and last["nbEvents"] > 0, "known in the end")
    tap.equal([e for e in told if e["start"] != e["end"] and (e["start"], e["end"]) != (last["start"], last["end"])], [], "others than none and the right one")
    SERVER.json("DELETE", f"/tsp/api/experiments/{last['UUID']}")


def test_no_trace_is_opened_from_elsewhere():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "link").symlink_to(SAMPLE.parent)
        for uri, wanted in [("/etc", 403), (folder, 403), (str(SAMPLE) + "/../../..", 403), (str(SAMPLE / "host/../../one-vm-io/host"), 403), (str(SAMPLE / "nothing"), 403),
                            (str(SAMPLE), 404)]:
            status, _, text = SERVER.ask("POST", "/tsp/api/traces", {"parameters": {"uri": uri}})
            tap.equal(status, wanted, f"{uri}: {text}")


def test_outputs_are_described():
    for output in OUTPUTS:
        shape(output, {"id": str, "name": str, "description": str, "type": str, "capabilities": {"canCreate": bool, "canDelete": bool}}, output["id"])
        tap.check(re.fullmatch(r"[A-Za-z0-9._:-]+", output["id"]), "ids go into URLs as they are")
        tap.equal(SERVER.json("GET", f"{BASE}/outputs/{output['id']}"), output, "one output")
    tap.check({"TIME_GRAPH", "GANTT_CHART", "TREE_TIME_XY", "TREE_GENERIC_XY", "DATA_TREE", "TABLE"} <= {output["type"] for output in OUTPUTS}, "all types")
    tap.check(HISTOGRAM in {output["id"] for output in OUTPUTS}, "the one that viewers show above all")


def test_marker_sets_and_styles_answer():
    tap.equal(SERVER.json("GET", f"{BASE}/outputs/markerSets")["model"], [], "marker sets")
    for output in OUTPUTS:
        for key, style in ask(f"{output['id']}/style", {})["styles"].items():
            check_style(style, key)


# ---- Time graphs ------------------------------------------------------------------------------------------------------


def check_time_graph(output):
    model = tree(output)
    ids = check_tree(model, output)
    if ids:
        tap.equal(model["entries"][0]["start"], 0 if output["type"] == "GANTT_CHART" else E["start"], "arrows are relative to where the first entry begins")
    keys = set(ask(f"{output['id']}/style", {})["styles"])
    rows = ask(f"timeGraph/{output['id']}/states", {**span(output), "requested_items": ids + ids[:3]})["rows"]
    tap.equal(sorted(row["entryId"] for row in rows), sorted(ids), f"{output['id']}: each row once")
    for row in rows:
        shape(row, {"entryId": int, "states": list}, "row")
        for state in row["states"]:
            shape(state, {"start": int, "end": int, "label": str, "style": dict, "tags": int}, "state", ("label", "style", "tags"))
            tap.check(state["start"] < state["end"], "a state has a length")
            if "style" in state:
                check_style(state["style"], "state")
                tap.check(state["style"]["parentKey"] in keys, f"{state['style']['parentKey']} is a style")
        for one, other in zip(row["states"], row["states"][1:]):
            tap.check(one["end"] <= other["start"], f"{output['id']}: states do not overlap")
            if output["id"] in ("strata.vcpus", "strata.cpus", "strata.threads", "strata.critical-path", "strata.critical-path.flame"):
                tap.equal(one["end"], other["start"], "known states touch: viewers paint gaps")
        tap.check(len(row["states"]) <= 2 * 500 + 2, f"{output['id']}: {len(row['states'])} states in 500 pixels")
    for arrow in ask(f"timeGraph/{output['id']}/arrows", span(output)):
        shape(arrow, {"start": int, "end": int, "sourceId": int, "targetId": int, "style": dict}, "arrow")
        tap.check(arrow["sourceId"] in ids and arrow["targetId"] in ids and arrow["start"] <= arrow["end"], "arrows lead from row to row")


def test_time_graphs():
    for output in of_type("TIME_GRAPH", "GANTT_CHART"):
        yield output["id"], check_time_graph, output


def entries_with_data(name):
    return [entry for entry in tree(output_of(name))["entries"] if entry["hasData"]]


def command(*words):
    text = tap.strata(*words, "--format=csv", SAMPLE, env={**os.environ, "XDG_CACHE_HOME": CACHE.name}).stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_zoomed_in_states_are_those_of_strata_states():
    """Where pixels are no longer than intervals, what is sent is what there is."""
    entry = next(e for e in entries_with_data("strata.vcpus") if e["metadata"].get("vcpu"))
    begin = E["start"] + (E["end"] - E["start"]) // 2
    row = states("strata.vcpus", [entry["id"]], requested_timerange={"start": begin, "end": begin + 2_000_000, "nbTimes": 2000})[0]["states"]
    lines = [line for line in command("states", "--row=*/vm/*/vcpu/*") if int(line["end_ns"]) > begin and int(line["begin_ns"]) < begin + 2_000_000]
    by_row = {}
    for line in lines:
        by_row.setdefault(line["row"], []).append((int(line["begin_ns"]), int(line["end_ns"])))
    tap.check([(state["start"], state["end"]) for state in row] in list(by_row.values()), f"the intervals of one of the vCPUs: {row[:3]}")


def test_zoomed_out_states_are_the_heaviest_of_each_pixel():
    """A share of time that a command counts exactly is drawn within a pixel for each state."""
    entry = entries_with_data("strata.cpus")[0]
    row = states("strata.cpus", [entry["id"]], requested_timerange={"start": E["start"], "end": E["end"], "nbTimes": 1000})[0]["states"]
    pixel = (E["end"] - E["start"]) / 999
    tap.check(all(state["end"] - state["start"] >= pixel * 0.99 for state in row[:-1]) or len(row) <= 2002, "no state is drawn shorter than a pixel where they are many")
    tap.equal((row[0]["start"] - E["start"] <= pixel, E["end"] - row[-1]["end"] <= pixel), (True, True), "from end to end")


def test_every_state_has_a_tooltip():
    for output in of_type("TIME_GRAPH", "GANTT_CHART"):
        rows = states(output["id"], [entry["id"] for entry in tree(output)["entries"]])
        for row in rows[:20]:
            for state in [state for state in row["states"] if "style" in state][:3]:
                tip = ask(f"timeGraph/{output['id']}/tooltip", {"requested_times": [state["start"]], "requested_items": [row["entryId"]],
                                                                "requested_element": {"elementType": "state", "time": state["start"], "duration": state["end"] - state["start"]}})
                tap.check(tip and all(isinstance(value, str) and value for value in tip.values()), f"{output['id']}: {state}: {tip}")


def test_tooltips_say_what_and_how_long():
    entry = entries_with_data("strata.vcpus")[0]
    for state in states("strata.vcpus", [entry["id"]])[0]["states"][:20]:
        tip = ask("timeGraph/strata.vcpus/tooltip", {"requested_times": [state["start"]], "requested_items": [entry["id"]],
                                                     "requested_element": {"elementType": "state", "time": state["start"], "duration": state["end"] - state["start"]}})
        tap.check(all(isinstance(value, str) for value in tip.values()) and len(tip) >= 2, f"a tooltip: {tip}")


def arrows(name, begin, end, times):
    return ask(f"timeGraph/{name}/arrows", {"requested_timerange": {"start": begin, "end": end, "nbTimes": times}})


def test_arrows_leave_something_to_see():
    """Viewers draw all of them over the states."""
    for name in ("strata.layers", "strata.vcpus", "strata.threads"):
        told = arrows(name, E["start"], E["end"], 800)
        tap.check(0 < len(told) <= 100, f"{name}: {len(told)} arrows over 800 pixels")
        one = told[len(told) // 2]
        tap.check(one in arrows(name, one["end"] - 1000, one["end"] + 1000, 2000), f"{name}: whoever looks closely sees each")


def test_a_process_of_one_thread_is_one_row():
    entries = tree(output_of("strata.threads"))["entries"]
    groups = {e["id"] for e in entries if not e["hasData"] and e["parentId"] != -1}
    alone = [group for group in groups if sum(e["parentId"] == group for e in entries) == 1]
    tap.equal((alone, bool(groups)), ([], True), "groups of one")


def filtered(expression, key=1, strategy="SAMPLED", name="strata.cpus", **more):
    entry = entries_with_data(name)[0]
    return states(name, [entry["id"]], filter_query_parameters={"filter_expressions_map": {str(key): [expression]}, "strategy": strategy}, **more)[0]["states"]


def test_filters_mark_what_does_not_match():
    plain = filtered("nonesuch")
    tap.check(all(state["tags"] == 1 for state in plain), "nothing matches")
    tap.check(all("style" in state or "label" not in state for state in plain), "dimmed states keep their style")
    out = filtered("nonesuch", key=4)
    tap.check(all(state["tags"] == 4 and "style" not in state for state in out), "excluded states have none: viewers would show them")
    tap.check(all("tags" not in state for state in filtered(".*")), "everything matches")
    for expression in ("state == user", "state==user || state == idle", "state != user && !(state contains idle)", "duration > 1000000", "state matches ^u", '"user"', "detail present"):
        marked = {state.get("style", {}).get("parentKey"): state.get("tags", 0) for state in filtered(expression)}
        tap.check(0 in marked.values() or expression.startswith(("detail", "duration")), f"{expression}: something matches: {marked}")
    for expression in ("(", "state ==", "&&", "a (b", "x" * 2000):
        status, _, text = SERVER.ask("POST", f"{BASE}/outputs/timeGraph/strata.cpus/states", {"parameters": {
            **span(output_of("strata.cpus")), "requested_items": [1], "filter_query_parameters": {"filter_expressions_map": {"1": [expression]}}}})
        tap.equal(status, 400, f"{expression}: {text}")


def test_deep_search_finds_what_is_shorter_than_a_pixel():
    whole = {"requested_timerange": {"start": E["start"], "end": E["end"], "nbTimes": 50}}
    shallow = sum(not state.get("tags") for state in filtered("softirq", **whole))
    deep = [state for state in filtered("softirq", strategy="DEEP", **whole) if not state.get("tags")]
    tap.check(len(deep) > shallow and len(deep) <= 100, f"{len(deep)} found deep, {shallow} sampled")
    tap.check(all(state["style"]["parentKey"] == "softirq" for state in deep), "and they are what was looked for")


def test_annotations_tell_findings():
    findings = [state for row in states("strata.findings", [e["id"] for e in tree(output_of("strata.findings"))["entries"]]) for state in row["states"] if "style" in state]
    for output in of_type("TIME_GRAPH"):
        tap.equal(SERVER.json("GET", f"{BASE}/outputs/{output['id']}/annotations")["model"]["annotationCategories"], ["Findings", "Lost events"], "categories")
        told = ask(f"{output['id']}/annotations", span(output))["annotations"]
        shape(told["Findings"], [{"time": int, "duration": int, "entryId": int, "type": str, "label": str, "style": dict}], "annotations")
        tap.equal(sorted(a["time"] for a in told["Findings"]), sorted(state["start"] for state in findings), "each time at which one mattered")
        tap.check(all(a["duration"] >= 0 and a["entryId"] == -1 and a["type"] == "CHART" for a in told["Findings"]), "on the whole chart")


def test_that_there_is_no_finding_is_said():
    with tempfile.TemporaryDirectory() as cache:
        server = Server(tap.SAMPLES / "one-vm-io", cache=cache)
        tap.equal(server.wait()["findings"], True, "it was looked for")
        experiment = server.json("GET", "/tsp/api/experiments")[0]
        model = server.json("POST", f"/tsp/api/experiments/{experiment['UUID']}/outputs/timeGraph/strata.findings/tree", {"parameters": {}})["model"]
        tap.equal([entry["labels"][0] for entry in model["entries"]], ["nothing was found that made it slow"], "in a row")
        server.stop()


def test_marks_are_of_the_categories_asked_for():
    """Viewers ask for none when their last one is taken away."""
    for asked in ([], ["Findings"], ["Lost events"], ["Findings", "Lost events"]):
        told = ask("strata.vcpus/annotations", {**span(output_of("strata.vcpus")), "requested_marker_categories": asked})["annotations"]
        tap.equal(sorted(told), asked, "categories")


# ---- Lines, tables --------------------------------------------------------------------------------------------------------


def check_xy(output):
    model = tree(output)
    ids = check_tree(model, output)
    kind = PATHS[output["type"]]
    tap.equal(ask(f"{kind}/{output['id']}/xy", {**span(output), "requested_items": []})["series"], [], "nothing asked for, nothing told")
    answer = ask(f"{kind}/{output['id']}/xy", {**span(output, 50), "requested_items": ids[:5]})
    tap.equal(set(answer), {"title", "series"}, "members")
    for line in answer["series"]:
        tap.check(line["seriesId"] in ids, "of the tree")
        x = line.get("xValues", line.get("xRanges"))
        tap.equal(len(x), len(line["yValues"]), "as many of both")
        check_style(line["style"], "series")
        for value in line["yValues"]:
            tap.check(math.isfinite(value) and (isinstance(value, int) or len(repr(value)) <= 15), f"{value!r} has no more than 15 characters")
        if "xValues" in line:
            tap.check(all(type(t) is int for t in x) and sorted(set(x)) == x, "times in order")


def test_lines_and_bars():
    for output in of_type("TREE_TIME_XY", "TREE_GENERIC_XY"):
        yield output["id"], check_xy, output


def test_the_histogram_counts_every_event():
    line = ask(f"XY/{HISTOGRAM}/xy", {**span(output_of(HISTOGRAM), 200), "requested_items": [1]})["series"][0]
    tap.check(abs(sum(line["yValues"]) - E["nbEvents"]) <= E["nbEvents"] * 0.001 + 200, f"{sum(line['yValues'])} of {E['nbEvents']}")
    tap.check(any(entry["isDefault"] for entry in tree(output_of(HISTOGRAM))["entries"]), "something is shown at once")


def check_data(output):
    ids = check_tree(tree(output), output)
    half = {"requested_timerange": {"start": E["start"], "end": (E["start"] + E["end"]) // 2}, "isFiltered": True}
    check_tree(ask(f"data/{output['id']}/tree", half), output)
    return ids


def test_data_trees():
    for output in of_type("DATA_TREE"):
        yield output["id"], check_data, output


def selected(name, begin, end):
    return ask(f"data/{name}/tree", {"requested_timerange": {"start": begin, "end": end}, "isFiltered": True})["entries"]


def test_a_click_in_a_chart_does_not_empty_tables():
    """Viewers send a selection without a length for it."""
    middle = (E["start"] + E["end"]) // 2
    for name in ("strata.statistics", "strata.table.threads", "strata.table.exits"):
        tap.equal(selected(name, middle, middle), tree(output_of(name))["entries"], name)


def test_a_selection_in_which_nothing_was_is_no_empty_answer():
    """For viewers that is an analysis that lacked its events."""
    rows = selected("strata.table.exits", E["start"], E["start"] + 1)
    tap.equal([row["labels"][0] for row in rows], ["nothing in the selection"], "said in a row")


def test_viewers_can_read_and_sort_tables():
    """They show cells as they come, know columns by their names, and sort numbers with one of a few units behind them as such."""
    for output in of_type("DATA_TREE"):
        model = tree(output)
        names = [header["name"] for header in model["headers"]]
        tap.equal(len(set(names)), len(names), f"{output['id']}: each name once")
        for i, header in enumerate(model["headers"]):
            cells = {entry["labels"][i] for entry in model["entries"]} - {""}
            if header["tooltip"].endswith("_ns") and header["dataType"] == "STRING":
                wrong = [cell for cell in cells if not re.fullmatch(r"-?[0-9.]+ (ns|us|ms|s)", cell)]
                tap.equal(wrong, [], f"{output['id']}: {header['tooltip']}")
            elif header["dataType"] != "STRING":
                tap.check(all(math.isfinite(float(cell)) for cell in cells), f"{output['id']}: {header['tooltip']}: plain numbers")


def test_bars_of_all_series_stand_over_the_same_ranges():
    """Viewers write those of the first series below all of them."""
    for output in of_type("TREE_GENERIC_XY"):
        ids = [entry["id"] for entry in tree(output)["entries"]]
        whole = ask(f"genericXY/{output['id']}/xy", {**span(output), "requested_items": ids})["series"]
        tap.equal(sorted(s["seriesId"] for s in whole), sorted({s["seriesId"] for s in whole}), f"{output['id']}: each series once")
        ranges = [[(r["start"], r["end"]) for r in s["xRanges"]] for s in whole]
        tap.check(all(r == ranges[0] == sorted(set(r)) for r in ranges), f"{output['id']}: the same ranges, in order")
        for s in whole:
            alone = ask(f"genericXY/{output['id']}/xy", {**span(output), "requested_items": [s["seriesId"]]})["series"][0]
            tap.equal(sum(s["yValues"]), sum(alone["yValues"]), f"{output['id']}: {s['seriesName']} counts as many with others as alone")


def test_statistics_add_up():
    def total(**more):
        return sum(int(entry["labels"][1]) for entry in tree(output_of("strata.statistics"), **more)["entries"] if entry["parentId"] == -1)
    middle = (E["start"] + E["end"]) // 2
    tap.equal(total(), E["nbEvents"], "all events")
    parts = total(requested_timerange={"start": E["start"], "end": middle}) + total(requested_timerange={"start": middle + 1, "end": E["end"]})
    tap.check(abs(parts - E["nbEvents"]) <= 3, f"two halves are the whole: {parts}, {E['nbEvents']}")


def lines(**parameters):
    model = ask("table/strata.events/lines", {"requested_table_count": 1, **parameters})
    tap.equal(set(model), {"size", "lowIndex", "columnIds", "lines"}, "members")
    tap.equal(model["size"], E["nbEvents"], "size")
    return model["lines"]


def test_the_events_table():
    columns = ask("table/strata.events/columns")
    shape(columns, [{"id": int, "name": str, "description": str, "type": str}], "columns")
    tap.equal([column["id"] for column in columns], list(range(len(columns))), "ids without gaps")
    names = [column["name"] for column in columns]
    time_of = lambda line: int(line["cells"][names.index("Timestamp ns")]["content"])  # noqa: E731
    got = lines(requested_table_index=0, requested_table_count=200)
    tap.equal([line["index"] for line in got], list(range(200)), "lines in order")
    tap.equal(sorted(map(time_of, got)), [time_of(line) for line in got], "times in order")
    chosen = random.Random(1)
    for index in [chosen.randrange(E["nbEvents"]) for _ in range(10)]:
        block = lines(requested_table_index=index, requested_table_count=50)
        one = lines(requested_table_index=min(index + 20, E["nbEvents"] - 1))[0]
        tap.check(len(block) <= 20 or block[20] == one, "line n is the same wherever reading begins")
        near = lines(requested_times=[time_of(one)])[0]
        tap.equal((near["index"] <= one["index"], time_of(near)), (True, time_of(one)), "the first event at a time")
    tap.equal(len(lines(requested_table_index=E["nbEvents"] - 3, requested_table_count=200)), 3, "the end")
    tap.equal(lines(requested_table_index=E["nbEvents"] + 5), [], "behind the end")


def test_searching_the_events_table():
    name = {"4": "^sched_process_exec$"}
    first = lines(requested_table_index=0, table_search_expressions=name, table_search_direction="NEXT")
    second = lines(requested_table_index=first[0]["index"] + 1, table_search_expressions=name, table_search_direction="NEXT")
    tap.check(first[0]["index"] < second[0]["index"] and first[0]["tags"] > 0 and first[0]["cells"][4]["content"] == "sched_process_exec", "forwards")
    back = lines(requested_table_index=second[0]["index"] - 1, table_search_expressions=name, table_search_direction="PREVIOUS")
    tap.equal(back, first, "and back")
    tap.equal(lines(requested_table_index=0, table_search_expressions={"4": "^nonesuch$"}, table_search_direction="NEXT"), [], "nothing")


def test_viewers_find_the_row_of_an_event():
    """They take the row with the most metadata that the line has in columns of these names."""
    names = [column["name"] for column in ask("table/strata.events/columns")]
    entries = tree(output_of("strata.layers"))["entries"]
    parents = {entry["id"]: entry for entry in entries}
    for line in lines(requested_table_index=E["nbEvents"] // 2, requested_table_count=50):
        cells = {name: cell["content"] for name, cell in zip(names, line["cells"])}
        fitting = [sum(cells.get(key) in map(str, values) for key, values in entry["metadata"].items()) for entry in entries]
        row = entries[fitting.index(max(fitting))]
        tap.equal(row["labels"][0], f"CPU {cells['CPU']}", "its processor")
        tap.check(parents[row["parentId"]]["labels"][0].endswith(f" {cells['Machine']}"), "of its machine")


def test_no_share_is_more_than_all():
    for output in of_type("TREE_TIME_XY"):
        ids = [entry["id"] for entry in tree(output)["entries"]]
        for line in ask(f"XY/{output['id']}/xy", {**span(output, 1000), "requested_items": ids})["series"]:
            if line["yValuesDescription"]["unit"] == "%" and output["id"] != "strata.irqs.share":  # of one processor; handlers run on several
                tap.check(max(line["yValues"]) <= 100, f"{output['id']}: {line['seriesName']}")


def test_the_table_finds_what_viewers_find():
    """They mark the text that matches in lines that they are told match, and break where there is none."""
    for pattern in ("SCHED_SWITCH", "sched_switch", "sched_(switch|waking)", "sched_[a-f]", "^sched.*t$", "sched_process_exec("):
        def fits(line):
            try:
                return re.search(pattern, line["cells"][4]["content"]) is not None
            except re.error:
                return pattern in line["cells"][4]["content"]
        told = lines(requested_table_index=0, requested_table_count=500, table_search_expressions={"4": pattern})
        tap.equal([line.get("tags", 0) > 0 for line in told], [fits(line) for line in told], f"{pattern}: those that are marked")
    tap.equal(lines(requested_table_index=0, table_search_expressions={"4": "SCHED_SWITCH"}, table_search_direction="NEXT"), [], "a search")


# ---- What people put down ---------------------------------------------------------------------------------------------------


def test_bookmarks():
    made = SERVER.json("POST", f"{BASE}/bookmarks", {"parameters": {"name": "hier \u00fc\"", "start": E["start"], "end": E["end"]}})
    where = f"{BASE}/bookmarks/{made['uuid']}"
    tap.equal((made["UUID"], made["name"], made["start"]), (made["uuid"], "hier \u00fc\"", E["start"]), "made")
    tap.check(made in SERVER.json("GET", f"{BASE}/bookmarks") and SERVER.json("GET", where) == made, "there")
    tap.equal(SERVER.json("PUT", where, {"parameters": {"name": "b", "start": 1, "end": 2}})["name"], "b", "changed")
    tap.equal((SERVER.json("DELETE", where)["name"], SERVER.ask("GET", where)[0]), ("b", 404), "gone")
    tap.equal(SERVER.ask("POST", f"{BASE}/bookmarks", {"parameters": {"name": "b", "start": 2, "end": 1}})[0], 400, "the wrong way round")


def test_bookmarks_are_there_again_when_the_server_is():
    with tempfile.TemporaryDirectory() as cache:
        mine = []
        for note in ("first", "second"):
            server = Server(SAMPLE, cache=cache)
            where = f"/tsp/api/experiments/{server.json('GET', '/tsp/api/experiments')[0]['UUID']}/bookmarks"
            tap.equal(server.json("GET", where), mine, f"before the {note}")
            mine.append(server.json("POST", where, {"parameters": {"name": note, "start": 1, "end": 2}}))
            server.stop()
        server = Server(SAMPLE, cache=cache)
        server.json("DELETE", f"{where}/{mine[0]['uuid']}")
        server.stop()
        file, = pathlib.Path(cache).glob("strata/bookmarks-*.json")
        for content, kept in ((None, mine[1:]), ('[{"uuid": "no"}, 5, ' + json.dumps(mine[0]) + "]", mine[:1]), ("[{", [])):
            if content is not None:
                file.write_text(content, encoding="utf-8")
            server = Server(SAMPLE, cache=cache)
            tap.equal(server.json("GET", where), kept, f"of {content}")
            server.stop()


def test_critical_paths_of_chosen_threads():
    output = output_of("strata.critical-path")
    types = SERVER.json("GET", f"{BASE}/outputs/{output['id']}/configTypes")
    shape(types, [{"id": str, "name": str, "description": str, "schema": dict}], "types")
    thread = command("threads", "--thread=periodic")[0]
    wanted = f"{thread['machine']}:{thread['tid']}"
    made = SERVER.json("POST", f"{BASE}/outputs/{output['id']}", {"name": "x", "description": "", "sourceTypeId": types[0]["id"], "parameters": {"thread": wanted}})
    tap.check(re.fullmatch(r"[A-Za-z0-9._:-]+", made["id"]) and made["parentId"] == output["id"] and made["capabilities"]["canDelete"], "derived")
    tap.equal(made["configuration"]["parameters"], {"thread": wanted}, "by what")
    entries = ask(f"timeGraph/{made['id']}/tree", span(output))["entries"]
    tap.check(f"periodic {thread['tid']}" in entries[0]["labels"][0], "whose path it is")
    segments = [(int(s["begin_ns"]), int(s["begin_ns"]) + int(s["duration_ns"])) for s in command("critical-path", f"--thread={wanted}", "--by=segment")]
    begin = segments[len(segments) // 2][0]
    rows = ask(f"timeGraph/{made['id']}/states", {"requested_timerange": {"start": begin, "end": begin + 1_000_000, "nbTimes": 65536}, "requested_items": [e["id"] for e in entries]})["rows"]
    drawn = sorted((state["start"], state["end"]) for row in rows for state in row["states"] if "style" in state)
    tap.equal(drawn, [s for s in segments if s[1] > begin and s[0] < begin + 1_000_000], "the path, piece by piece")
    tap.equal(SERVER.json("DELETE", f"{BASE}/outputs/{output['id']}/{made['id']}")["id"], made["id"], "deleted")
    tap.equal(SERVER.ask("GET", f"{BASE}/outputs/{made['id']}")[0], 404, "and gone")


def test_critical_paths_go_on_on_other_machines():
    with tempfile.TemporaryDirectory() as folder:
        talk(folder)
        server = Server(folder, cache=CACHE.name)
        server.wait()
        experiment = server.json("GET", "/tsp/api/experiments")[0]
        base = f"/tsp/api/experiments/{experiment['UUID']}/outputs"
        made = server.json("POST", f"{base}/strata.critical-path", {"parameters": {"thread": "client:11"}})
        asked = {"requested_timerange": {"start": experiment["start"], "end": experiment["end"], "nbTimes": 65536}}
        entries = server.json("POST", f"{base}/timeGraph/{made['id']}/tree", {"parameters": asked})["model"]["entries"]
        tap.equal([e["labels"][0] for e in entries], ["Critical path of worker 11 on client", "worker 11", "server: worker 22"], "rows of both machines")
        rows = server.json("POST", f"{base}/timeGraph/{made['id']}/states", {"parameters": {**asked, "requested_items": [e["id"] for e in entries[1:]]}})["model"]["rows"]
        served = sum(state["end"] - state["start"] for state in rows[1]["states"] if not state.get("label", "network").startswith("network"))
        tap.check(abs(served - 20 * 5_000_000) < 20 * 500_000, f"of each request the server's 5 ms: {served}")
        drawn = sorted((state["start"], state["end"]) for row in rows for state in row["states"] if "style" in state)
        tap.check(all(a[1] <= b[0] for a, b in zip(drawn, drawn[1:])), "one after the other")
        arrows = server.json("POST", f"{base}/timeGraph/{made['id']}/arrows", {"parameters": asked})["model"]
        tap.equal(len([a for a in arrows if (a["sourceId"], a["targetId"]) == (entries[1]["id"], entries[2]["id"])]), 20, "each request is an arrow")
        server.stop()


# ---- Whatever clients do ---------------------------------------------------------------------------------------------------------


def mutations(seed):
    """Requests that are nearly right."""
    chosen = random.Random(seed)
    junk = [None, True, -1, 0, 2 ** 63, -2 ** 63, 1e308, 0.5, "", "x", "\u0000", [], {}, [[]], {"start": 1}, [None], "(" * 500, list(range(300))]
    for _ in range(1000):
        output = chosen.choice(OUTPUTS)
        kind = chosen.choice([PATHS.get(output["type"], "table"), "timeGraph", "XY", "data", "table"])
        last = chosen.choice(["tree", "states", "arrows", "tooltip", "xy", "columns", "lines", "nonsense"])
        body = {"requested_timerange": {"start": E["start"], "end": E["start"] + 1000, "nbTimes": 10}, "requested_items": [1, 2], "requested_table_index": 0,
                "requested_table_count": 2, "requested_times": [E["start"]], "filter_query_parameters": {"filter_expressions_map": {"1": ["x"]}, "strategy": "DEEP"},
                "requested_element": {"elementType": "state", "time": 1, "duration": 2}, "table_search_expressions": {"4": "x"}, "table_search_direction": "NEXT"}
        for _ in range(chosen.randrange(3)):
            place = body
            key = chosen.choice(list(place))
            while isinstance(place[key], dict) and place[key] and chosen.random() < 0.6:
                place = place[key]
                key = chosen.choice(list(place))
            place[key] = chosen.choice(junk)
        text = json.dumps({"parameters": body} if chosen.random() < 0.9 else chosen.choice(junk)).encode()
        if chosen.random() < 0.2:
            at = chosen.randrange(len(text) + 1)
            text = text[:at] + bytes([chosen.randrange(256)]) * chosen.randrange(3) + text[at + chosen.randrange(3):]
        yield f"{BASE}/outputs/{kind}/{output['id']}/{last}", text


def test_malformed_requests_are_refused_and_nothing_breaks():
    cheap = [(path, text) for path, text in mutations(7)]
    statuses = {}

    def one(request):
        status, headers, text = SERVER.ask("POST", *request)
        tap.check(status in (200, 400, 404, 405, 413), f"{request}: {status} {text[:200]}")
        tap.equal(headers["Content-Type"], "application/json", f"{request}")
        json.loads(text)
        statuses[status] = statuses.get(status, 0) + 1
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(one, cheap[::10] if SLOW else cheap))
    tap.check({200, 400, 404} <= set(statuses), f"some were right, some wrong: {statuses}")


def test_answers_that_fail_halfway_are_whole_errors():
    output = "strata.critical-path"
    made = SERVER.json("POST", f"{BASE}/outputs/{output}", {"parameters": {"thread": "nobody:1"}})
    for path, parameters in [("table/strata.events/lines", {"requested_table_index": -1}), ("table/strata.events/lines", {"requested_table_column_ids": [99]}),
                             ("table/strata.events/lines", {"requested_table_count": "x"}), (f"timeGraph/{made['id']}/tree", {})]:
        status, _, text = SERVER.ask("POST", f"{BASE}/outputs/{path}", {"parameters": parameters})
        tap.equal((status, set(json.loads(text))), (400, {"title", "detail", "details"}), f"{path} {parameters}")
    SERVER.json("DELETE", f"{BASE}/outputs/{output}/{made['id']}")


def test_bytes_that_are_no_http():
    chosen = random.Random(3)
    for text in [b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", b"GET /" + b"a" * 100000,
                 b"POST /tsp/api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", chosen.randbytes(5000)]:
        with socket.create_connection(("127.0.0.1", SERVER.port), timeout=10) as s:
            try:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:  # it hung up
                pass
    tap.equal(SERVER.json("GET", "/tsp/api/health"), {"status": "UP"}, "still there")


def all_states():
    ids = [entry["id"] for entry in tree(output_of("strata.layers"))["entries"]]
    return f"{BASE}/outputs/timeGraph/strata.layers/states", json.dumps({"parameters": {**span(output_of("strata.layers"), 5000), "requested_items": ids}})


def test_200_clients_at_once_get_the_same():
    path, body = all_states()
    wanted = SERVER.ask("POST", path, body)[2]
    barrier = threading.Barrier(200)

    def one(_):
        barrier.wait(60)
        return SERVER.ask("POST", path, body)[2] == wanted
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        tap.equal(list(pool.map(one, range(200))), [True] * 200, "answers")


def test_what_was_asked_once_is_the_same_and_soon_there_again():
    for output in OUTPUTS:
        if output["type"] in ("DATA_TREE", "TREE_TIME_XY") and output["id"] != HISTOGRAM:
            tap.equal(tree(output), tree(output), output["id"])
    # What differs in anything that the answer depends on is not taken for the same.
    half = {"start": E["start"], "end": (E["start"] + E["end"]) // 2}
    first, part = (tree(output_of("strata.table.exits"), requested_timerange=r) for r in (span(output_of("strata.table.exits"))["requested_timerange"], half))
    tap.check(first != part, "half of the time has the exits of all of it")


def test_100_viewers_at_once_take_no_more_memory_than_what_is_kept():
    if SLOW:
        tap.skip("sanitizers keep what was freed")

    def view(number):
        begin = E["start"] + (E["end"] - E["start"]) * number // 1000
        for output in of_type("DATA_TREE"):
            tree(output, requested_timerange={"start": begin, "end": E["end"], "nbTimes": 500})

    with concurrent.futures.ThreadPoolExecutor(max_workers=20) as pool:
        list(pool.map(view, [0] * 20))
        before = memory()
        list(pool.map(view, [0] * 100))
    tap.check(memory() - before < 8 << 20, f"{memory() - before} bytes more for 100 viewers of the same")


def memory():
    with open(f"/proc/{SERVER.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_clients_that_read_slowly_or_leave_cost_nothing():
    path, body = all_states()
    SERVER.ask("POST", path, body)
    before, open_ones = memory(), []
    for i in range(60):
        client = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        client.connect()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)  # less than a segment of the loopback is a matter of seconds
        client.request("POST", path, body)
        if i % 2:
            client.sock.close()  # it leaves
        else:
            open_ones.append(client)
    tap.equal(SERVER.json("GET", "/tsp/api/health"), {"status": "UP"}, "others are answered meanwhile")
    if not SLOW:
        tap.check(memory() - before < 60 << 20, f"{(memory() - before) >> 20} MiB more")
    text = open_ones[0].getresponse().read()
    tap.equal(len(json.loads(text)["model"]["rows"]), len(json.loads(body)["parameters"]["requested_items"]), "who reads slowly gets all of it")
    for client in open_ones:
        client.close()


def test_the_client_library_of_viewers_understands_every_answer():
    """Set STRATA_TSP_CLIENT to a folder node_modules that has tsp-typescript-client: docs/server.md tells how to get it."""
    modules = os.environ.get("STRATA_TSP_CLIENT")
    if not modules or not shutil.which("node"):
        tap.skip("no node, or STRATA_TSP_CLIENT is not set")
    done = tap.run("node", tap.SOURCE / "tests/tsp_client.js", modules, SERVER.url, status=None, timeout=120)
    tap.equal((done.returncode, done.stdout), (0, f"{len(OUTPUTS)} outputs\n"), done.stderr)


def test_it_ends_cleanly():
    tap.equal(SERVER.stop(), (0, ""), "status and complaints")


tap.main(globals())

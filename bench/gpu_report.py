#!/usr/bin/env python3
"""Results of the card's benchmarks from the JSON lines of polonaise_gpu_bench and torch_gpu_peer.py on standard input.

    gpu_report.py --lines                          a readable line for each, as they come
    gpu_report.py --commit C [--results DIR] [--readme FILE]

The second form writes DIR/GPU.json (the machine, as the programs' first lines tell it, and for each row of ours its
time, achieved bandwidth and FLOP/s as parts of the measured ceilings, and the ratio to every peer of the same run), and
replaces what stands between the markers in FILE by tables of all files in DIR.
"""
import argparse
import datetime
import json
import pathlib
import re
import sys

BEGIN, END = "<!-- gpu tables: written by bench/gpu_report.py -->", "<!-- end of gpu tables -->"


def read_lines(stream):
    for text in stream:
        if text.strip():
            yield json.loads(text)


def describe(line):
    if "machine" in line:
        return ", ".join(f"{key} {value}" for key, value in line["machine"].items())
    name = f"{line['row']}/{line['who']}"
    if "error" in line:
        return f"{name:64} {line['error']}"
    return f"{name:64} {line['median_us']:12.1f} us  ({line['p10_us']:.1f} to {line['p90_us']:.1f})"


def rate(amount, microseconds):
    return amount / (microseconds * 1e-6)


def collect(lines):
    """The machine, and rows of ours with their peers, from all lines."""
    machine = {}
    for line in lines:
        machine |= line.get("machine", {})
    measured = {(line["row"], line["who"]): line for line in lines if "row" in line}
    ours = {row: line for (row, who), line in measured.items() if who == "polonaise"}

    def ceiling(row, amount):
        line = ours.get(row, {})
        return rate(line[amount], line["median_us"]) if "median_us" in line else None

    bandwidth, flops = ceiling("ceiling_copy", "bytes"), ceiling("ceiling_matmul_bf16", "flops")
    rows = []
    for name, line in ours.items():
        row = {"row": name}
        if "error" in line:
            rows.append(row | {"error": line["error"]})
            continue
        time = line["median_us"]
        row |= {key: line[key] for key in ("median_us", "p10_us", "p90_us", "runs", "graph")}
        for amount, best, unit in (("bytes", bandwidth, "bytes_per_s"), ("flops", flops, "flops_per_s")):
            if line[amount]:
                row[unit] = rate(line[amount], time)
                if best:
                    row[f"{unit}_of_ceiling"] = row[unit] / best
        row["peers"] = {
            who: {"error": peer["error"]} if "error" in peer else
                 {"median_us": peer["median_us"], "graph": peer.get("graph"), "ratio": peer["median_us"] / time}
            for (of, who), peer in measured.items() if of == name and who != "polonaise"}
        rows.append(row)
    return {"machine": machine, "ceilings": {"bytes_per_s": bandwidth, "flops_per_s": flops}, "rows": rows}


def percent(row, unit):
    part = row.get(f"{unit}_of_ceiling")
    return f"{100 * part:.0f} %" if part else ""


def peers_of(row):
    parts = []
    for who, peer in sorted(row.get("peers", {}).items()):
        parts.append(f"{who}: refused" if "error" in peer else f"{who} {peer['median_us']:.1f} ({peer['ratio']:.2f})")
    return ", ".join(parts)


def tables(folder):
    text = []
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items() if key != "gpu")
        text += [f"### {result['machine']['gpu']}", "", f"{result['date']}, commit {result['commit']}; {machine}.", "",
                 "| row | median, µs | 10th to 90th percentile | of copy's bandwidth | of bf16 product's rate | "
                 "peers, µs (times ours) |", "|---|---|---|---|---|---|"]
        for row in result["rows"]:
            if "error" in row:
                text.append(f"| {row['row']} | {row['error']} | | | | |")
                continue
            text.append(f"| {row['row']} | {row['median_us']:.1f} | {row['p10_us']:.1f} to {row['p90_us']:.1f} | "
                        f"{percent(row, 'bytes_per_s')} | {percent(row, 'flops_per_s')} | {peers_of(row)} |")
        text.append("")
    return "\n".join(text) if text else "No card has been measured yet.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("bench/results"))
    parser.add_argument("--readme", type=pathlib.Path)
    options = parser.parse_args()
    if options.lines:
        for line in read_lines(sys.stdin):
            print(describe(line), flush=True)
        return
    result = {"commit": options.commit, "date": datetime.date.today().isoformat()} | collect(list(read_lines(sys.stdin)))
    if "gpu" not in result["machine"] or not any("median_us" in row for row in result["rows"]):
        sys.exit("gpu_report.py: no row of ours on standard input: run the step bench first")
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / (re.sub(r"[^a-z0-9]+", "-", result["machine"]["gpu"].lower()).strip("-") + ".json")
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)
    if options.readme:
        readme = options.readme.read_text()
        if BEGIN not in readme or END not in readme:
            sys.exit(f"gpu_report.py: {options.readme} has no line {BEGIN}")
        head, tail = readme.split(BEGIN)[0], readme.split(END)[1]
        options.readme.write_text(f"{head}{BEGIN}\n\n{tables(options.results)}\n{END}{tail}")


if __name__ == "__main__":
    main()

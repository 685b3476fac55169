#!/usr/bin/env python3
"""Which branches of the gated directories the unit tests do not run, and whether too many are not.

coverage-gate.py PERCENT COUNTS LIST DIRECTORY...

Reads what gcovr counted (COUNTS, its JSON), prints one line a directory, writes each line of code
with a branch that is not run to LIST, and fails where less than PERCENT of the branches of one
directory, or of all together, are run.
"""

import json
import sys


def branches(line):
    """How many branches leave a line, and how many of them are not run."""
    counts = [branch["count"] for branch in line["branches"]]
    return len(counts), counts.count(0)


def main(percent, counts, missing_list, *directories):
    with open(counts, encoding="utf-8") as file:
        files = json.load(file)["files"]

    every, not_run, missing = dict.fromkeys(directories, 0), dict.fromkeys(directories, 0), []
    for file in sorted(files, key=lambda file: file["file"]):
        path = file["file"]
        owner = next(name for name in directories if path.startswith(name + "/"))
        with open(path, encoding="utf-8") as source:
            text = source.read().splitlines()
        for line in file["lines"]:
            number = line["line_number"]
            of, absent = branches(line)
            every[owner] += of
            not_run[owner] += absent
            if absent:
                missing.append(f"{path}:{number}: {absent} of {of}: {text[number - 1].strip()}\n")

    with open(missing_list, "w", encoding="utf-8") as file:
        file.writelines(missing)

    rows = [(name, every[name], not_run[name]) for name in directories]
    rows.append(("together", sum(every.values()), sum(not_run.values())))
    is_enough = True
    print(f"  {'branches of':<20} {'run':>6} {'all':>6}  percent")
    for name, of, absent in rows:
        # A directory in which nothing was counted was not measured.
        holds = of > 0 and (of - absent) * 100 >= float(percent) * of
        is_enough = is_enough and holds
        share = (of - absent) * 100 // max(of, 1) if absent else 100
        verdict = "" if holds else f"  FAIL: below {percent}"
        print(f"  {name:<20} {of - absent:>6} {of:>6}  {share:>7}{verdict}")
    print(f"  the {sum(not_run.values())} that are not run, line by line: {missing_list}")
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

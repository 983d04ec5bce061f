"""Runs of mr-bench."""

import json

LIMIT_S = 120
INVALID = 3  # a machine that does other things as well may make the generator late


def finish(process):
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode in (0, 1, INVALID), f"{process.returncode}: {err}"
    result = json.loads(out)
    assert (process.returncode == 1) == bool(result["broken"]), (process.returncode, result)
    return result

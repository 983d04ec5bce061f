"""Which fuzz targets there are, and which are asked for."""

import sys


def chosen(build, names):
    """All of them, if no names are given; ends with an error that lists them for one that is not there."""
    known = sorted(path.name for path in (build / "fuzzers").iterdir())
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"there is no target {unknown[0]}; the targets are: {' '.join(known)}")
    return names or known

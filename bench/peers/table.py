"""From results of mr-bench to the table of ./mr bench peers."""

from statistics import median

ROLES = ("nginx", "server", "worker", "publisher", "redis")


# Title, figure, form, whether the ratio to mr-ws stands behind it.
AT_A_RATE = [("delivered", "delivered", ".1%", False), ("events/s", "events_per_s", ".0f", False),
             ("p50 ms", "p50_ms", ".2f", True), ("p99 ms", "p99_ms", ".2f", True),
             ("CPU us/event", "us_per_event", ".1f", True),
             ("KB/connection", "kib_per_connection", ".1f", True)]
FLAT_OUT = [("events/s", "events_per_s", ".0f", True), ("answer p50 ms", "answer_ms", ".0f", True),
            ("CPU us/event", "us_per_event", ".1f", True),
            ("KB/connection", "kib_per_connection", ".1f", True)]

IDLE = [("nginx, KB/connection", "nginx_kib", ".2f", True),
        ("all, KB/connection", "kib_per_connection", ".2f", True)]
PRIVATE = "_private_per_connection"


def figures(result, number):
    """What counts of one measurement."""
    rates, times = result["rates"], result.get("times", {})
    latency, answer = times.get("latency", {}), times.get("answer", {})
    memory = result.get("memory_kib", {})
    return {
        "round": number,
        "delivered": rates.get("delivered", 0),
        # A server that is behind sends what was due earlier.
        "events_per_s": rates.get("arrived_per_s", rates.get("events_per_s", 0)),
        "p50_ms": latency.get("p50_ms", 0),
        "p99_ms": latency.get("p99_ms", 0),
        "flat_out": bool(answer),
        "answer_ms": answer.get("p50_ms", 0),
        "us_per_event": rates.get("total_us_per_event", 0),
        "roles": {role: rates[f"{role}_us_per_event"] for role in ROLES
                  if f"{role}_us_per_event" in rates},
        "kib_per_connection": sum(value for name, value in memory.items()
                                  if name.endswith(PRIVATE)),
        "kib": {role: memory[role + PRIVATE] for role in ROLES if role + PRIVATE in memory},
        "nginx_kib": memory.get("nginx" + PRIVATE, 0),
        "load_before": result["manifest"]["load_before"],
        "generator_core": rates["generator_core"],
        "broken": result["broken"],
        "invalid": result["invalid"],
    }


def line(one):
    marks = [f"BROKEN: {what}" for what in one["broken"]]
    marks += [f"invalid: {why}" for why in one["invalid"]]
    times = f"answer {one['answer_ms']:.0f} ms" if one["flat_out"] else \
        f"p50 {one['p50_ms']:.2f} p99 {one['p99_ms']:.2f} ms"
    return (f"{one['events_per_s']:9.0f} events/s, {times}, {one['us_per_event']:.1f} us/event, "
            f"load before {one['load_before']:.2f}" + "".join(f"; {mark}" for mark in marks))


def idle_line(one):
    return (f"{one['kib_per_connection']:9.2f} KB/connection, nginx {one['nginx_kib']:.2f}"
            + "".join(f"; BROKEN: {what}" for what in one["broken"]))


def middle(rounds, key):
    return median(one[key] for one in rounds)


def ratio(rounds, ours, key):
    """The median of what it is to mr-ws in the same round; nothing for mr-ws itself, or where there
    is nothing to divide by."""
    if rounds is ours:
        return None
    by_round = {one["round"]: one[key] for one in ours}
    both = [one[key] / by_round[one["round"]] for one in rounds
            if one[key] and by_round.get(one["round"])]
    return median(both) if both else None


def cell(value, factor, form):
    if not value:
        return "-"  # nothing has arrived
    return f"{value:{form}}" + (f" (x{factor:.2f})" if factor is not None else "")


def row(name, rounds, ours, columns, split):
    """`split`: the figure that each process has a part of, its form, its unit."""
    kept = [name]
    for _, key, form, compared in columns:
        factor = ratio(rounds, ours, key) if compared else None
        kept.append(cell(middle(rounds, key), factor, form))
    key, form, _ = split
    roles = {role: median(one[key].get(role, 0) for one in rounds) for role in ROLES
             if any(role in one[key] for one in rounds)}
    kept.append(", ".join(f"{role} {value:{form}}" for role, value in roles.items()))
    troubled = sum(bool(one["broken"] or one["invalid"]) for one in rounds)
    kept.append(f"{troubled} of {len(rounds)}")
    return kept


def grid(rounds, ours, columns, split):
    """A table in Markdown that is readable as it stands."""
    head = ["", *(title for title, *_ in columns), f"by process, {split[2]}", "troubled"]
    rows = [head, *(row(name, found, rounds[ours], columns, split)
                    for name, found in rounds.items() if found)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(head))]
    rows.insert(1, ["-" * width for width in widths])
    return ["| " + " | ".join(text.ljust(width) for text, width in zip(cells, widths)) + " |"
            for cells in rows]


def section(rate, rounds, config, ours):
    """`rate`: None is idle, 0 flat out."""
    over = "without TLS" if config.get("plain") else "over TLS"
    loads = [one["load_before"] for found in rounds.values() for one in found]
    if rate is None:
        load, columns, split = "idle connections", IDLE, ("kib", ".2f", "KB/connection")
    else:
        many = f"{rate} events/s" if rate else "flat out, events"
        load = f"sessions x {many} of {config['bytes']} bytes"
        columns, split = AT_A_RATE if rate else FLAT_OUT, ("roles", ".1f", "us/event")
    return [f"{config['sessions']} {load} {over}, {config['seconds']:g} s, median of "
            f"{config['rounds']} rounds; in brackets: to mr-ws in the same round.",
            f"Load of the machine before a measurement: {min(loads, default=0):.1f} to "
            f"{max(loads, default=0):.1f}.", "", *grid(rounds, ours, columns, split), ""]


def render(whole, ours):
    lines = []
    for rate, rounds in whole["rates"].items():
        lines += section(rate, rounds, whole["config"], ours)
    for name, what in {**whole["what"], "all": "Redis and nginx"}.items():
        versions = whole["versions"].get(name, {})
        lines.append(f"{name}: {what}" + "".join(f", {k} {v}" for k, v in versions.items()))
    lines += [f"skipped: {name}: {why}" for name, why in whole["skipped"].items()]
    return "\n".join(lines) + "\n"

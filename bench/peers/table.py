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


def figures(result, number):
    """What counts of one measurement."""
    rates, times = result["rates"], result["times"]
    latency, answer = times.get("latency", {}), times.get("answer", {})
    memory = result.get("memory_kib", {})
    return {
        "round": number,
        "delivered": rates.get("delivered", 0),
        # A server that is behind sends what was due earlier.
        "events_per_s": rates.get("arrived_per_s", rates["events_per_s"]),
        "p50_ms": latency.get("p50_ms", 0),
        "p99_ms": latency.get("p99_ms", 0),
        "flat_out": bool(answer),
        "answer_ms": answer.get("p50_ms", 0),
        "us_per_event": rates.get("total_us_per_event", 0),
        "roles": {role: rates[f"{role}_us_per_event"] for role in ROLES
                  if f"{role}_us_per_event" in rates},
        "kib_per_connection": sum(value for name, value in memory.items()
                                  if name.endswith("_private_per_connection")),
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


def row(name, rounds, ours, columns):
    kept = [name]
    for _, key, form, compared in columns:
        factor = ratio(rounds, ours, key) if compared else None
        kept.append(cell(middle(rounds, key), factor, form))
    roles = {role: median(one["roles"].get(role, 0) for one in rounds) for role in ROLES
             if any(role in one["roles"] for one in rounds)}
    kept.append(", ".join(f"{role} {value:.1f}" for role, value in roles.items()))
    troubled = sum(bool(one["broken"] or one["invalid"]) for one in rounds)
    kept.append(f"{troubled} of {len(rounds)}")
    return kept


def grid(rounds, ours, columns, by_process):
    """A table in Markdown that is readable as it stands."""
    head = ["", *(title for title, *_ in columns), f"by process, {by_process}", "troubled"]
    rows = [head, *(row(name, found, rounds[ours], columns)
                    for name, found in rounds.items() if found)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(head))]
    rows.insert(1, ["-" * width for width in widths])
    return ["| " + " | ".join(text.ljust(width) for text, width in zip(cells, widths)) + " |"
            for cells in rows]


def render(whole, ours):
    config, lines = whole["config"], []
    for rate, rounds in whole["rates"].items():
        loads = [one["load_before"] for found in rounds.values() for one in found]
        load = f"{rate} events/s" if rate else "flat out, events"
        lines += [f"{config['sessions']} sessions x {load} of {config['bytes']} bytes over "
                  f"TLS, {config['seconds']:g} s, median of {config['rounds']} rounds; in "
                  "brackets: to mr-ws in the same round.",
                  f"Load of the machine before a measurement: {min(loads, default=0):.1f} to "
                  f"{max(loads, default=0):.1f}.", "",
                  *grid(rounds, ours, AT_A_RATE if rate else FLAT_OUT, "us/event"), ""]
    for name, what in {**whole["what"], "all": "Redis and nginx"}.items():
        versions = whole["versions"].get(name, {})
        lines.append(f"{name}: {what}" + "".join(f", {k} {v}" for k, v in versions.items()))
    lines += [f"skipped: {name}: {why}" for name, why in whole["skipped"].items()]
    return "\n".join(lines) + "\n"

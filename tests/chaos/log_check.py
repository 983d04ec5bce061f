"""What a tab was sent against what stands in the out lane: the same events, the same bytes, the same
order, nothing beside them."""

import asyncio

from harness.lanes import V2_ONLY, batch_events
from harness.redis import RedisError

READ_TRIES = 200
RETRY_S = 0.1


async def read_log(world, session_id, behind):
    for _ in range(READ_TRIES):
        try:
            return await asyncio.to_thread(world.read_out_lane, session_id, behind)
        except (OSError, RedisError):
            await asyncio.sleep(RETRY_S)  # Redis is one of those that are being killed
    raise TimeoutError("the log could not be read")


async def compare_with_log(world, session_id, tab):
    """None, or the first difference. Forgets what was compared."""
    parts = [*tab.replaced, (tab.complete_from, tab.events)]
    tab.replaced, tab.events, tab.complete_from = [], [], tab.last
    for behind, sent in parts:
        fault = await compare_part(world, session_id, tab, behind, sent)
        if fault:
            return fault
    return None


async def compare_part(world, session_id, tab, behind, sent):
    if not sent:
        return None
    log = [event for entry in await read_log(world, session_id, behind)
           for event in batch_events(entry)]
    last = sent[-1][0]
    logged = [(got, data) for got, flags, data in log
              if behind < got <= last and (tab.v2 or not flags & V2_ONLY)]
    if logged and sent[0][0] < logged[0][0]:  # older epochs are trimmed from the log
        sent = [event for event in sent if event[0] >= logged[0][0]]
    world.counts["events compared"] += len(logged)
    if [got for got, _ in sent] == [got for got, _ in logged]:
        different = [got for (got, mine), (_, theirs) in zip(sent, logged) if mine != theirs]
        return f"other bytes than the log's: {different[:3]}" if different else None
    mine, theirs = {got for got, _ in sent}, {got for got, _ in logged}
    return (f"events {sorted(mine - theirs)[:5]} stand in no log, "
            f"{sorted(theirs - mine)[:5]} never came")

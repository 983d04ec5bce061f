"""Which worker holds a session."""

from harness.process import wait_for


def owner(stack, session):
    """The worker that owns the session now; waits for one."""
    def find():
        for key in stack.redis.command("KEYS", f"mr:*:s:{session}"):
            name = stack.redis.command("HGET", key, "own")
            for worker in stack.workers:
                if name and worker.process.alive() and f"-{worker.process.pid}-" in name:
                    return worker
        return None
    return wait_for(find, f"a worker owns {session}")

"""Redis, workers and nginx together, in one directory."""

import shutil
import tempfile
from pathlib import Path

from harness.nginx import Nginx, STANDARD_LOCATIONS
from harness.process import wait_for
from harness.redis import Redis
from harness.worker import Worker


class Stack:
    """`stack.nginx`, `stack.redis`, `stack.workers`; `settings` go to each worker. `group` makes in
    a directory what stands where a single Redis does, such as `sentinels()`. Used as a context
    manager it starts all and stops all."""

    live = []  # every stack that has been made and not been removed

    def __init__(self, data_dir, *, workers=1, apps="chat,echo", settings=None, redis=(),
                 group=None, locations=STANDARD_LOCATIONS, **nginx):
        # Short: a unix socket's path holds 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="mr-test-"))
        self.data_dir = data_dir
        self.redis = group(self.directory) if group else Redis(self.directory, redis)
        self.nginx = Nginx(self.directory, self.redis.url, locations=locations, **nginx)
        self.apps = apps
        self.settings = settings or {}
        self.workers = [self.make_worker(f"worker-{i + 1}") for i in range(workers)]
        Stack.live.append(self)

    def make_worker(self, name):
        return Worker(self.directory, self.redis.url, self.data_dir, name=name, apps=self.apps,
                      **self.settings)

    def move_to(self, url, *, worker_url=None):
        """Ends nginx and the workers and starts them with another way to Redis."""
        for part in (self.nginx, *self.workers):
            part.stop()
        self.nginx.redis_url = url
        for worker in self.workers:
            worker.settings["redis"] = worker_url or url
            worker.start()
        self.nginx.start()
        self.wait_linked()

    def add_worker(self, name):
        worker = self.make_worker(name)
        self.workers.append(worker)
        return worker.start()

    def start(self):
        self.redis.start()
        for worker in self.workers:
            worker.start()
        self.nginx.start()
        self.wait_linked()
        return self

    def wait_linked(self):
        """Every nginx worker has both its links to Redis."""
        wanted = 2 * self.nginx.processes
        wait_for(lambda: len(self.redis.clients("nginx")) >= wanted, "nginx is linked to Redis")

    def logs(self):
        return [self.nginx.log, self.nginx.console, *self.redis.logs(),
                *(worker.log for worker in self.workers)]

    def stop(self):
        """Stops all in order; the first trouble is raised when all are gone."""
        trouble = []
        for part in [self.nginx, *self.workers, self.redis]:
            try:
                part.stop()
            except AssertionError as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        if self in Stack.live:
            Stack.live.remove(self)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()


def shared_stack(data_dir, **form):
    """For fixtures of a whole run: yields a started stack, stops and removes it at the end."""
    stack = Stack(data_dir, **form)
    try:
        with stack:
            yield stack
    finally:
        stack.remove()

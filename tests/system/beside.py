"""A second gateway of the same deployment: an nginx of its own on the stack's Redis."""

from harness.nginx import Nginx
from harness.process import wait_for


class Beside:
    """In the form Chat takes. Its log is watched here, at the end."""

    def __init__(self, stack):
        self.stack = stack
        directory = stack.directory / "beside"
        directory.mkdir()
        self.nginx = Nginx(directory, stack.redis.url, locations=stack.nginx.locations)

    def __enter__(self):
        before = len(self.stack.redis.clients("nginx"))
        self.nginx.start()
        wait_for(lambda: len(self.stack.redis.clients("nginx")) >= before + 2,
                 "both gateways are linked")
        return self

    def __exit__(self, *_):
        self.nginx.stop()
        assert not self.nginx.log.grave_lines() + self.nginx.console.grave_lines()

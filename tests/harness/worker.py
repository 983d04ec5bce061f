"""An mr-worker process. `settings` become command-line flags, as in turn_budget="5s"."""

import json
import os
import signal

from harness.paths import WORKER
from harness.process import Log, Process, wait_for

READY_LIMIT_S = 30.0
DRAIN = "5s"
PROVIDERS = ("OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "HUBSPOT_", "AZURE_", "DEEPGRAM_",
             "ELEVENLABS_", "STUB_")


class Worker:
    def __init__(self, directory, redis_url, data_dir, *, name="worker-1", apps="chat,echo",
                 **settings):
        self.name = name
        self.log = Log(directory / f"{name}.log")
        self.ready_file = directory / f"{name}.ready"
        self.settings = {"redis": redis_url, "apps": apps, "ready_file": self.ready_file,
                         "data_dir": data_dir, "drain": DRAIN,
                         # A second of loading, for tests of something else.
                         "recogniser": "none", "synthesiser": "none", **settings}
        self.process = None

    def spawn(self):
        self.ready_file.unlink(missing_ok=True)
        argv = [WORKER]
        for key, value in self.settings.items():
            argv += ["--" + key.replace("_", "-"), value]
        # A developer's own key must not send the tests to a real provider.
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(PROVIDERS)}
        self.process = Process(self.name, argv, self.log, env=env)
        return self

    def start(self):
        self.spawn()
        wait_for(self._ready_or_dead, f"{self.name} is ready", READY_LIMIT_S)
        assert self.process.alive(), f"{self.name} has ended:\n{self.log.text()[-2000:]}"
        return self

    def _ready_or_dead(self):
        return self.ready_file.exists() or not self.process.alive()

    def is_ready(self):
        return self.ready_file.exists()

    def metrics_port(self):
        """Where a worker with metrics_listen="127.0.0.1:0" serves them."""
        [served] = self.logged("metrics are served")[-1:]
        return int(served["address"].rpartition(":")[2])

    def logged(self, message, **fields):
        """Records of its log with this message and these fields."""
        found = []
        for line in self.log.text().splitlines():
            record = json.loads(line) if line.startswith("{") else {}
            if record.get("msg") == message and all(
                    record.get(name) == value for name, value in fields.items()):
                found.append(record)
        return found

    def kill(self):
        self.process.kill()

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def stop(self):
        if self.process and self.process.alive():
            code = self.process.stop()
            assert code == 0, f"{self.name} ended with {code}:\n{self.log.text()[-2000:]}"

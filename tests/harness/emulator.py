"""The provider emulator (tests/emulator) as a process: what it does is told, what it was asked is
read. tests/emulator/README.md has the behaviours.

    with Emulator(directory) as emulator:
        emulator.script(openai={"default": {"tokens": 5}})
        ...
        emulator.requests("openai")
"""

import json
import urllib.error
import urllib.request

from harness.paths import EMULATOR
from harness.process import Log, Process, wait_for

KEY = "emulated-key"
MODEL = "emulated-1"
ENTRA_CLIENT, ENTRA_SECRET = "emulated-client", "emulated-secret"
READY_LIMIT_S = 30.0


class Emulator:
    def __init__(self, directory, *flags):
        self.directory = directory
        self.flags = flags
        self.log = Log(directory / "emulator.log")
        self.ca_file = directory / "emulator-ca.pem"
        self.account_file = directory / "emulator-account.json"
        self.ready_file = directory / "emulator.ready"
        self.process = None
        self.port = self.plain_port = self.control_port = None

    # ---- life

    def start(self):
        assert EMULATOR.exists(), f"{EMULATOR} not there: ./mr test builds it"
        self.ready_file.unlink(missing_ok=True)
        self.process = Process("provider-emulator", [
            EMULATOR, "--ca-file", self.ca_file, "--account-file", self.account_file,
            "--ready-file", self.ready_file, *self.flags], self.log)
        wait_for(lambda: self.ready_file.exists() or not self.process.alive(),
                 "the emulator is ready", READY_LIMIT_S)
        assert self.process.alive(), f"the emulator has ended:\n{self.log.text()[-2000:]}"
        vars(self).update(json.loads(self.ready_file.read_text()))
        return self

    def stop(self):
        if self.process and self.process.alive():
            code = self.process.stop()
            assert code == 0, f"the emulator ended with {code}:\n{self.log.text()[-2000:]}"
        assert not self.log.grave_lines(), self.log.text()[-2000:]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- where it is

    def url(self, path="", *, tls=True):
        return (f"https://localhost:{self.port}" if tls
                else f"http://127.0.0.1:{self.plain_port}") + path

    def openai_settings(self):
        """For a worker that has its answers written by it and does the rest itself."""
        others = ("extractor", "router", "sql_writer", "merger")
        return {"openai_base_url": self.url("/openai/v1"), "openai_model": MODEL,
                "openai_api_key": KEY, "provider_ca_file": self.ca_file,
                **{task: "embedded" for task in others}}

    def hubspot_settings(self):
        """For a worker that is to search it as its HubSpot."""
        return {"hubspot_base_url": self.url("/hubspot"), "hubspot_api_key": KEY,
                "provider_ca_file": self.ca_file}

    def deepgram_settings(self):
        """For a worker whose microphones it hears."""
        return {"deepgram_base_url": self.url("/deepgram/v1"), "deepgram_api_key": KEY,
                "recogniser": "deepgram", "provider_ca_file": self.ca_file}

    def elevenlabs_settings(self):
        """For a worker whose answers it speaks."""
        return {"elevenlabs_base_url": self.url("/elevenlabs"), "elevenlabs_api_key": KEY,
                "synthesiser": "elevenlabs", "provider_ca_file": self.ca_file}

    def vertex_search_settings(self):
        """For a worker that is to search it as its documents."""
        return {"vertex_search_engine": "app-1", "vertex_search_project": "project-1",
                "vertex_search_base_url": self.url("/search/v1"),
                "google_credentials_file": self.account_file,
                "google_token_url": self.url("/google/token"), "provider_ca_file": self.ca_file}

    def powerbi_settings(self, schema_file):
        """For a worker that is to draw charts of its semantic model."""
        return {"powerbi_base_url": self.url("/powerbi"), "powerbi_workspace": "w-1",
                "powerbi_dataset": "d-1", "powerbi_schema_file": schema_file,
                "entra_authority": self.url("/entra"), "entra_tenant": "emulated-tenant",
                "entra_client_id": ENTRA_CLIENT, "entra_client_secret": ENTRA_SECRET,
                "provider_ca_file": self.ca_file}

    def bigquery_settings(self):
        """For a worker whose queries OpenAI writes and BigQuery runs; the rest is embedded."""
        return {**self.openai_settings(), "sql_writer": "openai", "responder": "embedded",
                "bigquery_base_url": self.url("/bigquery/v2"), "bigquery_project": "emulated-project",
                "bigquery_location": "EU", "google_credentials_file": self.account_file,
                "bigquery_tables": "sales.invoices:project_code, sales.vendors:-"}

    # ---- its control port

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control_port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None

    def script(self, **providers):
        """`openai={"default": {…}, "rules": […], "queue": […], "keys": […], …}`."""
        self.control("PUT", "/script", providers)

    def reset(self):
        self.control("DELETE", "/script")
        self.control("DELETE", "/requests")

    def requests(self, provider="", after=0):
        return self.control("GET", f"/requests?provider={provider}&after={after}")["requests"]

    def ended(self, provider="", count=1):
        """The requests, once so many of them have come to an end."""
        def look():
            found = self.requests(provider)
            return found if sum(bool(one["outcome"]) for one in found) >= count else None
        return wait_for(look, f"{count} requests to {provider or 'anyone'} have ended", 30)

    def held(self, provider):
        """Waits for a request that is let in and not answered, as by `hang`."""
        seen = set()

        def look():
            waiting = {one["id"] for one in self.requests(provider)
                       if not one["status"] and not one["outcome"]}
            again = waiting & seen  # one that is just being answered is there once
            seen.update(waiting)
            return again

        wait_for(look, f"a request to {provider} waits for its answer", 30)

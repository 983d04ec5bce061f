"""`mr-worker --check-providers` as a user runs it, and the settings that lead it to the emulator."""

import json
import os
import subprocess
from types import SimpleNamespace

from harness.emulator import KEY, MODEL
from harness.paths import SANITIZED, WORKER

LIMIT_S = 60
UNKNOWN_NAME = "x" * 64 + ".invalid"  # no label is so long: refused without asking anybody
LANGUAGE = ("openai", "anthropic", "gemini")
VOICE = ("deepgram", "elevenlabs")
BY_KEY = (*LANGUAGE, "hubspot", *VOICE)  # each has a key and a base URL


def run(settings, *flags):
    argv = [str(WORKER), "--check-providers", *flags]
    for key, value in settings.items():
        if value is not None:
            argv += ["--" + key.replace("_", "-"), str(value)]
    # A developer's own keys must not reach a provider.
    kept = {"PATH", "HOME"} | {name for name in os.environ if SANITIZED and "SAN_OPTIONS" in name}
    return subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                          env={name: os.environ[name] for name in kept if name in os.environ})


def check(settings):
    """Exit code, the rows by provider, and all that was written."""
    done = run(settings, "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["good"] == (done.returncode == 0)
    assert done.stderr == ""
    rows = {row["provider"]: SimpleNamespace(**row) for row in report["checks"]}
    return SimpleNamespace(code=done.returncode, rows=rows, text=done.stdout)


def emulated(emulator):
    """All providers that a key opens, on the emulator."""
    settings = {"provider_ca_file": emulator.ca_file}
    for name, path in (("openai", "/openai/v1"), ("anthropic", "/anthropic"),
                       ("gemini", "/gemini/v1beta"), ("hubspot", "/hubspot"),
                       ("deepgram", "/deepgram/v1"), ("elevenlabs", "/elevenlabs")):
        settings |= {f"{name}_base_url": emulator.url(path), f"{name}_api_key": KEY}
    return settings | {f"{name}_model": MODEL for name in LANGUAGE}


def on_google(emulator):
    """Gemini on Vertex AI, with a service account."""
    return {"provider_ca_file": emulator.ca_file, "gemini_base_url": emulator.url("/vertex/v1"),
            "gemini_model": MODEL, "gemini_project": "emulated-project",
            "gemini_location": "europe-west4", "google_credentials_file": emulator.account_file,
            "google_token_url": emulator.url("/google/token")}


def of_data(emulator, directory):
    """BigQuery, whose queries OpenAI writes, Vertex AI Search and Power BI."""
    schema = directory / "schema.json"
    schema.write_text(json.dumps({"tables": [{"name": "T", "columns": [{"name": "Code"}]}]}))
    return {**emulator.bigquery_settings(), **emulator.vertex_search_settings(),
            **emulator.powerbi_settings(schema), "vertex_search_project_field": "project_code"}

"""Requests to the provider emulator, by curl, and what came back. GOOD has one good request to each
endpoint, made of the fields that its provider documents."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass

from harness.emulator import KEY, MODEL

CURL_LIMIT_S = 30
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
BEARER = {"authorization": f"Bearer {KEY}"}
OPENAI = {**BEARER, **JSON}
ANTHROPIC = {"x-api-key": KEY, "anthropic-version": "2023-06-01", **JSON}
GEMINI = {"x-goog-api-key": KEY, **JSON}
ENTRA_FORM = ("grant_type=client_credentials&client_id=emulated-client"
              "&client_secret=emulated-secret"
              "&scope=https%3A%2F%2Fanalysis.windows.net%2Fpowerbi%2Fapi%2F.default")
SCHEMA = {"type": "object", "additionalProperties": False, "required": ["sql"],
          "properties": {"sql": {"type": "string"}}}

CHAT = {"model": MODEL, "messages": [{"role": "system", "content": "Be brief."},
                                     {"role": "user", "content": "Hi"}]}
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
RESPONSES = {"model": MODEL, "input": "Hi", "instructions": "Be brief.", "store": False}
MESSAGES = {"model": MODEL, "max_tokens": 100, "system": "Be brief.",
            "messages": [{"role": "user", "content": "Hi"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]}}
QUERY = {"query": "SELECT id, name FROM `p.d.t` WHERE id IN UNNEST(@ids)", "useLegacySql": False,
         "parameterMode": "NAMED", "location": "EU", "maximumBytesBilled": "1000000000",
         "queryParameters": [{"name": "ids",
                              "parameterType": {"type": "ARRAY", "arrayType": {"type": "INT64"}},
                              "parameterValue": {"arrayValues": [{"value": "1"}]}}]}
SEARCH = {"query": "scope of works", "pageSize": 2, "filter": 'project_id: ANY("12","34")',
          "contentSearchSpec": {"snippetSpec": {"returnSnippet": True},
                                "summarySpec": {"summaryResultCount": 2,
                                                "includeCitations": True}}}
DEALS = {"query": "acme", "properties": ["dealname", "amount"], "limit": 2, "filterGroups": [
    {"filters": [{"propertyName": "amount", "operator": "GTE", "value": "1000"}]}]}
DAX = {"queries": [{"query": "EVALUATE TOPN(100, VALUES('T'[C]))"}],
       "serializerSettings": {"includeNulls": True}}
VERTEX = "/v1/projects/p/locations/eu/publishers/google/models"
ENGINE = ("/v1/projects/p/locations/global/collections/default_collection/engines/e"
          "/servingConfigs/default_search:search")
BIGQUERY = "/bigquery/v2/projects/p"

# provider, path, headers, body (None: GET)
GOOD = {
    "openai models": ("openai", "/v1/models", BEARER, None),
    "openai model": ("openai", f"/v1/models/{MODEL}", BEARER, None),
    "chat": ("openai", "/v1/chat/completions", OPENAI, CHAT),
    "chat stream": ("openai", "/v1/chat/completions", OPENAI, STREAM),
    "responses": ("openai", "/v1/responses", OPENAI, RESPONSES),
    "responses stream": ("openai", "/v1/responses", OPENAI, {**RESPONSES, "stream": True}),
    "anthropic models": ("anthropic", "/v1/models", ANTHROPIC, None),
    "messages": ("anthropic", "/v1/messages", ANTHROPIC, MESSAGES),
    "messages stream": ("anthropic", "/v1/messages", ANTHROPIC, {**MESSAGES, "stream": True}),
    "gemini models": ("gemini", "/v1beta/models", GEMINI, None),
    "gemini": ("gemini", f"/v1beta/models/{MODEL}:generateContent", GEMINI, CONTENTS),
    "gemini stream": ("gemini", f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", GEMINI,
                      CONTENTS),
    "vertex": ("vertex", f"{VERTEX}/{MODEL}:generateContent", OPENAI, CONTENTS),
    "vertex stream": ("vertex", f"{VERTEX}/{MODEL}:streamGenerateContent?alt=sse", OPENAI,
                      CONTENTS),
    "query": ("bigquery", f"{BIGQUERY}/queries?prettyPrint=false", OPENAI, QUERY),
    "dry run": ("bigquery", f"{BIGQUERY}/jobs", OPENAI, {"configuration": {
        "dryRun": True, "query": {"query": "SELECT 1", "useLegacySql": False}}}),
    "table": ("bigquery", f"{BIGQUERY}/datasets/d/tables/t?prettyPrint=false", BEARER, None),
    "search": ("search", ENGINE, OPENAI, SEARCH),
    "deals": ("hubspot", "/crm/v3/objects/deals/search", OPENAI, DEALS),
    "deals, dated": ("hubspot", "/crm/objects/2026-09/0-3/search", OPENAI, DEALS),
    "associations": ("hubspot", "/crm/v4/associations/deals/companies/batch/read", OPENAI,
                     {"inputs": [{"id": "1"}, {"id": "2"}]}),
    "associations, dated": ("hubspot", "/crm/associations/2026-09/deals/companies/batch/read",
                            OPENAI, {"inputs": [{"id": "1"}]}),
    "association": ("hubspot", "/crm/v4/objects/deals/1/associations/companies?limit=500", BEARER,
                    None),
    "objects": ("hubspot", "/crm/v3/objects/companies/batch/read", OPENAI,
                {"properties": ["name"], "inputs": [{"id": "2"}]}),
    "pipelines": ("hubspot", "/crm/v3/pipelines/deals", BEARER, None),
    "entra": ("entra", "/tenant/oauth2/v2.0/token", FORM, ENTRA_FORM),
    "dax": ("powerbi", "/v1.0/myorg/groups/g/datasets/d/executeQueries", OPENAI, DAX),
    "embed": ("powerbi", "/v1.0/myorg/GenerateToken", OPENAI,
              {"reports": [{"id": "r", "allowEdit": False}]}),
    "report": ("powerbi", "/v1.0/myorg/groups/g/reports/r", BEARER, None),
    "metadata": ("metadata",
                 "/computeMetadata/v1/instance/service-accounts/default/token",
                 {"metadata-flavor": "Google"}, None),
    "project": ("metadata", "/computeMetadata/v1/project/project-id",
                {"metadata-flavor": "Google"}, None),
}


@dataclass
class Answer:
    status: int
    version: str
    headers: dict
    body: str
    code: int  # curl's; 0: the answer was whole

    @property
    def json(self):
        return json.loads(self.body)


def curl_words(emulator, provider, path, headers, body=None, *, http2=True, limit_s=CURL_LIMIT_S):
    words = ["curl", "-sS", "-N", "-D", "/dev/stderr", "--cacert", emulator.ca_file,
             "--max-time", limit_s, "--http2" if http2 else "--http1.1",
             emulator.url(f"/{provider}{path}" if provider else path)]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    if body is not None:
        words += ["--data-binary", body if isinstance(body, str) else json.dumps(body)]
    return [str(word) for word in words]


def curl(*what, **how):
    """An answer, be it whole or not: `code` says."""
    done = subprocess.run(curl_words(*what, **how), capture_output=True, check=False)
    head = done.stderr.decode().split("\r\n\r\n")[0]
    lines = [line for line in head.splitlines() if line]
    if not lines or not lines[0].startswith("HTTP/"):
        return Answer(0, "", {}, done.stdout.decode(errors="replace"), done.returncode)
    version, status = lines[0].split()[:2]
    headers = {name.lower(): value.strip() for name, _, value in
               (line.partition(":") for line in lines[1:])}
    return Answer(int(status), version, headers, done.stdout.decode(errors="replace"),
                  done.returncode)


def good(emulator, name, change=None, *, headers=None, **how):
    """A good request of the table; `change` replaces fields of its body, None takes one away."""
    provider, path, usual, body = GOOD[name]
    if change:
        body = {key: value for key, value in {**body, **change}.items() if value is not None}
    if headers:
        usual = {key: value for key, value in {**usual, **headers}.items() if value is not None}
    return curl(emulator, provider, path, usual, body, **how)


def sse(text):
    """(event, data) of a stream, as the standard has it: any line end, comments, a BOM. What lacks
    its blank line at the end is not among them."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found, name, data = [], "", []
    for line in text.split("\n")[:-1]:
        if not line:
            if data:
                found.append((name, "\n".join(data)))
            name, data = "", []
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "data":
            data.append(value)
        elif key == "event":
            name = value
    return found


def said(name, text):
    """What a language model has said in a stream of the request `name`."""
    out = ""
    for _, data in sse(text):
        if data == "[DONE]":
            continue
        event = json.loads(data)
        if name.startswith("chat"):
            for choice in event.get("choices", []):
                out += choice["delta"].get("content") or ""
        elif name.startswith("responses"):
            out += event["delta"] if event.get("type") == "response.output_text.delta" else ""
        elif name.startswith("messages"):
            if event.get("type") == "content_block_delta":
                out += event["delta"].get("text", "")
        else:
            for one in event.get("candidates", []):
                for part in one.get("content", {}).get("parts", []):
                    out += "" if part.get("thought") else part.get("text", "")
    return out


def signed(account, directory, claims=None, header=None):
    """A JWT of a service account, RS256 by the openssl command."""
    now = int(time.time())
    header = header or {"alg": "RS256", "typ": "JWT", "kid": account["private_key_id"]}
    claims = {"iss": account["client_email"], "aud": "https://oauth2.googleapis.com/token",
              "scope": "https://www.googleapis.com/auth/cloud-platform",
              "iat": now, "exp": now + 3600, **(claims or {})}
    claims = {key: value for key, value in claims.items() if value is not None}
    key = directory / "account-key.pem"
    key.write_text(account["private_key"])
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
                    for part in (header, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], check=True,
                               input=text.encode(), capture_output=True).stdout
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

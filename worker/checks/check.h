// `mr-worker --check-providers`: one cheap call per configured provider, and what to do where it
// does not go well. A check is one function per provider that fills one row (Finding); the calls
// and what their outcome means are shared (probe.h, verdict.h).
//
// No row holds a key: causes are our own words and, cut and without control characters, those of
// the provider with the key blotted out.
#pragma once

#include "worker/net/http_client.h"
#include "worker/providers/interfaces.h"
#include "worker/settings.h"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mr::checkup {

enum class Trouble : std::uint8_t {
    none,
    name,        // not known to the DNS
    connection,  // refused, or nobody there
    late,        // no answer in time
    certificate, // of an authority that is not known, or another host's
    tls,
    proxy,
    not_api, // what answers is something else
    key,
    permission,
    missing, // the model, data set, index is not there
    quota,   // used up, or not paid
    busy,    // asked too often
    region,
    server,
    request, // it does not take ours
    clock,
    skipped, // not asked: what it needs is not there
};

std::string_view trouble_name(Trouble trouble) noexcept;

// One row.
struct Finding {
    std::string provider;
    std::vector<std::string> purposes; // tasks of a turn, hearing, speaking
    std::string resource;              // "model gpt-5-mini"
    std::optional<bool> reachable;     // null: not known
    std::optional<bool> authorised;
    std::optional<bool> there; // the resource
    std::optional<std::chrono::milliseconds> latency;
    Trouble trouble = Trouble::none;
    std::string cause; // with trouble: what is wrong, and what to do about it
    std::string cure;
    std::vector<std::string> notes;                  // worth knowing, nothing wrong
    std::optional<std::chrono::seconds> clock_ahead; // of ours before the provider's
    bool embedded = false;

    bool good() const { return trouble == Trouble::none; }
};

// What the checks of one run share.
struct Run {
    std::shared_ptr<net::HttpClient> http;
    SteadyTime deadline;
    std::chrono::milliseconds limit{}; // the whole time, for what is said when it was not enough
    std::string google_token;          // empty: Google has given none
};

// Asks; fills all but `provider` and `purposes`. Arguments outlive the call. What it throws is
// trouble of that row alone.
using CheckFunction = Task<void> (*)(const Settings& settings, Run& run, Finding& finding);

// One file each.
Task<void> check_google(const Settings& settings, Run& run, Finding& finding);
Task<void> check_openai(const Settings& settings, Run& run, Finding& finding);
Task<void> check_anthropic(const Settings& settings, Run& run, Finding& finding);
Task<void> check_gemini(const Settings& settings, Run& run, Finding& finding);
Task<void> check_bigquery(const Settings& settings, Run& run, Finding& finding);
Task<void> check_vertex_search(const Settings& settings, Run& run, Finding& finding);
Task<void> check_powerbi(const Settings& settings, Run& run, Finding& finding);
Task<void> check_hubspot(const Settings& settings, Run& run, Finding& finding);
Task<void> check_deepgram(const Settings& settings, Run& run, Finding& finding);
Task<void> check_elevenlabs(const Settings& settings, Run& run, Finding& finding);

// All checks of these settings, side by side, and the row of what is embedded.
std::vector<Finding> check_all(const Settings& settings);

bool all_good(std::span<const Finding> findings);
void print_table(std::ostream& out, std::span<const Finding> findings);
void print_json(std::ostream& out, std::span<const Finding> findings);

} // namespace mr::checkup

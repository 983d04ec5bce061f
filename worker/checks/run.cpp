// Which checks these settings ask for, run side by side. Those that need Google's access token wait
// for its check; nothing else waits for anything.
#include "worker/checks/verdict.h"
#include "worker/pipeline/concurrency.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iterator>
#include <utility>

namespace mr::checkup {
namespace {

constexpr std::string_view kTasks[] = {"extractor", "router", "sql_writer", "merger", "responder"};
constexpr std::string_view kDataTasks[] = {"sql", "documents", "crm"};
constexpr std::string_view kHearing = "hearing";
constexpr std::string_view kSpeaking = "speaking";
constexpr std::string_view kEmbedded = "embedded";

struct Row {
    std::string_view provider;
    std::string_view task; // of the data it has, or of voice; empty: a language model
    bool (*configured)(const Settings& settings);
    bool by_google; // asked with Google's access token
    CheckFunction check;
};

bool on_vertex(const Settings& settings) {
    return !settings.gemini_project.empty() && settings.active("gemini");
}

const Row kRows[] = {
    {"openai", "", [](const Settings& s) { return s.active("openai"); }, false, check_openai},
    {"anthropic", "", [](const Settings& s) { return s.active("anthropic"); }, false,
     check_anthropic},
    {"gemini", "", [](const Settings& s) { return s.active("gemini") && !on_vertex(s); }, false,
     check_gemini},
    {"gemini", "", on_vertex, true, check_gemini},
    {"hubspot", "crm", [](const Settings& s) { return s.hubspot_active(); }, false, check_hubspot},
    {"bigquery", "sql", [](const Settings& s) { return s.bigquery_active(); }, true,
     check_bigquery},
    {"vertex_search", "documents", [](const Settings& s) { return s.vertex_search_active(); }, true,
     check_vertex_search},
    {"powerbi", "chart", [](const Settings& s) { return s.powerbi_active(); }, false,
     check_powerbi},
    {"deepgram", kHearing, [](const Settings& s) { return s.deepgram_active(); }, false,
     check_deepgram},
    {"elevenlabs", kSpeaking, [](const Settings& s) { return s.elevenlabs_active(); }, false,
     check_elevenlabs},
};

// A provider of voice that is set up, and another engine is named in its place.
bool idle_voice(const VoiceSettings& voice, const Row& row) {
    const auto other = [&](const std::string& named, bool stub) {
        return named == "auto" ? stub : named != row.provider;
    };
    return (row.task == kHearing && other(voice.recogniser, voice.stub_deepgram)) ||
           (row.task == kSpeaking && other(voice.synthesiser, voice.stub_elevenlabs));
}

std::vector<std::string> purposes_of(const Settings& settings, const Row& row) {
    if (idle_voice(settings.voice, row)) {
        return {};
    }
    if (!row.task.empty()) {
        return {std::string(row.task)};
    }
    std::vector<std::string> tasks;
    for (const std::string_view task : kTasks) {
        const std::vector<std::string> names = settings.providers_of(task);
        if (std::find(names.begin(), names.end(), row.provider) != names.end()) {
            tasks.emplace_back(task);
        }
    }
    return tasks;
}

Finding embedded_row(const Settings& settings) {
    Finding finding;
    finding.provider = kEmbedded;
    finding.embedded = true;
    for (const std::string_view task : kTasks) {
        const std::vector<std::string> names = settings.providers_of(task);
        if (std::find(names.begin(), names.end(), kEmbedded) != names.end()) {
            finding.purposes.emplace_back(task);
        }
    }
    for (const std::string_view task : kDataTasks) {
        const bool external = std::any_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
            return row.task == task && row.configured(settings);
        });
        if (!external) {
            finding.purposes.emplace_back(task);
        }
    }
    return finding;
}

void judge_clock(Finding& finding) {
    if (!finding.clock_ahead || std::chrono::abs(*finding.clock_ahead) < kClockTolerance) {
        return;
    }
    std::string words = "this machine's clock is " + clock_words(*finding.clock_ahead);
    if (finding.good()) {
        fail(finding, Trouble::clock, words, std::string(kClockCure));
    } else if (finding.trouble != Trouble::clock) {
        finding.notes.push_back(std::move(words));
    }
}

Task<void> run_one(const Settings& settings, Run& run, CheckFunction check, Finding& finding) {
    try {
        co_await check(settings, run, finding);
    } catch (const std::exception& error) {
        fail(finding, Trouble::request, shown(error.what(), ""), "see docs/configuration.md");
    }
    judge_clock(finding);
}

struct Started {
    const Row* row;
    Finding finding;
};

Task<void> run_google(const Settings& settings, Run& run, Finding& google,
                      std::vector<Started>& started) {
    co_await run_one(settings, run, check_google, google);
    std::vector<Task<void>> works;
    for (Started& one : started) {
        if (one.row->by_google) {
            works.push_back(run_one(settings, run, one.row->check, one.finding));
        }
    }
    co_await run_all(std::move(works));
}

Task<void> run_rows(const Settings& settings, Run& run, std::optional<Finding>& google,
                    std::vector<Started>& started) {
    std::vector<Task<void>> works;
    for (Started& one : started) {
        if (!one.row->by_google) {
            works.push_back(run_one(settings, run, one.row->check, one.finding));
        }
    }
    if (google) {
        works.push_back(run_google(settings, run, *google, started));
    }
    co_await run_all(std::move(works));
}

} // namespace

std::vector<Finding> check_all(const Settings& settings) {
    std::vector<Started> started;
    std::optional<Finding> google;
    for (const Row& row : kRows) {
        if (!row.configured(settings)) {
            continue;
        }
        Started one{&row, {}};
        one.finding.provider = row.provider;
        one.finding.purposes = purposes_of(settings, row);
        started.push_back(std::move(one));
        if (row.by_google) {
            google = google ? google : Finding();
            google->provider = "google";
            google->purposes.emplace_back(row.provider);
        }
    }
    net::HttpOptions options;
    options.ca_file = settings.provider_ca_file;
    options.proxy = settings.provider_proxy;
    boost::asio::io_context loop(1);
    Run run;
    run.http = std::make_shared<net::HttpClient>(std::move(options));
    run.limit = settings.provider_check_timeout;
    run.deadline = std::chrono::steady_clock::now() + run.limit;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, run_rows(settings, run, google, started),
                          [&failure](std::exception_ptr error) { failure = std::move(error); });
    loop.run();
    run.http.reset();
    if (failure) {
        std::rethrow_exception(failure);
    }
    std::vector<Finding> findings;
    if (google) {
        findings.push_back(std::move(*google));
    }
    for (Started& one : started) {
        findings.push_back(std::move(one.finding));
    }
    findings.push_back(embedded_row(settings));
    return findings;
}

bool all_good(std::span<const Finding> findings) {
    return std::all_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.good(); });
}

} // namespace mr::checkup

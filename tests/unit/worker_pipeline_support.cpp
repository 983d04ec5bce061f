#include "tests/unit/worker_pipeline_support.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <map>
#include <set>

namespace mr::test {
namespace {

namespace asio = boost::asio;

struct TemporaryDirectory {
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mr-demo-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("cannot make " + pattern);
        }
        path = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    std::filesystem::path path;
};

const std::map<std::string, std::string> kPhaseMessages = {
    {"project_resolution", "Identifying projects in your question..."},
    {"routing", "Analyzing your question..."},
    {"merge", "Synthesizing findings..."},
    {"response", "Composing answer..."},
};
const std::map<std::string, std::string> kToolMessages = {
    {"vertex_search", "Searching documents..."},
    {"bigquery", "Querying analytics..."},
    {"hubspot", "Checking CRM..."},
    {"powerbi", "Preparing visualization..."},
};

class WireCheck {
  public:
    explicit WireCheck(const RecordingHost& host) : host_(host) {}

    std::vector<std::string> run() {
        for (const Recorded& event : host_.events) {
            see(event);
        }
        expect(phase_ == "response", "the response phase was not reached");
        expect(running_.empty(), "a tool_start has no tool_complete");
        return violations_;
    }

  private:
    void expect(bool kept, const std::string& what) {
        if (!kept) {
            violations_.push_back(what);
        }
    }

    void see(const Recorded& event) {
        const std::string type = event.v1.value("type", "");
        expect(event.v1.begin().key() == "type", "type is not the first key of " + type);
        if (type == "phase_start") {
            phase_start(event);
        } else if (type == "phase_complete") {
            phase_complete(event);
        } else if (type == "tool_start") {
            tool_start(event);
        } else if (type == "tool_complete") {
            tool_complete(event);
        } else if (type == "text_chunk") {
            expect(phase_ == "response", "text before the response phase");
            expect(!event.v1.value("content", "").empty(), "an empty text_chunk");
        } else if (type == "sources" || type == "chart" || type == "usage") {
            expect(event.audience == Audience::v2_only, type + " went to v1 clients");
        } else {
            expect(false, "unexpected event " + type);
        }
    }

    void phase_start(const Recorded& event) {
        static const std::vector<std::string> kOrder = {"project_resolution", "routing", "merge",
                                                        "response"};
        const std::string name = event.v1.value("phase", "");
        expect(started_ < kOrder.size() && kOrder[started_] == name, "phase out of order: " + name);
        ++started_;
        phase_ = name;
        expect(event.v1.size() == 3 && event.v1.value("message", "") == kPhaseMessages.at(name),
               "wrong phase_start of " + name);
        expect(event.added.value("index", 0) == static_cast<int>(started_) &&
                   event.added.value("total", 0) == 4,
               "wrong index of phase " + name);
        expect(running_.empty(), "phase " + name + " began while a tool ran");
    }

    void phase_complete(const Recorded& event) {
        const std::string name = event.v1.value("phase", "");
        expect(name == phase_ && name != "response", "wrong phase_complete of " + name);
        expect(event.v1.size() == 3 && event.v1.contains("data"), "fields of phase_complete");
        expect(event.added.contains("status") && event.added.contains("duration_ms"),
               "v2 fields of phase_complete");
        const auto& data = event.v1["data"];
        if (name == "project_resolution") {
            expect(data["found"] == data["projects"].size(), "found is not the number of projects");
        } else if (name == "routing") {
            expect(data["tools"].is_array() && data["reasoning"].is_string(), "routing data");
        } else {
            expect(data["insights_count"].is_number_unsigned(), "merge data");
        }
    }

    void tool_start(const Recorded& event) {
        const std::string tool = event.v1.value("tool", "");
        const std::string name = tool.substr(0, tool.find('#'));
        expect(phase_ == "routing", "tool " + tool + " outside its place");
        expect(kToolMessages.contains(name) && event.v1.size() == 3 &&
                   event.v1.value("message", "") == kToolMessages.at(name),
               "wrong tool_start of " + tool);
        expect(event.added.value("name", "") == name, "name of tool " + tool);
        expect(tools_.insert(tool).second, "tool name used twice: " + tool);
        running_[tool] = event.added.value("call_id", "");
    }

    void tool_complete(const Recorded& event) {
        static const std::map<std::string, std::string> kSummaries = {
            {"bigquery", "Returned "},
            {"vertex_search", "Found "},
            {"hubspot", "CRM data retrieved"},
            {"powerbi", "Visualization ready"}};
        const std::string tool = event.v1.value("tool", "");
        expect(running_.contains(tool) && running_[tool] == event.added.value("call_id", ""),
               "tool_complete without its start: " + tool);
        running_.erase(tool);
        const std::string status = event.added.value("status", "");
        const std::string summary = event.v1.value("summary", "");
        const std::string wanted =
            status == "ok" ? kSummaries.at(tool.substr(0, tool.find('#'))) : "Error: ";
        expect(summary.starts_with(wanted), "summary of " + tool + ": " + summary);
        expect(event.added.contains("duration_ms") && event.added.contains("attempts"),
               "v2 fields of tool_complete");
        expect((status == "ok") != event.added.contains("error"), "error of " + tool);
    }

    const RecordingHost& host_;
    std::vector<std::string> violations_;
    std::string phase_;
    std::size_t started_ = 0;
    std::map<std::string, std::string> running_;
    std::set<std::string> tools_;
};

} // namespace

void RecordingHost::emit(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
                         Audience audience) {
    events.push_back({v1, added, audience});
    if (after_event) {
        after_event(events.size());
    }
}

void RecordingHost::text(std::string_view piece) {
    answer += piece;
    emit({{"type", "text_chunk"}, {"content", piece}}, nlohmann::ordered_json::object(),
         Audience::everyone);
}

boost::asio::awaitable<void> RecordingHost::checkpoint(std::string state) {
    checkpoints.push_back(nlohmann::json::parse(state));
    events_at_checkpoint.push_back(events.size());
    if (at_checkpoint) {
        at_checkpoint(checkpoints.size());
    }
    co_return;
}

std::vector<std::string> RecordingHost::types() const {
    std::vector<std::string> all;
    for (const Recorded& event : events) {
        all.push_back(event.v1.value("type", ""));
    }
    return all;
}

std::vector<Recorded> RecordingHost::of_type(std::string_view type) const {
    std::vector<Recorded> all;
    for (const Recorded& event : events) {
        if (event.v1.value("type", "") == type) {
            all.push_back(event);
        }
    }
    return all;
}

nlohmann::ordered_json RecordingHost::data_of_phase(std::string_view phase) const {
    for (const Recorded& event : of_type("phase_complete")) {
        if (event.v1.value("phase", "") == phase) {
            return event.v1["data"];
        }
    }
    return nullptr;
}

bool Ran::cancelled() const {
    try {
        if (error) {
            std::rethrow_exception(error);
        }
    } catch (const boost::system::system_error& failure) {
        return failure.code() == asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
}

std::filesystem::path demo_directory() {
    static const TemporaryDirectory directory;
    return directory.path;
}

std::unique_ptr<Services> demo_services(ServiceSettings settings) {
    settings.data_dir = demo_directory();
    settings.local_tokens_per_second = 0;
    return make_services(settings);
}

TurnRequest ask(std::string message) {
    TurnRequest request;
    request.turn_id = "turn-1";
    request.message = std::move(message);
    request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    return request;
}

Ran run_cancellable(TurnRequest request, Services& services, TurnHost& host,
                    std::function<void()>& cancel) {
    Ran ran;
    asio::io_context loop;
    asio::cancellation_signal signal;
    cancel = [&] { asio::post(loop, [&] { signal.emit(asio::cancellation_type::terminal); }); };
    const auto started = std::chrono::steady_clock::now();
    asio::co_spawn(loop, run_turn(std::move(request), services, host),
                   asio::bind_cancellation_slot(signal.slot(),
                                                [&](std::exception_ptr error, TurnResult result) {
                                                    ran.error = error;
                                                    ran.result = std::move(result);
                                                }));
    loop.run();
    ran.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    return ran;
}

Ran run(TurnRequest request, Services& services, TurnHost& host,
        std::chrono::milliseconds cancel_after) {
    Ran ran;
    asio::io_context loop;
    asio::cancellation_signal signal;
    asio::steady_timer timer(loop);
    if (cancel_after.count() > 0) {
        timer.expires_after(cancel_after);
        timer.async_wait([&](const boost::system::error_code& stopped) {
            if (!stopped) {
                signal.emit(asio::cancellation_type::terminal);
            }
        });
    }
    const auto started = std::chrono::steady_clock::now();
    asio::co_spawn(loop, run_turn(std::move(request), services, host),
                   asio::bind_cancellation_slot(signal.slot(),
                                                [&](std::exception_ptr error, TurnResult result) {
                                                    ran.error = error;
                                                    ran.result = std::move(result);
                                                    timer.cancel();
                                                }));
    loop.run();
    ran.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    return ran;
}

std::vector<std::string> wire_violations(const RecordingHost& host) {
    return WireCheck(host).run();
}

} // namespace mr::test

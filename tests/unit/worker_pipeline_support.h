// Runs turns in tests: a host that records everything, services on a shared demo database, and the
// rules of the wire that every turn's events must keep.
#pragma once

#include "worker/pipeline/turn.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mr::test {

struct Recorded {
    nlohmann::ordered_json v1;
    nlohmann::ordered_json added;
    Audience audience = Audience::everyone;
};

class RecordingHost : public TurnHost {
  public:
    void emit(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
              Audience audience) override;
    void text(std::string_view piece) override;
    bool owned() const override { return true; }
    void check_owned() const override {}
    boost::asio::awaitable<void> wait_room() override { co_return; }
    bool has_room() const override { return true; }
    boost::asio::awaitable<void> checkpoint(std::string state) override;
    std::string_view delivered_text() const override { return delivered; }

    std::vector<Recorded> events; // a piece of text is recorded as {"type":"text_chunk"}
    std::vector<nlohmann::json> checkpoints;
    std::vector<std::size_t> events_at_checkpoint;
    std::string delivered;
    std::string answer; // pieces of this attempt
    // Called after every event, with its number; may throw or cancel.
    std::function<void(std::size_t)> after_event;
    std::function<void(std::size_t)> at_checkpoint; // with the checkpoint's number

    std::vector<std::string> types() const;
    std::vector<Recorded> of_type(std::string_view type) const;
    nlohmann::ordered_json data_of_phase(std::string_view phase) const;
};

struct Ran {
    TurnResult result;
    std::exception_ptr error;
    std::chrono::milliseconds took{0};

    bool cancelled() const;
};

// The demo company without pacing. One database for the whole test run.
std::unique_ptr<Services> demo_services(ServiceSettings settings = {});
std::filesystem::path demo_directory();

TurnRequest ask(std::string message);

// Runs a turn to its end on its own loop. With a positive `cancel_after`, it is cancelled then.
Ran run(TurnRequest request, Services& services, TurnHost& host,
        std::chrono::milliseconds cancel_after = std::chrono::milliseconds{0});
// Runs a turn that `host.after_event` or other code can cancel through `cancel`.
Ran run_cancellable(TurnRequest request, Services& services, TurnHost& host,
                    std::function<void()>& cancel);

// The order, texts and fields of wire.md sections 2 and 4 as failures in words; empty when kept.
std::vector<std::string> wire_violations(const RecordingHost& host);

} // namespace mr::test

// What the emulator was asked and what came of it, for the tests to read. Bounded: the oldest go
// first. Times are seconds of the monotonic clock, which all processes of a machine share.
#pragma once

#include "tests/emulator/exchange.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mr::emulator {

inline constexpr std::size_t kMaxRecords = 20'000;
inline constexpr std::size_t kMaxRecordedBytes = 256 * 1024 * 1024; // of bodies, together

struct Record {
    std::uint64_t id = 0;
    std::string provider, endpoint;
    Request request;
    int status = 0;
    std::string problem;            // why it was refused by the rules of its provider
    std::vector<std::string> notes; // allowed, and not what a client of ours should do
    std::string outcome; // "whole", "ended", "error", "cut", "reset", "gone"; empty: under way
    std::size_t sent_bytes = 0, tokens = 0;
    nlohmann::json dialogue; // what a provider with a WebSocket has heard and said on it
    std::optional<Clock::time_point> first_byte, first_token, last_token, ended, closed;

    nlohmann::json to_json() const;
};

class Records {
  public:
    std::shared_ptr<Record> add(Request request);
    void clear();
    // Those of a provider (empty: of all) with an id above `after`.
    nlohmann::json to_json(const std::string& provider, std::uint64_t after) const;
    std::uint64_t dropped() const { return dropped_; }

  private:
    std::deque<std::shared_ptr<Record>> records_;
    std::uint64_t last_id_ = 0, dropped_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace mr::emulator

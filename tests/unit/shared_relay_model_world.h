// What the threads of the relay model share: sessions, their keys, counters, and the content of
// every turn (which event belongs where is a pure function of session and turn, so the verdict
// needs no record of what was sent).
#pragma once

#include "shared/ids.h"
#include "shared/keys.h"
#include "tests/unit/shared_relay_model.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mr::test {

using Clock = std::chrono::steady_clock;
using Random = std::mt19937;

inline std::string str(std::string_view text) {
    return std::string(text);
}

inline void pause(int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

inline std::string model_session(int n) {
    uint8_t bytes[16] = {};
    for (int i = 0; i < 16; ++i) {
        bytes[i] = static_cast<uint8_t>(n * 37 + i * 11);
    }
    char text[kSessionIdChars];
    format_session_id(bytes, text);
    return {text, kSessionIdChars};
}

inline int turn_length(int session, int turn) {
    return 10 + (session * 7 + turn * 13) % 41;
}

inline std::string event_text(int turn, int index) {
    return std::to_string(turn) + ":" + std::to_string(index);
}

struct World {
    explicit World(const ModelOptions& o) : options(o) {
        for (int i = 0; i < o.sessions; ++i) {
            ids.push_back(model_session(i));
            keys.emplace_back(map, ids.back());
        }
    }
    const ModelOptions& options;
    PartitionMap map;
    std::vector<std::string> ids;
    std::vector<SessionKeys> keys;
    std::atomic<bool> stop{false};
    std::atomic<int> crashes{0}, freezes{0}, cuts{0}, fenced{0}, takeovers{0}, subscriber_kills{0};
};

// One worker process: lease, doorbells, reaper, a turn at a time; returns when `world.stop` is set.
void run_model_worker(World& world, int index);

// The gateway: follows every session, mails the next question when a turn has ended, judges.
void run_model_gateway(World& world, ModelReport& report);

} // namespace mr::test

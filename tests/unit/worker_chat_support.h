// Chat clients of the worker's tests: send frames, collect turns, and hold every turn to the rules
// that all of them must keep.
#pragma once

#include "tests/unit/worker_scripted_turn.h"
#include "tests/unit/worker_support.h"
#include "worker/json_text.h"

#include <nlohmann/json.hpp>

namespace mr::test {

using Json = nlohmann::ordered_json;

inline Json parse(const Event& event) {
    return Json::parse(event.bytes);
}

// What one turn sent, checked as it is put together.
struct Turn {
    std::string id;
    std::vector<Json> events;
    std::string text;
    std::string status; // of response_complete; empty: not ended

    size_t count(std::string_view type) const {
        size_t found = 0;
        for (const Json& event : events) {
            found += event["type"] == type ? 1U : 0U;
        }
        return found;
    }
    const Json* find(std::string_view type) const {
        for (const Json& event : events) {
            if (event["type"] == type) {
                return &event;
            }
        }
        return nullptr;
    }
};

// Splits events into turns (in order of their first event) and checks each: ids name their place in
// the lane, offsets fit the text, nothing follows the terminal event, turns do not overlap.
inline std::vector<Turn> split_turns(const std::vector<Event>& events) {
    std::vector<Turn> turns;
    for (const Event& event : events) {
        const Json json = parse(event);
        EXPECT_EQ(json.value("id", ""), format_event_id(event.id).view()) << event.bytes;
        EXPECT_GT(json.value("ts", int64_t{0}), 0) << event.bytes;
        if ((event.flags & kEventV2Only) == 0) {
            const Json strict = Json::parse(event.bytes.substr(0, event.v1_length) + "}");
            EXPECT_EQ(strict["type"], json["type"]);
            EXPECT_FALSE(strict.contains("id"));
        }
        const std::string turn_id = json.value("turn_id", "");
        if (turn_id.empty()) {
            continue;
        }
        if (turns.empty() || turns.back().id != turn_id) {
            EXPECT_TRUE(turns.empty() || !turns.back().status.empty())
                << "a turn began before the one before it ended";
            turns.emplace_back();
            turns.back().id = turn_id;
        }
        Turn& turn = turns.back();
        EXPECT_TRUE(turn.status.empty()) << "an event after the terminal one: " << event.bytes;
        const std::string type = json["type"];
        if (type == "text_chunk") {
            EXPECT_EQ(json["offset"], utf16_length(turn.text)) << event.bytes;
            EXPECT_FALSE(json["content"].get<std::string>().empty());
            turn.text += json["content"].get<std::string>();
        }
        EXPECT_EQ((event.flags & kEventTerminal) != 0, type == "response_complete") << event.bytes;
        if (type == "response_complete") {
            EXPECT_FALSE(turn.text.empty()) << "the end without any text";
            EXPECT_EQ(json["text_length"], utf16_length(turn.text));
            turn.status = json["status"];
        }
        turn.events.push_back(json);
    }
    return turns;
}

class ChatClient : public TestSession {
  public:
    explicit ChatClient(const RedisFixture& redis) : TestSession(redis, "chat") {}

    void question(const std::string& message) {
        Json json;
        json["message"] = message;
        mail(json.dump());
    }
    void ask(const std::string& message, const std::string& message_id,
             const std::string& on_busy = "") {
        Json json;
        json["type"] = "ask";
        json["message"] = message;
        if (!message_id.empty()) {
            json["message_id"] = message_id;
        }
        if (!on_busy.empty()) {
            json["on_busy"] = on_busy;
        }
        mail(json.dump());
    }

    // Until `count` turns have ended, from where the last call of this kind stopped.
    std::vector<Turn> turns(size_t count) {
        collect([&] {
            size_t ended = 0;
            for (size_t i = mark_; i < seen_.size(); ++i) {
                ended += is(seen_[i], "response_complete") ? 1U : 0U;
            }
            return ended >= count;
        });
        const std::vector<Event> events(seen_.begin() + static_cast<std::ptrdiff_t>(mark_),
                                        seen_.end());
        mark_ = seen_.size();
        return split_turns(events);
    }
    Turn turn() {
        std::vector<Turn> all = turns(1);
        return all.empty() ? Turn() : all.front();
    }
    // The next event of this type that has not been waited for yet.
    Event until(std::string_view type) {
        const auto found = [&] { return !seen_.empty() && is(seen_.back(), type); };
        bool first = true;
        collect([&] { return !std::exchange(first, false) && found(); });
        return seen_.empty() ? Event() : seen_.back();
    }
    const std::vector<Event>& seen() const { return seen_; }

  private:
    static bool is(const Event& event, std::string_view type) {
        return event.bytes.starts_with("{\"type\":\"" + std::string(type) + "\"");
    }
    // One event at a time, so that none is passed over.
    void collect(const std::function<bool()>& enough) {
        while (!enough()) {
            if (queue_.empty()) {
                queue_ = read_until([](const auto& have) { return !have.empty(); });
            }
            if (queue_.empty()) {
                return;
            }
            seen_.push_back(std::move(queue_.front()));
            queue_.erase(queue_.begin());
        }
    }

    std::vector<Event> queue_;
    std::vector<Event> seen_;
    size_t mark_ = 0;
};

} // namespace mr::test

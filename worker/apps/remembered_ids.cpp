#include "worker/apps/remembered_ids.h"

#include "worker/apps/event_text.h"

#include <nlohmann/json.hpp>

namespace mr {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kRetry{50};
} // namespace

asio::awaitable<void> RememberedIds::load() {
    const KeyText key = store_.keys().meta;
    while (!loaded_) {
        const std::string_view get[] = {"HGET", key.view(), kIdsField};
        redis::Commands command;
        command.add(get);
        redis::Value reply;
        bool answered = false;
        try {
            reply = co_await relay_.commands->run(command);
            answered = !reply.is_error();
        } catch (const redis::Error&) {
            answered = false;
        }
        if (!store_.alive()) {
            throw SessionLost("the lease has lapsed");
        }
        if (!answered) {
            co_await sleep_for(kRetry);
            continue;
        }
        loaded_ = true;
        const nlohmann::json list = nlohmann::json::parse(reply.text, nullptr, false);
        for (const nlohmann::json& item : list) {
            if (item.is_array() && item.size() == 3 && item[0].is_string() && item[1].is_string() &&
                item[2].is_number_integer()) {
                entries_.push_back({item[0], item[1], item[2]});
            }
        }
    }
}

asio::awaitable<std::optional<std::string>> RememberedIds::find(std::string message_id) {
    co_await load();
    for (const Entry& entry : entries_) {
        if (entry.message_id == message_id) {
            co_return entry.turn_id;
        }
    }
    co_return std::nullopt;
}

std::vector<std::string> RememberedIds::names_in(std::string_view text) {
    std::vector<std::string> names;
    const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
    for (const nlohmann::json& item : list) {
        if (item.is_array() && !item.empty() && item[0].is_string()) {
            names.push_back(item[0]);
        }
    }
    return names;
}

std::string RememberedIds::with(std::string_view message_id, std::string_view turn_id) {
    const int64_t now = wall_clock_ms();
    const int64_t oldest = now - std::chrono::milliseconds(kRememberIds).count();
    while (!entries_.empty() &&
           (entries_.front().at_ms < oldest || entries_.size() >= kMaxRememberedIds)) {
        entries_.pop_front();
    }
    entries_.push_back({std::string(message_id), std::string(turn_id), now});
    nlohmann::json list = nlohmann::json::array();
    for (const Entry& entry : entries_) {
        list.push_back({entry.message_id, entry.turn_id, entry.at_ms});
    }
    return to_text(list);
}

} // namespace mr

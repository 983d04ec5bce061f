#include "worker/apps/remembered_ids.h"

#include "worker/apps/event_text.h"
#include "worker/json_text.h"
#include "worker/session/ask_again.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

asio::awaitable<std::optional<RememberedIds::Entries>>
RememberedIds::read(Relay& relay, KeyText meta, std::function<bool()> going_on) {
    redis::Commands command{"HGET", meta.view(), kIdsField};
    const std::optional<redis::Value> reply =
        co_await ask_until_answered(relay.commands, std::move(command), std::move(going_on));
    if (!reply) {
        co_return std::nullopt;
    }
    co_return entries_in(reply->text);
}

// What is not readable holds none.
RememberedIds::Entries RememberedIds::entries_in(std::string_view text) {
    Entries entries;
    const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
    for (const nlohmann::json& item : list) {
        if (item.is_array() && item.size() == 3 && item[0].is_string() && item[1].is_string() &&
            item[2].is_number_integer()) {
            entries.push_back({item[0], item[1], item[2]});
        }
    }
    return entries;
}

asio::awaitable<void> RememberedIds::load() {
    if (loaded_) {
        co_return;
    }
    std::optional<Entries> entries =
        co_await read(relay_, store_.keys().meta, [this] { return store_.alive(); });
    if (!entries) {
        throw SessionLost("the lease has lapsed");
    }
    loaded_ = true;
    entries_ = std::move(*entries);
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

asio::awaitable<std::optional<std::vector<std::string>>>
RememberedIds::message_ids(Relay& relay, KeyText meta, std::function<bool()> going_on) {
    const std::optional<Entries> entries = co_await read(relay, meta, std::move(going_on));
    if (!entries) {
        co_return std::nullopt;
    }
    std::vector<std::string> ids;
    for (const Entry& entry : *entries) {
        ids.push_back(entry.message_id);
    }
    co_return ids;
}

std::string RememberedIds::with(std::string_view message_id, std::string_view turn_id) {
    const int64_t now = wall_clock_ms();
    const int64_t oldest = now - std::chrono::milliseconds(kRememberIds).count();
    while (!entries_.empty() &&
           (entries_.front().at_ms < oldest || entries_.size() >= kMaxRememberedIds)) {
        entries_.pop_front();
    }
    entries_.push_back({std::string(message_id), std::string(turn_id), now});
    std::string list; // by hand: all of them are written with each question
    for (const Entry& entry : entries_) {
        list += list.empty() ? "[[" : ",[";
        append_json_string(list, entry.message_id);
        list += ',';
        append_json_string(list, entry.turn_id);
        list += ',' + std::to_string(entry.at_ms) + ']';
    }
    return list + ']';
}

} // namespace mr

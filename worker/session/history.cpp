#include "worker/session/history.h"

#include "worker/json_text.h"

namespace mr {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kRetry{50};

// Questions are bounded as messages are, and must stay whole: they can be asked again.
std::string stored_content(const HistoryEntry& entry) {
    std::string_view text = entry.content;
    if (entry.role == "user" || text.size() <= kMaxHistoryTextBytes) {
        return entry.content;
    }
    return std::string(text_within(text, kMaxHistoryTextBytes - sizeof(kHistoryCut))) + kHistoryCut;
}

} // namespace

std::string history_text(const HistoryEntry& entry) {
    nlohmann::json json;
    json["role"] = entry.role;
    json["content"] = stored_content(entry);
    json["turn_id"] = entry.turn_id;
    json["status"] = entry.status;
    if (!entry.memory.is_null()) {
        json["memory"] = entry.memory;
    }
    if (entry.rating != 0) {
        json["rating"] = entry.rating;
        json["comment"] = entry.comment;
    }
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {

HistoryEntry parse_entry(const std::string& text) {
    HistoryEntry entry;
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return entry;
    }
    entry.role = json.value("role", "");
    entry.content = json.value("content", "");
    entry.turn_id = json.value("turn_id", "");
    entry.status = json.value("status", "");
    entry.rating = json.value("rating", 0);
    entry.comment = json.value("comment", "");
    if (json.contains("memory")) {
        entry.memory = json["memory"];
    }
    return entry;
}

} // namespace

asio::awaitable<std::vector<HistoryEntry>> History::load() {
    const KeyText key = store_.keys().history;
    for (;;) {
        const std::string_view range[] = {"LRANGE", key.view(), "0", "-1"};
        redis::Commands command;
        command.add(range);
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
        std::vector<HistoryEntry> entries;
        for (const redis::Value& element : reply.elements) {
            HistoryEntry entry = parse_entry(element.text);
            if (!entry.role.empty()) {
                entries.push_back(std::move(entry));
            }
        }
        co_return entries;
    }
}

asio::awaitable<void> History::rewrite(std::vector<HistoryEntry> entries) {
    Save save;
    save.rewrite_history = true;
    for (const HistoryEntry& entry : entries) {
        save.history.push_back(history_text(entry));
    }
    co_await store_.save(std::move(save));
}

} // namespace mr

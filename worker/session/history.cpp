#include "worker/session/history.h"

namespace mr {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kRetry{50};

std::string format_entry(const HistoryEntry& entry) {
    nlohmann::json json;
    json["role"] = entry.role;
    json["content"] = entry.content;
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

void History::append(const HistoryEntry& question, const HistoryEntry& answer) {
    push({question, answer}, false);
}

void History::replace(const std::vector<HistoryEntry>& entries) {
    push(entries, true);
}

void History::push(const std::vector<HistoryEntry>& entries, bool anew) {
    const KeyText key = store_.keys().history;
    redis::Connection& commands = *relay_.commands;
    if (anew) {
        const std::string_view del[] = {"DEL", key.view()};
        commands.send(del, {});
    }
    const uint32_t limit = relay_.limits.max_history_messages;
    if (entries.empty() || limit == 0) {
        return;
    }
    std::vector<std::string> texts;
    for (const HistoryEntry& entry : entries) {
        texts.push_back(format_entry(entry));
    }
    std::vector<std::string_view> push = {"RPUSH", key.view()};
    push.insert(push.end(), texts.begin(), texts.end());
    commands.send(push, {});
    const std::string first = "-" + std::to_string(limit);
    const std::string ttl = std::to_string(relay_.limits.session_ttl.count());
    const std::string_view trim[] = {"LTRIM", key.view(), first, "-1"};
    const std::string_view expire[] = {"PEXPIRE", key.view(), ttl};
    commands.send(trim, {});
    commands.send(expire, {});
}

} // namespace mr

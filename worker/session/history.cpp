#include "worker/session/history.h"

#include "worker/json_text.h"
#include "worker/session/ask_again.h"

#include <simdjson.h>

#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

// Questions are bounded as messages are, and must stay whole: they can be asked again.
std::string stored_content(const HistoryEntry& entry) {
    std::string_view text = entry.content;
    if (entry.role == "user" || text.size() <= kMaxHistoryTextBytes) {
        return entry.content;
    }
    return std::string(text_within(text, kMaxHistoryTextBytes - sizeof(kHistoryCut))) + kHistoryCut;
}

} // namespace

// Written and read by hand: a conversation of long answers is much text, and all of it is read
// before each question.
std::string history_text(const HistoryEntry& entry) {
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
    std::string text;
    const auto add = [&text](std::string_view name, std::string_view value) {
        text += text.empty() ? "{\"" : ",\"";
        text += name;
        text += "\":";
        append_json_string(text, value);
    };
    add("role", entry.role);
    add("turn_id", entry.turn_id);
    add("status", entry.status);
    add("content", stored_content(entry));
    if (!entry.memory.is_null()) {
        text += ",\"memory\":" + entry.memory.dump(-1, ' ', false, kReplace);
    }
    if (entry.rating != 0) {
        add("comment", entry.comment);
        text += ",\"rating\":" + std::to_string(entry.rating);
    }
    return text + '}';
}

namespace {

void read_member(std::string_view name, const simdjson::dom::element& value, HistoryEntry& entry) {
    struct Text {
        std::string_view name;
        std::string& into;
    };
    const Text texts[] = {{"role", entry.role},
                          {"content", entry.content},
                          {"turn_id", entry.turn_id},
                          {"status", entry.status},
                          {"comment", entry.comment}};
    for (const Text& text : texts) {
        if (text.name == name && value.is_string()) {
            text.into = value.get_string().value_unsafe();
        }
    }
    if (name == "rating" && value.is_int64()) {
        entry.rating = static_cast<int>(value.get_int64().value_unsafe());
    }
    if (name == "memory") {
        entry.memory = nlohmann::json::parse(simdjson::minify(value), nullptr, false);
    }
}

} // namespace

HistoryEntry parse_history(const std::string& text) {
    thread_local simdjson::dom::parser parser;
    HistoryEntry entry;
    simdjson::dom::object members;
    if (parser.parse(text).get_object().get(members) == simdjson::SUCCESS) {
        for (const auto& [name, value] : members) {
            read_member(name, value, entry);
        }
    }
    return entry;
}

asio::awaitable<std::vector<HistoryEntry>> History::load() {
    return load_from("0");
}

asio::awaitable<std::vector<HistoryEntry>> History::load_newest(size_t count) {
    return load_from("-" + std::to_string(count));
}

asio::awaitable<std::vector<HistoryEntry>> History::load_from(std::string first) {
    const KeyText key = store_.keys().history;
    redis::Commands command{"LRANGE", key.view(), first, "-1"};
    const std::optional<redis::Value> reply = co_await ask_until_answered(
        relay_.commands, std::move(command), [this] { return store_.alive(); });
    if (!reply) {
        throw SessionLost("the lease has lapsed");
    }
    std::vector<HistoryEntry> entries;
    for (const redis::Value& element : reply->elements) {
        HistoryEntry entry = parse_history(element.text);
        if (!entry.role.empty()) {
            entries.push_back(std::move(entry));
        }
    }
    co_return entries;
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

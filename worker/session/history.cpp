#include "worker/session/history.h"

#include "worker/json_text.h"
#include "worker/session/ask_again.h"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mr {

namespace asio = boost::asio;

namespace {

constexpr size_t kAroundContentBytes = 512; // of an entry, as a rule

// Questions are bounded as messages are, and must stay whole: they can be asked again.
void append_content(std::string& text, const HistoryEntry& entry) {
    const std::string_view content = entry.content;
    if (entry.role == "user" || content.size() <= kMaxHistoryTextBytes) {
        append_json_string(text, content);
        return;
    }
    const auto kept = text_within(content, kMaxHistoryTextBytes - sizeof(kHistoryCut));
    append_json_string(text, std::string(kept) + kHistoryCut);
}

} // namespace

// Written and read by hand: a conversation of long answers is much text.
std::string history_text(const HistoryEntry& entry) {
    std::string text;
    text.reserve(entry.content.size() + kAroundContentBytes);
    JsonObject json(text);
    json.text("role", entry.role);
    json.text("turn_id", entry.turn_id);
    json.text("status", entry.status);
    json.name("content");
    append_content(text, entry);
    if (!entry.memory.is_null()) {
        json.json("memory", to_text(entry.memory));
    }
    if (entry.rating != 0) {
        json.text("comment", entry.comment);
        json.number("rating", entry.rating);
    }
    json.close();
    return text;
}

namespace {

void read_member(std::string_view name, const simdjson::dom::element& value,
                 size_t max_content_bytes, HistoryEntry& entry) {
    struct Text {
        std::string_view name;
        std::string& into;
    };
    if (name == "content" && value.is_string()) {
        entry.content = text_within(value.get_string().value_unsafe(), max_content_bytes);
    }
    const Text texts[] = {{"role", entry.role},
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

HistoryEntry parse_history(const std::string& text, size_t max_content_bytes) {
    thread_local simdjson::dom::parser parser;
    HistoryEntry entry;
    simdjson::dom::object members;
    if (parser.parse(text).get_object().get(members) == simdjson::SUCCESS) {
        for (const auto& [name, value] : members) {
            read_member(name, value, max_content_bytes, entry);
        }
    }
    return entry;
}

namespace {

std::vector<HistoryEntry> entries_of(const redis::Value& list) {
    std::vector<HistoryEntry> entries;
    for (const redis::Value& element : list.elements) {
        HistoryEntry entry = parse_history(element.text);
        if (!entry.role.empty()) {
            entries.push_back(std::move(entry));
        }
    }
    return entries;
}

} // namespace

asio::awaitable<std::vector<HistoryEntry>> History::load() {
    const redis::Value list = co_await read_from("0");
    co_return entries_of(list);
}

asio::awaitable<std::vector<HistoryEntry>> History::load_newest(size_t count) {
    const redis::Value list = co_await read_from("-" + std::to_string(count));
    co_return entries_of(list);
}

asio::awaitable<redis::Value> History::read_from(std::string first) {
    const KeyText key = store_.keys().history;
    redis::Commands command{"LRANGE", key.view(), first, "-1"};
    std::optional<redis::Value> reply = co_await ask_until_answered(
        relay_.commands, std::move(command), [this] { return store_.alive(); });
    if (!reply) {
        throw SessionLost("the lease has lapsed");
    }
    co_return std::move(*reply);
}

asio::awaitable<void> History::rewrite(std::vector<HistoryEntry> entries) {
    forget();
    Save save;
    save.rewrite_history = true;
    for (const HistoryEntry& entry : entries) {
        save.history.push_back(history_text(entry));
    }
    co_await store_.save(std::move(save));
    forget(); // what may have been read meanwhile
}

asio::awaitable<std::vector<HistoryEntry>> History::said() {
    // As a rule the newest messages are enough: a long conversation is read for nothing else.
    for (const bool whole : {false, true}) {
        if (known_ && suffices()) {
            break;
        }
        const uint64_t forgotten = forgotten_;
        std::string first = whole ? "0" : "-" + std::to_string(kSaidMessages);
        const redis::Value list = co_await read_from(std::move(first));
        hold(list, whole);
        known_ = forgotten == forgotten_;
        if (!known_ && suffices()) {
            break; // good for this question, not for another one
        }
    }
    co_return said_;
}

void History::hold(const redis::Value& list, bool whole) {
    said_.clear();
    whole_ = whole || list.elements.size() < kSaidMessages;
    for (const redis::Value& element : list.elements) {
        HistoryEntry entry = parse_history(element.text, kSaidBytes);
        if (!entry.role.empty()) {
            said_.push_back(std::move(entry));
        }
    }
    trim();
}

void History::added(HistoryEntry question, HistoryEntry answer) {
    if (!known_ || relay_.limits.max_history_messages == 0) {
        return;
    }
    for (HistoryEntry* entry : {&question, &answer}) {
        const std::string_view content = text_within(entry->content, kSaidBytes);
        entry->content = std::string(content); // no more room than it needs
        said_.push_back(std::move(*entry));
    }
    if (said_.size() > relay_.limits.max_history_messages) {
        const size_t gone = said_.size() - relay_.limits.max_history_messages;
        said_.erase(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(gone));
    }
    trim();
}

void History::forget() {
    ++forgotten_;
    known_ = false;
    said_.clear();
}

// Failed turns are not part of what was said.
bool History::suffices() const {
    const auto said = std::count_if(said_.begin(), said_.end(),
                                    [](const auto& entry) { return entry.status != "error"; });
    const bool memory = std::any_of(said_.begin(), said_.end(),
                                    [](const auto& entry) { return entry.memory.is_object(); });
    return whole_ || (memory && static_cast<size_t>(said) >= kSaidMessages);
}

// Lets go of what no question needs.
void History::trim() {
    bool memory = false;
    size_t said = 0;
    auto entry = said_.end();
    while (entry != said_.begin()) {
        --entry;
        if (entry->role == "assistant" && said >= kSaidMessages) {
            entry->content = {};
        }
        said += entry->status != "error" ? 1 : 0;
        if (memory) {
            entry->memory = nullptr;
        }
        memory = memory || entry->memory.is_object();
        if (memory && said >= kSaidMessages) {
            whole_ = whole_ && entry == said_.begin();
            said_.erase(said_.begin(), entry);
            return;
        }
    }
}

} // namespace mr

// The end of a turn: its last events, the exchange in the history, the checkpoint cleared.
#include "worker/apps/chat_turn.h"
#include "worker/apps/event_text.h"
#include "worker/apps/http_reply.h"
#include "worker/apps/past_questions.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"

#include <algorithm>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

namespace {
constexpr std::string_view kStoppedText = "Stopped.";
constexpr std::string_view kEmptyAnswerText = "I have no answer to this.";
constexpr std::string_view kIssueText = "I encountered an issue: "; // as the original backend says
} // namespace

asio::awaitable<void> ChatTurn::finish(const Ending& ending) {
    host_->mute();
    end_events(ending);
    const int64_t took_ms = wall_clock_ms() - record_.started_ms;
    metrics::Meters& meters = metrics::meters();
    meters.turns.at({ending.status}).add();
    meters.turn_duration.at({ending.status}).observe(static_cast<double>(took_ms) / 1000);
    log::info("turn ended", {{"session", session_.store.session_id()},
                             {"subject", session_.claim.subject},
                             {"turn", record_.turn_id},
                             {"trace_id", record_.trace_id},
                             {"status", ending.status},
                             {"attempt", record_.attempt},
                             {"ms", took_ms},
                             {"text_bytes", host_->view().text().size()}});
    co_await session_.lane->synced();
    host_->write_snapshot(ending.status);
    co_await remember(ending.status, ending.result.memory);
}

// The last events: after at least one piece of text, exactly one terminal event.
void ChatTurn::end_events(const Ending& ending) {
    host_->end_open_tools();
    if (ending.error) {
        ordered_json v1 = error_v1(*ending.error);
        if (!ending.error_message.empty()) {
            v1["message"] = ending.error_message;
        }
        ordered_json added = error_added(*ending.error);
        added["trace_id"] = record_.trace_id;
        const std::string text = std::string(host_->has_text() ? "\n\n" : "") +
                                 std::string(kIssueText) + v1["message"].get<std::string>();
        host_->announce(v1, added, Audience::everyone);
        host_->say(text);
    }
    if (ending.status == "cancelled") {
        ordered_json v1;
        v1["type"] = "cancelled";
        ordered_json added;
        added["by"] = cancel_name(cancelled_by_);
        host_->announce(v1, added, Audience::v2_only);
    }
    host_->flush_text();
    if (!host_->has_text()) {
        host_->say(ending.status == "cancelled" ? kStoppedText : kEmptyAnswerText);
    }
    ordered_json v1;
    v1["type"] = "response_complete";
    v1["sources"] =
        ending.result.sources.is_array() ? ending.result.sources : ordered_json::array();
    const ordered_json added = completion(ending);
    host_->terminal(v1, added);
    over_ = true;
    if (watcher_ != nullptr) {
        watcher_->turn_over();
    }
    reply(ending);
}

// Behind the terminal event: who waits for one object has then seen the end of the turn as well.
void ChatTurn::reply(const Ending& ending) {
    if (ending.error) {
        reply_with_error(*session_.lane, record_.askers, *ending.error, ending.error_message,
                         record_.trace_id, kEventTerminal);
    } else {
        reply_from(host_->view(), ending.status);
    }
}

void ChatTurn::reply_from(const TurnView& view, std::string_view status) {
    if (record_.askers.empty()) {
        return; // as a rule
    }
    if (status == "error") { // an earlier owner's, who has not come to say so
        reply_with_error(*session_.lane, record_.askers, ErrorCode::turn_failed, "",
                         record_.trace_id, kEventTerminal);
        return;
    }
    reply_with_turn(*session_.lane, record_.askers,
                    {session_.store.session_id(), record_.turn_id, status}, view.snapshot());
}

// What response_complete adds.
ordered_json ChatTurn::completion(const Ending& ending) const {
    ordered_json added;
    added["status"] = ending.status;
    added["text_length"] = host_->view().text_units();
    ordered_json timings;
    timings["queue_ms"] = record_.queue_ms;
    if (ending.result.timings.is_object()) {
        timings.update(ending.result.timings);
    } else {
        timings["total_ms"] = wall_clock_ms() - record_.started_ms;
    }
    added["timings"] = std::move(timings);
    if (!ending.result.usage.is_null()) {
        added["usage"] = ending.result.usage;
    }
    added["trace_id"] = record_.trace_id;
    return added;
}

// The history gets the turn when its checkpoint goes: in one step.
asio::awaitable<void> ChatTurn::remember(std::string_view status, const nlohmann::json& memory) {
    // Only an earlier owner can have put the exchange there already: then it is the newest.
    std::vector<HistoryEntry> entries;
    if (!record_.replaces.empty()) {
        entries = co_await history_.load();
    } else if (origin_ == Origin::taken_over) {
        entries = co_await history_.load_newest(kEntriesOfTurn);
    }
    const bool known = std::any_of(entries.begin(), entries.end(), [this](const auto& entry) {
        return entry.turn_id == record_.turn_id;
    });
    HistoryEntry question;
    question.role = "user";
    question.content = record_.message;
    question.turn_id = record_.turn_id;
    question.status = status;
    HistoryEntry reply = question;
    reply.role = "assistant";
    const std::string& text = host_->view().text();
    reply.content = heard_bytes_ ? cut_answer(text, *heard_bytes_) : text;
    reply.memory = memory;
    const auto replaced = std::find_if(entries.begin(), entries.end(), [this](const auto& entry) {
        return !record_.replaces.empty() && entry.turn_id == record_.replaces;
    });
    if (!session_.store.alive()) {
        throw SessionLost("the lease has lapsed");
    }
    if (!known && replaced != entries.end()) {
        entries.erase(replaced, entries.end());
        co_await history_.rewrite(entries);
    }
    Save save;
    if (!known) {
        save.history.push_back(history_text(question));
        save.history.push_back(history_text(reply));
    }
    for (const MailItem& item : std::exchange(at_end_, {})) {
        save.consumed.push_back({item.number, item.bytes});
    }
    co_await session_.store.save(std::move(save));
    if (!known) {
        history_.added(std::move(question), std::move(reply));
    }
}

} // namespace mr

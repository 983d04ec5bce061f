#include "worker/apps/past_turn.h"

#include "shared/one_answer.h"
#include "worker/json_text.h"
#include "worker/session/ask_again.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view kBatchesPerRead = "50"; // at most kMaxBatchBytes each

void take_event(const EventView& event, const TurnRecord& record, PastTurn& past) {
    if ((event.flags & kEventAnswer) != 0) {
        const auto answer = decode_one_answer(event.bytes);
        past.answered =
            past.answered || (answer && std::ranges::count(record.askers, answer->connection) != 0);
        return;
    }
    if ((event.flags & kEventBinary) != 0) {
        return;
    }
    const ordered_json fields = ordered_json::parse(as_text(event.bytes), nullptr, false);
    if (!fields.is_object() || fields.value("turn_id", "") != record.turn_id) {
        return;
    }
    const std::string type = fields.value("type", "");
    if (type == "text_snapshot") { // an owner's before, that found the log incomplete
        past.view = TurnView::restored(fields);
        past.whole = true;
    } else if (type == "turn_start") {
        past.whole = past.whole || !past.any;
        past.announced = true;
    } else if (type == "text_chunk") {
        const size_t offset = fields.value("offset", size_t{0});
        past.whole = past.whole && offset == past.view.text_units();
        past.text_end = offset + utf16_length(fields.value("content", ""));
    }
    past.any = true;
    if (type == "response_complete") {
        past.ended = true;
        past.status = fields.value("status", "");
    }
    past.speech.take(fields);
    past.view.apply(fields, ordered_json());
}

// The id of the last entry, to go on from.
std::optional<std::string> take_page(const redis::Value& page, const TurnRecord& record,
                                     PastTurn& past) {
    for (const redis::Value& entry : page.elements) {
        std::optional<BatchReader> batch = BatchReader::open(as_bytes(entry.at(1).at(1).text));
        if (!batch || batch->header().kind != BatchKind::events) {
            continue;
        }
        while (const std::optional<EventView> event = batch->next()) {
            take_event(*event, record, past);
        }
    }
    if (page.elements.empty()) {
        return std::nullopt;
    }
    return "(" + page.elements.back().at(0).text;
}

} // namespace

asio::awaitable<PastTurn> read_past_turn(OwnedSession& session, const TurnRecord& record) {
    PastTurn past;
    const KeyText lane = session.store.keys().out_lane;
    std::string from = "(" + std::string(format_event_id(record.before).view());
    for (;;) {
        redis::Commands command{"XRANGE", lane.view(), from, "+", "COUNT", kBatchesPerRead};
        const std::optional<redis::Value> page =
            co_await ask_until_answered(session.relay.commands, std::move(command),
                                        [&session] { return session.store.alive(); });
        if (!page) {
            throw SessionLost("the lease has lapsed");
        }
        const std::optional<std::string> next = take_page(*page, record, past);
        if (!next) {
            co_return past;
        }
        from = *next;
    }
}

} // namespace mr

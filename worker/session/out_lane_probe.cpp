// The out lane behind a break of the connection, or behind a refusal: what the log holds, and what
// of ours it lacks.
#include "worker/log.h"
#include "worker/session/out_lane.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace mr {

namespace asio = boost::asio;

void OutLane::connected() {
    if (state_ == LaneState::open) {
        suspended_ = true;
        unseen_ = true;
        spawn_probe(std::nullopt);
    }
}

void OutLane::spawn_probe(std::optional<uint64_t> duplicate) {
    if (probing_) {
        return;
    }
    probing_ = true;
    auto self = shared_from_this();
    asio::co_spawn(
        flusher_->commands().executor(),
        [self, duplicate]() -> asio::awaitable<void> { return self->probe(duplicate); },
        asio::detached);
}

// Looks at the top of the log: after a reconnect, and when an id was refused as not new. That is
// either an own entry whose reply was lost or that Redis has forgotten (go on), or another epoch
// (fenced), or a hole.
asio::awaitable<void> OutLane::probe(std::optional<uint64_t> duplicate) {
    auto self = shared_from_this();
    redis::Commands commands;
    const std::string_view top[] = {"XREVRANGE", lane_key_.view(), "+", "-", "COUNT", "1"};
    commands.add(top);
    if (duplicate) {
        const EventIdText id = format_event_id({epoch_, *duplicate});
        const std::string_view same[] = {"XRANGE", lane_key_.view(), id.view(), id.view()};
        commands.add(same);
    }
    std::vector<redis::Value> replies;
    bool failed = false;
    try {
        replies = co_await flusher_->commands().run_all(commands);
    } catch (const redis::Error&) {
        failed = true; // connected() comes again
    }
    probing_ = false;
    if (failed || state_ != LaneState::open || closed_) {
        co_return;
    }
    for (const redis::Value& reply : replies) {
        if (reply.is_error()) {
            refused(next_seq_, reply.text);
            suspended_ = false;
            retry_later();
            co_return;
        }
    }
    const bool missing = duplicate && replies[1].elements.empty();
    judge_top(replies[0]);
    if (state_ == LaneState::open && missing) {
        lose(LaneState::broken, "the log has a hole");
    }
    if (state_ == LaneState::open) {
        suspended_ = false;
        if (std::exchange(unseen_, false) && on_restored) {
            const auto listener = on_restored;
            listener();
        }
        flush();
    }
}

void OutLane::judge_top(const redis::Value& top) {
    const std::optional<EventId> id = parse_event_id(top.at(0).at(0).text);
    const bool own = id && id->epoch == epoch_;
    if (own && id->seq < acknowledged_seq_ && take_back(id->seq)) {
        return;
    }
    if (!id || id->epoch < epoch_ || (own && id->seq < acknowledged_seq_)) {
        lose(LaneState::broken, "the log has lost acknowledged events");
    } else if (id->epoch > epoch_) {
        lose(LaneState::fenced, "another owner");
    } else {
        acknowledge_to(id->seq);
    }
}

// The log ends at `top_seq`, below what it has acknowledged. False: more is missing than is kept.
bool OutLane::take_back(uint64_t top_seq) {
    std::optional<std::vector<KeptBatches::Batch>> missing = kept_.take_behind(top_seq);
    if (!missing) {
        return false;
    }
    log::warn("redis has lost acknowledged events, appending them again",
              {{"session", session_of_key(lane_key_.view())},
               {"epoch", epoch_},
               {"from", top_seq + 1},
               {"to", acknowledged_seq_}});
    for (; !missing->empty(); missing->pop_back()) {
        batches_.push_front({std::move(missing->back())});
    }
    acknowledged_seq_ = top_seq;
    count_queued();
    return true;
}

} // namespace mr

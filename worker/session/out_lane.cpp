#include "worker/session/out_lane.h"

#include "shared/guard.h"
#include "worker/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <new>
#include <utility>

namespace mr {

namespace asio = boost::asio;

std::shared_ptr<OutLane> OutLane::make(std::shared_ptr<Flusher> flusher, const SessionKeys& keys,
                                       uint64_t epoch, uint64_t first_seq) {
    return std::shared_ptr<OutLane>(new OutLane(std::move(flusher), keys, epoch, first_seq));
}

OutLane::OutLane(std::shared_ptr<Flusher> flusher, const SessionKeys& keys, uint64_t epoch,
                 uint64_t first_seq)
    : flusher_(std::move(flusher)), lane_key_(keys.out_lane), channel_(keys.out_channel),
      epoch_(epoch), next_seq_(first_seq), synced_(flusher_->commands().executor()),
      mail_room_(flusher_->commands().executor()), text_room_(flusher_->commands().executor()),
      retry_timer_(flusher_->commands().executor()) {
    flusher_->add(this);
    suspended_ = !flusher_->commands().ready();
}

OutLane::~OutLane() {
    close();
}

void OutLane::close() {
    if (!closed_) {
        closed_ = true;
        flusher_->remove(this);
        retry_timer_.cancel();
        after_flush = nullptr;
        on_lost = nullptr;
        on_restored = nullptr;
    }
}

void OutLane::add(uint8_t flags, ByteView bytes, uint32_t v1_length, uint32_t turn) {
    if (open_count() == kMaxBatchEvents ||
        (open_count() > 0 && open_bytes_.size() + bytes.size() > kMaxBatchBytes)) {
        seal();
    }
    if (open_count() == 0) {
        open_bytes_.clear();
        open_.emplace(open_bytes_);
        if (!open_->begin(epoch_, next_seq_)) {
            throw std::bad_alloc();
        }
    }
    if (!open_->add(flags, bytes, v1_length, turn)) {
        throw std::bad_alloc();
    }
    ++next_seq_;
    queued_bytes_ += bytes.size();
    touch();
}

void OutLane::touch() {
    if (!marked_ && !closed_) {
        marked_ = true;
        flusher_->mark(this);
    }
}

void OutLane::seal() {
    if (open_count() == 0) {
        return;
    }
    batches_.emplace_back();
    Batch& batch = batches_.back();
    batch.last = last_id();
    batch.first_seq = next_seq_ - open_count();
    if (!batch.bytes.grow_to(open_bytes_.size()) || !batch.bytes.append(open_bytes_.view())) {
        throw std::bad_alloc();
    }
    open_bytes_.clear();
    open_.reset();
}

void OutLane::flush() {
    marked_ = false;
    seal();
    if (state_ != LaneState::open || suspended_ || !flusher_->allowed()) {
        return;
    }
    for (Batch& batch : batches_) {
        if (!batch.sent) {
            send(batch);
        }
    }
    if (after_flush) {
        after_flush();
    }
}

void OutLane::send(Batch& batch) {
    batch.sent = true;
    const EventIdText id = format_event_id(batch.last);
    const std::string_view bytes = batch.bytes.text();
    const std::string_view append[] = {"XADD", lane_key_.view(), id.view(), kEntryField, bytes};
    auto self = shared_from_this();
    const uint64_t seq = batch.last.seq;
    if (removed(Guard::durability)) {
        publish(batch, [self, seq](const redis::Answer& answer) { self->answered(seq, answer); });
        return;
    }
    flusher_->commands().send(
        append, [self, seq](const redis::Answer& answer) { self->answered(seq, answer); });
    if (!refused_since_) {
        publish(batch);
    }
}

void OutLane::publish(Batch& batch, redis::Connection::Handler done) {
    batch.published = true;
    const std::string_view command[] = {"SPUBLISH", channel_.view(), batch.bytes.text()};
    flusher_->commands().send(command, std::move(done));
}

void OutLane::answered(uint64_t seq, const redis::Answer& answer) {
    if (state_ != LaneState::open || closed_) {
        return;
    }
    if (answer.reply == nullptr) {
        // Unknown outcome: sent again when the connection is back and the log has been looked at.
        suspended_ = true;
        for (Batch& batch : batches_) {
            batch.sent = batch.published = false;
        }
        return;
    }
    if (answer.reply->is_error()) {
        refused(seq, answer.reply->text());
    } else {
        acknowledged(seq);
    }
}

void OutLane::acknowledged(uint64_t seq) {
    if (batches_.empty() || batches_.front().last.seq != seq) {
        if (seq > acknowledged_seq_) {
            lose(LaneState::broken, "the log has a hole");
        }
        return;
    }
    refused_since_.reset();
    acknowledge_to(seq);
}

void OutLane::acknowledge_to(uint64_t seq) {
    const Clock::time_point now = Clock::now();
    while (!batches_.empty() && batches_.front().last.seq <= seq) {
        Batch& batch = batches_.front();
        acknowledged_seq_ = batch.last.seq;
        batch.acknowledged_at = now;
        if (!batch.published) {
            publish(batch);
        }
        kept_bytes_ += batch.bytes.size();
        kept_.push_back(std::move(batch));
        batches_.pop_front();
    }
    if (kept_bytes_ > kMaxKeptBytes || now >= kept_look_) {
        kept_look_ = now + kKeptLook;
        drop_old_kept(now);
    }
    count_queued();
    notify_waiters();
}

// Not at every turn: the oldest has been in no cache for long.
void OutLane::drop_old_kept(Clock::time_point now) {
    const Clock::time_point oldest = now - kKeptFor;
    while (!kept_.empty() &&
           (kept_bytes_ > kMaxKeptBytes || kept_.front().acknowledged_at < oldest)) {
        kept_bytes_ -= kept_.front().bytes.size();
        kept_.pop_front();
    }
}

void OutLane::count_queued() {
    queued_bytes_ = open_count() > 0 ? open_bytes_.size() : 0;
    for (const Batch& batch : batches_) {
        queued_bytes_ += batch.bytes.size();
    }
}

// The log ends at `top_seq`, below what it has acknowledged. False: more is missing than is kept.
bool OutLane::take_back(uint64_t top_seq) {
    uint64_t first_missing = acknowledged_seq_ + 1;
    size_t count = 0;
    while (count < kept_.size() && kept_[kept_.size() - 1 - count].last.seq > top_seq) {
        first_missing = kept_[kept_.size() - 1 - count].first_seq;
        ++count;
    }
    if (first_missing != top_seq + 1) {
        return false;
    }
    log::warn("redis has lost acknowledged events, appending them again",
              {{"session", session_of_key(lane_key_.view())},
               {"epoch", epoch_},
               {"from", first_missing},
               {"to", acknowledged_seq_}});
    for (; count > 0; --count) {
        kept_bytes_ -= kept_.back().bytes.size();
        kept_.back().sent = kept_.back().published = false;
        batches_.push_front(std::move(kept_.back()));
        kept_.pop_back();
    }
    acknowledged_seq_ = top_seq;
    count_queued();
    return true;
}

void OutLane::refused(uint64_t seq, std::string_view error) {
    if (error.find("equal or smaller") != std::string_view::npos) {
        suspended_ = true;
        spawn_probe(seq);
        return;
    }
    for (Batch& batch : batches_) {
        if (batch.last.seq == seq) {
            batch.sent = batch.published = false;
        }
    }
    const auto now = std::chrono::steady_clock::now();
    if (!refused_since_) {
        refused_since_ = now;
        log::warn("redis refuses events, trying again", {{"cause", error}});
    }
    if (now - *refused_since_ > kRefusedLimit) {
        lose(LaneState::broken, "redis refused events for too long");
        return;
    }
    retry_later();
}

void OutLane::retry_later() {
    if (suspended_) {
        return;
    }
    suspended_ = true;
    retry_timer_.expires_after(kRefusedRetry);
    retry_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || self == nullptr || self->closed_) {
            return;
        }
        // Without a connection, connected() goes on.
        if (!self->flusher_->commands().ready() || self->probing_) {
            return;
        }
        if (self->unseen_) {
            self->spawn_probe(std::nullopt);
            return;
        }
        self->suspended_ = false;
        self->flush();
    });
}

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

void OutLane::fence() {
    lose(LaneState::fenced, "another owner");
}

void OutLane::abandon() {
    if (state_ == LaneState::open) {
        state_ = LaneState::fenced;
        lost_why_ = "given up";
        notify_waiters();
    }
}

void OutLane::lose(LaneState state, std::string_view why) {
    if (state_ != LaneState::open || closed_) {
        return;
    }
    state_ = state;
    lost_why_ = why;
    log::warn("session lost",
              {{"session", session_of_key(lane_key_.view())}, {"epoch", epoch_}, {"cause", why}});
    notify_waiters();
    if (on_lost) {
        const auto listener = on_lost;
        listener();
    }
}

asio::awaitable<void> OutLane::synced() {
    auto self = shared_from_this();
    flush_now();
    while (state_ == LaneState::open && (!batches_.empty() || open_count() > 0)) {
        co_await synced_.wait();
    }
    if (state_ != LaneState::open) {
        throw SessionLost(lost_why_);
    }
}

asio::awaitable<void> OutLane::wait_room(RoomFor what, size_t bytes) {
    auto self = shared_from_this();
    Signal& room = what == RoomFor::mail ? mail_room_ : text_room_;
    while (state_ == LaneState::open && queued_bytes_ > bytes) {
        co_await room.wait();
    }
}

void OutLane::notify_waiters() {
    synced_.notify();
    mail_room_.notify();
    text_room_.notify();
}

} // namespace mr

#include "worker/session/out_lane.h"

#include "shared/guard.h"
#include "worker/log.h"

#include <algorithm>
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
      epoch_(epoch), next_seq_(first_seq), kept_(epoch), live_(flusher_, keys.out_channel),
      synced_(flusher_->commands().executor()), mail_room_(flusher_->commands().executor()),
      text_room_(flusher_->commands().executor()), retry_timer_(flusher_->commands().executor()) {
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
    mark();
}

void OutLane::add_at(EventPlace place, ByteView bytes, uint32_t v1_length, uint32_t turn) {
    add(0, bytes, v1_length, turn);
    if (open_count() == 1) {
        open_place_ = std::move(place);
    }
}

// A batch of logged events ends where one that is not logged comes.
bool OutLane::live(uint8_t flags, ByteView bytes, uint32_t turn) {
    if (state_ != LaneState::open || closed_) {
        return false;
    }
    seal();
    const bool taken = live_.add(next_id(), flags, bytes, turn);
    mark();
    return taken;
}

void OutLane::publish_live() {
    if (live_.empty() || !flusher_->allowed()) {
        return;
    }
    for (const Batch& batch : batches_) {
        if (!batch.published) {
            live_.publish_to(batch.first_seq);
            return;
        }
    }
    live_.publish_to(next_seq_ - open_count());
}

void OutLane::touch() {
    after_flush_due_ = true;
    mark();
}

void OutLane::mark() {
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
    batch.last_seq = last_id().seq;
    batch.first_seq = next_seq_ - open_count();
    if (!batch.bytes.grow_to(open_bytes_.size()) || !batch.bytes.append(open_bytes_.view())) {
        throw std::bad_alloc();
    }
    if (open_count() == 1) {
        batch.place = std::move(open_place_);
    }
    open_place_.maker.reset();
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
            publish_live();
            send(batch);
        }
    }
    publish_live();
    if (waiting_ > 0) {
        flusher_->commands().hurry();
    }
    if (after_flush && std::exchange(after_flush_due_, false)) {
        after_flush();
    }
}

void OutLane::send(Batch& batch) {
    batch.sent = true;
    const EventIdText id = format_event_id({epoch_, batch.last_seq});
    const std::string_view bytes = batch.bytes.text();
    const std::string_view append[] = {"XADD", lane_key_.view(), id.view(), kEntryField, bytes};
    // Without the log a publication's own answer stands for the entry's.
    if (!removed(Guard::durability)) {
        flusher_->commands().send(append, shared_from_this(), batch.last_seq);
    }
    if (!refused_since_ || removed(Guard::durability)) {
        publish(batch);
    }
}

void OutLane::publish(Batch& batch) {
    batch.published = true;
    const std::string_view command[] = {"SPUBLISH", channel_.view(), batch.bytes.text()};
    if (removed(Guard::durability)) {
        flusher_->commands().send(command, shared_from_this(), batch.last_seq);
    } else {
        flusher_->commands().send(command, {});
    }
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
    if (batches_.empty() || batches_.front().last_seq != seq) {
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
    while (!batches_.empty() && batches_.front().last_seq <= seq) {
        Batch& batch = batches_.front();
        acknowledged_seq_ = batch.last_seq;
        if (!batch.published) {
            publish(batch);
        }
        kept_.keep(batch, now);
        batches_.pop_front();
    }
    if (kept_.bytes() > kMaxKeptBytes || now >= kept_look_) {
        kept_look_ = now + kKeptLook;
        drop_old_kept(now);
    }
    publish_live(); // what had to wait for the log
    count_queued();
    notify_waiters();
}

// Not at every turn: the oldest has been in no cache for long.
void OutLane::drop_old_kept(Clock::time_point now) {
    const Clock::time_point replicated =
        std::min(flusher_->replicated_before(), now - kKeptReplicated);
    kept_.drop_before(std::max(now - kKeptFor, replicated), kMaxKeptBytes);
}

void OutLane::count_queued() {
    queued_bytes_ = open_count() > 0 ? open_bytes_.size() : 0;
    for (const Batch& batch : batches_) {
        queued_bytes_ += batch.bytes.size();
    }
}

void OutLane::refused(uint64_t seq, std::string_view error) {
    if (error.find("equal or smaller") != std::string_view::npos) {
        suspended_ = true;
        spawn_probe(seq);
        return;
    }
    for (Batch& batch : batches_) {
        if (batch.last_seq == seq) {
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

void OutLane::fence() {
    lose(LaneState::fenced, "another owner");
}

void OutLane::abandon() {
    if (state_ == LaneState::open) {
        state_ = LaneState::fenced;
        lost_why_ = "given up";
        live_.clear();
        notify_waiters();
    }
}

void OutLane::lose(LaneState state, std::string_view why) {
    if (state_ != LaneState::open || closed_) {
        return;
    }
    state_ = state;
    lost_why_ = why;
    live_.clear();
    log::warn("session lost",
              {{"session", session_of_key(lane_key_.view())}, {"epoch", epoch_}, {"cause", why}});
    notify_waiters();
    if (on_lost) {
        const auto listener = on_lost;
        listener();
    }
}

// Redis's answers are for somebody now.
class OutLane::Waiting {
  public:
    explicit Waiting(OutLane& lane) : lane_(lane) {
        ++lane_.waiting_;
        lane_.flusher_->commands().hurry();
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { --lane_.waiting_; }

  private:
    OutLane& lane_;
};

asio::awaitable<void> OutLane::synced() {
    auto self = shared_from_this();
    const Waiting waiting(*this);
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
    const Waiting waiting(*this);
    while (!has_room(bytes)) {
        co_await room.wait();
    }
}

void OutLane::notify_waiters() {
    synced_.notify();
    mail_room_.notify();
    text_room_.notify();
}

} // namespace mr

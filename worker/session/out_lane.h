// The writing end of a session's event log: numbers events, packs what is ready into batches, sends
// each as XADD and SPUBLISH of the same bytes, and checks every XADD reply. A batch is immutable
// and kept until it is acknowledged, and some seconds longer: after a break what the log lacks is
// sent again under the same ids. So a failover that loses the last writes, or a Redis that lost its
// last second, costs nobody an event: clients that have them drop the repetition. A full Redis
// refuses XADD and still publishes: from the first refusal on a batch is published only when the
// log has it. Two ends: fenced (another owner has claimed the session) and broken (the log has a
// hole, lost more than is kept, or refused ours for too long); after either nothing is sent any
// more.
#pragma once

#include "shared/envelope.h"
#include "shared/ids.h"
#include "shared/keys.h"
#include "worker/async.h"
#include "worker/redis/value.h"
#include "worker/session/flusher.h"
#include "worker/session/kept_batches.h"
#include "worker/session/live_queue.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace mr {

inline constexpr std::chrono::milliseconds kRefusedRetry{100};
inline constexpr std::chrono::milliseconds kRefusedLimit{5000};
// Acknowledged batches of a lane that Redis may still lose. By a failover: as long as a primary
// with `min-replicas-max-lag 10` may write without a replica, and it takes to be noticed; less when
// it is known what the replicas have. By a restart: `appendfsync everysec` is two seconds behind at
// most.
inline constexpr std::chrono::seconds kKeptFor{12};
inline constexpr std::chrono::seconds kKeptReplicated{4};
inline constexpr std::chrono::seconds kKeptLook{1}; // what is too old goes so often
inline constexpr size_t kMaxKeptBytes = 256 * 1024;

enum class LaneState : uint8_t { open, fenced, broken };

// This worker has lost the session: stop, publish nothing more.
class SessionLost : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class OutLane final : public redis::AnswerSink, public std::enable_shared_from_this<OutLane> {
  public:
    static std::shared_ptr<OutLane> make(std::shared_ptr<Flusher> flusher, const SessionKeys& keys,
                                         uint64_t epoch, uint64_t first_seq = 1);
    ~OutLane() override;

    LaneState state() const { return state_; }
    EventId next_id() const { return {epoch_, next_seq_}; }
    EventId last_id() const { return {epoch_, next_seq_ - 1}; }
    size_t unacknowledged_bytes() const { return queued_bytes_; }

    void add(uint8_t flags, ByteView bytes, uint32_t v1_length = 0, uint32_t turn = 0);
    // The same without flags, of an event that its maker can make again from `place`.
    void add_at(EventPlace place, ByteView bytes, uint32_t v1_length, uint32_t turn);
    // An event that is published and never logged: spoken audio. It comes to whoever follows the
    // lane at that moment and has all that was added before it, in order with that; it comes to
    // nobody later, takes no id, and does not count as unacknowledged. False: dropped, because the
    // lane has ended, or more than kMaxLiveBytes wait for Redis.
    bool live(uint8_t flags, ByteView bytes, uint32_t turn = 0);
    // `after_flush` is due even if no event is.
    void touch();
    void flush_now() { flusher_->flush_now(this); }

    // Until everything added is in the log. Throws SessionLost. One waiter.
    boost::asio::awaitable<void> synced();
    // Until at most `bytes` are unacknowledged, or the lane has ended. One waiter of each kind.
    enum class RoomFor : uint8_t { mail, text };
    boost::asio::awaitable<void> wait_room(RoomFor what, size_t bytes);
    bool has_room(size_t bytes) const {
        return state_ != LaneState::open || queued_bytes_ <= bytes;
    }

    // Commands that belong behind the events flushed just now: called once after touch(), and not
    // once the lane has ended.
    std::function<void()> after_flush;
    std::function<void()> on_lost; // state() has left `open`
    // The connection has come back and the log is as it should be: time to look after the rest.
    std::function<void()> on_restored;

    // For the flusher.
    void flush();
    void connected();
    void disconnected() { suspended_ = true; }

    void fence();   // somebody else has found out
    void abandon(); // the owner gives up: whoever waits here gets SessionLost
    void close();   // the owner is done: forget everything

  private:
    using Clock = std::chrono::steady_clock;

    class Waiting;
    struct Batch : KeptBatches::Batch {
        bool sent = false;
        bool published = false;
    };

    OutLane(std::shared_ptr<Flusher> flusher, const SessionKeys& keys, uint64_t epoch,
            uint64_t first_seq);

    void mark();
    void seal();
    void send(Batch& batch);
    void publish(Batch& batch);
    void publish_live();
    void answered(uint64_t seq, const redis::Answer& answer) override;
    void acknowledged(uint64_t seq);
    void refused(uint64_t seq, std::string_view error);
    void acknowledge_to(uint64_t seq);
    void drop_old_kept(Clock::time_point now);
    bool take_back(uint64_t top_seq);
    void count_queued();
    void retry_later();
    boost::asio::awaitable<void> probe(std::optional<uint64_t> duplicate);
    void judge_top(const redis::Value& top);
    void spawn_probe(std::optional<uint64_t> duplicate);
    void lose(LaneState state, std::string_view why);

    std::shared_ptr<Flusher> flusher_;
    KeyText lane_key_;
    KeyText channel_;
    uint64_t epoch_;
    uint64_t next_seq_;
    uint64_t acknowledged_seq_ = 0;
    size_t queued_bytes_ = 0;
    Buffer open_bytes_;
    std::optional<BatchWriter> open_; // writes into open_bytes_
    EventPlace open_place_;           // of its first event
    uint16_t open_count() const { return open_ ? open_->count() : uint16_t{0}; }
    std::deque<Batch> batches_;     // sealed, not acknowledged, oldest first
    KeptBatches kept_;              // acknowledged, in front of them
    Clock::time_point kept_look_{}; // the next one
    LiveQueue live_;
    Signal synced_;
    Signal mail_room_;
    Signal text_room_;
    void notify_waiters();
    boost::asio::steady_timer retry_timer_;
    std::optional<Clock::time_point> refused_since_;
    LaneState state_ = LaneState::open;
    std::string lost_why_;
    uint8_t waiting_ = 0; // for Redis's answers: coroutines in synced() and wait_room()
    bool marked_ = false;
    bool after_flush_due_ = false;
    bool suspended_ = false; // no connection, or the log has to be looked at first
    bool unseen_ = false;    // the log has not been looked at since the connection came back
    bool probing_ = false;
    bool closed_ = false;
};

} // namespace mr

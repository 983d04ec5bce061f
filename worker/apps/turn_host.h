// The TurnHost of a real session: events of a turn into the out lane, text merged within the
// coalescing window, checkpoints into the session's record, a snapshot every so many events. Used
// by ChatTurn also for the events that the pipeline does not know of.
#pragma once

#include "worker/apps/app.h"
#include "worker/apps/told_text.h"
#include "worker/apps/turn_record.h"
#include "worker/apps/turn_view.h"
#include "worker/apps/turn_watcher.h"
#include "worker/pipeline/host.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace mr {

inline constexpr uint32_t kEventsPerSnapshot = 64;
inline constexpr size_t kTextPerSnapshotBytes = 64 * 1024;      // or after so much text
inline constexpr std::chrono::milliseconds kSnapshotPause{250}; // at least, between two
inline constexpr size_t kMaxChunkBytes = 16 * 1024;             // of one text_chunk
inline constexpr size_t kMaxAnswerBacklogBytes = 128 * 1024;    // not in the log yet: text waits
// Text in a snapshot: what a client that has lost its place is sent in one event. Of a longer
// answer the last snapshot below it stays, then the final one holds the beginning only.
inline constexpr size_t kMaxSnapshotTextBytes = 256 * 1024;

class SessionTurnHost final : public TurnHost,
                              public Delayed,
                              public std::enable_shared_from_this<SessionTurnHost> {
  public:
    using Clock = std::chrono::steady_clock;

    SessionTurnHost(OwnedSession& session, TurnRecord& record);

    void emit(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
              Audience audience) override;
    void text(std::string_view piece) override;
    bool owned() const override;
    void check_owned() const override;
    boost::asio::awaitable<void> wait_room() override;
    bool has_room() const override;
    boost::asio::awaitable<void> checkpoint(std::string state) override;
    std::string_view delivered_text() const override { return delivered_; }

    // What an earlier owner has delivered.
    void resume(TurnView view);
    // What clients that have lost their place are to show, as an event of the log.
    void announce_snapshot();
    // The last event. Text that waits goes out first.
    void terminal(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added);
    // From here on everything but the caller's own `terminal` and `say` is swallowed: the pipeline
    // is being wound down.
    void mute() { muted_ = true; }
    // Text and events of the app itself, also when muted.
    void say(std::string_view piece);
    void announce(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
                  Audience audience);
    // A tool_complete for every tool that has been announced and will not come to an end: cut off
    // by the turn's end, or under way with an owner that died.
    void end_open_tools();
    void flush_text();                                       // what waits within the window
    void watch(TurnWatcher* watcher) { watcher_ = watcher; } // null: nobody does
    // Drops the references into the session.
    void close();

    // The turn's record as a checkpoint.
    std::string record_text();

    const TurnView& view() const { return view_; }
    bool has_text() const { return !view_.text().empty() || !waiting_.empty(); }
    std::optional<Clock::time_point> first_text() const { return first_text_; }
    void write_snapshot(std::string_view status);

  private:
    void write(const nlohmann::ordered_json& v1, const nlohmann::ordered_json& added,
               Audience audience, int flags);
    void put_text(std::string_view piece);
    void put_chunk(std::string_view piece);
    void open_window();
    void delay_over() override; // the window closes
    void counted();

    OwnedSession& session_;
    TurnRecord& record_;
    std::string record_front_; // of record_; empty: not formatted yet
    const uint32_t tag_;
    TurnView view_;
    std::shared_ptr<const ToldText> told_; // of view_
    std::string delivered_;
    std::string waiting_; // text within the window
    TurnWatcher* watcher_ = nullptr;
    std::optional<Clock::time_point> first_text_;
    // The first one comes sooner, of each turn at another place: of many that began at a time not
    // all have theirs at once.
    uint32_t since_snapshot_ = tag_ % kEventsPerSnapshot;
    size_t snapshot_text_bytes_ = 0; // length of the answer at the last one
    Clock::time_point snapshot_at_ = Clock::now();
    bool window_open_ = false;
    bool muted_ = false;
    bool closed_ = false;
};

} // namespace mr

#include "worker/apps/turn_host.h"

#include "worker/apps/event_text.h"
#include "worker/json_text.h"

#include <utility>

namespace mr {

namespace asio = boost::asio;
using nlohmann::ordered_json;

SessionTurnHost::SessionTurnHost(OwnedSession& session, TurnRecord& record)
    : session_(session), record_(record), tag_(turn_tag(record.turn_id)),
      told_(std::make_shared<ToldText>(record.turn_id, tag_, view_.shared_text())) {}

void SessionTurnHost::resume(TurnView view) {
    view_ = std::move(view);
    told_ = std::make_shared<ToldText>(record_.turn_id, tag_, view_.shared_text());
    delivered_ = view_.text();
}

void SessionTurnHost::close() {
    closed_ = true;
    muted_ = true;
    watcher_ = nullptr;
}

void SessionTurnHost::emit(const ordered_json& v1, const ordered_json& added, Audience audience) {
    // What the previous owner had under way is done again, but clients are not told again.
    if (!muted_ && !view_.has_told(v1)) {
        announce(v1, added, audience);
    }
}

void SessionTurnHost::announce(const ordered_json& v1, const ordered_json& added,
                               Audience audience) {
    flush_text();
    write(v1, added, audience, 0);
    counted();
}

void SessionTurnHost::end_open_tools() {
    for (const ordered_json& open : view_.open_tools()) {
        ordered_json v1;
        v1["type"] = "tool_complete";
        v1["tool"] = open.value("tool", "");
        v1["summary"] = "Error: cancelled";
        ordered_json added;
        added["call_id"] = open.value("call_id", "");
        added["status"] = "cancelled";
        added["duration_ms"] = 0; // not measured by this owner
        added["attempts"] = 1;
        announce(v1, added, Audience::everyone);
    }
}

void SessionTurnHost::announce_snapshot() {
    ordered_json v1;
    v1["type"] = "text_snapshot";
    ordered_json fields = view_.snapshot();
    fields["question"] = record_.message;
    if (!record_.message_id.empty()) {
        fields["message_id"] = record_.message_id;
    }
    announce(v1, fields, Audience::v2_only);
}

void SessionTurnHost::terminal(const ordered_json& v1, const ordered_json& added) {
    flush_text();
    write(v1, added, Audience::everyone, kEventTerminal);
}

void SessionTurnHost::write(const ordered_json& v1, const ordered_json& added, Audience audience,
                            int flags) {
    view_.apply(v1, added);
    const EventStamp stamp{record_.turn_id, session_.lane->next_id(), wall_clock_ms()};
    EventText event = make_event(v1, added, stamp);
    if (audience == Audience::v2_only) {
        flags |= kEventV2Only;
        event.v1_length = 0;
    }
    session_.lane->add(static_cast<uint8_t>(flags), as_bytes(event.json), event.v1_length, tag_);
    if (watcher_ != nullptr) {
        const std::string type = v1.value("type", "");
        if (type == "phase_start" || type == "tool_start") {
            watcher_->turn_doing(v1.value("message", ""));
        }
    }
}

void SessionTurnHost::text(std::string_view piece) {
    if (muted_ || piece.empty()) {
        return;
    }
    if (!first_text_) {
        first_text_ = Clock::now();
    }
    if (window_open_) {
        waiting_ += piece;
        return;
    }
    put_text(piece);
    open_window();
}

void SessionTurnHost::say(std::string_view piece) {
    flush_text();
    put_text(piece);
}

// A long piece becomes several events: what is queued for a slow client is bounded by them.
void SessionTurnHost::put_text(std::string_view piece) {
    while (piece.size() > kMaxChunkBytes) {
        const std::string_view chunk = text_within(piece, kMaxChunkBytes);
        put_chunk(chunk);
        piece.remove_prefix(chunk.size());
    }
    put_chunk(piece);
}

void SessionTurnHost::put_chunk(std::string_view piece) {
    const EventStamp stamp{record_.turn_id, session_.lane->next_id(), wall_clock_ms()};
    thread_local EventText event;
    make_text_chunk(event, piece, view_.text_units(), stamp);
    EventPlace place{told_, view_.text().size(), piece.size(), view_.text_units(), stamp.ts_ms};
    view_.append_text(piece);
    session_.lane->add_at(std::move(place), as_bytes(event.json), event.v1_length, tag_);
    if (watcher_ != nullptr) {
        watcher_->turn_text(piece);
    }
    counted();
}

void SessionTurnHost::flush_text() {
    if (!waiting_.empty()) {
        const std::string piece = std::exchange(waiting_, {});
        put_text(piece);
    }
}

// While it is open, text waits for its end.
void SessionTurnHost::open_window() {
    DelayLine& windows = *session_.relay.text_windows;
    if (windows.delay().count() > 0) {
        window_open_ = true;
        windows.add(weak_from_this());
    }
}

void SessionTurnHost::delay_over() {
    window_open_ = false;
    if (!closed_ && !waiting_.empty()) {
        flush_text();
        open_window();
    }
}

bool SessionTurnHost::owned() const {
    return !closed_ && session_.store.alive();
}

void SessionTurnHost::check_owned() const {
    if (!owned()) {
        throw SessionLost("the lease has lapsed");
    }
}

asio::awaitable<void> SessionTurnHost::wait_room() {
    auto self = shared_from_this();
    if (waiting_.size() >= kMaxChunkBytes) {
        flush_text();
    }
    if (!closed_) {
        co_await session_.lane->wait_room(OutLane::RoomFor::text, kMaxAnswerBacklogBytes);
    }
}

bool SessionTurnHost::has_room() const {
    return closed_ ||
           (waiting_.size() < kMaxChunkBytes && session_.lane->has_room(kMaxAnswerBacklogBytes));
}

std::string SessionTurnHost::record_text() {
    if (record_front_.empty()) {
        record_front_ = record_front(record_);
    }
    return format_record(record_front_, record_);
}

asio::awaitable<void> SessionTurnHost::checkpoint(std::string state) {
    if (closed_) {
        throw SessionLost("the turn has been given up");
    }
    record_.state = std::move(state);
    Save save;
    save.checkpoint = record_text();
    // A new owner skips what the checkpoint holds: by then its events must be in the log.
    co_await session_.lane->synced();
    co_await session_.store.save(std::move(save));
}

// A long answer is copied the more rarely the longer it is: all its snapshots together cost no
// more than a few times its length. One that is written at once has its last one only.
void SessionTurnHost::counted() {
    const size_t grown = view_.text().size() - snapshot_text_bytes_;
    const bool due = ++since_snapshot_ >= kEventsPerSnapshot || grown >= kTextPerSnapshotBytes;
    if (due && grown >= snapshot_text_bytes_ / 4 && Clock::now() - snapshot_at_ >= kSnapshotPause) {
        write_snapshot("");
    }
}

// The value stands for the newest event so far; it goes out behind it on the same connection.
void SessionTurnHost::write_snapshot(std::string_view status) {
    since_snapshot_ = 0;
    snapshot_text_bytes_ = view_.text().size();
    snapshot_at_ = Clock::now();
    const bool cut = snapshot_text_bytes_ > kMaxSnapshotTextBytes;
    if (!session_.store.alive() || session_.lane->state() != LaneState::open ||
        (cut && status.empty())) {
        return;
    }
    session_.lane->flush_now();
    std::string fields;
    JsonObject json(fields);
    view_.write_fields(json);
    json.text("question", record_.message);
    if (!record_.message_id.empty()) {
        json.text("message_id", record_.message_id);
    }
    if (!status.empty()) {
        json.text("status", status);
    }
    json.close();
    Snapshot snapshot;
    snapshot.since = record_.before;
    snapshot.id = session_.lane->last_id();
    snapshot.flags =
        static_cast<uint8_t>((cut ? kSnapshotCut : 0) | (status.empty() ? 0 : kSnapshotEnded));
    EventText event;
    make_text_snapshot(event, text_within(view_.text(), kMaxSnapshotTextBytes), fields,
                       {record_.turn_id, snapshot.id, wall_clock_ms()});
    snapshot.event = event.json;
    Buffer value;
    if (!value.grow_to(kSnapshotHeaderBytes + event.json.size()) ||
        !encode_snapshot(value, snapshot)) {
        throw std::bad_alloc();
    }
    const KeyText& key = session_.store.keys().snapshot;
    const std::string ttl = std::to_string(session_.relay.limits.log_ttl().count());
    const std::string_view set[] = {"SET", key.view(), value.text(), "PX", ttl};
    session_.relay.commands->send(set, {});
}

} // namespace mr

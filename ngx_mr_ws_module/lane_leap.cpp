#include "ngx_mr_ws_module/lane_leap.h"

#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/lane_delivery.h"
#include "ngx_mr_ws_module/lane_reader.h"
#include "shared/ids.h"

namespace mr {
namespace {

enum Step : uint64_t { kHeader, kWhole };

// Between the two lie only events of the snapshot's turn, and many.
bool worth_it(EventId cursor, const Snapshot& snapshot) {
    return cursor >= snapshot.since && (snapshot.flags & kSnapshotCut) == 0 &&
           lane_events_ahead(cursor, snapshot.id) > kLongGapEvents;
}

// True: somebody still waits for it.
bool keep_those_worth_it(Session& session, const std::optional<Snapshot>& snapshot) {
    bool any = false;
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        RelayLink& link = follower->relay;
        link.leap = link.leap && snapshot && worth_it(link.cursor, *snapshot);
        any = any || link.leap;
    }
    return any;
}

void take_forward(Session& session, const Snapshot& snapshot) {
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (follower->relay.leap) {
            follower->relay.leap = false;
            deliver_snapshot(*follower, snapshot);
        }
        follower = next;
    }
    // The page that nobody was given may have been the last that was read.
    session_note(session, snapshot.id, (snapshot.flags & kSnapshotEnded) != 0);
}

void on_reply(void* owner, uint64_t step, const Reply* reply) noexcept;

bool ask(Session& session, Step step) {
    Hub& hub = *session.hub;
    const SessionKeys keys(hub.partitions, session.id_view());
    char last[20];
    const std::string_view last_text{last, format_decimal(kSnapshotHeaderBytes - 1, last)};
    const ReplySink sink{on_reply, &session, step};
    const bool sent = step == kHeader
                          ? hub.commands.send({"GETRANGE", keys.snapshot, "0", last_text}, sink)
                          : hub.commands.send({"GET", keys.snapshot}, sink);
    session.references = static_cast<uint16_t>(session.references + (sent ? 1 : 0));
    return sent;
}

// True: the whole of it is asked for.
bool take_reply(Session& session, uint64_t step, const Reply* reply) {
    std::optional<Snapshot> snapshot;
    if (reply != nullptr && reply->type() == ReplyType::string) {
        const ByteView bytes = as_bytes(reply->text());
        snapshot = step == kHeader ? decode_snapshot_header(bytes) : decode_snapshot(bytes);
    }
    if (!keep_those_worth_it(session, snapshot)) {
        return false;
    }
    if (step == kHeader) {
        return ask(session, kWhole);
    }
    take_forward(session, *snapshot);
    return false;
}

void on_reply(void* owner, uint64_t step, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    if (reply != nullptr && reply->is_error()) {
        hub_complain(*session.hub, "snapshot read refused", reply->text());
    }
    session.leaping = take_reply(session, step, reply);
    if (!session.leaping) {
        keep_those_worth_it(session, std::nullopt);
        lane_retry(session);
    }
    --session.references;
    hub_release_session(session);
}

} // namespace

bool lane_any_leap(const Session& session) noexcept {
    for (const Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        if (follower->relay.leap) {
            return true;
        }
    }
    return false;
}

void lane_leap(Session& session) noexcept {
    session.leaping = ask(session, kHeader);
    if (!session.leaping) {
        keep_those_worth_it(session, std::nullopt);
    }
}

} // namespace mr

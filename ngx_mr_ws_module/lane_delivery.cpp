#include "ngx_mr_ws_module/lane_delivery.h"

#include "ngx_mr_ws_module/lane_page.h"
#include "ngx_mr_ws_module/metrics.h"

namespace mr {
namespace {

// A client that was told of the loss of its turn hears nothing more of that turn, its end included:
// it has had one. Every other turn, and what belongs to none, it hears as always.
bool is_skipped(Follower& connection, const EventView& event) {
    RelayLink& link = connection.relay;
    if (event.turn == 0) {
        return false;
    }
    if (link.skip_turn && event.turn == link.turn) {
        return true;
    }
    link.turn = event.turn;
    link.mid_turn = (event.flags & kEventTerminal) == 0;
    link.skip_turn = false;
    connection.turns += link.mid_turn ? 0 : 1;
    return false;
}

void send_events(Follower& connection, ByteView bytes, uint32_t skip) {
    auto reader = BatchReader::open(bytes);
    if (!reader) {
        return;
    }
    EventId id{reader->header().epoch, reader->header().first_seq};
    for (; const auto event = reader->next(); ++id.seq) {
        if (skip != 0) {
            --skip;
        } else if (!is_skipped(connection, *event)) {
            follower_deliver(connection, id, *event);
        }
    }
}

// The socket is full: from here on the log waits for it, not memory.
void note_queue(Follower& connection) {
    if (follower_queued_bytes(connection) > connection.conf->send_limit) {
        connection.relay.lagging = true;
        connection.relay.behind = true;
    }
}

} // namespace

std::optional<BatchInfo> inspect_batch(ByteView bytes) noexcept {
    auto reader = BatchReader::open(bytes);
    if (!reader) {
        return std::nullopt;
    }
    BatchInfo info;
    info.header = reader->header();
    info.bytes = bytes;
    if (info.header.kind == BatchKind::takeover) {
        return info;
    }
    while (const auto event = reader->next()) {
        info.terminal = (event->flags & kEventTerminal) != 0;
        info.live_only = (event->flags & kEventLiveOnly) != 0;
    }
    if (!reader->ok()) {
        return std::nullopt;
    }
    return info;
}

Verdict deliver_batch(Follower& connection, const BatchInfo& batch) noexcept {
    RelayLink& link = connection.relay;
    const Delivery delivery = judge(link.cursor, batch.header);
    if (delivery.verdict != Verdict::deliver) {
        return delivery.verdict;
    }
    link.cursor = delivery.cursor;
    link.resynced = false;
    if (batch.header.kind == BatchKind::events) {
        send_events(connection, batch.bytes, delivery.skip);
    }
    note_queue(connection);
    return Verdict::deliver;
}

void deliver_snapshot(Follower& connection, const Snapshot& snapshot) noexcept {
    EventView event;
    event.flags = kEventV2Only;
    event.bytes = as_bytes(snapshot.event);
    follower_deliver(connection, snapshot.id, event);
    connection.relay.cursor = snapshot.id;
    note_queue(connection);
}

Verdict deliver_live_only(Follower& connection, const BatchInfo& batch) noexcept {
    const RelayLink& link = connection.relay;
    const EventId position{batch.header.epoch, batch.header.first_seq - 1};
    if (!lane_readable(link) || link.greet || link.inclusive) {
        return Verdict::drop; // it will not be where this belongs before it is too late
    }
    if (position != link.cursor) {
        return position < link.cursor ? Verdict::drop : Verdict::gap;
    }
    const bool paced = connection.kind == FollowerKind::http_audio; // by its credits
    auto reader = BatchReader::open(batch.bytes);
    while (const auto event = reader ? reader->next() : std::nullopt) {
        const bool skipped = link.skip_turn && event->turn != 0 && event->turn == link.turn;
        if (!paced && follower_queued_bytes(connection) > connection.conf->send_limit) {
            metric_add(Metric::limit_live);
        } else if (!skipped) {
            follower_deliver(connection, position, *event);
        }
    }
    return Verdict::deliver;
}

} // namespace mr

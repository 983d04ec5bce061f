#include "ngx_mr_ws_module/lane_recovery.h"

#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/hub.h"
#include "ngx_mr_ws_module/lane_delivery.h"
#include "ngx_mr_ws_module/lane_reader.h"
#include "ngx_mr_ws_module/mailbox.h"
#include "ngx_mr_ws_module/metrics.h"
#include "shared/envelope.h"
#include "shared/ids.h"

namespace mr {
namespace {

constexpr uint32_t kRetryLostMs = 1000; // told to the client

enum Step : uint64_t { kNotedTop, kLogTop, kSnapshot };

// Behind its cursor the log may still hold the end of an answer: the oldest of that comes next. A
// log that is empty, or shorter than what the follower has seen, is followed from its top.
void take_what_is_left(Session& session, RelayLink& link) {
    if (!session.log_empty && link.cursor < session.mark) {
        link.salvage = true;
    } else {
        link.cursor = session.mark;
    }
}

// A failover that lost the last writes leaves followers ahead of the log. Ids are immutable: within
// the epoch its owner sends the same events again (they are dropped), or somebody claims the
// session anew, and that is a gap which is announced. Until then there is nothing to tell.
bool is_ahead(const Session& session, const RelayLink& link) {
    return !link.greet && !session.log_empty && link.cursor.epoch == session.mark.epoch &&
           session.mark < link.cursor;
}

// v1 has no words for a break: the turn it is in the middle of is ended for it, with an error, and
// it hears nothing more of that turn.
void end_turn(const Session& session, Follower& follower) {
    RelayLink& link = follower.relay;
    link.skip_turn = true;
    link.mid_turn = false;
    link.told_all = !session.follow_up && link.unanswered == 0;
    gateway_error(follower, ErrorCode::relay_unavailable, kRetryLostMs, true);
}

// With a snapshot its reader starts afresh: that is sent once per loss; should the log not know
// the snapshot's place either, what is left of the log has to do. False: nothing was lost.
bool send_back(Session& session, Follower& follower, const std::optional<Snapshot>& snapshot) {
    RelayLink& link = follower.relay;
    link.lost = false;
    link.inclusive = false;
    if (link.at_top) {
        link.at_top = false;
        link.cursor = session.mark;
    }
    if (link.cursor == session.mark || is_ahead(session, link)) {
        // It has seen all there is, also if the log has expired behind that. What has come since is
        // read.
        if (link.greet) {
            link.greet = false;
            metric_add(Metric::resumes_recovered);
            gateway_connected(follower, true);
        }
        link.behind = true;
        return false;
    }
    if (link.greet) {
        metric_add(metric_if(snapshot.has_value(), Metric::resumes_snapshot, Metric::resumes_lost));
    }
    link.greet = false;
    link.behind = true;
    if (link.mid_turn && !follower.v2) {
        end_turn(session, follower);
    }
    if (link.resynced || !follower.v2) {
        link.resynced = false;
        take_what_is_left(session, link);
        return true;
    }
    gateway_connected(follower, false);
    if (snapshot) {
        deliver_snapshot(follower, *snapshot);
        link.resynced = true;
    } else {
        // It may have been told of the lost part only: all that the log holds, from the beginning.
        link.salvage = !session.log_empty;
        link.cursor = session.log_empty ? session.mark : EventId{};
    }
    return true;
}

// The log was set back behind what this process has seen of it: from here on its word counts. A
// turn that was running may be lost altogether; the mailbox finds out, and tells its clients.
void note_set_back(Session& session) {
    if (session.newest <= session.mark) {
        return;
    }
    const bool was_running = session.running;
    if (session.log_empty || session.mark.epoch != session.newest.epoch) {
        session.newest = session.mark;
        session.running = session.top_open;
    }
    if (was_running) {
        mailbox_doubt(session);
    }
}

void finish(Session& session, const Reply& reply) {
    const auto snapshot = decode_snapshot(as_bytes(reply.text()));
    uint32_t lost = 0;
    note_set_back(session);
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (follower->relay.lost) {
            lost += send_back(session, *follower, snapshot) ? 1 : 0;
        }
        follower = next;
    }
    if (lost != 0) {
        ngx_log_error(
            NGX_LOG_INFO, session.hub->log, 0,
            "mr_ws: session %*s: position unknown to the log, %uD connection(s) go on from %s",
            kSessionIdChars, session.id, lost, snapshot ? "the snapshot" : "what it holds");
    }
}

void note_top(Session& session, uint64_t step, const Reply& reply) {
    if (step == kNotedTop) {
        session.mark = parse_event_id(reply.text()).value_or(EventId{});
    } else if (reply.size() == 1 && reply[0].size() == 2) {
        session.mark = parse_event_id(reply[0][0].text()).value_or(EventId{});
        session.log_empty = false;
        const Reply fields = reply[0][1];
        const auto batch = fields.size() >= 2 ? inspect_batch(as_bytes(fields[1].text()))
                                              : std::optional<BatchInfo>{};
        session.top_open = batch && !batch->terminal;
    }
}

void on_reply(void* owner, uint64_t step, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    const bool usable = reply != nullptr && !reply->is_error();
    if (reply != nullptr && reply->is_error()) {
        hub_complain(*session.hub, "recovery read refused", reply->text());
    }
    if (step != kSnapshot) {
        if (usable && session.recovering) {
            note_top(session, step, *reply);
        } else {
            session.recovering = false; // the tick tries again
        }
    } else {
        const bool complete = session.recovering && usable;
        session.recovering = false;
        if (complete) {
            finish(session, *reply);
            lane_retry(session);
        }
    }
    --session.references;
    hub_release_session(session);
}

} // namespace

void lane_recover(Session& session) noexcept {
    RedisLink& link = session.hub->commands;
    const SessionKeys keys(session.hub->partitions, session.id_view());
    session.recovering = true;
    session.log_empty = true;
    session.top_open = false;
    session.mark = {};
    const auto ask = [&](bool sent) {
        session.references = static_cast<uint16_t>(session.references + (sent ? 1 : 0));
        return sent;
    };
    const bool asked =
        ask(link.send({"HGET", keys.meta, "top"}, {on_reply, &session, kNotedTop})) &&
        ask(link.send({"XREVRANGE", keys.out_lane, "+", "-", "COUNT", "1"},
                      {on_reply, &session, kLogTop})) &&
        ask(link.send({"GET", keys.snapshot}, {on_reply, &session, kSnapshot}));
    if (!asked) {
        session.recovering = false;
    }
}

} // namespace mr

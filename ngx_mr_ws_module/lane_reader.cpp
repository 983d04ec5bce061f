#include "ngx_mr_ws_module/lane_reader.h"

#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/lane_delivery.h"
#include "ngx_mr_ws_module/lane_leap.h"
#include "ngx_mr_ws_module/lane_page.h"
#include "ngx_mr_ws_module/lane_recovery.h"
#include "ngx_mr_ws_module/mailbox.h"
#include "ngx_mr_ws_module/metrics.h"
#include "shared/guard.h"
#include "shared/ids.h"

#include <algorithm>

namespace mr {
namespace {

bool any_lost(const Session& session) {
    for (const Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        if (follower->relay.lost) {
            return true;
        }
    }
    return false;
}

// The batch of a stream entry `[id, [field, bytes]]`.
std::optional<BatchInfo> batch_of_entry(const Reply& entry) {
    if (entry.size() != 2 || entry[1].size() < 2 || entry[1][0].text() != kEntryField) {
        return std::nullopt;
    }
    return inspect_batch(as_bytes(entry[1][1].text()));
}

// A resume has proven that the log knows its position.
void position_known(Follower& connection) {
    RelayLink& link = connection.relay;
    link.inclusive = false;
    if (link.greet) {
        link.greet = false;
        metric_add(Metric::resumes_recovered);
        gateway_connected(connection, true);
    }
}

// Where a follower stands that has everything in front of this batch.
EventId position_before(const BatchHeader& batch) {
    return batch.kind == BatchKind::takeover ? batch.prev
                                             : EventId{batch.epoch, batch.first_seq - 1};
}

// An entry that goes on from the position, or ends with it, proves it.
void prove_position(Follower& follower, const BatchInfo& batch) {
    RelayLink& link = follower.relay;
    if (link.inclusive && (judge(link.cursor, batch.header).verdict == Verdict::deliver ||
                           batch.header.last() == link.cursor)) {
        position_known(follower);
    }
}

// One entry of the log for one follower. False: no more entries for it in this page.
bool take_entry(Follower& follower, const BatchInfo& batch) {
    RelayLink& link = follower.relay;
    prove_position(follower, batch);
    if (link.salvage && batch.header.last() > link.cursor) {
        link.salvage = false;
        if (judge(link.cursor, batch.header).verdict == Verdict::gap) {
            link.cursor = position_before(batch.header);
        }
    }
    switch (deliver_batch(follower, batch)) {
    case Verdict::deliver:
        return !link.lagging;
    case Verdict::drop:
        return true;
    case Verdict::gap:
        link.lost = true;
        break;
    }
    return false;
}

void take_page(Follower& follower, const Reply& page) {
    for (size_t i = 0; i < page.size(); ++i) {
        const auto batch = batch_of_entry(page[i]);
        if (!batch) {
            const Session& session = *follower.relay.session;
            hub_complain(*session.hub, "malformed entry in the log of session", session.id_view());
            continue; // what follows it is a gap, and dealt with as such
        }
        if (!take_entry(follower, *batch)) {
            return;
        }
    }
}

// A resume with a full or a long page in front of it may be far behind: then nothing of the page
// goes out until it is known whether a snapshot takes it further.
bool may_leap(Follower& follower, const Reply& page, bool more, EventId last) {
    RelayLink& link = follower.relay;
    const bool first_page = link.fresh;
    link.fresh = false;
    if (!first_page || !follower.v2 || follower.app == AppKind::echo ||
        (!more && lane_events_ahead(link.cursor, last) <= kLongGapEvents)) {
        return false;
    }
    if (const auto first = batch_of_entry(page[0])) {
        prove_position(follower, *first);
    }
    link.leap = !link.inclusive;
    return link.leap;
}

// After a page: is this follower where publications are? `last` is the newest of a full page.
void settle_follower(Session& session, Follower& follower, bool more, EventId last) {
    RelayLink& link = follower.relay;
    if (link.lost || link.lagging || link.leap) {
        link.behind = true;
        return;
    }
    if (more) {
        link.behind = link.behind || link.cursor <= last;
        return;
    }
    if (link.inclusive) {
        link.lost = true; // the log holds nothing from its position on
        link.behind = true;
        return;
    }
    link.behind = session.read_again && link.cursor < session.mark;
}

std::optional<BatchInfo> last_batch(const Reply& page) {
    for (size_t i = page.size(); i-- > 0;) {
        if (const auto batch = batch_of_entry(page[i])) {
            return batch;
        }
    }
    return std::nullopt;
}

void size_next_page(Session& session, const Reply& page) {
    size_t largest = 0;
    for (size_t i = 0; i < page.size(); ++i) {
        if (page[i].size() == 2 && page[i][1].size() == 2) {
            largest = std::max(largest, page[i][1][1].text().size());
        }
    }
    lane_page_read(session, page.size(), largest);
}

void take_read(Session& session, const Reply& page) {
    const bool more = page.size() >= session.page_entries;
    const auto newest = last_batch(page);
    const EventId last = newest ? newest->header.last() : EventId{};
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        RelayLink& link = follower->relay;
        if (link.in_read) {
            link.in_read = false;
            if ((last > link.cursor || link.inclusive) && !may_leap(*follower, page, more, last)) {
                take_page(*follower, page);
            }
            settle_follower(session, *follower, more, last);
        }
        follower = next;
    }
    size_next_page(session, page);
    session.read_again = false;
    if (newest) {
        session_note(session, last, newest->terminal);
    }
    if (!session_busy(session)) {
        session_note_idle(session);
    }
    mailbox_attach(session);
    mailbox_conclude(session);
}

void on_read(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    session.reading = false;
    if (reply != nullptr && reply->type() == ReplyType::array) {
        take_read(session, *reply);
        lane_retry(session);
    } else {
        for (Follower* follower = session.followers; follower != nullptr;
             follower = next_follower(*follower)) {
            follower->relay.in_read = false;
        }
        if (reply != nullptr) {
            hub_complain(*session.hub, "log read refused", reply->text());
        }
    }
    --session.references;
    hub_release_session(session);
}

// Reads a page for those who need it (or for all).
void read_log(Session& session, bool all) {
    const auto page = lane_next_page(session, all);
    if (!page) {
        return; // nobody has room for it
    }
    Hub& hub = *session.hub;
    const SessionKeys keys(hub.partitions, session.id_view());
    const EventIdText id = format_event_id(page->from);
    char start[1 + kMaxEventIdChars];
    start[0] = '(';
    std::memcpy(start + 1, id.chars, id.length);
    const std::string_view from_text{start + (page->inclusive ? 1 : 0),
                                     id.length + (page->inclusive ? 0U : 1U)};
    char count[20];
    const std::string_view count_text{count, format_decimal(session.page_entries, count)};
    session.read_again = false;
    session.mark = {};
    session.reading = hub.commands.send(
        {"XRANGE", keys.out_lane, from_text, "+", "COUNT", count_text}, {on_read, &session});
    if (session.reading) {
        ++session.references;
    }
}

bool can_read(const Session& session) {
    return !session.reading && !session.recovering && !session.leaping &&
           session.subscription == Subscription::live && session.hub->commands.is_ready();
}

void publish_to(Session& session, const BatchInfo& batch) {
    lane_page_published(session, batch.bytes.size());
    bool delivered = false;
    bool gap = false;
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        RelayLink& link = follower->relay;
        Verdict verdict = Verdict::gap;
        if (lane_readable(link) && !link.inclusive) {
            verdict = deliver_batch(*follower, batch);
        }
        if (verdict == Verdict::gap) {
            link.behind = true;
            gap = true;
        }
        delivered = delivered || verdict == Verdict::deliver;
        follower = next;
    }
    if (gap) {
        if (session.mark < batch.header.last() && session.reading) {
            session.mark = batch.header.last();
            session.read_again = true;
        }
        hub_watch(session);
    }
    if (delivered) {
        session_note(session, batch.header.last(), batch.terminal);
        if (session_busy(session)) {
            hub_watch(session);
        }
    }
    lane_retry(session);
}

void publish_live_to(Session& session, const BatchInfo& batch) {
    session_heard(session);
    bool gap = false;
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (deliver_live_only(*follower, batch) == Verdict::gap) {
            follower->relay.behind = gap = true;
        }
        follower = next;
    }
    if (gap) {
        hub_watch(session);
        lane_retry(session);
    }
}

} // namespace

void lane_publication(Session& session, ByteView bytes) noexcept {
    const auto batch = inspect_batch(bytes);
    if (!batch) {
        hub_complain(*session.hub, "malformed publication for session", session.id_view());
        return;
    }
    if (batch->live_only) {
        publish_live_to(session, *batch);
    } else {
        publish_to(session, *batch);
    }
}

// The connection was away, so Redis may be another one, or have lost its last writes: followers
// that have seen something prove that the log still knows their position. Without that, events
// under ids below it would be taken for old ones.
void lane_subscribed(Session& session) noexcept {
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        follower_subscribed(*follower);
    }
    // A session of ours that nobody has written to yet has no log.
    bool due = session_busy(session) || session.newest != EventId{} || lane_unsettled(session);
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        RelayLink& link = follower->relay;
        link.inclusive = link.inclusive || link.cursor != EventId{};
        due = due || link.inclusive;
    }
    if (!due) {
        return;
    }
    if (removed(Guard::resubscription)) {
        lane_retry(session);
        return;
    }
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        follower->relay.behind = true;
    }
    hub_watch(session);
    lane_retry(session);
}

void lane_check(Session& session) noexcept {
    if (can_read(session)) {
        read_log(session, true);
    }
}

void lane_retry(Session& session) noexcept {
    if (!can_read(session)) {
        return;
    }
    if (any_lost(session)) {
        lane_recover(session);
        return;
    }
    if (lane_any_leap(session)) {
        lane_leap(session);
    }
    if (!session.leaping && lane_any_behind(session)) {
        read_log(session, false);
    }
}

void lane_joined(Follower& connection) noexcept {
    RelayLink& link = connection.relay;
    Session& session = *link.session;
    link.behind = true;
    link.inclusive = !link.at_top;
    link.fresh = !link.at_top;
    link.lost = link.at_top; // its position is looked up as that of a lost one is
    hub_watch(session);
    lane_greet_without_redis(session);
    lane_retry(session);
}

void lane_drained(Follower& connection) noexcept {
    RelayLink& link = connection.relay;
    if (link.lagging) {
        link.lagging = false;
        link.behind = true;
        hub_watch(*link.session);
        lane_retry(*link.session);
    }
}

void lane_greet_without_redis(Session& session) noexcept {
    if (!hub_is_down(*session.hub)) {
        return;
    }
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (follower->relay.greet) {
            follower->relay.greet = false;
            metric_add(Metric::resumes_lost);
            gateway_connected(*follower, false);
        }
        follower = next;
    }
}

bool lane_unsettled(const Session& session) noexcept {
    for (const Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        if (follower->relay.behind) {
            return true;
        }
    }
    return false;
}

} // namespace mr

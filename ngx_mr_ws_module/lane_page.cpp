#include "ngx_mr_ws_module/lane_page.h"

#include "ngx_mr_ws_module/hub.h"
#include "shared/ids.h"

#include <algorithm>

namespace mr {
namespace {

bool needs_read(const RelayLink& link) {
    return link.behind && lane_readable(link);
}

Follower* first_to_lead(const Session& session) {
    Follower* follower = session.followers;
    while (follower != nullptr && (follower->relay.led || !needs_read(follower->relay))) {
        follower = next_follower(*follower);
    }
    return follower;
}

// Whoever needs a read and has not led since all others have; null: nobody needs one.
Follower* next_lead(Session& session) {
    Follower* lead = first_to_lead(session);
    if (lead == nullptr) {
        for (Follower* follower = session.followers; follower != nullptr;
             follower = next_follower(*follower)) {
            follower->relay.led = false;
        }
        lead = first_to_lead(session);
    }
    if (lead != nullptr) {
        lead->relay.led = true;
    }
    return lead;
}

Follower* oldest(Session& session) {
    Follower* found = nullptr;
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        if (lane_readable(follower->relay) &&
            (found == nullptr || follower->relay.cursor < found->relay.cursor)) {
            found = follower;
        }
    }
    return found;
}

uint8_t entries_of(size_t bytes) {
    return static_cast<uint8_t>(
        std::clamp<size_t>(kPageBytes / std::max<size_t>(bytes, 1), 1, kMaxPageEntries));
}

} // namespace

bool lane_any_behind(const Session& session) noexcept {
    for (const Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        if (needs_read(follower->relay)) {
            return true;
        }
    }
    return false;
}

std::optional<PageRequest> lane_next_page(Session& session, bool all) noexcept {
    const Follower* lead = all ? oldest(session) : next_lead(session);
    if (lead == nullptr) {
        return std::nullopt;
    }
    PageRequest page{lead->relay.cursor};
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        RelayLink& link = follower->relay;
        link.in_read = lane_readable(link) && (all || link.behind) && link.cursor >= page.from;
        if (link.in_read && link.cursor == page.from && link.inclusive) {
            page.inclusive = true;
        }
    }
    return page;
}

void lane_page_read(Session& session, size_t entries, size_t largest_bytes) noexcept {
    if (entries > 0) {
        const size_t grown = session.page_entries * size_t{2};
        session.page_entries =
            static_cast<uint8_t>(std::min<size_t>(entries_of(largest_bytes), grown));
    }
}

void lane_page_published(Session& session, size_t bytes) noexcept {
    if (bytes > kPageBytes / kMaxPageEntries) {
        session.page_entries = std::min(session.page_entries, entries_of(bytes));
    }
}

void lane_keep_log(Session& session) noexcept {
    const Follower* follower = session.followers;
    while (follower != nullptr && !follower->relay.lagging) {
        follower = next_follower(*follower);
    }
    if (follower == nullptr || !session.hub->commands.is_ready()) {
        return;
    }
    const SessionKeys keys(session.hub->partitions, session.id_view());
    char ttl[20];
    const std::string_view ttl_text{ttl, format_decimal(kKeptLogMs, ttl)};
    session.hub->commands.send({"PEXPIRE", keys.out_lane, ttl_text, "GT"}, {});
}

} // namespace mr

// Subscriptions to the out channels of sessions: one per session with followers, renewed after a
// reconnect in steps of one partition (one cluster slot), busy sessions first, each step waiting
// for the one before. Owns what is subscribed and the sorting of what arrives; what a publication
// means is the business of lane_reader.
#pragma once

#include "ngx_mr_ws_module/hub.h"

namespace mr {

inline constexpr size_t kChannelsPerCommand = 512;

void subscriber_follow(Session& session) noexcept;
void subscriber_leave(Session& session) noexcept;

// The commands link has become ready: go on with what waited for the partition map.
void subscriber_resume(Hub& hub) noexcept;

// Events of the subscriptions link; `owner` is the Hub.
void subscriber_ready(void* owner) noexcept;
void subscriber_down(void* owner) noexcept;
void subscriber_push(void* owner, const Reply& reply) noexcept;

} // namespace mr

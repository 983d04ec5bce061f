// Calls of the mail script (shared/scripts.h): puts one mail into a session's in lane, or rings its
// doorbell again. Owns how a call is addressed and put together; what its outcome means is the
// business of mailbox.h.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/hub.h"
#include "shared/envelope.h"
#include "shared/scripts.h"

#include <cstdint>
#include <optional>

namespace mr {

// Numbers of the last mail of a connection that has gone.
inline constexpr uint32_t kLastMail = UINT32_MAX;

// `sender`: the connection of the mail, or the one in whose name the gateway writes. By connection
// and number the mail is stored once, however often it is sent. True: it is on its way, `sink` will
// be called, and the session has one reference more until then.
bool mail_post(Session& session, const Follower& sender, const Mail& mail,
               const ReplySink& sink) noexcept;

// A doorbell without mail. It asks for the fate of the last mail that the session knows to be
// stored. Result and `sink` as above.
bool mail_ring(Session& session, const ReplySink& sink) noexcept;

// What the script answered; nullopt: something else, an error for one.
std::optional<MailStatus> mail_status(const Reply& reply) noexcept;

} // namespace mr

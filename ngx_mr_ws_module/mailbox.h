// What goes into in lanes: messages of clients, notes of the gateway (attach, detach) and repeated
// doorbells. Owns the bounds per connection and what a client is told when its mail was not taken:
// a message is either stored in Redis or answered with an error. Never looks into a message.
#pragma once

#include "ngx_mr_ws_module/hub.h"
#include "shared/bytes.h"
#include "shared/envelope.h"

namespace mr {

// In lane of one session, in Redis.
inline constexpr uint32_t kMaxMailEntries = 512;
inline constexpr uint32_t kMaxMailBytes = 8 * 1024 * 1024;
inline constexpr uint32_t kMaxJobs = 10000; // doorbells of one partition: admission
inline constexpr uint64_t kSessionTtlMs = 24ULL * 3600 * 1000;
// Mail of one connection that Redis has not answered yet: reading pauses above, and goes on when
// all of it is answered.
inline constexpr uint16_t kMaxUnansweredMail = 32;
inline constexpr uint32_t kMaxUnansweredBytes = 1024 * 1024;
// From this on, in percent, the lane is filling faster than its owner empties it: the connection is
// held back, one message per tick, so the lane of a session with one client is never full.
inline constexpr int64_t kChokedFill = 50;
// So many messages are refused one after the other until the same is done.
inline constexpr uint8_t kFreeRefusals = 8;
// Mail that nobody claims.
inline constexpr uint32_t kFirstNoticeMs = 1000;
inline constexpr uint32_t kNoticeEveryMs = 5000;  // and the doorbell is rung again
inline constexpr uint32_t kSilenceAskedMs = 5000; // then Redis is asked whether mail is attended

// A new connection. Its messages wait in front of us until mail can be addressed, or Redis has been
// away for too long.
void mailbox_join(Follower& connection) noexcept;

// `kind`: text, binary or batch; of an HTTP request it is http whatever it says.
void mailbox_send(Follower& connection, MailKind kind, ByteView message) noexcept;

// Lets those go on who were held back, unless they still have to wait for Redis.
void mailbox_let_go(Session& session) noexcept;

// The first connection has come (if the log says that a turn is running), the last one has gone.
void mailbox_attach(Session& session) noexcept;
void mailbox_detach(Session& session, const Follower& last) noexcept;

// The HTTP request of a question has gone: nobody waits for the answer.
void mailbox_abandon(Session& session, const Follower& asker) noexcept;

// The HTTP request of a spoken text has given so many bytes of it away (shared/audio_piece.h).
void mailbox_credit(Session& session, Follower& asker, uint64_t bytes) noexcept;

// Lets those go on who were held back. Unclaimed mail: tells the clients, rings again. Mail that is
// said to be taken care of, in silence: asks whether that is still true.
void mailbox_tick(Session& session) noexcept;

// Redis has been set back (a failover that lost the last writes) and the running turn may be lost:
// asks, as for mail that nobody claims.
void mailbox_doubt(Session& session) noexcept;

// After a read of the log. If Redis knows nothing of what was asked, and the log has no answer, the
// question is lost: its clients are told.
void mailbox_conclude(Session& session) noexcept;

} // namespace mr

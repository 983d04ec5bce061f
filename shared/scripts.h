// The Lua scripts of the relay: everything that must be atomic and happens once per turn, never
// once per event. Owns their texts, argument order and result codes; never talks to Redis. Every
// script touches one partition's keys only (one cluster slot) and starts with `#!lua`, so that
// Redis refuses it up front when out of memory or across slots; those that free memory or keep a
// lease are allowed to run nevertheless, so that a full Redis can drain. Load with SCRIPT LOAD,
// call with EVALSHA, load again on NOSCRIPT.
#pragma once

#include <cstdint>
#include <string_view>

namespace mr {

struct Script {
    std::string_view name;
    std::string_view text;
    uint8_t keys;      // number of KEYS
    uint8_t arguments; // number of ARGV (`save` takes more ids at its end, `mail` four less)
};

// Append mail to a session's in lane and ring the doorbell if nobody owns the session. With an
// empty mail it only rings again (a doorbell without a claim within a few seconds; claims are
// idempotent). A mail whose number its connection has passed already is not stored again, so one
// whose reply was lost may be sent once more, behind the same connection's earlier ones and before
// its later ones. The first mail makes its subject the owner of the session (empty: nobody is
// named), and only mail of the same subject is taken from then on. KEYS meta in_lane leases jobs
// in_channel ARGV sid app mail traceparent max_entries max_bytes max_jobs session_ttl_ms
// [connection number [place [subject [epoch]]]] → {MailStatus, sequence number of the mail in the
// lane, and if it was stored: how full the lane is, in percent}; for `nothing` the second is an
// Attendance. `place` goes with number 0: the sequence number that a mail of that connection had
// been given. `epoch` is that of an owner who writes to himself (voice): once another one has
// claimed the session nothing is stored (`fenced`, which no gateway is ever given).
// The last four connections are remembered; a mail of one that four others have driven out counts
// as dealt with.
extern const Script kMailScript;
enum class MailStatus : int {
    owned = 1,   // stored; a live owner will see it
    rung = 2,    // stored; a doorbell is in the job stream
    nothing = 3, // nothing stored (ring only, or a mail sent again): nothing waits, or is attended
    lane_full = 0,  // refused: the session has too much unread mail
    busy = -1,      // refused: the job stream is at its admission limit
    no_worker = -2, // refused: no worker has held a lease in this partition for kNoWorkerGraceMs
    not_owner = -3, // refused: the session belongs to another subject
    fenced = -4,    // refused: another owner has claimed the session since `epoch`
};
enum class Attendance : int {
    none = 0,       // nothing waits, and Redis does not know the mail that was asked about
    owned = 1,      // a live owner attends the session
    dealt_with = 2, // nothing waits: that mail had been stored, and a worker was done with it
};
inline constexpr uint32_t kNoWorkerGraceMs = 10000;
inline constexpr uint32_t kRingAgainMs = 2000; // a younger doorbell is not repeated

// Become the owner of a session: new epoch, takeover record appended and published in this script.
// The epoch is the server's time in ms, or the old epoch + 1 if that is later: so it grows even
// when Redis has lost everything and followers still hold a position of before. Without its
// doorbell a claim does nothing: one that arrives late, from a connection that had been given up,
// must not own a session that is finished and that nobody attends. KEYS meta in_lane
// out_lane leases jobs out_channel dead ARGV sid worker entry_id max_attempts log_ttl_ms
// session_ttl_ms → {ClaimStatus, epoch, attempt, prev id ("<epoch>-<seq>"), checkpoint (may be
// empty), subject}
extern const Script kClaimScript;
enum class ClaimStatus : int {
    claimed = 2,
    poisoned = 3, // claimed, but the attempts are used up: end the turn with `error`, then finish
    done = 1,     // nothing to do; the doorbell is acknowledged and deleted
    busy = 0,     // another live worker (or this one) attends; the doorbell is settled
    no_lease = -2 // the caller's own lease is not valid: take a new incarnation
};
// Older ones are trimmed from the out lane at a claim, but never while a turn is in flight: its
// next owner needs it from its beginning, however often it has been handed over.
inline constexpr uint32_t kKeptEpochs = 8;

// What an owner writes down, all at once and fenced by the epoch: the checkpoint, the message ids
// it has seen, mail that has been dealt with, entries of the history. `number` counts the saves of
// one owner (0: does not matter): one that arrives behind a later one, from a connection that had
// been given up, changes nothing. "rewrite" replaces the history and keeps the checkpoint. KEYS
// meta in_lane history ARGV epoch worker op ("set" | "clear" | "keep" | "rewrite") number
// checkpoint ids history_limit
//      history_ttl_ms mails (mail_id mail_bytes)… history_entry…
// → 1, or 0: fenced (another owner; stop and publish nothing more)
// Of one text: `consume` is for "clear" and "keep", and is run out of memory too.
extern const Script kSaveScript;
extern const Script kConsumeScript;

// Give the session up when nothing waits.
// KEYS meta in_lane out_lane jobs
// ARGV epoch worker entry_id log_ttl_ms session_ttl_ms
// → FinishStatus
extern const Script kFinishScript;
enum class FinishStatus : int {
    finished = 1, // no owner any more; doorbell acknowledged and deleted
    more = 0,     // mail waits or a checkpoint is set: go on
    fenced = -1,
};

// Let a session go that somebody else has to go on with: own doorbell settled, a new one rung.
// Without counting an attempt if the owner is not to blame (graceful stop, Redis away). Also when
// the lease is gone: nothing happens if anybody has claimed the session since. If Redis has gone
// back to before the claim (failover, restart without its last writes), the turn is put where the
// next owner finds it. KEYS meta in_lane leases jobs ARGV epoch worker entry_id sid app blame ("1":
// the attempt counts) session_ttl_ms checkpoint (may be empty) → ReleaseStatus
extern const Script kReleaseScript;
enum class ReleaseStatus : int {
    released = 1,
    revived = 2, // Redis had forgotten the claim
    gone = 0,    // somebody else owns it, or there is nothing to go on with
};

// Take or renew the lease of a worker incarnation in one partition.
// KEYS leases
// ARGV worker lease_ms first ("1": a new incarnation takes its lease, "0": renewal)
// → 1, or 0: the lease had lapsed; take a new incarnation id and drop every session
extern const Script kLeaseScript;

// Claim the pending doorbells of consumers whose lease is gone, at most `limit`; forget consumers
// that have none left. Driven from the pending list, never from the lease set alone: XREADGROUP
// creates consumers implicitly, so a dead name can pull a doorbell that no lease points to.
// KEYS jobs leases
// ARGV worker limit
// → the claimed entries as XCLAIM returns them
extern const Script kReapScript;

} // namespace mr

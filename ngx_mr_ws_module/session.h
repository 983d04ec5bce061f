// Sessions as one nginx process knows them: id, followers (the connections of the session here),
// what is known of its out lane, and whether a turn is in flight. Owns this bookkeeping; never
// sends anything to Redis or to a client. Nothing here survives the process, nothing needs to.
#pragma once

#include "ngx_mr_ws_module/follower.h"
#include "ngx_mr_ws_module/ngx.h"
#include "ngx_mr_ws_module/relay.h"
#include "shared/ids.h"

#include <cstdint>
#include <string_view>

namespace mr {

struct Hub; // hub.h

inline constexpr uint8_t kMaxPageEntries = 100;
inline constexpr uint8_t kFirstPageEntries = 16; // of a log whose entries nobody here has seen

enum class Subscription : uint8_t { none, sent, live };

struct SessionHook {
    Session* next = nullptr;
    Session* previous = nullptr;
};

struct Session {
    Hub* hub = nullptr;
    Session* bucket_next = nullptr;
    SessionHook in_partition; // every session, for paced resubscription
    SessionHook in_active;    // those with something to watch over
    Follower* followers = nullptr;
    EventId newest; // of the log, as far as this process has seen it
    EventId mark;   // reading: newest publication passed by; recovering: top of the log
    uint64_t mail_connection = 0; // of the last mail that was stored, 0: none
    uint64_t mail_place = 0;      // its sequence number in the lane, 0: not known
    uint32_t heard_at_ms = 0;     // last mail or event, on nginx's clock
    uint32_t asked_at_ms = 0;     // doorbell rung at, 0: no claim is awaited
    char id[kSessionIdChars];
    uint16_t references = 0;      // answers outstanding whose handlers name this session
    uint16_t mail_unanswered = 0; // mail given to Redis, outcome not known yet
    uint8_t notices = 0;          // `queued` events sent since asked_at_ms
    uint8_t page_entries = kFirstPageEntries; // of the next log read
    Subscription subscription = Subscription::none;
    AppKind app = AppKind::off;
    bool running : 1 = false;    // the newest event of the log is not terminal
    bool asked : 1 = false;      // mail is stored and no event has come since
    bool follow_up : 1 = false;  // mail was stored while a turn was running
    bool reading : 1 = false;    // a log read is under way
    bool read_again : 1 = false; // a publication passed by while it was
    bool recovering : 1 = false; // the way back of a lost follower is being read
    bool log_empty : 1 = false;  // recovering: the log holds nothing
    bool top_open : 1 = false;   // recovering: the last event of the log is not terminal
    bool vanishing : 1 = false;  // nothing that was asked waits in Redis: the read decides
    bool dealt_with : 1 = false; // vanishing: a worker was done with it, so it is not lost
    bool leaping : 1 = false;    // the snapshot of followers far behind is being read
    bool attach_due : 1 = false; // a resume came first: tell the owner if a turn is running
    bool active : 1 = false;     // in Hub::active

    std::string_view id_view() const { return {id, kSessionIdChars}; }
};
static_assert(sizeof(Session) + sizeof(RelayLink) <= 232, "memory of an idle session");

// Doubly linked through one of the hooks of a session; never owns.
template <SessionHook Session::* kHook> class SessionList {
  public:
    Session* first() const { return first_; }
    static Session* next(const Session& session) { return (session.*kHook).next; }

    void push(Session& session) {
        (session.*kHook) = {first_, nullptr};
        if (first_ != nullptr) {
            (first_->*kHook).previous = &session;
        }
        first_ = &session;
    }
    void remove(Session& session) {
        SessionHook& hook = session.*kHook;
        (hook.previous != nullptr ? (hook.previous->*kHook).next : first_) = hook.next;
        if (hook.next != nullptr) {
            (hook.next->*kHook).previous = hook.previous;
        }
        hook = {};
    }

  private:
    Session* first_ = nullptr;
};

// All sessions of a process and target by id. Owns the sessions (malloc).
class SessionTable {
  public:
    SessionTable() = default;
    SessionTable(const SessionTable&) = delete;
    SessionTable& operator=(const SessionTable&) = delete;
    ~SessionTable();

    size_t size() const { return count_; }
    Session* find(std::string_view id) const noexcept;
    Session* create(std::string_view id) noexcept; // null: out of memory. `id` must be new
    void destroy(Session& session) noexcept;

  private:
    bool grow() noexcept;
    Session** bucket(std::string_view id) const noexcept;

    Session** buckets_ = nullptr;
    size_t bucket_count_ = 0; // a power of two
    size_t count_ = 0;
};

// Followers are walked with the successor taken first: a handler may end the current one.
Follower* next_follower(const Follower& connection) noexcept;
void add_follower(Session& session, Follower& connection) noexcept;
void remove_follower(Session& session, Follower& connection) noexcept;
Follower* find_follower(const Session& session, uint64_t connection_id) noexcept;

// A turn is in flight, asked for, or about to be.
bool session_busy(const Session& session) noexcept;

// Notes that the log reaches to `last`, whose last event is terminal or not. Tells followers when
// nothing is in flight any more, so call it when the events are queued.
void session_note(Session& session, EventId last, bool terminal) noexcept;
void session_note_idle(Session& session) noexcept;
void session_heard(Session& session) noexcept;
uint32_t session_silence_ms(const Session& session) noexcept;

} // namespace mr

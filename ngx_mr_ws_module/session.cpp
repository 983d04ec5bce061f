#include "ngx_mr_ws_module/session.h"

#include "ngx_mr_ws_module/metrics.h"
#include "shared/hash.h"

#include <cstdlib>
#include <new>

namespace mr {
namespace {

constexpr size_t kFirstBuckets = 64;

} // namespace

SessionTable::~SessionTable() {
    for (size_t i = 0; i < bucket_count_; ++i) {
        for (Session* session = buckets_[i]; session != nullptr;) {
            Session* next = session->bucket_next;
            std::free(session);
            session = next;
        }
    }
    std::free(buckets_);
}

Session** SessionTable::bucket(std::string_view id) const noexcept {
    return &buckets_[fnv1a_folded(id) & (bucket_count_ - 1)];
}

Session* SessionTable::find(std::string_view id) const noexcept {
    if (bucket_count_ == 0) {
        return nullptr;
    }
    Session* session = *bucket(id);
    while (session != nullptr && session->id_view() != id) {
        session = session->bucket_next;
    }
    return session;
}

bool SessionTable::grow() noexcept {
    const size_t wanted = bucket_count_ == 0 ? kFirstBuckets : bucket_count_ * 2;
    auto** buckets = static_cast<Session**>(std::calloc(wanted, sizeof(Session*)));
    if (buckets == nullptr) {
        return false;
    }
    for (size_t i = 0; i < bucket_count_; ++i) {
        for (Session* session = buckets_[i]; session != nullptr;) {
            Session* next = session->bucket_next;
            Session** home = &buckets[fnv1a_folded(session->id_view()) & (wanted - 1)];
            session->bucket_next = *home;
            *home = session;
            session = next;
        }
    }
    std::free(buckets_);
    buckets_ = buckets;
    bucket_count_ = wanted;
    return true;
}

Session* SessionTable::create(std::string_view id) noexcept {
    if (count_ >= bucket_count_ && !grow() && bucket_count_ == 0) {
        return nullptr;
    }
    void* memory = std::malloc(sizeof(Session));
    if (memory == nullptr) {
        return nullptr;
    }
    auto* session = new (memory) Session;
    std::memcpy(session->id, id.data(), kSessionIdChars);
    Session** home = bucket(id);
    session->bucket_next = *home;
    *home = session;
    ++count_;
    return session;
}

void SessionTable::destroy(Session& session) noexcept {
    Session** at = bucket(session.id_view());
    while (*at != &session) {
        at = &(*at)->bucket_next;
    }
    *at = session.bucket_next;
    --count_;
    std::free(&session);
}

Follower* next_follower(const Follower& connection) noexcept {
    return connection.relay.next;
}

void add_follower(Session& session, Follower& connection) noexcept {
    RelayLink& link = connection.relay;
    link.session = &session;
    link.previous = nullptr;
    link.next = session.followers;
    if (session.followers != nullptr) {
        session.followers->relay.previous = &connection;
    }
    session.followers = &connection;
}

void remove_follower(Session& session, Follower& connection) noexcept {
    RelayLink& link = connection.relay;
    (link.previous != nullptr ? link.previous->relay.next : session.followers) = link.next;
    if (link.next != nullptr) {
        link.next->relay.previous = link.previous;
    }
    link = {};
}

Follower* find_follower(const Session& session, uint64_t connection_id) noexcept {
    Follower* follower = session.followers;
    while (follower != nullptr && follower->id != connection_id) {
        follower = next_follower(*follower);
    }
    return follower;
}

bool session_busy(const Session& session) noexcept {
    return session.running || session.asked || session.follow_up || session.mail_unanswered != 0;
}

void session_heard(Session& session) noexcept {
    session.heard_at_ms = static_cast<uint32_t>(ngx_current_msec);
}

uint32_t session_silence_ms(const Session& session) noexcept {
    return static_cast<uint32_t>(ngx_current_msec) - session.heard_at_ms;
}

void session_note(Session& session, EventId last, bool terminal) noexcept {
    if (last <= session.newest) {
        return;
    }
    session.newest = last;
    session_heard(session);
    session.asked_at_ms = 0;
    session.notices = 0;
    if (!session.running) {
        metric_add(Metric::turns_begun);
    }
    if (terminal) {
        metric_add(Metric::turns_ended);
    }
    session.running = !terminal;
    // Mail that came in during the turn that ends here is still to be answered.
    session.asked = terminal && session.follow_up;
    if (terminal) {
        session.follow_up = false;
    }
    session_note_idle(session);
}

void session_note_idle(Session& session) noexcept {
    if (session_busy(session)) {
        return;
    }
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        if (!follower->relay.behind) {
            follower_turn_idle(*follower);
        }
        follower = next;
    }
}

} // namespace mr

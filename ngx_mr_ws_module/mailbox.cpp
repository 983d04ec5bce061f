#include "ngx_mr_ws_module/mailbox.h"

#include "ngx_mr_ws_module/gateway_events.h"
#include "ngx_mr_ws_module/lane_reader.h"
#include "ngx_mr_ws_module/mail_post.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session_owner.h"

namespace mr {
namespace {

constexpr uint32_t kRetryBusyMs = 2000;
constexpr uint32_t kRetryNoWorkerMs = 3000;
constexpr uint32_t kRetryUnavailableMs = 1000;

uint32_t now_ms() {
    const auto now = static_cast<uint32_t>(ngx_current_msec);
    return now != 0 ? now : 1; // 0 says that nothing is awaited
}

uint8_t flags_of(const Follower& connection) {
    const bool answer = connection.kind == FollowerKind::http_answer;
    return static_cast<uint8_t>((connection.v2 ? kMailV2 : 0) | (answer ? kMailAnswer : 0) |
                                (connection.conf->voice != 0 ? kMailVoice : 0));
}

void await_claim(Session& session) {
    if (session.asked_at_ms == 0) {
        session.asked_at_ms = now_ms();
        session.notices = 0;
    }
    hub_watch(session);
}

// ---- the outcome of a client's message

void hold_back(Session& session, Follower& connection) {
    connection.relay.held = true;
    follower_pause(connection);
    hub_watch(session);
}

void choke(Session& session, Follower& connection) {
    connection.relay.choked = true;
    hold_back(session, connection);
}

void refuse(Session& session, Follower* connection, bool question, ErrorCode code,
            uint32_t retry_ms, Metric reason) {
    metric_add(reason);
    if (connection == nullptr) {
        return;
    }
    gateway_error(*connection, code, retry_ms, question && !session.running);
    RelayLink& link = connection->relay;
    if (link.refusals < kFreeRefusals) {
        ++link.refusals;
    } else {
        choke(session, *connection);
    }
}

// What the script says of a mail that it has: whose it is, where it lies, how full the lane is.
struct Stored {
    uint64_t connection_id;
    uint64_t place;
    int64_t fill;
};

Stored stored_as(uint64_t connection_id, const Reply& reply) {
    return {connection_id, static_cast<uint64_t>(reply[1].integer()),
            reply.size() > 2 ? reply[2].integer() : 0};
}

void stored(Session& session, Follower* connection, MailStatus status, const Stored& mail) {
    metric_add(Metric::mail_stored);
    session.mail_connection = mail.connection_id;
    session.mail_place = mail.place;
    if (connection != nullptr) {
        connection->relay.refusals = 0;
        connection->relay.choked = false;
        if (mail.fill >= kChokedFill) {
            choke(session, *connection);
        }
        follower_mail_stored(*connection);
    }
    if (session.running) {
        session.follow_up = true;
    } else {
        session.asked = true;
    }
    if (status == MailStatus::rung) {
        await_claim(session);
    }
}

void refused_by_error(Session& session, Follower* connection, bool question, const Reply& reply) {
    if (reply.error_is("NOSCRIPT")) {
        // Sending it again would put it behind later mail: the client decides.
        hub_load_script(*session.hub);
    } else {
        hub_complain(*session.hub, "mail refused", reply.text());
    }
    refuse(session, connection, question, ErrorCode::relay_unavailable, kRetryUnavailableMs,
           Metric::mail_error);
}

void take_outcome(Session& session, uint64_t connection_id, bool question, const Reply* reply) {
    Follower* connection = find_follower(session, connection_id);
    if (reply == nullptr) {
        refuse(session, connection, question, ErrorCode::relay_unavailable, kRetryUnavailableMs,
               Metric::mail_unavailable);
        return;
    }
    const auto status = mail_status(*reply);
    if (!status) {
        refused_by_error(session, connection, question, *reply);
        return;
    }
    switch (*status) {
    case MailStatus::owned:
    case MailStatus::rung:
        stored(session, connection, *status, stored_as(connection_id, *reply));
        return;
    case MailStatus::nothing: // sent again: it had been stored the first time
        stored(session, connection, MailStatus::owned, {connection_id, 0, 0});
        return;
    case MailStatus::lane_full:
        refuse(session, connection, question, ErrorCode::rate_limited, kRetryBusyMs,
               Metric::mail_lane_full);
        return;
    case MailStatus::busy:
        refuse(session, connection, question, ErrorCode::busy, kRetryBusyMs, Metric::mail_busy);
        return;
    case MailStatus::no_worker:
        refuse(session, connection, question, ErrorCode::no_worker, kRetryNoWorkerMs,
               Metric::mail_no_worker);
        return;
    case MailStatus::not_owner:
        metric_add(Metric::mail_not_owner);
        owner_refuse(session, connection);
        return;
    case MailStatus::fenced: // for who names an epoch
        break;
    }
    hub_complain(*session.hub, "mail refused", "a status that no gateway is given");
    refuse(session, connection, question, ErrorCode::relay_unavailable, kRetryUnavailableMs,
           Metric::mail_error);
}

void answered(Follower& connection) {
    RelayLink& link = connection.relay;
    if (--link.unanswered != 0) {
        return;
    }
    link.unanswered_bytes = 0;
    if (link.paused) {
        link.paused = false;
        if (!link.held) {
            follower_resume(connection);
        }
    }
}

void on_mail(void* owner, uint64_t connection_id, const Reply* reply, bool question) {
    auto& session = *static_cast<Session*>(owner);
    --session.mail_unanswered;
    take_outcome(session, connection_id, question, reply);
    if (Follower* connection = find_follower(session, connection_id); connection != nullptr) {
        answered(*connection);
    }
    session_note_idle(session);
    --session.references;
    hub_release_session(session);
}

void on_text_mail(void* owner, uint64_t connection_id, const Reply* reply) noexcept {
    on_mail(owner, connection_id, reply, true);
}

void on_binary_mail(void* owner, uint64_t connection_id, const Reply* reply) noexcept {
    on_mail(owner, connection_id, reply, false);
}

// ---- notes of the gateway

void on_note(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    if (reply != nullptr && reply->error_is("NOSCRIPT")) {
        hub_load_script(*session.hub);
    } else if (reply != nullptr && reply->is_error()) {
        hub_complain(*session.hub, "note refused", reply->text());
    }
    --session.references;
    hub_release_session(session);
}

// Answered in the meantime, or lost: a read of the log that begins now tells which. An answer may
// have come before the news that its question is stored, and was then not taken for its answer.
void nothing_waits(Session& session, bool dealt_with) {
    const bool reading = session.reading;
    lane_check(session);
    if (!reading && session.reading) {
        session.vanishing = true;
        session.dealt_with = dealt_with;
    }
}

void on_ring(void* owner, uint64_t, const Reply* reply) noexcept {
    auto& session = *static_cast<Session*>(owner);
    const auto status = reply != nullptr ? mail_status(*reply) : std::nullopt;
    if (reply != nullptr && reply->error_is("NOSCRIPT")) {
        hub_load_script(*session.hub); // rung again when the next notice is due
    }
    if (status == MailStatus::nothing) {
        const auto attendance = static_cast<Attendance>((*reply)[1].integer());
        if (attendance == Attendance::owned) {
            session.asked_at_ms = 0;
        } else {
            nothing_waits(session, attendance == Attendance::dealt_with);
        }
    }
    --session.references;
    hub_release_session(session);
}

void ring(Session& session) {
    mail_ring(session, {on_ring, &session});
}

} // namespace

void mailbox_join(Follower& connection) noexcept {
    Session& session = *connection.relay.session;
    if (!hub_is_set_up(*session.hub)) {
        hold_back(session, connection);
    }
}

void mailbox_let_go(Session& session) noexcept {
    if (!hub_is_set_up(*session.hub) && !hub_is_down(*session.hub)) {
        return;
    }
    for (Follower* follower = session.followers; follower != nullptr;
         follower = next_follower(*follower)) {
        RelayLink& link = follower->relay;
        if (link.held) {
            link.held = false;
            if (!link.paused) {
                follower_resume(*follower);
            }
        }
    }
}

void mailbox_send(Follower& connection, MailKind kind, ByteView message) noexcept {
    RelayLink& link = connection.relay;
    Session& session = *link.session;
    const bool websocket = connection.kind == FollowerKind::websocket;
    const bool text = !websocket || kind == MailKind::text;
    const auto traceparent = connection.trace.traceparent();
    Mail mail;
    mail.kind = websocket ? kind : MailKind::http;
    mail.flags = flags_of(connection);
    mail.connection = connection.id;
    mail.number = ++link.mails;
    mail.traceparent = traceparent;
    mail.payload = message;
    session_heard(session);
    if (!hub_is_set_up(*session.hub) ||
        !mail_post(session, connection, mail,
                   {text ? on_text_mail : on_binary_mail, &session, connection.id})) {
        refuse(session, &connection, text, ErrorCode::relay_unavailable, kRetryUnavailableMs,
               Metric::mail_unavailable);
        return;
    }
    ++session.mail_unanswered;
    ++link.unanswered;
    link.told_all = false;
    link.unanswered_bytes += static_cast<uint32_t>(message.size());
    if (!link.paused && (link.choked || link.unanswered >= kMaxUnansweredMail ||
                         link.unanswered_bytes >= kMaxUnansweredBytes)) {
        link.paused = true;
        follower_pause(connection);
    }
    hub_watch(session);
}

void mailbox_attach(Session& session) noexcept {
    if (!session.attach_due || lane_unsettled(session)) {
        return;
    }
    session.attach_due = false;
    if (session.running && session.followers != nullptr) {
        Mail mail;
        mail.kind = MailKind::attach;
        mail.connection = session.followers->id;
        mail.number = ++session.followers->relay.mails;
        mail_post(session, *session.followers, mail, {on_note, &session});
    }
}

void mailbox_detach(Session& session, const Follower& last) noexcept {
    Mail mail;
    mail.kind = MailKind::detach;
    mail.connection = last.id;
    mail.number = kLastMail;
    if (session_busy(session)) {
        mail_post(session, last, mail, {on_note, &session});
    }
}

void mailbox_abandon(Session& session, const Follower& asker) noexcept {
    Mail mail;
    mail.kind = MailKind::abandon;
    mail.connection = asker.id;
    mail.number = kLastMail - 1;
    mail_post(session, asker, mail, {on_note, &session});
}

void mailbox_credit(Session& session, Follower& asker, uint64_t bytes) noexcept {
    uint8_t payload[sizeof(bytes)];
    store_le(payload, bytes);
    Mail mail;
    mail.kind = MailKind::credit;
    mail.connection = asker.id;
    mail.number = ++asker.relay.mails;
    mail.payload = payload;
    mail_post(session, asker, mail, {on_note, &session});
}

void mailbox_doubt(Session& session) noexcept {
    session.asked = true;
    await_claim(session);
}

void mailbox_conclude(Session& session) noexcept {
    if (!session.vanishing) {
        return;
    }
    session.vanishing = false;
    if (lane_unsettled(session)) {
        return; // a slow client has not got there yet: the tick asks again
    }
    if (session.dealt_with) {
        session.asked = session.follow_up = false;
    }
    if (!session.asked && !session.running && !session.follow_up) {
        session.asked_at_ms = 0; // answered
        session_note_idle(session);
        return;
    }
    ngx_log_error(NGX_LOG_WARN, session.hub->log, 0,
                  "mr_ws: session %*s: Redis has lost a question, its clients are told",
                  kSessionIdChars, session.id);
    session.asked = session.running = session.follow_up = false;
    session.asked_at_ms = 0;
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        RelayLink& link = follower->relay;
        link.skip_turn = link.skip_turn || (link.mid_turn && !follower->v2);
        link.mid_turn = false;
        if (!link.told_all) {
            gateway_error(*follower, ErrorCode::relay_unavailable, kRetryUnavailableMs, true);
        }
        follower = next;
    }
    session_note_idle(session);
}

void mailbox_tick(Session& session) noexcept {
    mailbox_let_go(session);
    if (session.asked_at_ms == 0) {
        const uint32_t silence_ms = session_silence_ms(session);
        if (session.asked && silence_ms >= kSilenceAskedMs &&
            silence_ms % kSilenceAskedMs < session.hub->tick_elapsed_ms) {
            ring(session);
        }
        return;
    }
    const uint32_t waited_ms = now_ms() - session.asked_at_ms;
    const uint32_t due_ms =
        session.notices == 0 ? kFirstNoticeMs : session.notices * kNoticeEveryMs;
    if (waited_ms < due_ms) {
        return;
    }
    if (session.notices != 0) {
        ring(session);
    }
    if (session.notices < UINT8_MAX) {
        ++session.notices;
    }
    for (Follower* follower = session.followers; follower != nullptr;) {
        Follower* next = next_follower(*follower);
        gateway_queued(*follower, waited_ms);
        follower = next;
    }
}

} // namespace mr

#include "ngx_mr_ws_module/voice_mail.h"

#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/relay.h"
#include "shared/mail_batch.h"

#include <cstdlib>
#include <new>

namespace mr {

struct VoiceMail {
    ngx_event_t due{};
    Buffer waiting;
    size_t frames = 0;
    ngx_msec_t sent_at = 0;      // the newest batch
    ngx_msec_t spoken_to_at = 0; // the newest sound towards the client
    bool spoken_to = false;      // there was some
};

namespace {

constexpr size_t kKeptBytes = 8 * 1024; // between batches

void on_due(ngx_event_t* event) noexcept {
    auto* socket = static_cast<ngx_connection_t*>(event->data);
    voice_mail_flush(*static_cast<Connection*>(socket->data));
}

// Null: out of memory.
VoiceMail* mail_of(Connection& connection) {
    if (connection.voice == nullptr) {
        void* memory = std::malloc(sizeof(VoiceMail));
        if (memory == nullptr) {
            return nullptr;
        }
        connection.voice = new (memory) VoiceMail;
        connection.voice->due.handler = on_due;
        connection.voice->due.data = connection.socket;
        connection.voice->due.log = connection.log();
        connection.voice->due.cancelable = 1; // the end of the connection flushes as well
    }
    return connection.voice;
}

bool passed(ngx_msec_t since, ngx_msec_t limit) {
    return ngx_current_msec - since >= limit;
}

// How long the first frame of a batch waits for others.
ngx_msec_t wait_of(const VoiceMail& mail) {
    if (!mail.spoken_to || passed(mail.spoken_to_at, kSpokenToMs)) {
        return kVoiceBatchMs;
    }
    return passed(mail.sent_at, kSpokenToBatchMs)
               ? 0
               : kSpokenToBatchMs - (ngx_current_msec - mail.sent_at);
}

bool is_full(const VoiceMail& mail, const BatchedFrame& next) {
    return mail.frames == kMaxMailBatchFrames ||
           mail.waiting.size() + batched_bytes(next) > kMaxMailBatchBytes;
}

} // namespace

void voice_mail_take(Connection& connection, Opcode opcode, ByteView message) noexcept {
    const BatchedFrame frame{opcode == Opcode::text, message};
    const bool at_once = frame.text && message.size() < kShortTextBytes;
    if (at_once && (connection.voice == nullptr || connection.voice->frames == 0)) {
        return relay_message(connection, opcode, message);
    }
    VoiceMail* mail = mail_of(connection);
    if (mail != nullptr && mail->frames > 0 && is_full(*mail, frame)) {
        voice_mail_flush(connection);
    }
    if (mail == nullptr || !add_to_mail_batch(mail->waiting, frame)) {
        return connection_close(connection, CloseCode::try_again_later, "out of memory");
    }
    ++mail->frames;
    const ngx_msec_t wait = wait_of(*mail);
    if (at_once || wait == 0 || mail->waiting.size() >= kMaxMailBatchBytes) {
        voice_mail_flush(connection);
    } else if (!mail->due.timer_set) {
        ngx_add_timer(&mail->due, wait);
    }
}

void voice_mail_spoken_to(Connection& connection, size_t bytes) noexcept {
    if (connection.voice != nullptr && bytes >= kShortTextBytes) {
        connection.voice->spoken_to = true;
        connection.voice->spoken_to_at = ngx_current_msec;
    }
}

void voice_mail_flush(Connection& connection) noexcept {
    VoiceMail* mail = connection.voice;
    if (mail == nullptr || mail->frames == 0) {
        return;
    }
    if (mail->due.timer_set) {
        ngx_del_timer(&mail->due);
    }
    mail->frames = 0;
    mail->sent_at = ngx_current_msec;
    relay_batch(connection, mail->waiting.view());
    if (mail->waiting.capacity() > kKeptBytes) {
        mail->waiting.release();
    } else {
        mail->waiting.clear();
    }
}

void voice_mail_free(VoiceMail* mail) noexcept {
    if (mail == nullptr) {
        return;
    }
    if (mail->due.timer_set) {
        ngx_del_timer(&mail->due);
    }
    mail->~VoiceMail();
    std::free(mail);
}

} // namespace mr

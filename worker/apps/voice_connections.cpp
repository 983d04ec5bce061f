// Whose sound a microphone takes: a client that comes back has another connection, and what it had
// sent by the one before may arrive behind that, or not at all.
#include "worker/apps/voice_line.h"
#include "worker/log.h"

#include <algorithm>
#include <utility>

namespace mr {

// The gateway numbers a connection's mail, what it could give to nobody included.
void VoiceLine::mail_came(const MailItem& item) {
    if (line_ && item.connection == line_->connection) {
        line_->hole = line_->hole || item.nth > line_->last_mail + 1;
        line_->last_mail = std::max(line_->last_mail, item.nth);
    }
}

// Sound of the connection that has it now is still on its way, in other mail, and comes too late.
void VoiceLine::move_to(uint64_t connection) {
    if (line_->connection == connection) {
        return;
    }
    left_connections_.push_back(std::exchange(line_->connection, connection));
    std::erase(left_connections_, connection);
    if (left_connections_.size() > kMaxLeftConnections) {
        left_connections_.pop_front();
    }
}

bool VoiceLine::is_left(uint64_t connection) const {
    return std::find(left_connections_.begin(), left_connections_.end(), connection) !=
           left_connections_.end();
}

// Nobody follows the session any more, so whoever has spoken is not there: the place is another's,
// and a client that comes back gets one again.
void VoiceLine::client_gone() {
    if (!line_) {
        return;
    }
    const auto every = services_->options.clients;
    if (Clock::now() - line_->microphone->heard_at() < every) {
        clients_.start(every); // there is sound: the gateway may have to subscribe anew
        return;
    }
    log::info("a microphone is closed, its client has gone",
              {{"session", session_.store.session_id()}});
    const auto microphone = line_->microphone;
    microphone->give_up();
}

// Of the stream that is open now, by a connection that its client has left since.
bool VoiceLine::is_late(const VoiceMessage& message, uint64_t connection) const {
    const bool of_stream =
        message.kind == VoiceMessage::Kind::resume || message.kind == VoiceMessage::Kind::stop;
    return of_stream && line_ && line_->microphone->setup().stream_id == message.stream_id &&
           is_left(connection);
}

// Sound that names no stream is that of its own connection's.
bool VoiceLine::takes(const std::string& stream_id, bool binary, uint64_t connection) {
    const std::string& open = line_->microphone->setup().stream_id;
    if (!stream_id.empty()) {
        return open == stream_id;
    }
    if (!binary && open.empty()) {
        move_to(connection); // opened by sound alone, and so is it resumed
    }
    return line_->connection == connection;
}

} // namespace mr

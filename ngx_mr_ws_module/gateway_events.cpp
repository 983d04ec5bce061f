#include "ngx_mr_ws_module/gateway_events.h"

#include "ngx_mr_ws_module/session.h"
#include "shared/ids.h"
#include "shared/token.h"

namespace mr {
namespace {

constexpr size_t kMaxEventChars = 1024;
constexpr std::string_view kFeatures = R"(["resume","snapshot","cancel","queued")";
constexpr std::string_view kIssue = "I encountered an issue: ";

// JSON in a fixed buffer. The longest event is well below the bound; what did not fit would be
// noticed by `complete`.
class EventText {
  public:
    EventText& put(std::string_view text) {
        if (text.size() <= kMaxEventChars - length_) {
            std::memcpy(chars_ + length_, text.data(), text.size());
            length_ += text.size();
        } else {
            complete_ = false;
        }
        return *this;
    }
    EventText& number(uint64_t value) {
        char digits[20];
        return put({digits, format_decimal(value, digits)});
    }
    EventText& boolean(bool value) { return put(value ? "true" : "false"); }

    void send(Follower& connection) const {
        if (complete_) {
            follower_tell(connection, as_bytes({chars_, length_}));
        }
    }
    void greet(Follower& connection) const {
        if (complete_) {
            follower_greet(connection, as_bytes({chars_, length_}));
        }
    }

  private:
    char chars_[kMaxEventChars];
    size_t length_ = 0;
    bool complete_ = true;
};

// How long the access token still holds. Nothing without one.
void put_expiry(EventText& text, const Follower& connection) {
    if (connection.identity != nullptr && connection.identity->expires_at_s != 0) {
        const uint64_t end = connection.identity->expires_at_s;
        const auto now = static_cast<uint64_t>(ngx_time());
        text.put(R"(,"token_expires_in_ms":)").number(end > now ? (end - now) * 1000 : 0);
    }
}

void put_details(EventText& text, const Follower& connection, bool recovered) {
    const LocationConf& conf = *connection.conf;
    TokenText token;
    text.put(R"(,"v":)").number(connection.v2 ? 2 : 1);
    if (make_resume_token(token, conf.main->secret, connection.relay.session->id_view(),
                          connection.subject(),
                          static_cast<uint64_t>(ngx_time()) + kResumeTokenSeconds)) {
        text.put(R"(,"resume_token":")").put(token.view()).put("\"");
    }
    text.put(R"(,"recovered":)").boolean(recovered);
    text.put(R"(,"heartbeat_ms":)").number(conf.ping_interval);
    text.put(R"(,"max_frame_bytes":)").number(conf.max_frame);
    text.put(R"(,"features":)").put(kFeatures).put(conf.voice != 0 ? R"(,"voice"])" : "]");
    put_expiry(text, connection);
}

} // namespace

void gateway_connected(Follower& connection, bool recovered) noexcept {
    if (connection.app == AppKind::echo) {
        return;
    }
    EventText text;
    text.put(R"({"type":"connected","session_id":")")
        .put(connection.relay.session->id_view())
        .put("\"");
    if (connection.v2 || !connection.strict) {
        put_details(text, connection, recovered);
    }
    text.put("}").greet(connection);
}

void gateway_authenticated(Follower& connection) noexcept {
    if (!connection.v2) {
        return;
    }
    EventText text;
    text.put(R"({"type":"authenticated")");
    put_expiry(text, connection);
    text.put("}").send(connection);
}

void gateway_queued(Follower& connection, uint32_t waited_ms) noexcept {
    if (!connection.v2 || connection.app == AppKind::echo) {
        return;
    }
    EventText text;
    text.put(R"({"type":"queued","waited_ms":)").number(waited_ms).put("}").send(connection);
}

void gateway_error(Follower& connection, ErrorCode code, uint32_t retry_after_ms,
                   bool ends_turn) noexcept {
    if (follower_refuse(connection, code, retry_after_ms)) {
        return;
    }
    const ErrorText& error = error_text(code);
    const bool plain = connection.strict && !connection.v2;
    EventText text;
    text.put(R"({"type":"error","message":")").put(error.message).put("\"");
    if (!plain) {
        text.put(R"(,"code":")").put(error.name);
        text.put(R"(","fatal":false,"retry_after_ms":)").number(retry_after_ms);
    }
    text.put("}").send(connection);
    if (plain || !ends_turn || connection.app == AppKind::echo) {
        return;
    }
    EventText chunk;
    chunk.put(R"({"type":"text_chunk","content":")").put(kIssue).put(error.message);
    chunk.put(R"(","offset":0})").send(connection);
    EventText end;
    end.put(R"({"type":"response_complete","sources":[],"status":"error","text_length":)");
    end.number(kIssue.size() + error.message.size()).put("}").send(connection);
}

} // namespace mr

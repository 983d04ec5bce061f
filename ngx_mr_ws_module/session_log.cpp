#include "ngx_mr_ws_module/session_log.h"

#include "ngx_mr_ws_module/conf_directive.h"
#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/session.h"
#include "shared/ids.h"

#include <cstdlib>

namespace mr {
namespace {

constexpr ngx_msec_t kComplaintMs = 60000;

// ---- a line

// The longest one is well below the bound: names and reasons are, and each of their bytes becomes
// six at most.
class Line {
  public:
    Line& put(std::string_view text) {
        if (!text.empty() && text.size() <= kMaxSessionLineChars - length_) {
            std::memcpy(chars_ + length_, text.data(), text.size());
            length_ += text.size();
        }
        return *this;
    }
    Line& number(uint64_t value) {
        char digits[20];
        return put({digits, format_decimal(value, digits)});
    }
    // What others have written, UTF-8. Nothing in it may end the line or the string, nor control a
    // terminal: C0, DEL and C1 (U+0080 to U+009F) are escaped, too.
    Line& quoted(std::string_view text) {
        put("\"");
        for (size_t i = 0; i < text.size(); ++i) {
            const auto byte = static_cast<uint8_t>(text[i]);
            const auto next = static_cast<uint8_t>(i + 1 < text.size() ? text[i + 1] : '\0');
            if (byte == '"' || byte == '\\') {
                put("\\").put(text.substr(i, 1));
            } else if (byte < 0x20 || byte == 0x7F) {
                escape(byte);
            } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
                escape(next);
                ++i;
            } else {
                put(text.substr(i, 1));
            }
        }
        return put("\"");
    }
    std::string_view view() const { return {chars_, length_}; }

  private:
    void escape(uint8_t code) {
        static constexpr char kHex[] = "0123456789abcdef";
        const char text[] = {'\\', 'u', '0', '0', kHex[code >> 4], kHex[code & 0xF]};
        put({text, sizeof(text)});
    }

    char chars_[kMaxSessionLineChars];
    size_t length_ = 0;
};

std::string_view session_id(const Connection& connection) {
    const Session* session = connection.relay.session;
    return session != nullptr ? session->id_view() : std::string_view{};
}

// Its length, then its bytes: a client may well have sent a NUL.
std::string_view reason_of(const Connection& connection) {
    const char* text = connection.end_reason;
    return text != nullptr ? std::string_view(text + 1, static_cast<uint8_t>(text[0]))
                           : std::string_view{};
}

std::string_view kind_name(FollowerKind kind) {
    switch (kind) {
    case FollowerKind::websocket:
        return "websocket";
    case FollowerKind::http_stream:
        return "http_stream";
    case FollowerKind::http_audio:
        return "http_audio";
    case FollowerKind::http_answer:
        return "http_object";
    }
    return "unknown";
}

void describe(Line& line, const Follower& follower, const SessionEnd& end) {
    const auto time = to_view(const_cast<const ngx_str_t&>(ngx_cached_http_log_iso8601));
    line.put(R"({"time":")").put(time);
    line.put(R"(","session":")").put(end.session);
    line.put(R"(","address":)").quoted(to_view(follower.socket->addr_text));
    line.put(R"(,"subject":)").quoted(follower.subject());
    line.put(R"(,"app":")").put(app_name(follower.app));
    line.put(R"(","kind":")").put(kind_name(follower.kind));
    line.put(R"(","version":)").number(follower.v2 ? 2 : 1);
    line.put(R"(,"duration_ms":)").number(end.duration_ms);
    line.put(R"(,"frames_in":)").number(end.frames_in);
    line.put(R"(,"frames_out":)").number(end.frames_out);
    line.put(R"(,"bytes_in":)").number(end.bytes_in);
    line.put(R"(,"bytes_out":)").number(end.bytes_out);
    line.put(R"(,"messages_in":)").number(end.messages_in);
    line.put(R"(,"messages_out":)").number(end.messages_out);
    line.put(R"(,"turns":)").number(follower.turns);
    line.put(R"(,"code":)").number(end.code);
    line.put(R"(,"closed_by":")").put(end.by_client ? "client" : "server");
    line.put(R"(","reason":)").quoted(end.reason);
    line.put(R"(,"trace":")").put(follower.trace.trace_id()).put("\"}\n");
}

// ---- the file

void lose(SessionLog& log, ngx_log_t* error_log, ngx_err_t error, size_t written) {
    uint32_t whole = 0;
    for (size_t i = 0; i < written; ++i) {
        whole += log.buffer[i] == '\n' ? 1 : 0;
    }
    metric_add(Metric::session_log_written, whole);
    metric_add(Metric::session_log_lost, log.lines - whole);
    if (log.complained_at == 0 || ngx_current_msec - log.complained_at >= kComplaintMs) {
        log.complained_at = ngx_current_msec;
        ngx_log_error(NGX_LOG_ERR, error_log, error,
                      "mr_ws: session log \"%V\" took %uz of %uz bytes, the rest is lost",
                      &log.file->name, written, log.used);
    }
}

void flush(SessionLog& log, ngx_log_t* error_log) {
    if (log.used == 0) {
        return;
    }
    const ssize_t count = ngx_write_fd(log.file->fd, log.buffer, log.used);
    const auto written = count < 0 ? size_t{0} : static_cast<size_t>(count);
    if (written == log.used) {
        metric_add(Metric::session_log_written, log.lines);
    } else {
        lose(log, error_log, count < 0 ? ngx_errno : 0, written);
    }
    log.used = 0;
    log.lines = 0;
    if (log.timer.timer_set) {
        ngx_del_timer(&log.timer);
    }
}

// nginx calls it before it opens the file anew. It also marks files that are ours.
void flush_file(ngx_open_file_t* file, ngx_log_t* error_log) noexcept {
    flush(*static_cast<SessionLog*>(file->data), error_log);
}

void on_timer(ngx_event_t* event) noexcept {
    auto* nowhere = static_cast<ngx_connection_t*>(event->data);
    flush(*static_cast<SessionLog*>(nowhere->data), event->log);
}

bool prepare(SessionLog& log) {
    if (log.buffer == nullptr) {
        log.buffer = static_cast<char*>(std::malloc(kSessionLogBytes));
        log.nowhere.fd = static_cast<ngx_socket_t>(-1);
        log.nowhere.data = &log;
        log.timer.data = &log.nowhere;
        log.timer.handler = on_timer;
        log.timer.log = ngx_cycle->log;
        log.timer.cancelable = 1; // session_log_exit() writes the rest
    }
    return log.buffer != nullptr;
}

SessionLog* find_or_make(ngx_conf_t* cf, ngx_open_file_t* file) {
    if (file->flush == flush_file) {
        return static_cast<SessionLog*>(file->data);
    }
    if (file->flush != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_session_log\" is \"%V\": another log is buffered to that file",
                           &file->name);
        return nullptr;
    }
    auto* log = pool_make<SessionLog>(cf->pool);
    if (log != nullptr) {
        log->file = file;
        file->flush = flush_file;
        file->data = log;
    }
    return log;
}

} // namespace

char* set_session_log(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    auto& location = *static_cast<LocationConf*>(conf);
    if (location.session_log_set) {
        return conf_duplicate();
    }
    location.session_log_set = true;
    ngx_str_t path = conf_arguments(cf)[1];
    if (to_view(path) == "off") {
        return NGX_CONF_OK;
    }
    if (path.len == 0 || to_view(path).find('$') != std::string_view::npos ||
        to_view(path).starts_with("syslog:")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mr_ws_session_log\" is \"%V\"; allowed: the path of a file, or off",
                           &path);
        return conf_failed();
    }
    ngx_open_file_t* file = ngx_conf_open_file(cf->cycle, &path);
    location.session_log = file != nullptr ? find_or_make(cf, file) : nullptr;
    return location.session_log != nullptr ? NGX_CONF_OK : conf_failed();
}

void session_log_reason(Connection& connection, std::string_view reason) noexcept {
    if (connection.conf->session_log == nullptr || reason.empty() ||
        connection.end_reason != nullptr) {
        return;
    }
    const size_t length = reason.size() < UINT8_MAX ? reason.size() : UINT8_MAX;
    connection.end_reason = static_cast<char*>(std::malloc(length + 1));
    if (connection.end_reason != nullptr) {
        connection.end_reason[0] = static_cast<char>(length);
        std::memcpy(connection.end_reason + 1, reason.data(), length);
    }
}

void session_log_end(const Connection& connection) noexcept {
    SessionEnd end;
    end.session = session_id(connection);
    end.duration_ms = ngx_current_msec - connection.opened_at;
    end.frames_in = connection.frames_in;
    end.frames_out = connection.frames_out;
    end.bytes_in = connection.bytes_in;
    end.bytes_out = connection.bytes_out();
    end.messages_in = connection.messages_in;
    end.messages_out = connection.messages_out;
    end.code = connection.close_code;
    end.by_client = connection.closed_by == ClosedBy::client;
    end.reason = reason_of(connection);
    session_log_write(connection, end);
}

void session_log_write(const Follower& follower, const SessionEnd& end) noexcept {
    SessionLog* log = follower.conf->session_log;
    if (log == nullptr) {
        return;
    }
    if (!prepare(*log)) {
        metric_add(Metric::session_log_lost);
        return;
    }
    Line line;
    describe(line, follower, end);
    const std::string_view text = line.view();
    if (text.size() > kSessionLogBytes - log->used) {
        flush(*log, follower.log());
    }
    std::memcpy(log->buffer + log->used, text.data(), text.size());
    log->used += text.size();
    ++log->lines;
    if (!log->timer.timer_set) {
        ngx_add_timer(&log->timer, kSessionLogFlushMs);
    }
}

void session_log_exit(ngx_cycle_t* cycle) noexcept {
    for (ngx_list_part_t* part = &cycle->open_files.part; part != nullptr; part = part->next) {
        auto* files = static_cast<ngx_open_file_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (files[i].flush == flush_file) {
                auto& log = *static_cast<SessionLog*>(files[i].data);
                flush(log, cycle->log);
                std::free(log.buffer);
                log.buffer = nullptr;
            }
        }
    }
}

} // namespace mr

// HTTP/2 on a channel by nghttp2, as a server (RFC 9113). Each data() of an answer is at least one
// DATA frame of its own.
#include "tests/emulator/carrier.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <deque>
#include <map>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kMaxStreams = 1000;
constexpr std::uint32_t kWindowBytes = 1024 * 1024;

class Http2;

class Http2Exchange final : public Exchange {
  public:
    Http2Exchange(const asio::any_io_executor& executor, Request request,
                  std::shared_ptr<Http2> owner, std::int32_t stream)
        : Exchange(executor, std::move(request)), owner_(std::move(owner)), stream_(stream) {}

    void head(int status, const Headers& headers, std::optional<std::size_t> length) override;
    void data(std::string_view bytes) override;
    void finish() override;
    void cut() override;
    void reset() override;

    // For nghttp2: the next bytes of the body. 0 without `end_`: none yet.
    std::size_t take(std::uint8_t* out, std::size_t room) {
        if (pieces_.empty()) {
            return 0;
        }
        std::string& piece = pieces_.front();
        const std::size_t size = std::min(room, piece.size() - at_);
        std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(at_), size, out);
        at_ += size;
        waiting_ -= size;
        if (at_ == piece.size()) {
            pieces_.pop_front();
            at_ = 0;
        }
        return size;
    }
    bool at_end() const { return ended_ && pieces_.empty(); }
    bool over() const { return over_ || at_end(); } // by us
    void let_go();

  private:
    std::size_t unsent() const override;
    void waits(bool yes) override;

    std::shared_ptr<Http2> owner_;
    std::int32_t stream_;
    std::deque<std::string> pieces_;
    std::size_t at_ = 0, waiting_ = 0;
    bool ended_ = false, over_ = false, waits_ = false;
};

class Http2 final : public Carrier, public std::enable_shared_from_this<Http2> {
  public:
    Http2(std::shared_ptr<Channel> channel, const asio::any_io_executor& executor, Serve serve)
        : channel_(std::move(channel)), executor_(executor), serve_(std::move(serve)) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const std::array<nghttp2_settings_entry, 2> settings{{
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
            {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
        }};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
        nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
        flush();
    }
    Http2(const Http2&) = delete;
    Http2& operator=(const Http2&) = delete;
    ~Http2() override { nghttp2_session_del(session_); }

    void arrived(std::string_view bytes) override {
        const auto keep = shared_from_this();
        busy_ = true;
        const auto used = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        busy_ = false;
        flush();
        if (used < 0 ||
            (!nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_))) {
            channel_->close(true);
            gone();
        }
    }

    void sent() override {
        flush();
        if (waiters > 0) {
            for (const auto& [stream, open] : streams_) {
                if (open.exchange) {
                    open.exchange->moved();
                }
            }
        }
    }

    void gone() override {
        for (auto& [stream, open] : std::exchange(streams_, {})) {
            if (open.exchange) {
                if (!open.exchange->over()) {
                    open.exchange->went_away();
                }
                open.exchange->let_go();
            }
        }
    }

    // Sends it when all that is due now has been said: what several answers say together goes out
    // in one write.
    void flush_soon() {
        if (!flushing_) {
            flushing_ = true;
            asio::post(executor_, [me = shared_from_this()] {
                me->flushing_ = false;
                me->flush();
            });
        }
    }

    // Sends what nghttp2 has, as long as the client takes it.
    void flush() {
        if (busy_) {
            return;
        }
        std::string out;
        while (channel_->unsent() + out.size() < kMaxUnsentBytes) {
            const std::uint8_t* data = nullptr;
            const auto size = nghttp2_session_mem_send(session_, &data);
            if (size <= 0) {
                break;
            }
            out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
        if (!out.empty()) {
            channel_->send(out);
        }
    }

    nghttp2_session* session() { return session_; }

    std::size_t waiters = 0; // exchanges that wait for room

    void reset_all() {
        channel_->abort();
        gone();
    }

  private:
    struct Open {
        Request request;
        std::shared_ptr<Http2Exchange> exchange;
    };

    static Http2& self(void* user) { return *static_cast<Http2*>(user); }

    static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Http2& me = self(user);
        Request& request = me.streams_[frame->hd.stream_id].request;
        request.version = "2";
        request.connection = me.channel_->number();
        request.secure = me.channel_->secure();
        request.begun = Clock::now();
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        Http2& me = self(user);
        const auto found = me.streams_.find(frame->hd.stream_id);
        if (found == me.streams_.end()) {
            return 0;
        }
        Request& request = found->second.request;
        const std::string key(reinterpret_cast<const char*>(name), name_size);
        const std::string text(reinterpret_cast<const char*>(value), value_size);
        if (key == ":method") {
            request.method = text;
        } else if (key == ":authority") {
            request.host = text;
        } else if (key == ":path") {
            const std::size_t mark = text.find('?');
            request.path = text.substr(0, mark);
            request.query = mark == std::string::npos ? "" : text.substr(mark + 1);
        } else if (key != ":scheme") {
            request.headers.emplace_back(key, text);
        }
        return 0;
    }

    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* data, std::size_t size, void* user) {
        Http2& me = self(user);
        const auto found = me.streams_.find(stream);
        if (found != me.streams_.end() && !found->second.exchange) {
            std::string& body = found->second.request.body;
            body.append(reinterpret_cast<const char*>(data), size);
            if (body.size() > kMaxBodyBytes) {
                nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
            }
        }
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Http2& me = self(user);
        const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        const auto found = me.streams_.find(frame->hd.stream_id);
        if (request && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
            found != me.streams_.end() && !found->second.exchange) {
            Request whole = std::move(found->second.request);
            whole.arrived = Clock::now();
            if (!whole.header("host")) {
                whole.headers.emplace_back("host", whole.host);
            }
            found->second.exchange = std::make_shared<Http2Exchange>(
                me.executor_, std::move(whole), me.shared_from_this(), frame->hd.stream_id);
            me.serve_(found->second.exchange);
        }
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
        Http2& me = self(user);
        const auto found = me.streams_.find(stream);
        if (found != me.streams_.end()) {
            const auto exchange = found->second.exchange;
            me.streams_.erase(found);
            if (exchange) {
                if (!exchange->over()) {
                    exchange->went_away();
                }
                exchange->let_go();
            }
        }
        return 0;
    }

    std::shared_ptr<Channel> channel_;
    asio::any_io_executor executor_;
    Serve serve_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Open> streams_;
    bool busy_ = false; // inside mem_recv
    bool flushing_ = false;
};

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room,
                  std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& exchange = *static_cast<Http2Exchange*>(source->ptr);
    const std::size_t size = exchange.take(out, room);
    if (exchange.at_end()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (size == 0) {
        return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(size);
}

void Http2Exchange::head(int status, const Headers& headers, std::optional<std::size_t> length) {
    if (!owner_) {
        return;
    }
    Headers all{{":status", std::to_string(status)}};
    all.insert(all.end(), headers.begin(), headers.end());
    if (length) {
        all.emplace_back("content-length", std::to_string(*length));
    }
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : all) {
        std::ranges::transform(name, name.begin(), [](unsigned char c) {
            return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        });
        fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                          reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                          NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = read_body;
    nghttp2_submit_response(owner_->session(), stream_, fields.data(), fields.size(), &provider);
    owner_->flush();
}

void Http2Exchange::data(std::string_view bytes) {
    if (!owner_ || bytes.empty()) {
        return;
    }
    body_bytes_ += bytes.size();
    waiting_ += bytes.size();
    pieces_.emplace_back(bytes);
    nghttp2_session_resume_data(owner_->session(), stream_);
    owner_->flush_soon();
}

void Http2Exchange::finish() {
    if (!owner_) {
        return;
    }
    ended_ = true;
    const auto owner = owner_; // the end of the stream lets go of it
    nghttp2_session_resume_data(owner->session(), stream_);
    owner->flush();
}

void Http2Exchange::cut() {
    if (const auto owner = owner_) {
        owner->flush();
        over_ = true;
        nghttp2_submit_rst_stream(owner->session(), NGHTTP2_FLAG_NONE, stream_,
                                  NGHTTP2_INTERNAL_ERROR);
        owner->flush();
    }
}

void Http2Exchange::reset() {
    if (const auto owner = owner_) {
        over_ = true;
        owner->reset_all();
    }
}

void Http2Exchange::let_go() {
    waits(false);
    owner_ = nullptr;
}

void Http2Exchange::waits(bool yes) {
    if (owner_ && yes != waits_) {
        owner_->waiters += yes ? 1 : std::size_t(-1);
        waits_ = yes;
    }
}

std::size_t Http2Exchange::unsent() const {
    return waiting_; // what nghttp2 has taken, the channel holds in bounds
}

} // namespace

std::shared_ptr<Carrier> http2_carrier(std::shared_ptr<Channel> channel,
                                       const asio::any_io_executor& executor, Serve serve) {
    return std::make_shared<Http2>(std::move(channel), executor, std::move(serve));
}

} // namespace mr::emulator

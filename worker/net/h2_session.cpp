#include "worker/net/h2_session.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <new>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kProtocol = "h2"; // RFC 9113 section 3.1

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

// nghttp2 copies what it is given, unless told otherwise.
nghttp2_nv field(const HttpHeader& header) {
    const auto bytes = [](const std::string& value) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    };
    return {bytes(header.name), bytes(header.value), header.name.size(), header.value.size(),
            NGHTTP2_NV_FLAG_NONE};
}

StreamTarget offering(StreamTarget target) {
    target.protocols = {std::string(kProtocol), "http/1.1"};
    return target;
}

} // namespace

std::shared_ptr<H2Session> H2Session::make(const asio::any_io_executor& executor,
                                           StreamTarget target, std::shared_ptr<TlsTrust> trust) {
    return std::shared_ptr<H2Session>(new H2Session(executor, std::move(target), std::move(trust)));
}

H2Session::H2Session(const asio::any_io_executor& executor, StreamTarget target,
                     std::shared_ptr<TlsTrust> trust)
    : executor_(executor),
      stream_(make_stream(executor, offering(std::move(target)), std::move(trust))),
      clock_(executor), settled_(executor) {}

H2Session::~H2Session() {
    nghttp2_session_del(session_);
}

asio::awaitable<bool> H2Session::open() {
    const auto self = shared_from_this();
    co_await stream_->connect();
    co_await stream_->secure();
    if (closed_) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (stream_->protocol() != kProtocol) {
        close();
        co_return false;
    }
    begin();
    flush();
    asio::co_spawn(
        executor_, [self] { return self->read(); }, [self](const std::exception_ptr&) {});
    watch();
    while (!settings_ && !closed_) {
        co_await settled_.wait();
    }
    if (closed_) {
        throw boost::system::system_error(asio::error::connection_aborted);
    }
    co_return true;
}

void H2Session::begin() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        throw std::bad_alloc();
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &H2Session::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &H2Session::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &H2Session::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &H2Session::on_close);
    nghttp2_option_set_no_auto_window_update(option, 1); // windows grow by what is dealt with
    const int made = nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (made != 0) {
        throw std::bad_alloc();
    }
    const std::array<nghttp2_settings_entry, 2> settings{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kH2StreamWindow},
    }};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kH2Window);
    heard_ = used_ = Clock::now();
}

void H2Session::close() {
    if (!closed_) {
        closed_ = true;
        clock_.cancel();
        settled_.notify();
        stream_->close();
    }
}

void H2Session::lose(const std::string& why) {
    close();
    for (auto& [number, stream] : std::exchange(streams_, {})) {
        if (stream.sink != nullptr) {
            stream.sink->on_lost(why);
        }
    }
}

// ---- requests

bool H2Session::has_room() const {
    if (closed_ || going_away_ || session_ == nullptr ||
        nghttp2_session_check_request_allowed(session_) == 0) {
        return false;
    }
    const std::uint32_t allowed =
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return streams_.size() < std::min(allowed, kH2StreamsPerConnection);
}

std::optional<std::int32_t> H2Session::submit(H2Sink& sink, H2Request request) {
    std::vector<nghttp2_nv> fields;
    fields.reserve(request.fields.size());
    for (const HttpHeader& header : request.fields) {
        fields.push_back(field(header));
    }
    nghttp2_data_provider body{};
    body.read_callback = &H2Session::read_body;
    const std::int32_t number =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                               request.body.empty() ? nullptr : &body, nullptr);
    if (number < 0) {
        return std::nullopt;
    }
    streams_[number] = {&sink, std::move(request.body), 0};
    ++served_;
    flush();
    return number;
}

void H2Session::drop(std::int32_t stream) {
    const auto found = streams_.find(stream);
    if (found != streams_.end() && !closed_) {
        found->second.sink = nullptr; // its body stays until the stream is closed
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
        flush();
    }
}

void H2Session::consumed(std::int32_t stream, std::size_t size) {
    if (!closed_ && streams_.contains(stream)) {
        nghttp2_session_consume_stream(session_, stream, size);
        flush();
    }
}

H2Sink* H2Session::sink_of(std::int32_t stream) {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : found->second.sink;
}

ssize_t H2Session::read_body(nghttp2_session*, std::int32_t stream, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* self) {
    auto& streams = static_cast<H2Session*>(self)->streams_;
    const auto found = streams.find(stream);
    if (found == streams.end()) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    Stream& one = found->second;
    const std::size_t size = std::min(room, one.body.size() - one.sent);
    std::copy_n(one.body.data() + one.sent, size, reinterpret_cast<char*>(into));
    one.sent += size;
    if (one.sent == one.body.size()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        one.body.clear();
        one.body.shrink_to_fit(); // the response may take minutes
        one.sent = 0;
    }
    return static_cast<ssize_t>(size);
}

// ---- what comes

asio::awaitable<void> H2Session::read() {
    const auto self = shared_from_this();
    std::string why;
    try {
        while (!closed_) {
            const std::size_t size = co_await stream_->read_some(input_);
            heard_ = Clock::now();
            receiving_ = true;
            const ssize_t used = nghttp2_session_mem_recv(session_, input_.data(), size);
            receiving_ = false;
            if (used < 0) {
                why = std::string("the server broke HTTP/2: ") +
                      nghttp2_strerror(static_cast<int>(used));
                break;
            }
            flush();
        }
    } catch (const boost::system::system_error& error) {
        why = error.code().message();
    } catch (const std::exception& error) {
        why = error.what();
    }
    lose(why);
}

int H2Session::on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* self) {
    if (H2Sink* sink = static_cast<H2Session*>(self)->sink_of(frame->hd.stream_id)) {
        sink->on_header(text(name, name_size), text(value, value_size));
    }
    return 0;
}

int H2Session::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& session = *static_cast<H2Session*>(self);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        session.going_away_ = true;
    } else if (frame->hd.type == NGHTTP2_SETTINGS) {
        session.settings_ = true;
        session.settled_.notify();
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        session.asked_ = false;
    } else if (frame->hd.type == NGHTTP2_HEADERS) {
        if (H2Sink* sink = session.sink_of(frame->hd.stream_id)) {
            sink->on_head_end();
        }
    }
    return 0;
}

int H2Session::on_data(nghttp2_session* nghttp2, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* data, std::size_t size, void* self) {
    H2Sink* sink = static_cast<H2Session*>(self)->sink_of(stream);
    const std::size_t dealt_with = sink == nullptr ? size : sink->on_data(text(data, size));
    // The connection's window is not a matter of who reads slowly.
    nghttp2_session_consume_connection(nghttp2, size);
    nghttp2_session_consume_stream(nghttp2, stream, dealt_with);
    return 0;
}

int H2Session::on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    auto& session = *static_cast<H2Session*>(self);
    H2Sink* sink = session.sink_of(stream);
    session.streams_.erase(stream);
    session.used_ = Clock::now();
    if (sink != nullptr) {
        sink->on_closed(error);
    }
    return 0;
}

// ---- what goes

void H2Session::flush() {
    if (receiving_ || closed_ || !writing_.empty() || session_ == nullptr) {
        return;
    }
    while (writing_.size() < kH2WriteBytes) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
        if (size <= 0) {
            break;
        }
        writing_.insert(writing_.end(), bytes, bytes + size);
    }
    if (!writing_.empty()) {
        stream_->write(writing_, [self = shared_from_this()](boost::system::error_code error) {
            self->written(error);
        });
    } else if (nghttp2_session_want_read(session_) == 0) { // after a GOAWAY and the last stream
        close();
    }
}

void H2Session::written(boost::system::error_code error) {
    writing_.clear();
    if (!error) { // else the read that is outstanding tells of the end
        flush();
    }
}

// ---- time

void H2Session::watch() {
    clock_.expires_after(kH2Look);
    clock_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self != nullptr && !self->closed_) {
            self->look();
        }
    });
}

void H2Session::look() {
    const Clock::time_point now = Clock::now();
    if (streams_.empty() && now - used_ >= kH2IdleLimit) {
        close();
        return;
    }
    if (!streams_.empty() && now - heard_ >= kH2Silence) {
        if (asked_) {
            lose("the server does not answer a PING");
            return;
        }
        asked_ = true;
        nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
        flush();
    }
    watch();
}

} // namespace mr::net

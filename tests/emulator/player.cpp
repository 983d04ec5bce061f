#include "tests/emulator/player.h"

#include "tests/emulator/websocket.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using Going = asio::awaitable<bool>; // false: nothing more is to be sent

constexpr std::size_t kLastBytes = 64 * 1024;  // unsent at the end of an answer
constexpr std::size_t kPieceBytes = 64 * 1024; // of a whole body, when nothing else is said
using Tick = std::chrono::milliseconds; // paced answers move on together: a thousand cost one timer

class Player {
  public:
    Player(std::shared_ptr<Exchange> exchange, Answer answer, Behaviour behaviour,
           std::shared_ptr<Record> record)
        : exchange_(std::move(exchange)), answer_(std::move(answer)), how_(std::move(behaviour)),
          record_(std::move(record)) {}

    asio::awaitable<void> run() {
        if (how_.hang) {
            co_await exchange_->forever();
        }
        const bool there = co_await exchange_->pause_until(Clock::now() + how_.first_byte);
        if (there) {
            record_->first_byte = Clock::now();
            if (answer_.dialogue) {
                co_await converse();
            } else if (answer_.stream) {
                co_await stream();
            } else {
                co_await body();
            }
        }
        close_record();
    }

  private:
    void close_record() {
        record_->sent_bytes = whole_ ? exchange_->body_bytes() : exchange_->sent_bytes();
        record_->ended = Clock::now();
        record_->closed = exchange_->gone_at();
        if (record_->outcome.empty()) {
            record_->outcome = record_->closed ? "gone" : "whole";
        }
        exchange_->on_gone = nullptr;
    }

    void head(std::optional<std::size_t> length) {
        Headers headers = answer_.headers;
        headers.emplace_back("content-type",
                             how_.content_type.empty() ? answer_.content_type : how_.content_type);
        for (const auto& [name, value] : how_.headers) {
            headers.emplace_back(name, value);
        }
        record_->status = answer_.status;
        exchange_->head(answer_.status, headers, length);
    }

    // ---- WebSockets

    asio::awaitable<void> converse() {
        Headers headers = answer_.headers;
        headers.insert(headers.end(), how_.headers.begin(), how_.headers.end());
        record_->status = 101;
        const std::shared_ptr<WebSocket> socket = WebSocket::accept(exchange_, headers);
        co_await answer_.dialogue(socket, record_);
        socket->close(static_cast<std::uint16_t>(CloseCode::normal)); // if it is still open
    }

    // ---- whole bodies

    asio::awaitable<void> body() {
        const std::string& body = answer_.body;
        const bool breaks = how_.end_at || how_.cut_at || how_.reset_at || how_.split > 0;
        head(breaks ? std::nullopt : std::optional(body.size()));
        std::size_t at = 0;
        while (at < body.size()) {
            const bool on = co_await obey(at, {});
            if (!on) {
                co_return;
            }
            const std::size_t size = std::min(next_stop(at) - at, body.size() - at);
            exchange_->data(std::string_view(body).substr(at, size));
            at += size;
            const bool room = co_await exchange_->room();
            if (!room) {
                co_return;
            }
        }
        co_await finish();
    }

    // A client that goes away now has missed no more than the kernel holds for it.
    asio::awaitable<void> finish() {
        const bool there = co_await exchange_->room(kLastBytes);
        if (there) {
            exchange_->finish();
            whole_ = true;
        }
    }

    std::size_t next_stop(std::size_t at) const {
        std::size_t stop = at + (how_.split > 0 ? how_.split : kPieceBytes);
        for (const auto& place : {how_.stall_at, how_.end_at, how_.cut_at, how_.reset_at}) {
            if (place && *place > at) {
                stop = std::min(stop, *place);
            }
        }
        return stop;
    }

    // ---- streams

    asio::awaitable<void> stream() {
        EventStream& events = *answer_.stream;
        head(std::nullopt);
        if (how_.bom) {
            exchange_->data("\xEF\xBB\xBF");
        }
        bool on = co_await put_all(events.head);
        if (on) {
            on = co_await tokens(events);
        }
        if (on) {
            drop_what_is_missing(events.tail);
            on = co_await put_all(events.tail, true);
        }
        if (on) {
            on = co_await flush();
        }
        if (on) {
            co_await finish();
        }
    }

    void drop_what_is_missing(std::vector<Event>& tail) {
        if (!how_.terminal && !tail.empty()) {
            tail.pop_back();
            record_->outcome = "ended";
        }
    }

    Going tokens(const EventStream& events) {
        const Clock::time_point start = Clock::now();
        for (std::size_t i = 0;; ++i) {
            const bool over = i >= events.tokens.count();
            const Event event = over ? Event{} : events.token(i, events.tokens.at(i));
            const bool on = co_await obey(i, event);
            if (!on || over) {
                co_return on;
            }
            const bool between = co_await fillers(i, events);
            if (!between) {
                co_return false;
            }
            const bool there = co_await put(frame(event));
            record_->tokens = i + 1;
            record_->last_token = Clock::now();
            record_->first_token = record_->first_token.value_or(*record_->last_token);
            if (!there) {
                co_return false;
            }
            if (how_.rate > 0) {
                const std::chrono::duration<double> time(static_cast<double>(i + 1) / how_.rate);
                const bool paced = co_await exchange_->pause_until(std::chrono::ceil<Tick>(
                    start + std::chrono::duration_cast<Clock::duration>(time)));
                if (!paced) {
                    co_return false;
                }
            }
        }
    }

    // What may stand between any two events.
    Going fillers(std::size_t i, const EventStream& events) {
        const auto due = [i](std::size_t every) { return every > 0 && i % every == 0; };
        std::string bytes;
        if (due(how_.comments)) {
            bytes += ": keep-alive" + how_.newline + how_.newline;
        }
        if (due(how_.pings)) {
            bytes += frame(events.ping);
        }
        if (due(how_.empties)) {
            bytes += frame(events.empty);
        }
        if (how_.unknown) {
            bytes += "id: " + std::to_string(i) + how_.newline + "surprise: 1" + how_.newline +
                     "lonely" + how_.newline + how_.newline;
            bytes += frame({"surprise", R"({"type":"surprise"})"});
        }
        if (bytes.empty()) {
            co_return true;
        }
        const bool on = co_await put(std::move(bytes));
        co_return on;
    }

    Going put_all(const std::vector<Event>& events, bool last = false) {
        for (std::size_t i = 0; i < events.size(); ++i) {
            std::string bytes = frame(events[i]);
            if (last && !how_.last_blank && i + 1 == events.size()) {
                bytes.resize(bytes.size() - 2 * how_.newline.size());
            }
            const bool on = co_await put(std::move(bytes));
            if (!on) {
                co_return false;
            }
        }
        co_return true;
    }

    // Stalls, errors and ends whose place this is. False: it was an end.
    Going obey(std::size_t at, const Event& event) {
        if (how_.stall_at == at) {
            co_await flush();
            const Clock::time_point until =
                how_.stall.count() > 0 ? Clock::now() + how_.stall : Clock::time_point::max();
            const bool there = co_await exchange_->pause_until(until);
            if (!there) {
                co_return false;
            }
        }
        if (how_.error_at == at && answer_.stream && answer_.stream->error) {
            record_->outcome = "error";
            const std::vector<Event> events = answer_.stream->error(how_.error, how_.error_form);
            co_await put_all(events);
            co_await flush();
            co_await finish();
            co_return false;
        }
        if (how_.end_at == at || how_.cut_at == at || how_.reset_at == at) {
            co_await end(at, event);
            co_return false;
        }
        co_return true;
    }

    asio::awaitable<void> end(std::size_t at, const Event& event) {
        if (how_.inside) {
            const std::string bytes = frame(event);
            co_await put(bytes.substr(0, bytes.size() / 2));
        }
        co_await flush();
        const bool there = co_await exchange_->room(0);
        if (!there) {
            co_return;
        }
        if (how_.end_at == at) {
            record_->outcome = "ended";
            exchange_->finish();
        } else if (how_.cut_at == at) {
            record_->outcome = "cut";
            exchange_->cut();
        } else {
            record_->outcome = "reset";
            exchange_->reset();
        }
    }

    // ---- bytes

    std::string frame(Event event) const {
        if (event.raw) {
            return event.data + how_.newline;
        }
        if (how_.unknown && event.data.starts_with("{\"")) {
            event.data.insert(1, R"("surprise":{"a":[1,null]},)");
        }
        const std::string field = how_.tight ? "data:" : "data: ";
        std::string out;
        if (!event.name.empty()) {
            out += (how_.tight ? "event:" : "event: ") + event.name + how_.newline;
        }
        if (how_.data_lines && event.data.starts_with('{')) {
            // The same JSON on several lines, which the client joins with LF.
            out += field + "{" + how_.newline + field + event.data.substr(1) + how_.newline;
        } else {
            out += field + event.data + how_.newline;
        }
        return out + how_.newline;
    }

    Going put(std::string bytes) {
        if (how_.merge > 1) {
            held_ += bytes;
            if (++held_events_ < how_.merge) {
                co_return true;
            }
            const bool on = co_await flush();
            co_return on;
        }
        const bool on = co_await write(bytes);
        co_return on;
    }

    Going flush() {
        held_events_ = 0;
        const std::string bytes = std::exchange(held_, {});
        const bool on = co_await write(bytes);
        co_return on;
    }

    Going write(std::string_view bytes) {
        if (how_.split_at > 0 && how_.split_at < bytes.size()) {
            exchange_->data(bytes.substr(0, how_.split_at));
            bytes.remove_prefix(how_.split_at);
        }
        const std::size_t step = how_.split > 0 ? how_.split : bytes.size();
        while (!bytes.empty()) {
            exchange_->data(bytes.substr(0, step));
            bytes.remove_prefix(std::min(step, bytes.size()));
            const bool room = co_await exchange_->room();
            if (!room) {
                co_return false;
            }
        }
        const bool there = !exchange_->gone_at();
        co_return there;
    }

    std::shared_ptr<Exchange> exchange_;
    Answer answer_;
    Behaviour how_;
    std::shared_ptr<Record> record_;
    std::string held_;
    std::size_t held_events_ = 0;
    bool whole_ = false; // everything that was to be sent is on its way
};

} // namespace

asio::awaitable<void> play(std::shared_ptr<Exchange> exchange, Answer answer, Behaviour behaviour,
                           std::shared_ptr<Record> record) {
    const auto player = std::make_shared<Player>(std::move(exchange), std::move(answer),
                                                 std::move(behaviour), std::move(record));
    co_await player->run();
}

} // namespace mr::emulator

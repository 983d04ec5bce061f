#include "worker/providers/scripted/responder.h"

#include "worker/async.h"
#include "worker/providers/scripted/script.h"

#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace mr::scripted {
namespace {

uint64_t wall_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

bool has_room(const CallContext& call) {
    return !call.wait_room || (call.has_room && call.has_room());
}

// Says the chunks of one answer.
class Writer {
  public:
    Writer(const Script& script, size_t delivered_bytes, const TextSink& sink)
        : script_(script), sink_(sink), index_(delivered_bytes / script.bytes),
          skip_(delivered_bytes % script.bytes) {} // merged text ends anywhere

    bool over() const { return index_ >= script_.chunks; }

    void say_next() {
        const std::string chunk = script_.stamp != 0 ? stamped_chunk(script_, index_, due_us())
                                                     : chunk_text(script_, index_);
        ++index_;
        ++said_;
        sink_(std::string_view(chunk).substr(std::exchange(skip_, 0)));
    }

    // Of the next chunk.
    Pacer::Clock::time_point due() const {
        return begun_ + std::chrono::nanoseconds(said_ * 1'000'000'000 / script_.rate);
    }

  private:
    // When the chunk had to be there, however late this process is with it.
    uint64_t due_us() const {
        return script_.rate != 0 ? begun_us_ + said_ * 1'000'000 / script_.rate : wall_us();
    }

    const Script& script_;
    const TextSink& sink_;
    uint64_t index_;
    size_t skip_;
    uint64_t said_ = 0; // by this attempt
    Pacer::Clock::time_point begun_ = Pacer::Clock::now();
    uint64_t begun_us_ = wall_us();
};

// An answer at a fixed rate: said from the pacer's timer, while its coroutine sleeps until the end,
// or until there is no room.
class PacedAnswer final : public Paced {
  public:
    PacedAnswer(const boost::asio::any_io_executor& executor, std::shared_ptr<Pacer> pacer,
                Writer& writer, CallContext& call)
        : pacer_(std::move(pacer)), writer_(writer), call_(call), stopped_(executor) {}
    ~PacedAnswer() override { pacer_->forget(this); }

    Task<void> run() {
        due();
        for (;;) {
            while (going_) {
                co_await stopped_.wait();
            }
            if (failure_) {
                std::rethrow_exception(failure_);
            }
            if (writer_.over()) {
                co_return;
            }
            co_await call_.wait_room();
            go_on();
        }
    }

    void due() override {
        try {
            writer_.say_next();
        } catch (...) {
            failure_ = std::current_exception();
        }
        if (!failure_ && !writer_.over() && has_room(call_)) {
            go_on();
        } else {
            going_ = false;
            stopped_.notify();
        }
    }

  private:
    void go_on() {
        going_ = true;
        pacer_->at(writer_.due(), this);
    }

    std::shared_ptr<Pacer> pacer_;
    Writer& writer_;
    CallContext& call_;
    Signal stopped_;
    std::exception_ptr failure_;
    bool going_ = false;
};

} // namespace

Task<void> ScriptResponder::respond(const AnswerRequest& request, const TextSink& sink,
                                    CallContext& call) {
    const Script script = parse_script(request.question.text);
    Writer writer(script, request.delivered.size(), sink);
    if (script.rate != 0 && !writer.over()) {
        const auto executor = co_await boost::asio::this_coro::executor;
        if (pacer_ == nullptr) {
            pacer_ = Pacer::make(executor);
        }
        PacedAnswer answer(executor, pacer_, writer, call);
        co_await answer.run();
        co_return;
    }
    while (!writer.over()) {
        writer.say_next();
        if (!has_room(call)) {
            co_await call.wait_room();
        }
    }
}

} // namespace mr::scripted

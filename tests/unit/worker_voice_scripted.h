// A detector and a model that do what a test says, and the loop on which it asks what came of it.
#pragma once

#include "worker/voice/local_recogniser.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

namespace mr::voice::test {

// A frame's first sample is its probability in percent; a negative one makes the detector fail.
inline constexpr Sample kSpeech = 90;

// A gate: while it is closed whoever comes waits for a permit, or until it is given up.
class Gate {
  public:
    void close() { set(true); }
    void open() { set(false); }
    void permit_one() {
        const std::scoped_lock lock(mutex_);
        ++permits_;
        changed_.notify_all();
    }
    // False: given up.
    bool pass(const std::atomic<bool>* given_up = nullptr) {
        std::unique_lock lock(mutex_);
        ++arrived_;
        while (closed_ && permits_ == 0 && (given_up == nullptr || !*given_up)) {
            changed_.wait_for(lock, std::chrono::milliseconds(1));
        }
        if (given_up != nullptr && *given_up) {
            ++given_up_;
            return false;
        }
        permits_ -= closed_ ? 1 : 0;
        return true;
    }
    int arrived() { return read(arrived_); }
    int given_up() { return read(given_up_); }

  private:
    void set(bool closed) {
        const std::scoped_lock lock(mutex_);
        closed_ = closed;
        changed_.notify_all();
    }
    int read(const int& value) {
        const std::scoped_lock lock(mutex_);
        return value;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closed_ = false;
    int permits_ = 0;
    int arrived_ = 0;
    int given_up_ = 0;
};

struct Script {
    Gate vad;
    Gate model;
    std::function<Heard(PcmView)> answer = [](PcmView) { return Heard{"hello there", 0.5}; };
};

class ScriptedVad final : public Vad {
  public:
    explicit ScriptedVad(Script& script) : script_(script) {}
    double probability(PcmView frame) override {
        script_.vad.pass();
        if (frame[0] < 0) {
            throw std::runtime_error("scripted");
        }
        return frame[0] / 100.0;
    }
    void reset() override {}

  private:
    Script& script_;
};

class ScriptedVads final : public VadFactory {
  public:
    explicit ScriptedVads(Script& script) : script_(script) {}
    std::string_view engine() const override { return "scripted"; }
    std::unique_ptr<Vad> make() override { return std::make_unique<ScriptedVad>(script_); }

  private:
    Script& script_;
};

class ScriptedModel final : public UtteranceModel {
  public:
    explicit ScriptedModel(Script& script) : script_(script) {}
    Heard recognise(PcmView samples, const std::atomic<bool>& given_up) override {
        if (!script_.model.pass(&given_up)) {
            return {};
        }
        return script_.answer(samples);
    }

  private:
    Script& script_;
};

class ScriptedModels final : public UtteranceModelFactory {
  public:
    explicit ScriptedModels(Script& script) : script_(script) {}
    std::string_view engine() const override { return "scripted"; }
    std::unique_ptr<UtteranceModel> make() override {
        return std::make_unique<ScriptedModel>(script_);
    }

  private:
    Script& script_;
};

// A recogniser with its loop.
class Listening {
  public:
    explicit Listening(LocalRecogniserOptions options = {})
        : recogniser(std::make_unique<LocalRecogniser>(context.get_executor(), options,
                                                       std::make_unique<ScriptedModels>(script),
                                                       std::make_unique<ScriptedVads>(script))) {}
    ~Listening() { // whatever has failed: no thread may stay behind a gate
        script.vad.open();
        script.model.open();
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

    std::unique_ptr<RecognitionStream> open(TalkMode mode = TalkMode::hands_free,
                                            const char* language = "en") {
        RecognitionOptions options;
        options.mode = mode;
        options.language = language;
        return run(recogniser->open(options)).value();
    }

    // The next event; throws what the stream throws.
    RecognitionEvent next(RecognitionStream& stream) { return run(stream.next()).value(); }

    // Runs the loop until it comes true.
    void until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition() && std::chrono::steady_clock::now() < end) {
            context.restart();
            context.run_for(std::chrono::milliseconds(2));
        }
        ASSERT_TRUE(condition());
    }

    template <typename T> std::optional<T> run(boost::asio::awaitable<T> work) {
        std::optional<T> result;
        std::exception_ptr failure;
        bool done = false;
        boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
            failure = error;
            done = true;
            if (!error) {
                result.emplace(std::move(value));
            }
        });
        until([&] { return done; });
        if (failure) {
            std::rethrow_exception(failure);
        }
        return result;
    }

    Script script;
    boost::asio::io_context context{1};
    std::unique_ptr<LocalRecogniser> recogniser;
};

// Frames of one value.
inline Pcm frames(int count, Sample value) {
    return Pcm(static_cast<size_t>(count) * kVadFrame, value);
}

} // namespace mr::voice::test

#include "worker/voice/flite/flite.h"

#include "worker/log.h"
#include "worker/voice/flite/flite_call.h"
#include "worker/voice/speech_queue.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

namespace mr::voice {
namespace {

namespace asio = boost::asio;

// What a clause on its way through the thread shares with the loop.
struct Job {
    std::string voice;
    double speed = 1;
    SaidClause clause;
    std::atomic<bool> given_up{false};
};

class FliteStream;

// Lives on the loop; the thread only passes it on.
struct Making {
    std::shared_ptr<SpeechQueue> queue;
    FliteStream* stream = nullptr; // null: gone
    std::shared_ptr<Job> job;      // under way, if any
};

// Runs on the thread: the sound of a clause, in pieces, to the loop.
class Speaking {
  public:
    Speaking(asio::any_io_executor loop, std::shared_ptr<Making> making, std::shared_ptr<Job> job)
        : loop_(std::move(loop)), making_(std::move(making)), job_(std::move(job)) {}

    void run();

  private:
    bool piece(PcmView samples) {
        samples_.insert(samples_.end(), samples.begin(), samples.end());
        if (samples_.size() >= to_samples(first_ ? kFliteFirstPieceMs : kFlitePieceMs)) {
            give(false);
        }
        return !job_->given_up;
    }
    void give(bool last);

    asio::any_io_executor loop_;
    std::shared_ptr<Making> making_;
    std::shared_ptr<Job> job_;
    Pcm samples_;
    bool first_ = true;
};

class FliteStream final : public QueuedSpeech {
  public:
    FliteStream(asio::any_io_executor loop, asio::thread_pool& thread,
                std::shared_ptr<unsigned> places, std::string voice, double speed)
        : QueuedSpeech(std::make_shared<SpeechQueue>(loop, kVoiceRate)), loop_(std::move(loop)),
          thread_(thread), places_(std::move(places)), voice_(std::move(voice)), speed_(speed),
          making_(std::make_shared<Making>()) {
        ++*places_;
        making_->queue = queue_;
        making_->stream = this;
        queue_->on_work = [this] { pump(); };
    }
    ~FliteStream() override {
        --*places_;
        making_->stream = nullptr;
        if (making_->job) {
            making_->job->given_up = true;
        }
    }

    // Begins the next clause, if there is one and room for its sound.
    void pump() {
        if (making_->job || !queue_->room()) {
            return;
        }
        std::optional<SaidClause> clause = queue_->take();
        if (!clause) {
            return;
        }
        const auto job = std::make_shared<Job>();
        job->voice = voice_;
        job->speed = speed_;
        job->clause = std::move(*clause);
        making_->job = job;
        asio::post(thread_,
                   [loop = loop_, making = making_, job] { Speaking(loop, making, job).run(); });
    }

  private:
    asio::any_io_executor loop_;
    asio::thread_pool& thread_;
    std::shared_ptr<unsigned> places_;
    std::string voice_;
    double speed_;
    std::shared_ptr<Making> making_;
};

void Speaking::run() {
    if (!job_->given_up) {
        const bool spoken = flite_speak(job_->voice, job_->clause.text, job_->speed,
                                        [this](PcmView samples) { return piece(samples); });
        if (!spoken) {
            log::warn("flite has made nothing of a clause",
                      {{"voice", job_->voice}, {"bytes", job_->clause.text.size()}});
        }
    }
    give(true);
}

void Speaking::give(bool last) {
    first_ = false;
    asio::post(loop_,
               [making = making_, job = job_, last, pcm = std::exchange(samples_, {})]() mutable {
                   if (making->stream == nullptr) {
                       return;
                   }
                   making->queue->put(job->clause.segment, std::move(pcm), last);
                   if (last) {
                       making->job.reset();
                       making->stream->pump();
                   }
               });
}

class Flite final : public Synthesiser {
  public:
    explicit Flite(FliteOptions options) : options_(std::move(options)) {
        if (!flite_has_voice(options_.voice)) {
            throw VoiceError(VoiceFault::refused,
                             "flite has no voice of that name: it has slt, rms, awb, kal16");
        }
    }
    ~Flite() override {
        thread_.stop();
        thread_.join();
    }

    std::string_view engine() const override { return "flite"; }
    unsigned sample_rate() const override { return kVoiceRate; }

    asio::awaitable<std::unique_ptr<SpeechStream>> open(SpeechOptions options) override {
        const std::string voice = options.voice.empty() ? options_.voice : options.voice;
        if (!flite_has_voice(voice)) {
            throw VoiceError(VoiceFault::bad_input,
                             "there is no such voice: this server has slt, rms, awb, kal16");
        }
        if (*places_ >= options_.max_streams) {
            throw too_many_spoken();
        }
        const auto executor = co_await asio::this_coro::executor;
        std::unique_ptr<SpeechStream> stream = std::make_unique<FliteStream>(
            executor, thread_, places_, voice, std::clamp(options.speed, kMinSpeed, kMaxSpeed));
        co_return stream;
    }

  private:
    FliteOptions options_;
    std::shared_ptr<unsigned> places_ = std::make_shared<unsigned>(0); // taken
    asio::thread_pool thread_{1};
};

} // namespace

std::shared_ptr<Synthesiser> make_flite(FliteOptions options) {
    return std::make_shared<Flite>(std::move(options));
}

} // namespace mr::voice

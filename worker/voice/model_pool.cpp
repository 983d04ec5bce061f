#include "worker/voice/model_pool.h"

#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/metrics/process.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

class ModelPool::Job {
  public:
    Job(Pcm samples, Urgency first_urgency, Done when_done)
        : audio(std::move(samples)), urgency(first_urgency), done(std::move(when_done)) {}

    const Pcm audio;
    std::atomic<bool> given_up = false;
    Urgency urgency; // guarded by the pool's mutex
    Done done;       // moved away by the thread that runs the job

    // For the metrics; the thread writes them before it hands the job back.
    const std::chrono::steady_clock::time_point submitted = std::chrono::steady_clock::now();
    double waited_s = 0;
    double cpu_s = 0;
};

namespace {

std::string_view step_of(Urgency urgency) {
    switch (urgency) {
    case Urgency::final:
        return "final";
    case Urgency::guess:
        return "guess";
    case Urgency::partial:
        break;
    }
    return "partial";
}

// On the loop, where alone an urgency is changed. Partial ones do not wait: they are not asked for.
void count(Urgency urgency, double waited_s, double cpu_s) {
    metrics::VoiceMeters& voice = metrics::meters().voice;
    voice.recognition_seconds.at({step_of(urgency)}).add(cpu_s);
    if (urgency != Urgency::partial) {
        voice.wait.at({"recognition"}).observe(waited_s);
    }
}

} // namespace

ModelPool::ModelPool(asio::any_io_executor home, std::unique_ptr<UtteranceModelFactory> factory,
                     unsigned threads)
    : home_(std::move(home)), factory_(std::move(factory)), thread_count_(std::max(threads, 1U)),
      threads_(thread_count_) {
    for (unsigned i = 0; i < thread_count_; ++i) {
        asio::post(threads_, [this] {
            try {
                give_back(factory_->make());
            } catch (const std::exception& error) {
                log::error("a recogniser of speech could not be made ready",
                           {{"engine", engine()}, {"cause", error.what()}});
            }
        });
    }
}

ModelPool::~ModelPool() {
    {
        const std::scoped_lock lock(mutex_);
        waiting_.clear();
        for (const JobHandle& job : running_) {
            job->given_up = true;
        }
    }
    threads_.stop();
    threads_.join();
}

ModelPool::JobHandle ModelPool::submit(Pcm audio, Urgency urgency, Done done) {
    auto job = std::make_shared<Job>(std::move(audio), urgency, std::move(done));
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(job);
        if (urgency == Urgency::final) {
            preempt_locked();
        }
    }
    asio::post(threads_, [this] { run_one(); });
    return job;
}

void ModelPool::make_urgent(const JobHandle& job) {
    const std::scoped_lock lock(mutex_);
    job->urgency = Urgency::final;
    if (std::ranges::find(waiting_, job) != waiting_.end()) {
        preempt_locked();
    }
}

void ModelPool::give_up(const JobHandle& job) {
    job->given_up = true;
    const std::scoped_lock lock(mutex_);
    std::erase(waiting_, job);
}

bool ModelPool::has_room() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.empty() && running_.size() < thread_count_;
}

void ModelPool::preempt_locked() {
    if (running_.size() < thread_count_) {
        return;
    }
    const auto partial = std::ranges::find_if(running_, [](const JobHandle& job) {
        return job->urgency == Urgency::partial && !job->given_up;
    });
    if (partial != running_.end()) {
        (*partial)->given_up = true;
    }
}

ModelPool::JobHandle ModelPool::take_locked() {
    const auto first = std::ranges::min_element(waiting_, {}, &Job::urgency); // the oldest of them
    if (first == waiting_.end()) {
        return nullptr;
    }
    JobHandle job = *first;
    waiting_.erase(first);
    running_.push_back(job);
    return job;
}

// On a thread of the pool.
void ModelPool::run_one() {
    JobHandle job;
    {
        const std::scoped_lock lock(mutex_);
        job = take_locked();
    }
    if (!job) { // it was given up while it waited
        return;
    }
    job->waited_s = metrics::seconds_since(job->submitted);
    const double cpu_before = metrics::thread_cpu_seconds();
    std::optional<Heard> heard = recognise(*job);
    job->cpu_s = metrics::thread_cpu_seconds() - cpu_before;
    if (job->given_up) {
        heard.reset();
    }
    {
        const std::scoped_lock lock(mutex_);
        std::erase(running_, job);
    }
    // What `done` holds belongs to the loop, and dies there.
    Done done = std::move(job->done);
    asio::post(home_,
               [job = std::move(job), done = std::move(done), heard = std::move(heard)]() mutable {
                   count(job->urgency, job->waited_s, job->cpu_s);
                   done(job, std::move(heard));
               });
}

std::optional<Heard> ModelPool::recognise(Job& job) {
    try {
        std::unique_ptr<UtteranceModel> model = take_model();
        Heard heard = model->recognise(job.audio, job.given_up);
        give_back(std::move(model));
        return heard;
    } catch (const std::exception& error) { // the model with it, if there was one
        log::error(
            "speech could not be recognised",
            {{"engine", engine()}, {"cause", error.what()}, {"audio_ms", to_ms(job.audio.size())}});
        return std::nullopt;
    }
}

std::unique_ptr<UtteranceModel> ModelPool::take_model() {
    {
        const std::scoped_lock lock(mutex_);
        if (!idle_.empty()) {
            std::unique_ptr<UtteranceModel> model = std::move(idle_.back());
            idle_.pop_back();
            return model;
        }
    }
    return factory_->make();
}

void ModelPool::give_back(std::unique_ptr<UtteranceModel> model) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(model));
}

} // namespace mr::voice

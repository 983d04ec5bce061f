// The threads on which an embedded engine recognises windows of sound, and who comes first: whoever
// has finished speaking, then who may have, then who is still speaking. Within one urgency it is
// first come, first served, and a caller has one job of each at a time, so that nobody starves.
//
// Called on the event loop; results come back to it. The loop outlives the pool.
#pragma once

#include "worker/voice/utterance_model.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace mr::voice {

enum class Urgency : uint8_t { final, guess, partial };

class ModelPool {
  public:
    class Job;
    using JobHandle = std::shared_ptr<Job>;
    // Nothing when the job was given up, or the model failed (which is in the log).
    using Done = std::function<void(const JobHandle&, std::optional<Heard>)>;

    // Each thread makes its model at once, which may take a second, and keeps it.
    ModelPool(boost::asio::any_io_executor home, std::unique_ptr<UtteranceModelFactory> factory,
              unsigned threads);
    ~ModelPool(); // gives up what runs and waits for it; drops what waits

    ModelPool(const ModelPool&) = delete;
    ModelPool& operator=(const ModelPool&) = delete;

    std::string_view engine() const { return factory_->engine(); }

    // `done` is called later on the loop, once, unless the job is given up while it waits. A final
    // job that finds all threads busy makes one of them give up a partial one.
    JobHandle submit(Pcm audio, Urgency urgency, Done done);
    void make_urgent(const JobHandle& job); // has become a final one
    void give_up(const JobHandle& job);

    // A thread is free and nothing waits: the moment for partial results.
    bool has_room() const;

  private:
    void run_one();
    JobHandle take_locked();
    void preempt_locked();
    std::optional<Heard> recognise(Job& job);
    std::unique_ptr<UtteranceModel> take_model();
    void give_back(std::unique_ptr<UtteranceModel> model);

    boost::asio::any_io_executor home_;
    std::unique_ptr<UtteranceModelFactory> factory_;
    unsigned thread_count_;
    mutable std::mutex mutex_; // guards the following
    std::deque<JobHandle> waiting_;
    std::vector<JobHandle> running_;
    std::vector<std::unique_ptr<UtteranceModel>> idle_;
    boost::asio::thread_pool threads_; // joined first
};

} // namespace mr::voice

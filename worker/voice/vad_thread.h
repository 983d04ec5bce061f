// One thread on which the frames of all streams are judged: a detector takes half a millisecond
// for a frame, and ten of that when it shares a thread with anything else.
//
// Called on the event loop; results come back to it. The loop outlives the thread. A stream has one
// piece on its way at a time, which bounds the queue by the number of streams and serves them in
// turn.
#pragma once

#include "worker/voice/vad.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace mr::voice {

class VadThread {
  public:
    // A probability for each frame; nothing when the detector failed (which is in the log).
    using Done = std::function<void(std::optional<std::vector<double>>)>;
    class Line; // one stream's detector
    using LineHandle = std::shared_ptr<Line>;

    VadThread(boost::asio::any_io_executor home, std::unique_ptr<VadFactory> factory);
    ~VadThread();

    VadThread(const VadThread&) = delete;
    VadThread& operator=(const VadThread&) = delete;

    std::string_view engine() const { return factory_->engine(); }

    LineHandle open() const;
    // `frames` are whole frames of kVadFrame samples. The work is skipped, and `done` not called,
    // when nobody else holds the line any more.
    void submit(const LineHandle& line, Pcm frames, Done done);

  private:
    boost::asio::any_io_executor home_;
    std::unique_ptr<VadFactory> factory_;
    boost::asio::thread_pool thread_;
};

} // namespace mr::voice

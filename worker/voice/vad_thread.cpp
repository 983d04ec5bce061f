#include "worker/voice/vad_thread.h"

#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/metrics/process.h"

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

namespace mr::voice {

namespace asio = boost::asio;

class VadThread::Line {
  public:
    std::unique_ptr<Vad> vad; // made and used on the thread
};

VadThread::VadThread(asio::any_io_executor home, std::unique_ptr<VadFactory> factory)
    : home_(std::move(home)), factory_(std::move(factory)), thread_(1) {}

VadThread::~VadThread() {
    thread_.stop();
    thread_.join();
}

VadThread::LineHandle VadThread::open() const {
    return std::make_shared<Line>();
}

void VadThread::submit(const LineHandle& line, Pcm frames, Done done) {
    // The line's owner may go while this waits: then nobody wants to know.
    auto job = [this, weak = std::weak_ptr<Line>(line), frames = std::move(frames),
                done = std::move(done)]() mutable {
        const LineHandle held = weak.lock();
        std::optional<std::vector<double>> result;
        const double cpu_before = metrics::thread_cpu_seconds();
        try {
            if (held && !held->vad) {
                held->vad = factory_->make();
            }
            std::vector<double> probabilities;
            for (size_t at = 0; held && at + kVadFrame <= frames.size(); at += kVadFrame) {
                probabilities.push_back(
                    held->vad->probability(PcmView(frames).subspan(at, kVadFrame)));
            }
            result = std::move(probabilities);
        } catch (const std::exception& error) {
            log::error("the voice activity detector failed",
                       {{"engine", engine()}, {"cause", error.what()}});
        }
        // What `done` holds belongs to the loop, and dies there.
        const double cpu_s = metrics::thread_cpu_seconds() - cpu_before;
        asio::post(home_, [cpu_s, done = std::move(done), result = std::move(result)]() mutable {
            metrics::meters().voice.recognition_seconds.at({"detector"}).add(cpu_s);
            done(std::move(result));
        });
    };
    asio::post(thread_, std::move(job));
}

} // namespace mr::voice

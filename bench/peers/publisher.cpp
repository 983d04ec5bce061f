// mr-peer-publisher: the other half of a peer with a broker. The server takes connections and hands
// on what comes by the broker; this process, in place of a worker, is told by the broker which
// session wants events, and publishes them when they are due. All that is due at a time goes out in
// one write (up to kMostAtOnce events): it costs a peer less than what its users would write.
#include "bench/load/clock.h"
#include "bench/peers/broker.h"
#include "bench/peers/streams.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr int64_t kLookNs = 5 * kNsPerMs;
constexpr size_t kMostAtOnce = 512; // events, before it looks whether the broker is full

class Publisher {
  public:
    Publisher(const std::string& kind, const std::string& address, uint16_t port)
        : broker_(make_broker(kind, loop_, address, port, [this](const PeerStart& start) {
              streams_.start(std::hash<std::string>()(start.session), start, now_ns());
              arm();
          })) {
        announce();
    }

    void run() { loop_.run(); }

  private:
    void announce();
    void arm();
    void write_due();

    Loop loop_;
    Streams streams_;
    std::unique_ptr<Broker> broker_;
    int64_t armed_ns_ = kNeverDue;
};

// A line on standard output as soon as sessions may ask.
void Publisher::announce() {
    if (broker_->listens()) {
        std::printf("listening for sessions\n");
        std::fflush(stdout);
    } else {
        loop_.at(now_ns() + kLookNs, [this] { announce(); });
    }
}

void Publisher::arm() {
    int64_t due = streams_.next_due_ns();
    if (due != kNeverDue && broker_->full()) {
        due = std::max(due, now_ns() + kNsPerMs);
    }
    if (due < armed_ns_) {
        armed_ns_ = due;
        loop_.at(due, [this, due] {
            if (due == armed_ns_) {
                write_due();
            }
        });
    }
}

void Publisher::write_due() {
    armed_ns_ = kNeverDue;
    if (!broker_->full()) {
        streams_.take_due(now_ns(), kMostAtOnce, [this](const Streams::Due& due) {
            broker_->publish(*due.start, due.stamp);
        });
        broker_->flush();
    }
    arm();
}

} // namespace
} // namespace mr::bench

int main(int argc, char** argv) {
    std::string kind = "redis", address;
    uint16_t port = 0;
    CLI::App app("Publishes the events that sessions of a peer have asked for (bench/peers).");
    app.add_option("--broker", kind, std::string(mr::bench::kBrokerKinds) + " [redis]");
    app.add_option("--address", address, "unix:/path or 127.0.0.1:port")->required();
    app.add_option("--port", port, "pushpin: of the loopback, where its backend listens");
    CLI11_PARSE(app, argc, argv);
    try {
        mr::bench::Publisher publisher(kind, address, port);
        publisher.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mr-peer-publisher: %s\n", error.what());
        return 1;
    }
    return 0;
}

#include "bench/load/clock.h"
#include "bench/load/session.h"
#include "bench/tool/storm.h"

#include <memory>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kMaxFailures = 100;

// Each of them opens, waits for the greeting, goes away by reset and begins again.
class Handshakes final : public SessionOwner {
  public:
    Handshakes(const Common& common, const HandshakeOptions& options)
        : common_(common), options_(options), rig_(common), meter_(common, rig_.loop) {}

    Result result();

  private:
    void session_ready(Session& session, bool resumed) override;
    void session_turn_over(Session&) override {}
    void session_lost(Session& session, const std::string& why) override;
    void again(Session& session);

    const Common& common_;
    const HandshakeOptions& options_;
    Rig rig_;
    Meter meter_;
    std::vector<std::unique_ptr<Session>> sessions_;
    int64_t from_ = 0, until_ = 0;
    uint64_t done_ = 0, failed_ = 0;
    std::string last_failure_;
    Histogram greeting_us_;
    Result result_;
};

void Handshakes::session_ready(Session& session, bool) {
    const int64_t now = now_ns();
    if (now >= from_ && now < until_) {
        ++done_;
        greeting_us_.add(static_cast<uint64_t>((now - session.client().begun_ns()) / kNsPerUs));
    }
    again(session);
}

// Not from inside the client's own callback.
void Handshakes::again(Session& session) {
    rig_.loop.at(0, [this, &session] {
        session.vanish();
        session.forget();
        if (now_ns() < until_ && failed_ < kMaxFailures) {
            session.open();
        }
    });
}

void Handshakes::session_lost(Session& session, const std::string& why) {
    ++failed_;
    last_failure_ = why;
    again(session);
}

Result Handshakes::result() {
    if (!raise_descriptors(options_.at_once + 64)) {
        throw std::runtime_error("the limit of open files is too low: ulimit -n");
    }
    from_ = now_ns() + ns_of(common_.warmup_s);
    until_ = from_ + ns_of(common_.seconds);
    for (uint64_t i = 0; i < options_.at_once; ++i) {
        sessions_.push_back(std::make_unique<Session>(rig_.clients, *this, i));
        sessions_.back()->open();
    }
    rig_.loop.at(from_, [this] { meter_.begin(); });
    rig_.loop.at(until_, [this] {
        meter_.end(result_, static_cast<double>(done_), "handshake");
        rig_.loop.stop();
    });
    meter_.progress([this] { return std::to_string(done_) + " handshakes"; },
                    [this] { return Json{{"handshakes", done_}}; });
    rig_.loop.run();
    result_.scenario = "handshakes";
    result_.config = {{"url", common_.url},
                      {"at_once", options_.at_once},
                      {"tickets", !common_.no_tickets},
                      {"warmup_s", common_.warmup_s},
                      {"seconds", common_.seconds}};
    result_.times["until_greeting"] = greeting_us_;
    result_.rates["handshakes_per_s"] = static_cast<double>(done_) / common_.seconds;
    result_.counts["handshakes"] = done_;
    result_.counts["failed"] = failed_;
    result_.counts["tls_full"] = rig_.full_handshakes;
    result_.counts["tls_resumed"] = rig_.resumed_handshakes;
    if (failed_ != 0) {
        result_.broken.emplace_back("handshakes failed: " + last_failure_);
    }
    return result_;
}

} // namespace

Result run_handshakes(const Common& common, const HandshakeOptions& options) {
    return Handshakes(common, options).result();
}

} // namespace mr::bench

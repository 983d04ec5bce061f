#include "bench/tool/handshakes.h"

#include "bench/load/fetch.h"
#include "bench/load/session.h"
#include "bench/tool/beside.h"
#include "bench/tool/turnstile.h"

#include <memory>
#include <vector>

namespace mr::bench {
namespace {

// Each of them opens, waits for the greeting, goes away by reset and begins again.
class Handshakes final : private Turnstile, public SessionOwner {
  public:
    Handshakes(const Common& common, uint64_t at_once) : Turnstile(common, at_once, "handshake") {}

    Result result() { return run("until_greeting"); }

  private:
    void open(uint64_t number) override {
        sessions_.push_back(std::make_unique<Session>(rig_.clients, *this, number));
        sessions_.back()->open();
    }
    void again(uint64_t number) override {
        Session& session = *sessions_[number];
        session.vanish();
        session.forget();
        if (goes_on()) {
            session.open();
        }
    }
    void session_ready(Session& session, bool) override {
        succeeded(session.number, session.client().begun_ns());
    }
    void session_turn_over(Session&) override {}
    void session_lost(Session& session, const std::string& why) override {
        failed(session.number, why);
    }

    std::vector<std::unique_ptr<Session>> sessions_;
};

class Requests final : private Turnstile, public FetchOwner {
  public:
    Requests(const Common& common, uint64_t at_once) : Turnstile(common, at_once, "request") {}

    Result result() { return run("until_closed"); }

  private:
    void open(uint64_t number) override {
        fetches_.push_back(std::make_unique<Fetch>(rig_.clients, *this, number));
        fetches_.back()->begin();
    }
    void again(uint64_t number) override {
        if (goes_on()) {
            fetches_[number]->begin();
        }
    }
    void fetch_over(Fetch& fetch, const std::string& why) override {
        if (why.empty()) {
            succeeded(fetch.number, fetch.begun_ns());
        } else {
            failed(fetch.number, why);
        }
    }

    std::vector<std::unique_ptr<Fetch>> fetches_;
};

} // namespace

Result run_handshakes(const Common& common, const HandshakeOptions& options) {
    if (options.beside.empty()) {
        return Handshakes(common, options.at_once).result();
    }
    return run_beside(common, options,
                      {[&](const Common& leg) { return Handshakes(leg, options.at_once).result(); },
                       [&](const Common& leg) { return Requests(leg, options.at_once).result(); }});
}

} // namespace mr::bench

// Many sessions that open over time: what every scenario begins with. The scenario derives from it
// and says what they do then.
#pragma once

#include "bench/load/session.h"
#include "bench/tool/common.h"

#include <memory>
#include <vector>

namespace mr::bench {

class Crowd : public SessionOwner {
  public:
    Crowd(const Common& common, uint64_t sessions);
    virtual ~Crowd() = default;

    // Opens all, calls opened(), runs until finish(). Throws std::runtime_error when sessions
    // cannot be opened.
    void run();

  protected:
    virtual void opened() = 0; // all are ready
    void finish() { rig_.loop.stop(); }

    void session_ready(Session& session, bool resumed) override;
    void session_lost(Session& session, const std::string& why) override;
    // Handshakes, exactness, connections lost: into the result of every scenario.
    void note(Result& result) const;

    const Common& common_;
    Rig rig_;
    Meter meter_;
    std::vector<std::unique_ptr<Session>> sessions_;
    Histogram connect_us_, tls_us_, upgrade_us_;
    uint64_t ready_ = 0;
    uint64_t lost_ = 0;
    bool leaving_ = false;
    std::string last_loss_;

  private:
    void open_next();
    void give_up(const std::string& why);

    uint64_t begun_ = 0;
    bool all_open_ = false;
    int64_t first_ns_ = 0;
    uint64_t failed_ = 0;
    std::string fatal_;
};

} // namespace mr::bench

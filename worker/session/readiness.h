// Whether this worker can do its work, told to others by a file that exists exactly as long: every
// link is up, the lease is held, Redis takes writes and lets its user run what is needed, a probe
// published on the commands link has come back over the subscriptions link within the last two
// seconds, and nobody has asked the worker to take no more. Looks four times a second, probes once
// a second (three commands and a publication, nothing that changes data). Also drops a
// subscriptions link that is connected and delivers nothing.
#pragma once

#include "worker/redis/subscriber.h"
#include "worker/session/relay.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mr {

inline constexpr std::chrono::milliseconds kReadinessLook{250};
inline constexpr std::chrono::milliseconds kProbeEvery{1000};
inline constexpr std::chrono::milliseconds kProbeFresh{2000}; // a round trip counts for so long
inline constexpr std::chrono::milliseconds kProbeLost{2000};  // published and not heard: dead link
inline constexpr std::chrono::seconds kPermissionsEvery{3};

class Readiness final : public redis::ChannelListener,
                        public std::enable_shared_from_this<Readiness> {
  public:
    struct NamedLink {
        std::string name;
        std::shared_ptr<redis::Link> link;
    };

    // `file` may be empty: then only the log tells.
    static std::shared_ptr<Readiness> make(Relay& relay, std::vector<NamedLink> links,
                                           std::string file);

    // Until withdraw(). One call. `on_first` is called when the worker is ready for the first time.
    boost::asio::awaitable<void> run(std::function<void()> on_first);
    // Something has changed: look now.
    void look() { changed_.notify(); }
    // Not ready any more, for good: the file is gone when this returns.
    void withdraw(std::string_view cause);
    bool ready() const { return ready_; }
    // Why not; empty when ready.
    std::string why_not() const {
        return ready_ ? "" : last_cause_.empty() ? "starting" : last_cause_;
    }

  private:
    using Clock = std::chrono::steady_clock;

    Readiness(Relay& relay, std::vector<NamedLink> links, std::string file);

    void subscribed() override;
    void published(std::string_view message) override;

    void probe();
    void publish();
    void check_permissions();
    void take_permissions(const redis::Answer& answer);
    void judge_subscriptions(bool late);
    std::string trouble() const; // empty: none
    void update();
    void write_file();
    void renew_file();

    Relay& relay_;
    std::vector<NamedLink> links_;
    std::string file_;
    std::string channel_;
    Signal changed_;
    std::function<void()> on_first_;
    std::string withdrawn_;  // why, if it is
    std::string refusal_;    // what Redis says to a write
    std::string missing_;    // what its user may not run
    std::string last_cause_; // as logged
    uint64_t sent_ = 0;
    Clock::time_point heard_at_{};
    Clock::time_point unheard_since_{};
    Clock::time_point next_probe_{};
    Clock::time_point next_permissions_{};
    Clock::time_point red_since_{};
    bool checked_ = false; // the permissions, once
    bool subscribed_ = false;
    bool ready_ = false;
};

} // namespace mr

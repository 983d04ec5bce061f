#include "bench/tool/turnstile.h"

#include "bench/load/clock.h"

#include <stdexcept>

namespace mr::bench {
namespace {

constexpr uint64_t kMaxFailures = 100;
constexpr uint64_t kSpareDescriptors = 64;

} // namespace

Turnstile::Turnstile(const Common& common, uint64_t at_once, const char* what)
    : common_(common), at_once_(at_once), rig_(common), what_(what), meter_(common, rig_.loop) {
    if (!raise_descriptors(at_once + kSpareDescriptors)) {
        throw std::runtime_error("the limit of open files is too low: ulimit -n");
    }
}

bool Turnstile::goes_on() const {
    return now_ns() < until_ && failed_ < kMaxFailures;
}

void Turnstile::succeeded(uint64_t number, int64_t begun_ns) {
    const int64_t now = now_ns();
    if (now >= from_ && now < until_) {
        ++done_;
        times_us_.add(static_cast<uint64_t>((now - begun_ns) / kNsPerUs));
    }
    over(number);
}

void Turnstile::failed(uint64_t number, const std::string& why) {
    ++failed_;
    last_failure_ = why;
    over(number);
}

void Turnstile::over(uint64_t number) {
    rig_.loop.at(0, [this, number] { again(number); });
}

Result Turnstile::run(const char* time_name) {
    Result result;
    from_ = now_ns() + ns_of(common_.warmup_s);
    until_ = from_ + ns_of(common_.seconds);
    for (uint64_t i = 0; i < at_once_; ++i) {
        open(i);
    }
    rig_.loop.at(from_, [this] { meter_.begin(); });
    rig_.loop.at(until_, [this, &result] {
        meter_.end(result, static_cast<double>(done_), what_);
        rig_.loop.stop();
    });
    meter_.progress([this] { return std::to_string(done_) + " " + what_ + "s"; },
                    [this] { return Json{{what_ + "s", done_}}; });
    rig_.loop.run();
    result.scenario = what_ + "s";
    result.config = {{"url", common_.url},
                     {"at_once", at_once_},
                     {"tickets", !common_.no_tickets},
                     {"warmup_s", common_.warmup_s},
                     {"seconds", common_.seconds}};
    result.times[time_name] = times_us_;
    result.rates[what_ + "s_per_s"] = static_cast<double>(done_) / common_.seconds;
    result.counts[what_ + "s"] = done_;
    result.counts["failed"] = failed_;
    result.counts["tls_full"] = rig_.full_handshakes;
    result.counts["tls_resumed"] = rig_.resumed_handshakes;
    if (failed_ != 0) {
        result.broken.emplace_back(what_ + "s failed: " + last_failure_);
    }
    return result;
}

} // namespace mr::bench

#include "bench/tool/beside.h"

#include "bench/tool/legs.h"

#include <stdexcept>

namespace mr::bench {
namespace {

double resumed_share(const Result& leg) {
    const double full = leg.counts.value("tls_full", 0.0);
    const double resumed = leg.counts.value("tls_resumed", 0.0);
    return full + resumed > 0 ? resumed / (full + resumed) : 0;
}

class Beside {
  public:
    Beside(const Common& common, const HandshakeOptions& options, const BesideLegs& legs)
        : common_(common), options_(options), run_(legs), legs_(result_, common.quiet) {}

    Result result();

  private:
    void round(bool resume);
    void leg(bool handshakes, bool resume);
    void note(const std::string& kind);

    const Common& common_;
    const HandshakeOptions& options_;
    const BesideLegs& run_;
    Result result_;
    Legs legs_;
};

void Beside::leg(bool handshakes, bool resume) {
    Common common = common_;
    common.url = handshakes ? common_.url : options_.beside;
    common.no_tickets = !resume;
    common.quiet = true;
    Result one = handshakes ? run_.handshakes(common) : run_.requests(common);
    const std::string kind = std::string(resume ? "resumed_" : "full_") + one.scenario;
    const std::string each = handshakes ? "handshake" : "request";
    one.rates["per_s"] = one.rates[each + "s_per_s"];
    for (const char* role : {"nginx", "redis"}) {
        if (const double us = one.rates.value(role + ("_us_per_" + each), 0.0); us > 0) {
            one.rates[std::string(role) + "_us"] = us;
        }
    }
    one.rates["resumed_share"] = resumed_share(one);
    result_.times[kind] = one.times.begin()->second;
    result_.counts[kind] =
        result_.counts.value(kind, uint64_t{0}) + one.counts.at(one.scenario).get<uint64_t>();
    legs_.add(kind, one);
}

void Beside::round(bool resume) {
    for (const bool handshakes : {true, false, false, true}) {
        leg(handshakes, resume);
    }
}

// How many a second, what nginx needs for one, and so how many a full core of nginx does. That
// share holds also where the generator is slower than the server; rates do not.
void Beside::note(const std::string& kind) {
    Json& rates = result_.rates;
    const std::string a = kind + "_handshakes", b = kind + "_requests";
    for (const std::string& each : {a, b}) {
        rates[each + "_per_s"] = legs_.median_of(each, "per_s");
        if (const double us = legs_.median_of(each, "nginx_us"); us > 0) {
            rates[each + "_nginx_us"] = us;
            rates[each + "_per_nginx_core"] = 1e6 / us;
        }
    }
    if (const double us = legs_.median_of(a, "redis_us"); us > 0) {
        rates[a + "_redis_us"] = us;
    }
    if (legs_.invalid() == 0) {
        rates[kind + "_share_of_nginx_by_rate"] = legs_.ratio_of(b, a, "per_s");
    }
    if (const double share = legs_.ratio_of(a, b, "nginx_us"); share > 0) {
        rates[kind + "_share_of_nginx_by_cpu"] = share;
    }
}

Result Beside::result() {
    for (const bool resume : {false, true}) {
        for (uint64_t i = 0; i < options_.rounds && !(resume && common_.no_tickets); ++i) {
            round(resume);
        }
    }
    note("full");
    if (!common_.no_tickets) {
        note("resumed");
    }
    result_.scenario = "handshakes_beside";
    result_.config = {{"url", common_.url},           {"beside", options_.beside},
                      {"at_once", options_.at_once},  {"rounds", options_.rounds},
                      {"warmup_s", common_.warmup_s}, {"seconds", common_.seconds}};
    legs_.note_invalid(": the rates are its own and left out of the shares; CPU holds");
    if (watched_processes(common_).empty()) {
        result_.invalid.emplace_back("no processes are watched: --instance or --watch");
    }
    return result_;
}

} // namespace

Result run_beside(const Common& common, const HandshakeOptions& options, const BesideLegs& legs) {
    if (read_target(options.beside).tls != read_target(common.url).tls) {
        throw std::runtime_error("--beside " + options.beside + " and " + common.url +
                                 ": one with TLS and one without do not compare");
    }
    return Beside(common, options, legs).result();
}

} // namespace mr::bench

#include "bench/tool/legs.h"

#include "bench/load/statistics.h"

#include <algorithm>
#include <cstdio>

namespace mr::bench {

void Legs::add(const std::string& kind, const Result& leg) {
    Json figures = {{"leg", kind}};
    for (const auto& [name, times] : leg.times) {
        figures[name + "_p50_ms"] = static_cast<double>(times.quantile(0.5)) / 1000;
        figures[name + "_p99_ms"] = static_cast<double>(times.quantile(0.99)) / 1000;
    }
    figures.update(leg.rates);
    if (!leg.invalid.empty()) {
        ++invalid_;
        figures["invalid"] = leg.invalid;
    }
    for (const std::string& what : leg.broken) {
        whole_.broken.push_back(kind + ": " + what);
    }
    whole_.measured_s += leg.measured_s;
    whole_.series.push_back(figures);
    ++count_;
    if (!quiet_) {
        std::fprintf(stderr, "%s\n", figures.dump().c_str());
    }
    legs_[kind].push_back(std::move(figures));
}

void Legs::note_invalid(const std::string& consequence) {
    if (invalid_ != 0) {
        whole_.invalid.push_back("the generator was the bottleneck in " + std::to_string(invalid_) +
                                 " of " + std::to_string(count_) + " legs" + consequence);
    }
}

std::vector<double> Legs::values_of(const std::string& kind, const std::string& figure) const {
    std::vector<double> values;
    const auto found = legs_.find(kind);
    if (found != legs_.end()) {
        for (const Json& leg : found->second) {
            if (leg.contains(figure)) {
                values.push_back(leg.at(figure).get<double>());
            }
        }
    }
    return values;
}

double Legs::median_of(const std::string& kind, const std::string& figure) const {
    return median(values_of(kind, figure));
}

double Legs::ratio_of(const std::string& a, const std::string& b, const std::string& figure) const {
    const std::vector<double> from = values_of(a, figure);
    const std::vector<double> to = values_of(b, figure);
    std::vector<double> ratios;
    for (size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
        if (from[i] > 0) {
            ratios.push_back(to[i] / from[i]);
        }
    }
    return median(ratios);
}

} // namespace mr::bench

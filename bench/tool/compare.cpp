#include "bench/tool/compare.h"

#include "bench/load/result.h"
#include "bench/load/statistics.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace mr::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kSignificant = 0.05;
constexpr size_t kFewest = 4; // of each side: below that no verdict

struct Side {
    std::string scenario;
    size_t runs = 0;
    size_t left_out = 0; // invalid ones
    std::map<std::string, std::vector<double>> figures;
};

void take(const Json& values, const std::string& prefix, Side& side) {
    for (const auto& [name, value] : values.items()) {
        if (value.is_number()) {
            side.figures[prefix + name].push_back(value.get<double>());
        }
    }
}

void take_file(const fs::path& path, Side& side) {
    std::ifstream file(path);
    const Json summary = Json::parse(file, nullptr, false);
    if (!summary.is_object() || summary.value("version", 0) != kResultVersion) {
        throw std::runtime_error(path.string() + " is no result of this mr-bench");
    }
    const std::string scenario = summary.at("scenario");
    if (!side.scenario.empty() && side.scenario != scenario) {
        throw std::runtime_error(path.string() + " is of another scenario (" + scenario +
                                 ") than the results beside it (" + side.scenario + ")");
    }
    side.scenario = scenario;
    if (!summary.at("invalid").empty()) {
        ++side.left_out;
        return;
    }
    ++side.runs;
    take(summary.at("rates"), "", side);
    take(summary.at("memory_kib"), "memory.", side);
    for (const auto& [name, times] : summary.at("times").items()) {
        for (const char* share : {"p50_ms", "p99_ms", "max_ms"}) {
            side.figures[name + "." + share].push_back(times.at(share).get<double>());
        }
    }
}

Side read_side(const std::string& name) {
    Side side;
    if (fs::is_directory(name)) {
        for (const auto& entry : fs::recursive_directory_iterator(name)) {
            if (entry.path().filename() == "summary.json") {
                take_file(entry.path(), side);
            }
        }
    } else {
        take_file(name, side);
    }
    if (side.runs == 0) {
        throw std::runtime_error(name + " has no valid result (summary.json) in it");
    }
    return side;
}

bool wanted(const CompareOptions& options, const std::string& figure) {
    return options.only.empty() ||
           std::any_of(options.only.begin(), options.only.end(),
                       [&figure](const std::string& one) { return figure.rfind(one, 0) == 0; });
}

struct Row {
    double first = 0, second = 0, ratio = 0, p = 1;
    Interval interval;
    const char* verdict = "";
    bool worse = false;
};

Row judge(const std::string& figure, const std::vector<double>& first,
          const std::vector<double>& second, double least_effect) {
    Row row;
    row.first = median(first);
    row.second = median(second);
    row.ratio = row.first != 0 ? row.second / row.first : 0;
    const int direction = direction_of(figure);
    if (first.size() < kFewest || second.size() < kFewest) {
        row.verdict = direction != 0 ? "too few runs" : "";
        return row;
    }
    row.interval = ratio_interval(first, second);
    row.p = mann_whitney_p(first, second);
    const bool differs = row.p < kSignificant && (row.interval.low > 1 || row.interval.high < 1) &&
                         std::abs(row.ratio - 1) >= least_effect;
    if (direction != 0) {
        row.worse = differs && (row.ratio > 1) == (direction < 0);
        row.verdict = !differs ? "same" : row.worse ? "WORSE" : "better";
    }
    return row;
}

} // namespace

int direction_of(const std::string& figure) {
    const auto ends = [&figure](const char* end) {
        const std::string_view tail(end);
        return figure.size() >= tail.size() &&
               figure.compare(figure.size() - tail.size(), tail.size(), tail) == 0;
    };
    if (figure.rfind("generator", 0) == 0 || ends("_core")) {
        return 0;
    }
    if (ends("_ms") || figure.find("_us_per_") != std::string::npos || ends("_per_connection")) {
        return -1;
    }
    return ends("_per_s") || figure == "delivered" || figure == "goodput" || figure == "knee" ? 1
                                                                                              : 0;
}

bool run_compare(const CompareOptions& options) {
    const Side first = read_side(options.first);
    const Side second = read_side(options.second);
    if (first.scenario != second.scenario) {
        throw std::runtime_error("the results are of different scenarios: " + first.scenario +
                                 " and " + second.scenario);
    }
    Json table = Json::object();
    bool worse = false;
    std::printf("%s: %zu and %zu runs%s\n\n%-34s %12s %12s %7s  %-15s %6s\n",
                first.scenario.c_str(), first.runs, second.runs,
                first.left_out + second.left_out != 0 ? " (invalid ones left out)" : "", "",
                "first", "second", "ratio", "95 %", "p");
    for (const auto& [figure, values] : first.figures) {
        const auto other = second.figures.find(figure);
        if (other == second.figures.end() || !wanted(options, figure)) {
            continue;
        }
        const Row row = judge(figure, values, other->second, options.least_effect);
        worse = worse || row.worse;
        char interval[32] = "";
        if (row.interval.high != 0) {
            std::snprintf(interval, sizeof(interval), "%.3f to %.3f", row.interval.low,
                          row.interval.high);
        }
        std::printf("%-34s %12.3f %12.3f %7.3f  %-15s %6.3f  %s\n", figure.c_str(), row.first,
                    row.second, row.ratio, interval, row.p, row.verdict);
        table[figure] = {{"first", row.first},        {"second", row.second},
                         {"ratio", row.ratio},        {"low", row.interval.low},
                         {"high", row.interval.high}, {"p", row.p},
                         {"verdict", row.verdict}};
    }
    if (options.json) {
        std::printf("%s\n", table.dump().c_str());
    }
    return !(options.gate && worse);
}

} // namespace mr::bench

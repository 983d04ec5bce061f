#include "bench/tool/report.h"

#include "bench/load/result.h"
#include "bench/tool/svg.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace mr::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStyle = R"css(
:root{--paper:#fff;--ink:#1d2430;--faint:#8a93a3;--grid:#e4e8ee;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e6eaf0;--faint:#8a93a3;--grid:#2a313b;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:960px;
margin:2rem auto;padding:0 1rem}
h2{margin-top:3rem;border-bottom:1px solid var(--grid)}h3{font-size:1rem;margin:.5rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.15rem .8rem .15rem 0;text-align:right}td:first-child,th:first-child{text-align:left}
figure{margin:1rem 0}svg{width:100%;height:auto}svg text{fill:var(--faint);font-size:11px}
.grid{stroke:var(--grid)}.line{fill:none;stroke-width:1.8}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
.c0{stroke:#2f6fde}.c1{stroke:#e07b39}.c2{stroke:#2a9d6f}.c3{stroke:#b24fc2}.c4{stroke:#c0392b}.c5{stroke:#7f8c8d}
.fill,.key{stroke:none}.fill.c0,.key.c0{fill:#2f6fde;background:#2f6fde}.fill.c1,.key.c1{fill:#e07b39;background:#e07b39}
.fill.c2,.key.c2{fill:#2a9d6f;background:#2a9d6f}.fill.c3,.key.c3{fill:#b24fc2;background:#b24fc2}
.fill.c4,.key.c4{fill:#c0392b;background:#c0392b}.fill.c5,.key.c5{fill:#7f8c8d;background:#7f8c8d}
.bad{color:var(--bad);font-weight:600}.faint{color:var(--faint)}code{font-size:.9em}
)css";

struct Found {
    fs::path folder;
    Json summary;
    std::string name() const {
        return summary.at("scenario").get<std::string>() + ", " + folder.filename().string();
    }
};

std::vector<Found> find_results(const std::vector<std::string>& inputs) {
    std::vector<Found> results;
    for (const std::string& input : inputs) {
        if (!fs::is_directory(input)) {
            throw std::runtime_error(input + " is no folder of results");
        }
        for (const auto& entry : fs::recursive_directory_iterator(input)) {
            if (entry.path().filename() == "summary.json") {
                std::ifstream file(entry.path());
                Json summary = Json::parse(file, nullptr, false);
                if (!summary.is_object() || summary.value("version", 0) != kResultVersion) {
                    throw std::runtime_error(entry.path().string() +
                                             " is no result of this mr-bench");
                }
                results.push_back({entry.path().parent_path(), std::move(summary)});
            }
        }
    }
    if (results.empty()) {
        throw std::runtime_error("there is no summary.json below " + inputs.front());
    }
    std::sort(results.begin(), results.end(), [](const Found& one, const Found& other) {
        return one.folder.string() < other.folder.string();
    });
    return results;
}

// Lines of a .hgrm file: value and 1/(1-share).
Line curve_of(const fs::path& path) {
    Line line{path.stem().string(), {}};
    std::ifstream file(path);
    for (std::string text; std::getline(file, text);) {
        double value = 0, share = 0, count = 0, inverse = 0;
        if (std::sscanf(text.c_str(), "%lf %lf %lf %lf", &value, &share, &count, &inverse) == 4) {
            line.points.emplace_back(std::max(1.0, inverse), value);
        }
    }
    return line;
}

std::string percentile_chart(const Found& found) {
    std::vector<Line> lines;
    for (const char* name : {"latency", "first_event", "first_text", "longest_gap", "turn",
                             "until_greeting", "until_back"}) {
        const fs::path path = found.folder / (std::string(name) + ".hgrm");
        if (fs::exists(path)) {
            Line line = curve_of(path);
            if (line.points.size() > 1) {
                lines.push_back(std::move(line));
            }
        }
    }
    if (lines.empty()) {
        return "";
    }
    const Axis x{"percentile",
                 true,
                 {{1, "0"}, {2, "50"}, {10, "90"}, {100, "99"}, {1000, "99.9"}, {10000, "99.99"}}};
    return line_chart("Percentiles", x, {"ms", true, {}}, lines);
}

// Growing sums become rates: what happened in each second.
void to_rates(Line& line) {
    std::vector<std::pair<double, double>> rates;
    for (size_t i = 1; i < line.points.size(); ++i) {
        const double seconds = line.points[i].first - line.points[i - 1].first;
        if (seconds > 0) {
            rates.emplace_back(line.points[i].first,
                               (line.points[i].second - line.points[i - 1].second) / seconds);
        }
    }
    line.points = std::move(rates);
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

using Lines = std::vector<Line>;

// The series' numbers by the name that `wanted` lets pass, over `by`.
template <typename Wanted>
Lines lines_of(const Json& series, const char* by, bool sums, const Wanted& wanted) {
    std::map<std::string, Line> lines;
    for (const Json& point : series) {
        for (const auto& [name, value] : point.items()) {
            if (name != by && value.is_number() && point.contains(by) && wanted(name)) {
                lines[name].points.emplace_back(point.at(by).get<double>(), value.get<double>());
            }
        }
    }
    Lines all;
    for (auto& [name, line] : lines) {
        std::sort(line.points.begin(), line.points.end());
        line.name = name;
        if (sums) {
            to_rates(line);
        }
        if (line.points.size() > 1) {
            all.push_back(std::move(line));
        }
    }
    return all;
}

std::string series_chart(const Found& found) {
    const Json& series = found.summary.at("series");
    if (series.empty()) {
        return "";
    }
    const auto in_ms = [](const std::string& name) { return ends_with(name, "_ms"); };
    if (series.front().contains("rate")) {
        const Lines lines = lines_of(series, "rate", false, in_ms);
        return lines.empty() ? ""
                             : line_chart("Load against latency",
                                          {"events a second of each session", true, {}},
                                          {"ms", true, {}}, lines);
    }
    const auto in_kib = [](const std::string& name) { return ends_with(name, "_kib"); };
    const Lines sums = lines_of(series, "at_s", true, [&](const std::string& name) {
        return !in_ms(name) && !in_kib(name);
    });
    const Lines memory = lines_of(series, "at_s", false, in_kib);
    std::string html;
    if (!sums.empty()) {
        html += line_chart("Each second", {"seconds", false, {}}, {"a second", false, {}}, sums);
    }
    if (!memory.empty()) {
        html += line_chart("Memory", {"seconds", false, {}}, {"KiB", false, {}}, memory);
    }
    return html;
}

std::string phases_chart(const Found& found) {
    Bar p50{"p50", {}}, p99{"p99", {}};
    for (const auto& [name, times] : found.summary.at("times").items()) {
        if (name.rfind("phase_", 0) == 0) {
            p50.parts.emplace_back(name.substr(6), times.at("p50_ms").get<double>());
            p99.parts.emplace_back(name.substr(6), times.at("p99_ms").get<double>());
        }
    }
    return p50.parts.empty() ? "" : bar_chart("Phases, one after the other", "ms", {p50, p99});
}

std::string cpu_chart(const std::vector<Found>& results) {
    std::map<std::string, std::vector<Bar>> charts;
    for (const Found& found : results) {
        std::map<std::string, Bar> bars;
        for (const auto& [name, value] : found.summary.at("rates").items()) {
            const size_t at = name.find("_us_per_");
            if (at != std::string::npos && name.rfind("total", 0) != 0) {
                Bar& bar = bars[name.substr(at + 8)];
                bar.parts.emplace_back(name.substr(0, at), value.get<double>());
            }
        }
        for (auto& [what, bar] : bars) {
            bar.name = found.name();
            charts[what].push_back(std::move(bar));
        }
    }
    std::string html;
    for (const auto& [what, bars] : charts) {
        html += bar_chart("CPU per " + what, "µs", bars);
    }
    return html;
}

std::string memory_chart(const std::vector<Found>& results) {
    std::vector<Bar> bars;
    for (const Found& found : results) {
        Bar bar{found.name(), {}};
        for (const auto& [name, value] : found.summary.at("memory_kib").items()) {
            const size_t at = name.find("_private_per_connection");
            if (at != std::string::npos) {
                bar.parts.emplace_back(name.substr(0, at), std::max(0.0, value.get<double>()));
            }
        }
        if (!bar.parts.empty()) {
            bars.push_back(std::move(bar));
        }
    }
    return bars.empty() ? "" : bar_chart("Memory per idle connection", "KiB", bars);
}

std::string times_table(const Json& times) {
    std::string html = "<table><tr><th>ms<th>count<th>mean<th>p50<th>p90<th>p99<th>p99.9<th>max";
    for (const auto& [name, one] : times.items()) {
        html += "<tr><td>" + escape_html(name) + "<td>" + one.at("count").dump();
        for (const char* key : {"mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"}) {
            char text[32];
            std::snprintf(text, sizeof(text), "<td>%.2f", one.at(key).get<double>());
            html += text;
        }
    }
    return html + "</table>";
}

std::string values_table(const Json& values) {
    std::string html = "<table>";
    for (const auto& [name, value] : values.items()) {
        char text[32];
        std::snprintf(text, sizeof(text), "%.3f",
                      value.is_number_float() ? value.get<double>() : 0);
        html += "<tr><td>" + escape_html(name) + "<td>" +
                escape_html(value.is_number_float() ? text
                            : value.is_string()     ? value.get<std::string>()
                                                    : value.dump());
    }
    return html + "</table>";
}

std::string section_of(const Found& found) {
    const Json& summary = found.summary;
    std::string html = "<h2>" + escape_html(found.name()) + "</h2><p class=faint><code>" +
                       escape_html(summary.at("manifest").value("command", "")) + "</code></p>";
    for (const char* kind : {"broken", "invalid"}) {
        for (const Json& text : summary.at(kind)) {
            html += "<p class=bad>" + std::string(kind) + ": " +
                    escape_html(text.get<std::string>()) + "</p>";
        }
    }
    html += percentile_chart(found) + series_chart(found) + phases_chart(found);
    html += times_table(summary.at("times"));
    html += "<details><summary>rates, counts, memory</summary>" +
            values_table(summary.at("rates")) + values_table(summary.at("counts")) +
            values_table(summary.at("memory_kib")) + "</details>";
    return html;
}

} // namespace

void write_report(const std::vector<std::string>& inputs, const std::string& output) {
    const std::vector<Found> results = find_results(inputs);
    std::string html = "<!doctype html><html lang=en><meta charset=utf-8>"
                       "<meta name=viewport content='width=device-width'><title>mr-bench</title>"
                       "<style>" +
                       std::string(kStyle) + "</style><h1>mr-bench</h1>";
    html += values_table(results.front().summary.at("manifest"));
    html += cpu_chart(results) + memory_chart(results);
    for (const Found& found : results) {
        html += section_of(found);
    }
    std::ofstream file(output, std::ios::binary | std::ios::trunc);
    file << html << "</html>\n";
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + output);
    }
}

} // namespace mr::bench

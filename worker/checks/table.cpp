// The rows, for people and for machines.
#include "worker/checks/verdict.h"

#include <algorithm>
#include <array>
#include <ostream>

namespace mr::checkup {
namespace {

using nlohmann::json;

constexpr std::size_t kColumns = 7; // the last one is not padded
using Line = std::array<std::string, kColumns>;

constexpr std::string_view kNames[] = {
    "none",  "name",    "connection", "late",       "certificate", "tls",
    "proxy", "not_api", "key",        "permission", "missing",     "quota",
    "busy",  "region",  "server",     "request",    "clock",       "skipped",
};

std::string yes_no(const std::optional<bool>& value) {
    return !value ? "-" : *value ? "yes" : "no";
}

std::string result_of(const Finding& finding) {
    if (finding.embedded) {
        return "embedded, nothing to check";
    }
    std::string text = finding.good() ? "good" : finding.cause;
    if (!finding.cure.empty() && !finding.good()) {
        text += ". To fix: " + finding.cure;
    }
    for (const std::string& note : finding.notes) {
        text += "; " + note;
    }
    return text;
}

Line line_of(const Finding& finding) {
    const std::string latency =
        finding.latency ? std::to_string(finding.latency->count()) + " ms" : "-";
    const std::string resource =
        finding.resource.empty() ? "-" : finding.resource + ": " + yes_no(finding.there);
    const std::string purposes = finding.purposes.empty() ? "nothing" : listed(finding.purposes);
    return {finding.provider, purposes, yes_no(finding.reachable), yes_no(finding.authorised),
            resource,         latency,  result_of(finding)};
}

json value_of(const std::optional<bool>& value) {
    return value ? json(*value) : json();
}

json json_of(const Finding& finding) {
    json row;
    row["provider"] = finding.provider;
    row["for"] = finding.purposes;
    row["state"] = finding.embedded ? "embedded" : finding.good() ? "good" : "bad";
    row["reachable"] = value_of(finding.reachable);
    row["authorised"] = value_of(finding.authorised);
    row["resource"] = finding.resource;
    row["there"] = value_of(finding.there);
    row["latency_ms"] = finding.latency ? json(finding.latency->count()) : json();
    row["fault"] = finding.good() ? json() : json(trouble_name(finding.trouble));
    row["cause"] = finding.cause;
    row["cure"] = finding.cure;
    row["notes"] = finding.notes;
    return row;
}

} // namespace

std::string_view trouble_name(Trouble trouble) noexcept {
    return kNames[static_cast<std::size_t>(trouble)];
}

void print_table(std::ostream& out, std::span<const Finding> findings) {
    std::vector<Line> lines{
        {"PROVIDER", "FOR", "REACHABLE", "AUTHORISED", "WHAT: THERE", "LATENCY", "RESULT"}};
    std::transform(findings.begin(), findings.end(), std::back_inserter(lines), line_of);
    std::array<std::size_t, kColumns> widths{};
    for (const Line& line : lines) {
        for (std::size_t i = 0; i < kColumns; ++i) {
            widths[i] = std::max(widths[i], line[i].size());
        }
    }
    for (const Line& line : lines) {
        for (std::size_t i = 0; i + 1 < kColumns; ++i) {
            out << line[i] << std::string(widths[i] - line[i].size() + 2, ' ');
        }
        out << line.back() << '\n';
    }
}

void print_json(std::ostream& out, std::span<const Finding> findings) {
    json report;
    report["good"] = all_good(findings);
    report["checks"] = json::array();
    for (const Finding& finding : findings) {
        report["checks"].push_back(json_of(finding));
    }
    out << report.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace mr::checkup

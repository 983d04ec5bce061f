#include "worker/metrics/registry.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mr::metrics {
namespace {

constexpr char kBetween = '\x1f'; // of the values in a key
constexpr std::size_t kMaxValueBytes = 100;

// No exponent: whole numbers as such, everything else with six digits behind the point.
std::string number(double value) {
    char text[64];
    const bool whole = value == static_cast<double>(static_cast<std::int64_t>(value));
    std::snprintf(text, sizeof(text), whole ? "%.0f" : "%.6f", value);
    return text;
}

// "0.25": as people write it.
std::string bound_text(double bound) {
    std::string text = number(bound);
    while (text.find('.') != std::string::npos && (text.back() == '0' || text.back() == '.')) {
        text.pop_back();
    }
    return text;
}

void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            out += '\\';
        }
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
        out += control ? '?' : c;
    }
}

// The cell of a key, made when there is room for another one.
template <typename Cells, typename Make>
auto& cell_of(Cells& cells, std::string key, std::string beyond, const Make& make) {
    const auto found = cells.find(key);
    if (found != cells.end()) {
        return found->second;
    }
    if (cells.size() >= kMaxSeries) {
        key = std::move(beyond);
    }
    return cells.try_emplace(std::move(key), make()).first->second;
}

constexpr auto kNewCounter = [] { return Counter(); };
constexpr auto kNewGauge = [] { return Gauge(); };

} // namespace

void Histogram::observe(double seconds) noexcept {
    ++count_;
    sum_ += seconds;
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), seconds);
    if (bound != bounds_.end()) {
        ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
    }
}

std::uint64_t Histogram::at_most(std::size_t bound) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= bound; ++i) {
        sum += counts_[i];
    }
    return sum;
}

std::string_view kind_name(Kind kind) noexcept {
    switch (kind) {
    case Kind::counter:
        return "counter";
    case Kind::gauge:
        return "gauge";
    case Kind::histogram:
        break;
    }
    return "histogram";
}

FamilyBase::FamilyBase(Registry& registry, Kind kind, Description description)
    : kind_(kind), description_(std::move(description)) {
    registry.families_.push_back(this);
}

std::string FamilyBase::key_of(Values values) {
    std::string key;
    for (const std::string_view value : values) {
        key += value.substr(0, kMaxValueBytes);
        key += kBetween;
    }
    return key;
}

std::string FamilyBase::beyond() const {
    std::string key;
    for (std::size_t i = 0; i < description_.labels.size(); ++i) {
        key += kBeyond;
        key += kBetween;
    }
    return key;
}

std::string FamilyBase::series(const std::string& key, std::string_view suffix,
                               std::string_view more) const {
    std::string text(description_.name);
    text += suffix;
    std::string labels;
    std::size_t at = 0;
    for (const Label& label : description_.labels) {
        const std::size_t end = std::min(key.find(kBetween, at), key.size());
        labels += labels.empty() ? "" : ",";
        labels += label.name;
        labels += "=\"";
        append_escaped(labels, std::string_view(key).substr(at, end - at));
        labels += '"';
        at = std::min(end + 1, key.size());
    }
    if (!more.empty()) {
        labels += labels.empty() ? "" : ",";
        labels += more;
    }
    if (!labels.empty()) {
        text += "{" + labels + "}";
    }
    return text + ' ';
}

std::vector<std::string> FamilyBase::known_keys() const {
    std::vector<std::string> keys = {""};
    for (const Label& label : description_.labels) {
        std::vector<std::string> longer;
        for (const std::string& key : keys) {
            for (const std::string_view value : label.known) {
                longer.push_back(key + std::string(value) + kBetween);
            }
        }
        keys = std::move(longer);
    }
    return keys;
}

CounterFamily::CounterFamily(Registry& registry, Description description)
    : FamilyBase(registry, Kind::counter, std::move(description)) {
    for (std::string& key : known_keys()) {
        cells_.try_emplace(std::move(key));
    }
}

Counter& CounterFamily::at(Values values) {
    return cell_of(cells_, key_of(values), beyond(), kNewCounter);
}

void CounterFamily::write(std::string& page) const {
    for (const auto& [key, cell] : cells_) {
        page += series(key) + std::to_string(cell.value()) + '\n';
    }
}

GaugeFamily::GaugeFamily(Registry& registry, Description description, Kind kind)
    : FamilyBase(registry, kind, std::move(description)) {
    for (std::string& key : known_keys()) {
        cells_.try_emplace(std::move(key));
    }
}

Gauge& GaugeFamily::at(Values values) {
    return cell_of(cells_, key_of(values), beyond(), kNewGauge);
}

void GaugeFamily::write(std::string& page) const {
    for (const auto& [key, cell] : cells_) {
        page += series(key) + number(cell.value()) + '\n';
    }
}

HistogramFamily::HistogramFamily(Registry& registry, Description description,
                                 std::span<const double> bounds)
    : FamilyBase(registry, Kind::histogram, std::move(description)), bounds_(bounds) {
    for (std::string& key : known_keys()) {
        cells_.try_emplace(std::move(key), Histogram(bounds_));
    }
}

Histogram& HistogramFamily::at(Values values) {
    return cell_of(cells_, key_of(values), beyond(), [this] { return Histogram(bounds_); });
}

void HistogramFamily::write(std::string& page) const {
    for (const auto& [key, cell] : cells_) {
        for (std::size_t i = 0; i < bounds_.size(); ++i) {
            page += series(key, "_bucket", "le=\"" + bound_text(bounds_[i]) + '"');
            page += std::to_string(cell.at_most(i)) + '\n';
        }
        page += series(key, "_bucket", "le=\"+Inf\"") + std::to_string(cell.count()) + '\n';
        page += series(key, "_sum") + number(cell.sum()) + '\n';
        page += series(key, "_count") + std::to_string(cell.count()) + '\n';
    }
}

std::string Registry::page() {
    for (const auto& look : looks_) {
        look();
    }
    std::string page;
    for (const FamilyBase* family : families_) {
        const Description& about = family->description();
        page += "# HELP " + std::string(about.name) + ' ' + std::string(about.help) + '\n';
        page += "# TYPE " + std::string(about.name) + ' ' + std::string(kind_name(family->kind()));
        page += '\n';
        family->write(page);
    }
    return page;
}

} // namespace mr::metrics

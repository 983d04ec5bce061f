// Counters, gauges and histograms of this process, and their page in Prometheus' text format
// (0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/). Owns the numbers; knows
// nothing of what they mean (meters.h does). No lock: all of it belongs to the event loop.
//
// Label values are ours (names of phases, providers, settings), never a session's, a user's or
// whatever a provider replies; kMaxSeries bounds them nevertheless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mr::metrics {

inline constexpr std::size_t kMaxSeries = 200; // of one family; all beyond it count as one
inline constexpr std::string_view kBeyond = "other";

class Counter {
  public:
    void add(std::uint64_t n = 1) noexcept { value_ += n; }
    std::uint64_t value() const noexcept { return value_; }

  private:
    std::uint64_t value_ = 0;
};

class Gauge {
  public:
    void set(double value) noexcept { value_ = value; }
    void add(double change) noexcept { value_ += change; }
    double value() const noexcept { return value_; }

  private:
    double value_ = 0;
};

// Observations by upper bounds, in seconds, ascending; the bounds outlive it.
class Histogram {
  public:
    explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size()) {}
    void observe(double seconds) noexcept;
    std::uint64_t count() const noexcept { return count_; }
    double sum() const noexcept { return sum_; }
    std::span<const double> bounds() const noexcept { return bounds_; }
    std::uint64_t at_most(std::size_t bound) const noexcept; // of all up to that bound

  private:
    std::span<const double> bounds_;
    std::vector<std::uint64_t> counts_; // beyond the last bound: in count_ alone
    std::uint64_t count_ = 0;
    double sum_ = 0;
};

enum class Kind : std::uint8_t { counter, gauge, histogram };
std::string_view kind_name(Kind kind) noexcept;

struct Label {
    std::string_view name;
    std::vector<std::string_view> known; // all values it has; empty: they come as they are seen
};

struct Description {
    std::string_view name;
    std::string_view help;
    std::vector<Label> labels;
};

class Registry;

// What all families have: a description, and a place on the page. Lives as long as its registry.
class FamilyBase {
  public:
    FamilyBase(Registry& registry, Kind kind, Description description);
    FamilyBase(const FamilyBase&) = delete;
    FamilyBase& operator=(const FamilyBase&) = delete;
    virtual ~FamilyBase() = default;

    Kind kind() const noexcept { return kind_; }
    const Description& description() const noexcept { return description_; }
    virtual void write(std::string& page) const = 0;

  protected:
    using Values = std::initializer_list<std::string_view>;
    static std::string key_of(Values values);
    std::string beyond() const;
    // name{label="value",...} with `suffix` behind the name and `more` as a last label.
    std::string series(const std::string& key, std::string_view suffix = {},
                       std::string_view more = {}) const;
    // Keys of all combinations, where every label's values are known.
    std::vector<std::string> known_keys() const;

  private:
    Kind kind_;
    Description description_;
};

class CounterFamily final : public FamilyBase {
  public:
    CounterFamily(Registry& registry, Description description);
    // One value per label, in the order of the description.
    Counter& at(Values values);
    void write(std::string& page) const override;

  private:
    std::map<std::string, Counter, std::less<>> cells_;
};

class GaugeFamily final : public FamilyBase {
  public:
    // A counter that is kept elsewhere and set here is shown as one.
    GaugeFamily(Registry& registry, Description description, Kind kind = Kind::gauge);
    Gauge& at(Values values);
    void write(std::string& page) const override;

  private:
    std::map<std::string, Gauge, std::less<>> cells_;
};

class HistogramFamily final : public FamilyBase {
  public:
    HistogramFamily(Registry& registry, Description description, std::span<const double> bounds);
    Histogram& at(Values values);
    void write(std::string& page) const override;

  private:
    std::span<const double> bounds_;
    std::map<std::string, Histogram, std::less<>> cells_;
};

class Registry {
  public:
    Registry() = default;
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    // Called before each page: the place to set gauges that are looked up.
    void on_collect(std::function<void()> look) { looks_.push_back(std::move(look)); }
    void forget_collectors() { looks_.clear(); }

    std::string page();
    std::span<const FamilyBase* const> families() const { return families_; }

  private:
    friend class FamilyBase;
    std::vector<const FamilyBase*> families_;
    std::vector<std::function<void()>> looks_;
};

} // namespace mr::metrics

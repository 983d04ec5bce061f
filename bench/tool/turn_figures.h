// What turns were like, counted from the moment at which they were planned.
#pragma once

#include "bench/load/result.h"
#include "bench/load/session.h"

#include <map>
#include <string>

namespace mr::bench {

class TurnFigures {
  public:
    // Milliseconds by name: first_event, first_text, stall, turn. A turn that fails is never good.
    explicit TurnFigures(std::map<std::string, double> slo = {}) : slo_(std::move(slo)) {}

    void add(const Turn& turn);
    void add_gap(int64_t ns); // between two chunks of a turn
    void add_phase(const EventView& event);

    uint64_t over() const { return over_; }
    uint64_t failed() const { return failed_; }
    const Histogram& first_text() const { return first_text_; }

    // `planned`: of all that should have been asked and answered.
    void note(Result& result, uint64_t planned, double seconds) const;

  private:
    bool within_slo(const Turn& turn) const;

    std::map<std::string, double> slo_;
    Histogram first_event_, first_text_, gap_, longest_gap_, turn_;
    std::map<std::string, Histogram> phases_;
    uint64_t over_ = 0, good_ = 0, failed_ = 0, interrupted_ = 0;
};

// "first_event=100,first_text=2000": throws std::runtime_error.
std::map<std::string, double> read_slo(const std::string& text);

} // namespace mr::bench

// Charts as inline SVG: lines over linear or logarithmic axes, stacked bars. No script, no network:
// colours come from the style sheet of the page they stand in.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mr::bench {

struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;
};

struct Axis {
    std::string label;
    bool logarithmic = false;
    // Where marks stand and what they say; empty: some round numbers.
    std::vector<std::pair<double, std::string>> marks;
};

std::string line_chart(const std::string& title, const Axis& x, const Axis& y,
                       const std::vector<Line>& lines);

struct Bar {
    std::string name;
    std::vector<std::pair<std::string, double>> parts; // stacked, in this order
};

std::string bar_chart(const std::string& title, const std::string& unit,
                      const std::vector<Bar>& bars);

std::string escape_html(const std::string& text);

} // namespace mr::bench

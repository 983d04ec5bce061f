#include "bench/tool/svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mr::bench {
namespace {

constexpr double kWidth = 720, kHeight = 300;
constexpr double kLeft = 64, kRight = 16, kTop = 16, kBottom = 44;
constexpr double kBarHeight = 22, kBarGap = 10, kNameWidth = 240;
constexpr int kColours = 6; // .c0 to .c5 of the style sheet

std::string format(const char* text, auto... values) {
    char line[512];
    std::snprintf(line, sizeof(line), text, values...);
    return line;
}

std::string number(double value) {
    return format(std::abs(value) >= 100 ? "%.0f" : std::abs(value) >= 1 ? "%.4g" : "%.3g", value);
}

struct Range {
    double low = 0, high = 1;
    bool logarithmic = false;

    double share(double value) const {
        if (logarithmic) {
            return (std::log(std::max(value, low)) - std::log(low)) /
                   (std::log(high) - std::log(low));
        }
        return (value - low) / (high - low);
    }
};

Range range_of(const std::vector<Line>& lines, const Axis& axis, bool of_x) {
    Range range;
    range.logarithmic = axis.logarithmic;
    bool first = true;
    for (const Line& line : lines) {
        for (const auto& point : line.points) {
            const double value = of_x ? point.first : point.second;
            if (axis.logarithmic && value <= 0) {
                continue;
            }
            range.low = first ? value : std::min(range.low, value);
            range.high = first ? value : std::max(range.high, value);
            first = false;
        }
    }
    if (!axis.logarithmic && !of_x) {
        range.low = std::min(0.0, range.low);
    }
    if (range.high <= range.low) {
        range.high = range.low + (axis.logarithmic ? range.low : 1);
    }
    return range;
}

std::vector<std::pair<double, std::string>> marks_of(const Axis& axis, const Range& range) {
    if (!axis.marks.empty()) {
        return axis.marks;
    }
    std::vector<std::pair<double, std::string>> marks;
    if (axis.logarithmic) {
        for (double decade = std::pow(10, std::floor(std::log10(range.low))); decade <= range.high;
             decade *= 10) {
            for (const double step : {1.0, 2.0, 5.0}) {
                marks.emplace_back(decade * step, number(decade * step));
            }
        }
        return marks;
    }
    const double rough = (range.high - range.low) / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double step = power * (rough / power >= 5 ? 5 : rough / power >= 2 ? 2 : 1);
    for (double at = std::ceil(range.low / step) * step; at <= range.high; at += step) {
        marks.emplace_back(at, number(at));
    }
    return marks;
}

double x_at(const Range& range, double value) {
    return kLeft + range.share(value) * (kWidth - kLeft - kRight);
}

double y_at(const Range& range, double value) {
    return kHeight - kBottom - range.share(value) * (kHeight - kTop - kBottom);
}

std::string axes(const Axis& x, const Axis& y, const Range& xs, const Range& ys) {
    std::string svg;
    for (const auto& [value, text] : marks_of(x, xs)) {
        if (value >= xs.low * 0.999 && value <= xs.high * 1.001) {
            svg += format("<line class=grid x1=%.1f y1=%.1f x2=%.1f y2=%.1f />", x_at(xs, value),
                          kTop, x_at(xs, value), kHeight - kBottom);
            svg += format("<text x=%.1f y=%.1f text-anchor=middle>%s</text>", x_at(xs, value),
                          kHeight - kBottom + 16, escape_html(text).c_str());
        }
    }
    for (const auto& [value, text] : marks_of(y, ys)) {
        if (value >= ys.low * 0.999 && value <= ys.high * 1.001) {
            svg += format("<line class=grid x1=%.1f y1=%.1f x2=%.1f y2=%.1f />", kLeft,
                          y_at(ys, value), kWidth - kRight, y_at(ys, value));
            svg += format("<text x=%.1f y=%.1f text-anchor=end>%s</text>", kLeft - 6,
                          y_at(ys, value) + 4, escape_html(text).c_str());
        }
    }
    svg += format("<text x=%.1f y=%.1f text-anchor=middle>%s</text>", kWidth / 2, kHeight - 8,
                  escape_html(x.label).c_str());
    svg += format("<text x=12 y=%.1f text-anchor=middle transform='rotate(-90 12 %.1f)'>%s</text>",
                  kHeight / 2, kHeight / 2, escape_html(y.label).c_str());
    return svg;
}

std::string legend(const std::vector<std::string>& names) {
    std::string html = "<figcaption>";
    for (size_t i = 0; i < names.size(); ++i) {
        html += format("<span class='key c%d'></span>", static_cast<int>(i % kColours)) +
                escape_html(names[i]) + " ";
    }
    return html + "</figcaption>";
}

} // namespace

std::string escape_html(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string line_chart(const std::string& title, const Axis& x, const Axis& y,
                       const std::vector<Line>& lines) {
    const Range xs = range_of(lines, x, true);
    const Range ys = range_of(lines, y, false);
    std::string html = "<figure><h3>" + escape_html(title) + "</h3>" +
                       format("<svg viewBox='0 0 %.0f %.0f' role=img>", kWidth, kHeight) +
                       axes(x, y, xs, ys);
    std::vector<std::string> names;
    for (size_t i = 0; i < lines.size(); ++i) {
        html += format("<polyline class='line c%d' points='", static_cast<int>(i % kColours));
        for (const auto& [px, py] : lines[i].points) {
            if ((!x.logarithmic || px > 0) && (!y.logarithmic || py > 0)) {
                html += format("%.1f,%.1f ", x_at(xs, px), y_at(ys, py));
            }
        }
        html += "' />";
        names.push_back(lines[i].name);
    }
    return html + "</svg>" + legend(names) + "</figure>";
}

std::string bar_chart(const std::string& title, const std::string& unit,
                      const std::vector<Bar>& bars) {
    double most = 0;
    std::vector<std::string> names;
    for (const Bar& bar : bars) {
        double sum = 0;
        for (const auto& [name, value] : bar.parts) {
            sum += value;
            if (std::find(names.begin(), names.end(), name) == names.end()) {
                names.push_back(name);
            }
        }
        most = std::max(most, sum);
    }
    const double height = static_cast<double>(bars.size()) * (kBarHeight + kBarGap) + kBarGap;
    std::string html = "<figure><h3>" + escape_html(title) + "</h3>" +
                       format("<svg viewBox='0 0 %.0f %.0f' role=img>", kWidth, height);
    double y = kBarGap;
    for (const Bar& bar : bars) {
        double x = kNameWidth;
        double sum = 0;
        html += format("<text x=%.1f y=%.1f text-anchor=end>%s</text>", kNameWidth - 8, y + 15,
                       escape_html(bar.name.substr(0, 40)).c_str());
        for (const auto& [name, value] : bar.parts) {
            const auto colour = std::find(names.begin(), names.end(), name) - names.begin();
            const double width = most > 0 ? value / most * (kWidth - kNameWidth - 90) : 0;
            html += format("<rect class='fill c%d' x=%.1f y=%.1f width=%.1f height=%.1f />",
                           static_cast<int>(colour % kColours), x, y, width, kBarHeight);
            x += width;
            sum += value;
        }
        html += format("<text x=%.1f y=%.1f>%s %s</text>", x + 6, y + 15, number(sum).c_str(),
                       escape_html(unit).c_str());
        y += kBarHeight + kBarGap;
    }
    return html + "</svg>" + legend(names) + "</figure>";
}

} // namespace mr::bench

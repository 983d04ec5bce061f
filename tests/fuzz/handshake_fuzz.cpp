// Any header lines of an opening handshake: every view lies within its line, what is offered does
// not depend on whether a list comes in one line or in several (RFC 7230 section 3.2.2), a valid
// key has an accept value, a trace that is taken over can be passed on, and an origin that is let
// in by a list of patterns is one that can be read. One line of input is one header line.
#include "ngx_mr_ws_module/handshake_headers.h"
#include "ngx_mr_ws_module/origin.h"
#include "ngx_mr_ws_module/trace_context.h"
#include "shared/ws_handshake.h"
#include "tests/fuzz/fuzz_support.h"

#include <array>
#include <string>
#include <vector>

namespace {

using namespace mr;
using fuzz::require;

struct Line {
    std::string name;
    std::string value;
};

// As nginx hands them over: names in lower case, no NUL and no line end in a value.
std::vector<Line> lines_of(std::string_view text) {
    std::vector<Line> lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || line.find('\0') != std::string_view::npos) {
            continue;
        }
        Line made{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))};
        for (char& c : made.name) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        made.value.erase(0, made.value.find_first_not_of(' ') == std::string::npos
                                ? made.value.size()
                                : made.value.find_first_not_of(' '));
        lines.push_back(std::move(made));
    }
    return lines;
}

HandshakeHeaders taken(const std::vector<Line>& lines) {
    HandshakeHeaders headers;
    for (const Line& line : lines) {
        take_header(line.name, line.value, headers);
    }
    return headers;
}

bool within(std::string_view view, const std::vector<Line>& lines) {
    return view.empty() || std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
               return view.data() >= line.value.data() &&
                      view.data() + view.size() <= line.value.data() + line.value.size();
           });
}

// Each element of a list in a line of its own.
std::vector<Line> one_by_one(const std::vector<Line>& lines) {
    std::vector<Line> out;
    for (const Line& line : lines) {
        if (line.name != "upgrade" && line.name != "connection" &&
            line.name != "sec-websocket-protocol") {
            out.push_back(line);
            continue;
        }
        TokenList list(line.value);
        out.push_back({line.name, ""}); // the line as such counts
        while (const auto element = list.next()) {
            out.push_back({line.name, std::string(*element)});
        }
    }
    return out;
}

void check_lists(const HandshakeHeaders& whole, const HandshakeHeaders& apart) {
    require(whole.upgrade == apart.upgrade && whole.upgrade_websocket == apart.upgrade_websocket &&
                whole.connection_upgrade == apart.connection_upgrade,
            "Upgrade and Connection do not depend on how their lists are cut");
    require(whole.offers_v2 == apart.offers_v2 && whole.resume == apart.resume &&
                whole.token_protocols == apart.token_protocols &&
                whole.token_protocol == apart.token_protocol,
            "subprotocols do not depend on how their lists are cut");
}

void check_key(const HandshakeHeaders& headers) {
    std::array<char, kWsAcceptChars> accept{};
    if (key_valid(headers.key)) {
        require(accept_key(headers.key, accept.data()), "a valid key has an accept value");
        require(accept_matches(headers.key, {accept.data(), accept.size()}), "and it matches");
    }
}

void check_trace(std::string_view header) {
    TraceContext trace;
    if (accept_traceparent(header, trace)) {
        TraceContext again;
        const auto text = trace.traceparent();
        const std::string_view passed_on = text;
        require(passed_on.size() == kTraceparentChars && accept_traceparent(passed_on, again) &&
                    std::string_view(again.traceparent()) == passed_on,
                "a trace that is taken over can be passed on");
        require(passed_on.substr(2) == header.substr(2, kTraceparentChars - 2),
                "a trace that is taken over is the client's");
    } else {
        require(std::string_view(trace.traceparent()).empty(), "a refused trace leaves nothing");
    }
}

void check_origin(std::string_view origin, std::string_view host, bool tls) {
    static constexpr std::string_view kPatterns[] = {"https://app.example.com", "*.example.org",
                                                     "http://[::1]:8080", "https://*.w.example:*"};
    std::array<OriginPattern, 5> patterns{};
    uint16_t count = 0;
    for (const std::string_view pattern : kPatterns) {
        require(parse_origin_pattern(pattern, patterns[count++]) == nullptr, "a good pattern");
    }
    const OriginPolicy listed{false, false, count, patterns.data()};
    const OriginPolicy same{false, true, 0, nullptr};
    const OriginPolicy both{false, true, count, patterns.data()};
    const bool in_list = origin_allowed(listed, origin, host, tls);
    const bool is_same = origin_allowed(same, origin, host, tls);
    require(origin_allowed(both, origin, host, tls) == (in_list || is_same),
            "two rules let in what one of them lets in");
    require((!in_list && !is_same) || origin.find("://") != std::string_view::npos,
            "an origin has a scheme");
    // What may be written into a configuration.
    if (parse_origin_pattern(origin, patterns[count]) == nullptr) {
        require(!patterns[count].host.empty(), "a pattern has a host");
        (void)origin_allowed({false, false, static_cast<uint16_t>(count + 1), patterns.data()},
                             origin, host, tls);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const fuzz::Input input(data, size);
    const std::vector<Line> lines = lines_of(input.text);
    const HandshakeHeaders headers = taken(lines);
    for (const std::string_view view :
         {headers.key, headers.version, headers.origin, headers.resume, headers.traceparent,
          headers.bearer, headers.token_protocol}) {
        require(within(view, lines), "a view lies within its line");
    }
    require(!headers.bearer.starts_with(' '), "a token begins behind the spaces");
    const std::vector<Line> apart = one_by_one(lines);
    check_lists(headers, taken(apart));
    check_key(headers);
    check_trace(headers.traceparent);
    for (const Line& line : lines) {
        check_origin(headers.origin, line.value, (input.choice & 1) != 0);
    }
    return 0;
}

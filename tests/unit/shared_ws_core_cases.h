// The tables of the Autobahn suite's core classes but text (1-5, 7 and 10: 102 cases), under its
// numbers.
#pragma once

#include "tests/unit/shared_ws_cases.h"

#include <string>
#include <vector>

namespace mr::ws_test {

inline std::vector<Case> framing_cases() { // 1.*.*
    std::vector<Case> cases;
    for (const unsigned opcode : {kText, kBinary}) {
        unsigned n = 0;
        for (const size_t size : {0, 125, 126, 127, 128, 65535, 65536, 65536}) {
            const Bytes payload(size, opcode == kText ? '*' : '\xFE');
            cases.push_back({"1." + std::to_string(opcode) + "." + std::to_string(++n),
                             {{.opcode = opcode, .payload = payload}},
                             {(opcode == kText ? "text:" : "binary:") + payload}});
        }
    }
    return cases;
}

inline std::vector<Case> ping_cases() { // 2.*
    const Bytes long_ping(125, '\xFE');
    std::vector<Frame> ten;
    std::vector<Bytes> ten_records;
    for (int i = 0; i < 10; ++i) {
        ten.push_back({.opcode = kPing, .payload = "payload-" + std::to_string(i)});
        ten_records.push_back("ping:" + ten.back().payload);
    }
    return {
        {"2.1", {{.opcode = kPing}}, {"ping:"}},
        {"2.2", {{.opcode = kPing, .payload = kHello}}, {"ping:" + kHello}},
        {"2.3", {{.opcode = kPing, .payload = kNotText}}, {"ping:" + kNotText}},
        {"2.4", {{.opcode = kPing, .payload = long_ping}}, {"ping:" + long_ping}},
        {"2.5", {{.opcode = kPing, .payload = Bytes(126, '\xFE')}}, {kProtocolError}},
        {"2.6", {{.opcode = kPing, .payload = long_ping}}, {"ping:" + long_ping}},
        {"2.7", {{.opcode = kPong}}, {"pong:"}},
        {"2.8", {{.opcode = kPong, .payload = "unsolicited"}}, {"pong:unsolicited"}},
        {"2.9",
         {{.opcode = kPong, .payload = "unsolicited"}, {.opcode = kPing, .payload = "ping"}},
         {"pong:unsolicited", "ping:ping"}},
        {"2.10", ten, ten_records},
        {"2.11", ten, ten_records},
    };
}

inline std::vector<Case> reserved_bit_cases() { // 3.*
    const Frame hello{.payload = kHello}, ping{.opcode = kPing};
    std::vector<Case> cases{
        {"3.1", {{.payload = kHello, .rsv = 1}}, {kProtocolError}},
        {"3.5", {{.opcode = kBinary, .payload = kNotText, .rsv = 5}}, {kProtocolError}},
        {"3.6", {{.opcode = kPing, .payload = kHello, .rsv = 6}}, {kProtocolError}},
        {"3.7", {{.opcode = kClose, .rsv = 7}}, {kProtocolError}},
    };
    for (const unsigned rsv : {2U, 3U, 4U}) {
        cases.push_back({"3." + std::to_string(rsv),
                         {hello, {.payload = kHello, .rsv = rsv}, ping},
                         {"text:" + kHello, kProtocolError}});
    }
    return cases;
}

inline std::vector<Case> opcode_cases() { // 4.*.*
    std::vector<Case> cases;
    for (const unsigned first : {3U, 11U}) {
        for (unsigned n = 1; n <= 5; ++n) {
            const Frame reserved{.opcode = first + n - 1, .payload = n % 2 ? "" : "reserved"};
            const std::string id = (first == 3 ? "4.1." : "4.2.") + std::to_string(n);
            if (n <= 2) {
                cases.push_back({id, {reserved}, {kProtocolError}});
            } else {
                cases.push_back({id,
                                 {{.payload = kHello}, reserved, {.opcode = kPing}},
                                 {"text:" + kHello, kProtocolError}});
            }
        }
    }
    return cases;
}

inline std::vector<Case> fragmentation_cases() { // 5.*
    const Frame start{.payload = "fragment1", .fin = false};
    const Frame middle{.opcode = kContinuation, .payload = "middle", .fin = false};
    const Frame last{.opcode = kContinuation, .payload = "fragment2"};
    const Frame whole{.payload = kHello};
    const Frame ping{.opcode = kPing, .payload = "ping"};
    const Bytes both = "text:fragment1fragment2";
    std::vector<Case> cases{
        {"5.1", {{.opcode = kPing, .payload = "fragment1", .fin = false}, last}, {kProtocolError}},
        {"5.2", {{.opcode = kPong, .payload = "fragment1", .fin = false}, last}, {kProtocolError}},
        {"5.15", {start, last, middle, whole}, {both, kProtocolError}},
        {"5.16", {middle, start, last, middle, start, last}, {kProtocolError}},
        {"5.17", {last, start, last, last, start, last}, {kProtocolError}},
        {"5.18", {start, {.payload = "fragment2"}}, {kProtocolError}},
    };
    for (const char* id : {"5.3", "5.4", "5.5"}) {
        cases.push_back({id, {start, last}, {both}});
    }
    for (const char* id : {"5.6", "5.7", "5.8"}) {
        cases.push_back({id, {start, ping, last}, {"ping:ping", both}});
    }
    for (const char* id : {"5.9", "5.10", "5.11"}) {
        cases.push_back({id, {last, whole}, {kProtocolError}});
    }
    for (const char* id : {"5.12", "5.13", "5.14"}) {
        cases.push_back({id, {middle, whole}, {kProtocolError}});
    }
    for (const char* id : {"5.19", "5.20"}) {
        cases.push_back({id,
                         {start, middle, ping, middle, middle, ping, last},
                         {"ping:ping", "ping:ping", "text:fragment1middlemiddlemiddlefragment2"}});
    }
    return cases;
}

inline Frame close_frame(unsigned code, const Bytes& reason = {}) {
    return {.opcode = kClose, .payload = ws_test::close_payload(code, reason)};
}

inline std::vector<Case> close_cases() { // 7.*.*
    const Frame hello{.payload = kHello}, normal = close_frame(1000), ping{.opcode = kPing};
    const Frame start{.payload = "fragment1", .fin = false};
    const Frame last{.opcode = kContinuation, .payload = "fragment2"};
    const Bytes closed = "close 1000:", huge(256 << 10, 'B'), longest(123, '*');
    const Bytes bad_reason = "\xCE\xBA\xE1\xBD\xB9\xED\xA0\x80"
                             "edited";
    std::vector<Case> cases{
        {"7.1.1", {hello, normal}, {"text:" + kHello, closed}},
        {"7.1.2", {normal, {.opcode = kClose}}, {closed}},
        {"7.1.3", {normal, ping}, {closed}},
        {"7.1.4", {normal, hello}, {closed}},
        {"7.1.5", {start, normal, last}, {closed}},
        {"7.1.6",
         {{.payload = huge}, hello, normal, ping},
         {"text:" + huge, "text:" + kHello, closed}},
        {"7.3.1", {{.opcode = kClose}}, {"close 1005:"}},
        {"7.3.2", {{.opcode = kClose, .payload = "a"}}, {kProtocolError}},
        {"7.3.3", {normal}, {closed}},
        {"7.3.4", {close_frame(1000, kHello)}, {closed + kHello}},
        {"7.3.5", {close_frame(1000, longest)}, {closed + longest}},
        {"7.3.6", {close_frame(1000, longest + "*")}, {kProtocolError}},
        {"7.5.1", {close_frame(1000, bad_reason)}, {kInvalidPayload}},
        {"7.13.1", {close_frame(5000)}, {kProtocolError}},
        {"7.13.2", {close_frame(65535)}, {kProtocolError}},
    };
    unsigned n = 0;
    for (const unsigned code :
         {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}) {
        cases.push_back({"7.7." + std::to_string(++n),
                         {close_frame(code)},
                         {"close " + std::to_string(code) + ":"}});
    }
    n = 0;
    for (const unsigned code : {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999}) {
        cases.push_back({"7.9." + std::to_string(++n), {close_frame(code)}, {kProtocolError}});
    }
    return cases;
}

inline std::vector<Case> auto_fragmentation_cases() { // 10.1.1: 65,536 bytes in fragments of 1,300
    const Bytes text(65536, '*');
    return {{"10.1.1", fragmented(text, std::vector<size_t>(50, 1300)), {"text:" + text}}};
}

} // namespace mr::ws_test

// The Autobahn suite's core classes but text (1-5, 7 and 10: 102 of its 247 cases), stated for the
// codec alone under the suite's numbers. Class 6 is in shared_ws_text_conformance_test.cpp, class 9
// in shared_ws_limits_conformance_test.cpp.
#include "shared/ws_frame.h"
#include "tests/unit/shared_ws_core_cases.h"

#include <gtest/gtest.h>

namespace mr {
namespace {

using namespace ws_test;

TEST(WsConformance, Class1Framing) {
    run_all(framing_cases(), 16);
}
TEST(WsConformance, Class2PingsAndPongs) {
    run_all(ping_cases(), 11);
}
TEST(WsConformance, Class3ReservedBits) {
    run_all(reserved_bit_cases(), 7);
}
TEST(WsConformance, Class4Opcodes) {
    run_all(opcode_cases(), 10);
}
TEST(WsConformance, Class5Fragmentation) {
    run_all(fragmentation_cases(), 20);
}
TEST(WsConformance, Class7Close) {
    run_all(close_cases(), 37);
}
TEST(WsConformance, Class10AutoFragmentation) {
    run_all(auto_fragmentation_cases(), 1);
}

} // namespace
} // namespace mr

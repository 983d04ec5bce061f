#include "shared/ws_extension.h"

#include <gtest/gtest.h>

#include <string>

namespace mr {
namespace {

struct Row {
    const char* value;
    const char* answer; // "": declined; "bad": the handshake fails
};

std::string answer_to(std::string_view value, uint8_t window_bits = 15) {
    const ExtensionOffers offers = read_extensions(value);
    if (!offers.well_formed) {
        EXPECT_FALSE(offers.deflate) << value;
        return "bad";
    }
    if (!offers.deflate) {
        return "";
    }
    const DeflateAgreement agreement = agree_on_deflate(*offers.deflate, window_bits);
    const std::string_view common =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    EXPECT_TRUE(agreement.answer_view().starts_with(common)) << value;
    return std::to_string(agreement.window_bits) +
           std::string(agreement.answer_view().substr(common.size()));
}

TEST(WsExtension, OffersOfDeflate) {
    static constexpr Row kRows[] = {
        {"permessage-deflate", "15"},
        {"  permessage-deflate\t", "15"},
        {"permessage-deflate; server_no_context_takeover", "15"},
        {"permessage-deflate;server_no_context_takeover;client_no_context_takeover", "15"},
        {"permessage-deflate; client_max_window_bits", "15"},
        {"permessage-deflate; client_max_window_bits=15", "15"},
        {"permessage-deflate; client_max_window_bits=\"12\"", "15; client_max_window_bits=12"},
        {"permessage-deflate; client_max_window_bits=8", "15; client_max_window_bits=8"},
        {"permessage-deflate; server_max_window_bits=9", "9; server_max_window_bits=9"},
        {"permessage-deflate; server_max_window_bits=15", "15; server_max_window_bits=15"},
        {"permessage-deflate; server_max_window_bits = 10 ; client_max_window_bits = 9",
         "10; server_max_window_bits=10; client_max_window_bits=9"},
        {"x-webkit-deflate-frame, permessage-deflate", "15"},
        {"foo; a=1; b=\"c\", , permessage-deflate", "15"},
        {"permessage-deflate; server_max_window_bits=16, permessage-deflate", "15"},
        {"permessage-deflate; server_max_window_bits=10, permessage-deflate",
         "10; server_max_window_bits=10"},
        // declined: an offer with an impossible parameter is no offer
        {"permessage-deflate; server_max_window_bits", ""},
        {"permessage-deflate; server_max_window_bits=7", ""},
        {"permessage-deflate; server_max_window_bits=8", ""}, // zlib cannot
        {"permessage-deflate; server_max_window_bits=16", ""},
        {"permessage-deflate; server_max_window_bits=09", ""},
        {"permessage-deflate; server_max_window_bits=+9", ""},
        {"permessage-deflate; server_max_window_bits=100", ""},
        {"permessage-deflate; client_max_window_bits=7", ""},
        {"permessage-deflate; client_max_window_bits=16", ""},
        {"permessage-deflate; client_max_window_bits=x", ""},
        {"permessage-deflate; client_max_window_bits; client_max_window_bits=10", ""},
        {"permessage-deflate; server_no_context_takeover=1", ""},
        {"permessage-deflate; client_no_context_takeover=yes", ""},
        {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
        {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", ""},
        {"permessage-deflate; unknown", ""},
        {"permessage-deflate; unknown=1; server_no_context_takeover", ""},
        {"Permessage-Deflate", ""}, // names are compared as they are
        {"permessage-deflate2", ""},
        {"foo", ""},
        // malformed
        {"", "bad"},
        {",", "bad"},
        {";;=,", "bad"},
        {"permessage-deflate;", "bad"},
        {"permessage-deflate; =1", "bad"},
        {"permessage-deflate; a=", "bad"},
        {"permessage-deflate; a=\"", "bad"},
        {"permessage-deflate; a=\"1", "bad"},
        {"permessage-deflate; a=\"\"", "bad"},
        {"permessage-deflate; a=\"1 2\"", "bad"},
        {"permessage-deflate foo", "bad"},
        {"permessage-deflate; a b", "bad"},
        {"permessage-deflate, =", "bad"},
        {"foo/1", "bad"},
    };
    for (const Row& row : kRows) {
        EXPECT_EQ(answer_to(row.value), row.answer) << row.value;
    }
}

TEST(WsExtension, AnAnswerNeverExceedsOurWindowOrTheirs) {
    EXPECT_EQ(answer_to("permessage-deflate", 10), "10");
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits", 10),
              "10; client_max_window_bits=10");
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=12", 10),
              "10; client_max_window_bits=10");
    EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=9", 10),
              "10; client_max_window_bits=9");
    EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=12", 10),
              "10; server_max_window_bits=10");
    EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=9", 10),
              "9; server_max_window_bits=9");
}

TEST(WsExtension, EveryPrefixOfAnOfferIsReadWithinItsBounds) {
    const std::string whole = "a; b=\"c\", permessage-deflate; server_max_window_bits=\"12\" ; "
                              "client_max_window_bits ; server_no_context_takeover";
    for (size_t size = 0; size <= whole.size(); ++size) {
        const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<long>(size));
        (void)read_extensions({exact.data(), exact.size()}); // a sanitizer sees the rest
    }
    EXPECT_EQ(answer_to(whole), "12; server_max_window_bits=12");
}

} // namespace
} // namespace mr

// What an out lane keeps for a Redis that may forget: the same bytes come back, in whatever way
// they are kept, and they take little room.
#include "worker/apps/event_text.h"
#include "worker/apps/told_text.h"
#include "worker/json_text.h"
#include "worker/session/kept_batches.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace mr {
namespace {

using std::chrono::milliseconds;
using Clock = KeptBatches::Clock;

constexpr uint64_t kEpoch = 7;
constexpr uint32_t kTag = 4711;

// Writes batches as an out lane does, and remembers them as they are.
class Lane {
  public:
    struct Written {
        uint64_t first_seq;
        uint64_t last_seq;
        std::string bytes;
        Clock::time_point at;
    };

    void begin_turn(const std::string& turn_id) {
        turn_id_ = turn_id;
        text_ = std::make_shared<std::string>();
        units_ = 0;
        maker_ = std::make_shared<ToldText>(turn_id, kTag, text_);
    }

    void text(const std::string& piece) {
        ts_ms_ += 25;
        EventText event;
        make_text_chunk(event, piece, units_, {turn_id_, {kEpoch, next_}, ts_ms_});
        const EventPlace place{maker_, text_->size(), piece.size(), units_, ts_ms_};
        *text_ += piece;
        units_ += utf16_length(piece);
        keep({{event.json, event.v1_length}}, place);
    }

    void others(const std::vector<std::string>& events) {
        std::vector<std::pair<std::string, uint32_t>> all;
        for (const std::string& one : events) {
            all.emplace_back(one, 0);
        }
        keep(all, {});
    }

    void drop(milliseconds age, size_t max_bytes = SIZE_MAX) {
        kept_.drop_before(now_ - age, max_bytes);
        while (!written_.empty() && written_.front().at < now_ - age) {
            written_.pop_front();
        }
    }

    void take(uint64_t top_seq) {
        auto taken = kept_.take_behind(top_seq);
        ASSERT_TRUE(taken);
        size_t from = 0;
        while (from < written_.size() && written_[from].first_seq <= top_seq) {
            ++from;
        }
        ASSERT_EQ(taken->size(), written_.size() - from);
        for (size_t i = 0; i < taken->size(); ++i) {
            const Written& wanted = written_[from + i];
            EXPECT_EQ((*taken)[i].first_seq, wanted.first_seq);
            EXPECT_EQ((*taken)[i].last_seq, wanted.last_seq);
            EXPECT_EQ((*taken)[i].bytes.text(), wanted.bytes);
        }
        for (const KeptBatches::Batch& batch : *taken) { // acknowledged once more
            kept_.keep(batch, now_);
        }
        for (; from < written_.size(); ++from) {
            written_[from].at = now_;
        }
    }

    KeptBatches& kept() { return kept_; }
    const std::deque<Written>& written() const { return written_; }
    void pass(milliseconds time) { now_ += time; }
    uint64_t last() const { return next_ - 1; }

  private:
    void keep(const std::vector<std::pair<std::string, uint32_t>>& events, EventPlace place) {
        KeptBatches::Batch batch;
        batch.first_seq = next_;
        batch.place = std::move(place);
        BatchWriter writer(batch.bytes);
        ASSERT_TRUE(writer.begin(kEpoch, next_));
        for (const auto& [bytes, v1_length] : events) {
            ASSERT_TRUE(writer.add(0, as_bytes(bytes), v1_length, kTag));
            ++next_;
        }
        batch.last_seq = next_ - 1;
        written_.push_back(
            {batch.first_seq, batch.last_seq, std::string(batch.bytes.text()), now_});
        kept_.keep(batch, now_);
    }

    KeptBatches kept_{kEpoch};
    std::deque<Written> written_;
    uint64_t next_ = 1;
    Clock::time_point now_ = Clock::now();
    int64_t ts_ms_ = 1'764'000'000'000;
    std::string turn_id_;
    std::shared_ptr<std::string> text_;
    std::shared_ptr<const EventMaker> maker_;
    size_t units_ = 0;
};

const char* const kPieces[] = {"word ",  "Grüße aus Köln, ", "\"quoted\"\n",
                               "日本語", "\xf0\x9f\x98\x80", "back\\slash\t",
                               "x"};

TEST(KeptBatches, GiveTheSameBytesBack) {
    Lane lane;
    lane.begin_turn("5f0c7e0e-3c7e-4b0f-9a3e-0d9f3b7d1c11");
    lane.others({"{\"type\":\"turn_start\"}", "{\"type\":\"phase_start\"}"});
    for (const char* piece : kPieces) {
        lane.text(piece);
        lane.pass(milliseconds(25));
    }
    lane.others({std::string(70'000, 'x')});
    lane.text(std::string(16 * 1024, 'y'));
    lane.begin_turn("the next one");
    lane.text("again");
    lane.take(0);
    lane.take(2);
    lane.take(lane.last() - 1);
    lane.take(lane.last());
    lane.take(0);
}

TEST(KeptBatches, TakeNothingWhenSomeAreMissing) {
    Lane lane;
    EXPECT_FALSE(lane.kept().take_behind(0)) << "nothing is kept";
    lane.begin_turn("t");
    lane.others({"a", "b", "c"}); // 1 to 3
    lane.text("word");            // 4
    lane.pass(milliseconds(100));
    lane.text("word"); // 5
    EXPECT_FALSE(lane.kept().take_behind(2)) << "in the middle of a batch";
    EXPECT_FALSE(lane.kept().take_behind(6)) << "behind the last";
    lane.drop(milliseconds(50));
    EXPECT_FALSE(lane.kept().take_behind(3)) << "the fourth is gone";
    lane.take(4);
}

TEST(KeptBatches, GoByAgeAndBySize) {
    Lane lane;
    lane.others({"old"});
    lane.pass(milliseconds(1000));
    lane.others({"young"});
    lane.drop(milliseconds(1000));
    lane.take(0); // not older than that
    lane.pass(milliseconds(1001));
    lane.drop(milliseconds(1000));
    EXPECT_TRUE(lane.kept().empty());
    EXPECT_EQ(lane.kept().bytes(), 0U);
    for (int i = 0; i < 100; ++i) {
        lane.others({std::string(10'000, 'x')});
    }
    lane.kept().drop_before(Clock::time_point::min(), 256 * 1024);
    EXPECT_LE(lane.kept().bytes(), 256U * 1024);
    EXPECT_LE(lane.kept().held_bytes(), 400U * 1024);
    EXPECT_EQ(lane.kept().take_behind(lane.last() - 25)->size(), 25U);
    lane.kept().drop_before(Clock::time_point::max(), 0);
    EXPECT_LE(lane.kept().held_bytes(), 1024U) << "the room is given back";
}

// Some seconds of an answer, in steady state: no more than they need, for as long as it goes on.
TEST(KeptBatches, KeepAnAnswerInAFewBytesAnEvent) {
    Lane lane;
    lane.begin_turn("5f0c7e0e-3c7e-4b0f-9a3e-0d9f3b7d1c11");
    for (int i = 0; i < 4000; ++i) {
        lane.text("some words of it " + std::to_string(i));
        lane.pass(milliseconds(25));
        if (i % 40 == 0) {
            lane.drop(milliseconds(4000));
        }
        ASSERT_LE(lane.kept().held_bytes(), 200U * 12) << i;
    }
    lane.take(lane.last() - 150);
    EXPECT_EQ(lane.kept().bytes() / lane.written().size(), 192U + 21);
}

// The texts of turns that no kept event is part of are let go.
TEST(KeptBatches, LetGoOfTextsThatAreNotNeeded) {
    auto text = std::make_shared<std::string>("one two ");
    const std::weak_ptr<std::string> first = text;
    KeptBatches kept(kEpoch);
    const auto keep = [&kept](uint64_t seq, const std::shared_ptr<const EventMaker>& maker) {
        KeptBatches::Batch batch;
        batch.first_seq = batch.last_seq = seq;
        batch.place = {maker, 0, 4, 0, 1};
        kept.keep(batch, Clock::time_point(milliseconds(seq)));
    };
    auto maker = std::make_shared<ToldText>("1", kTag, std::exchange(text, nullptr));
    keep(1, maker);
    keep(2, maker);
    maker = std::make_shared<ToldText>("2", kTag, std::make_shared<std::string>("three four "));
    keep(3, maker);
    EXPECT_FALSE(first.expired());
    kept.drop_before(Clock::time_point(milliseconds(2)), SIZE_MAX);
    EXPECT_FALSE(first.expired());
    kept.drop_before(Clock::time_point(milliseconds(4)), SIZE_MAX);
    EXPECT_TRUE(first.expired());
    EXPECT_EQ(maker.use_count(), 1);
}

// Whatever comes in whatever order.
TEST(KeptBatches, AreTheSameOverAnyHistory) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const auto below = [&random](unsigned end) {
            return static_cast<unsigned>(random() % end);
        };
        Lane lane;
        lane.begin_turn("0");
        for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
            lane.pass(milliseconds(below(40)));
            const unsigned what = below(20);
            if (what < 12) {
                lane.text(kPieces[below(std::size(kPieces))]);
            } else if (what < 16) {
                lane.others(std::vector<std::string>(1 + below(5), std::string(below(300), 'e')));
            } else if (what == 16) {
                lane.begin_turn(std::to_string(step));
            } else if (what == 17) {
                lane.drop(milliseconds(below(2000)));
            } else if (!lane.written().empty()) {
                const auto& at =
                    lane.written()[below(static_cast<unsigned>(lane.written().size()))];
                lane.take(at.last_seq);
            }
        }
    }
}

} // namespace
} // namespace mr

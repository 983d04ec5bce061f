// What an owner holds of its session's conversation (worker/session/history.h): read once, kept in
// step with what is written, bounded, and read anew where it cannot be relied upon.
#include "tests/unit/worker_loop.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/session/history.h"

#include <charconv>

namespace mr::test {
namespace {

namespace asio = boost::asio;

// What is held has to do for those who ask models.
static_assert(kSaidMessages >= tasks::kHistoryMessages);
static_assert(kSaidBytes >= 4 * tasks::kHistoryCodePoints);

class WorkerConversation : public testing::Test {
  protected:
    WorkerConversation() { log::set_level(log::Level::error); }
    ~WorkerConversation() override { log::set_level(log::Level::info); }

    static HistoryEntry entry(std::string_view role, size_t turn) {
        HistoryEntry made;
        made.role = role;
        made.turn_id = "t" + std::to_string(turn);
        made.content = std::string(role) + " " + std::to_string(turn);
        made.status = "ok";
        return made;
    }
    static HistoryEntry answer(size_t turn, bool memory) {
        HistoryEntry made = entry("assistant", turn);
        if (memory) {
            made.memory = {{"turn", turn}};
        }
        return made;
    }

    // So many turns, as earlier owners have left them.
    void converse(size_t turns, bool memory, const std::string& status = "ok") {
        for (size_t turn = 1; turn <= turns; ++turn) {
            HistoryEntry said = entry("user", turn);
            HistoryEntry replied = answer(turn, memory);
            said.status = replied.status = status;
            push(said);
            push(replied);
        }
    }
    void push(const HistoryEntry& said) {
        session_.redis().call({"RPUSH", session_.keys().history, history_text(said)});
    }

    // How often anybody has read a list.
    int reads() {
        const std::string stats = session_.redis().call({"INFO", "commandstats"}).text;
        constexpr std::string_view kName = "cmdstat_lrange:calls=";
        const size_t at = stats.find(kName);
        int calls = 0;
        if (at != std::string::npos) {
            const char* number = stats.data() + at + kName.size();
            std::from_chars(number, stats.data() + stats.size(), calls);
        }
        return calls;
    }

    // `work` with the conversation of an owner that has just claimed the session.
    void owned(std::function<asio::awaitable<void>(History&)> work) {
        loop_.run(own(std::move(work)));
    }

    RedisFixture redis_;
    Loop loop_;
    TestSession session_{redis_, "echo"};
    Incarnation worker_{loop_, redis_, std::chrono::seconds(5)};

  private:
    asio::awaitable<void> own(std::function<asio::awaitable<void>(History&)> work) {
        co_await worker_.begin(loop_);
        EXPECT_EQ(session_.mail("hello"), MailStatus::rung);
        const Doorbell bell = session_.doorbell(worker_.lease.worker());
        SessionStore store(worker_.relay, bell);
        const Claim claim = co_await store.claim();
        EXPECT_EQ(claim.status, ClaimStatus::claimed);
        History history(worker_.relay, store);
        co_await work(history);
    }
};

TEST_F(WorkerConversation, ItIsReadOnceAndKeptInStep) {
    converse(10, true);
    owned([this](History& history) -> asio::awaitable<void> {
        auto said = co_await history.said();
        EXPECT_EQ(reads(), 1);
        EXPECT_EQ(said.size(), kSaidMessages);
        EXPECT_EQ(said.back().memory["turn"], 10);
        EXPECT_TRUE(said[said.size() - 3].memory.is_null()) << "the newest memory alone";
        history.added(entry("user", 11), answer(11, true));
        said = co_await history.said();
        EXPECT_EQ(reads(), 1);
        EXPECT_EQ(said.size(), kSaidMessages);
        EXPECT_EQ(said.front().content, "user 8");
        EXPECT_EQ(said.back().content, "assistant 11");
        EXPECT_EQ(said.back().memory["turn"], 11);
    });
}

TEST_F(WorkerConversation, WhatCannotBeReliedUponIsReadAnew) {
    converse(1, true);
    owned([this](History& history) -> asio::awaitable<void> {
        co_await history.said();
        push(entry("user", 2)); // as it was before Redis lost its last writes, or after
        history.forget();
        auto said = co_await history.said();
        EXPECT_EQ(said.size(), 3U);
        std::vector<HistoryEntry> entries = co_await history.load();
        entries.pop_back();
        co_await history.rewrite(std::move(entries));
        said = co_await history.said();
        EXPECT_EQ(said.size(), 2U);
        history.forget();
        history.added(entry("user", 3), answer(3, true)); // which the list has, or has not
        said = co_await history.said();
        EXPECT_EQ(said.size(), 2U);
    });
}

TEST_F(WorkerConversation, LongMessagesAreHeldInPart) {
    HistoryEntry question = entry("user", 1);
    question.content.assign(2 * kSaidBytes, 'q');
    HistoryEntry long_answer = answer(1, true);
    for (size_t i = 0; i < kSaidBytes; ++i) {
        long_answer.content = "é" + long_answer.content;
    }
    push(question);
    push(long_answer);
    owned([&](History& history) -> asio::awaitable<void> {
        auto said = co_await history.said();
        EXPECT_EQ(said.at(0).content, question.content.substr(0, kSaidBytes));
        EXPECT_EQ(said.at(1).content, long_answer.content.substr(0, kSaidBytes));
        history.added(question, long_answer);
        said = co_await history.said();
        EXPECT_EQ(said.size(), 4U);
        EXPECT_EQ(said.at(3).content.size(), kSaidBytes);
        const auto entries = co_await history.load();
        EXPECT_EQ(entries.at(1).content, long_answer.content) << "whole for whoever needs it whole";
    });
}

// Then the questions themselves tell what the conversation is about.
TEST_F(WorkerConversation, WithoutAMemoryAllQuestionsAreHeld) {
    converse(10, false);
    owned([this](History& history) -> asio::awaitable<void> {
        auto said = co_await history.said();
        EXPECT_EQ(said.size(), 20U);
        EXPECT_EQ(said.front().content, "user 1");
        EXPECT_EQ(said.at(1).content, "") << "no model is told this answer";
        EXPECT_EQ(said.at(13).content, "assistant 7");
        const int before = reads();
        history.added(entry("user", 11), answer(11, true));
        said = co_await history.said();
        EXPECT_EQ(said.size(), kSaidMessages) << "with a memory the newest are enough";
        EXPECT_EQ(reads(), before);
    });
}

TEST_F(WorkerConversation, FailedTurnsDoNotCount) {
    converse(6, true);
    for (size_t turn = 7; turn <= 10; ++turn) {
        HistoryEntry failed = answer(turn, false);
        failed.status = "error";
        push(entry("user", turn));
        push(failed);
    }
    owned([](History& history) -> asio::awaitable<void> {
        const auto said = co_await history.said();
        const auto good = std::count_if(said.begin(), said.end(), [](const HistoryEntry& one) {
            return one.status != "error";
        });
        EXPECT_GE(static_cast<size_t>(good), kSaidMessages);
        EXPECT_TRUE(std::any_of(said.begin(), said.end(), [](const HistoryEntry& one) {
            return one.memory == nlohmann::json{{"turn", 6}};
        }));
    });
}

TEST_F(WorkerConversation, NoMoreIsHeldThanTheListHas) {
    worker_.relay.limits.max_history_messages = 3;
    owned([](History& history) -> asio::awaitable<void> {
        auto said = co_await history.said();
        EXPECT_TRUE(said.empty());
        history.added(entry("user", 1), answer(1, true));
        history.added(entry("user", 2), answer(2, false));
        said = co_await history.said();
        EXPECT_EQ(said.size(), 3U);
        EXPECT_EQ(said.front().content, "assistant 1");
    });
}

} // namespace
} // namespace mr::test

#include "shared/envelope.h"
#include "shared/lane_cursor.h"
#include "tests/unit/shared_relay_model_redis.h"
#include "tests/unit/shared_relay_model_world.h"

namespace mr::test {
namespace {

// The gateway: one follower per session, mails the next turn when one has ended.
class ModelGateway {
  public:
    ModelGateway(World& world, ModelReport& report)
        : world_(world), report_(report), commands_(world.options.socket_path),
          subscriber_(world.options.socket_path),
          followers_(static_cast<size_t>(world.options.sessions)) {}

    void run() {
        subscribe();
        for (int s = 0; s < world_.options.sessions; ++s) {
            mail_next(s);
        }
        const auto deadline = Clock::now() + std::chrono::seconds(world_.options.deadline_s);
        while (!all_done() && Clock::now() < deadline) {
            take_publication();
            if (!subscriber_.alive() && !subscriber_.timed_out_only()) {
                subscriber_.cut();
                subscribe();
                for (int s = 0; s < world_.options.sessions; ++s) {
                    read_log(s);
                }
            }
            position_check();
        }
        verdict();
    }

  private:
    struct Follower {
        EventId cursor;
        int turn = 0;
        std::vector<std::string> seen;
        int terminals = 0;
        Clock::time_point heard = Clock::now();
    };

    void subscribe() {
        for (const SessionKeys& k : world_.keys) {
            subscriber_.send({"SSUBSCRIBE", str(k.out_channel)});
        }
        subscriber_.flush();
        subscriber_.receive_timeout(20);
    }

    void take_publication() {
        const auto reply = subscriber_.receive();
        if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
            std::string_view(reply->element[0]->str) != "smessage") {
            return;
        }
        const std::string_view sid =
            session_of_key({reply->element[1]->str, reply->element[1]->len});
        for (int s = 0; s < world_.options.sessions; ++s) {
            if (world_.ids[static_cast<size_t>(s)] == sid) {
                take(s, as_bytes({reply->element[2]->str, reply->element[2]->len}), false);
            }
        }
    }

    void take(int session, ByteView bytes, bool from_log) {
        Follower& follower = followers_[static_cast<size_t>(session)];
        auto reader = BatchReader::open(bytes);
        if (!reader) {
            report_.violations.push_back("malformed batch");
            return;
        }
        Delivery delivery = judge(follower.cursor, reader->header());
        if (!world_.options.delivery_filter) {
            delivery = {Verdict::deliver, 0, reader->header().last()};
        }
        switch (delivery.verdict) {
        case Verdict::drop:
            ++report_.dropped;
            return;
        case Verdict::gap:
            if (from_log) {
                report_.violations.push_back("session " + std::to_string(session) +
                                             ": the log does not continue the cursor");
                follower.cursor = reader->header().last();
            } else {
                read_log(session);
            }
            return;
        case Verdict::deliver:
            break;
        }
        follower.cursor = delivery.cursor;
        follower.heard = Clock::now();
        if (reader->header().kind == BatchKind::takeover) {
            return;
        }
        for (uint32_t i = 0; const auto event = reader->next(); ++i) {
            if (i >= delivery.skip) {
                deliver(session, *event);
            }
        }
    }

    void deliver(int session, const EventView& event) {
        Follower& follower = followers_[static_cast<size_t>(session)];
        follower.seen.push_back(str(as_text(event.bytes)));
        ++report_.delivered;
        if ((event.flags & kEventTerminal) != 0) {
            ++follower.terminals;
            mail_next(session);
        }
    }

    void read_log(int session) {
        ++report_.log_reads;
        Follower& follower = followers_[static_cast<size_t>(session)];
        const SessionKeys& k = world_.keys[static_cast<size_t>(session)];
        const auto entries = commands_.call(
            {"XRANGE", str(k.out_lane), "(" + str(format_event_id(follower.cursor).view()), "+"});
        for (size_t i = 0; entries && i < entries->elements; ++i) {
            const redisReply& body = *entries->element[i]->element[1]->element[1];
            take(session, as_bytes({body.str, body.len}), true);
        }
        follower.heard = Clock::now();
    }

    // A session with a running turn that is silent: its log is read, its doorbell rung again.
    void position_check() {
        for (int s = 0; s < world_.options.sessions; ++s) {
            Follower& follower = followers_[static_cast<size_t>(s)];
            if (follower.terminals < world_.options.turns &&
                Clock::now() - follower.heard > std::chrono::milliseconds(300)) {
                read_log(s);
                mail(s, "");
            }
        }
    }

    void mail_next(int session) {
        Follower& follower = followers_[static_cast<size_t>(session)];
        if (follower.turn < world_.options.turns) {
            mail(session, std::to_string(++follower.turn));
        }
    }

    void mail(int session, const std::string& text) {
        Buffer bytes;
        if (!text.empty()) {
            Mail mail;
            mail.connection = static_cast<uint64_t>(session);
            mail.payload = as_bytes(text);
            encode_mail(bytes, mail);
        }
        const SessionKeys& k = world_.keys[static_cast<size_t>(session)];
        commands_.run(kMailScript,
                      {str(k.meta), str(k.in_lane), str(k.leases), str(k.jobs), str(k.in_channel),
                       world_.ids[static_cast<size_t>(session)], "model", str(bytes.text()), "",
                       "100", "1000000", "100000", "600000"});
    }

    bool all_done() const {
        for (const Follower& follower : followers_) {
            if (follower.terminals < world_.options.turns) {
                return false;
            }
        }
        return true;
    }

    void verdict() {
        for (int s = 0; s < world_.options.sessions; ++s) {
            std::vector<std::string> expected;
            for (int turn = 1; turn <= world_.options.turns; ++turn) {
                for (int i = 1; i <= turn_length(s, turn); ++i) {
                    expected.push_back(event_text(turn, i));
                }
            }
            const Follower& follower = followers_[static_cast<size_t>(s)];
            size_t same = 0;
            while (same < expected.size() && same < follower.seen.size() &&
                   expected[same] == follower.seen[same]) {
                ++same;
            }
            if (same != expected.size() || follower.seen.size() != expected.size()) {
                report_.violations.push_back(
                    "session " + std::to_string(s) + ": " + std::to_string(follower.seen.size()) +
                    " events seen, " + std::to_string(expected.size()) + " expected, first " +
                    std::to_string(same) + " agree; " + std::to_string(follower.terminals) +
                    " terminal");
            }
        }
    }

    World& world_;
    ModelReport& report_;
    ModelRedis commands_;
    ModelRedis subscriber_;
    std::vector<Follower> followers_;
};

} // namespace

void run_model_gateway(World& world, ModelReport& report) {
    ModelGateway(world, report).run();
}

} // namespace mr::test

#include "shared/envelope.h"
#include "tests/unit/shared_relay_model_redis.h"
#include "tests/unit/shared_relay_model_world.h"

namespace mr::test {
namespace {

// One worker: lease, doorbells, reaper, and a turn at a time.
class ModelWorker {
  public:
    ModelWorker(World& world, int index)
        : world_(world), redis_(world.options.socket_path),
          random_(world.options.seed * 1000 + static_cast<uint32_t>(index)), index_(index) {
        new_incarnation();
    }

    void run() {
        while (!world_.stop) {
            if (!renew()) {
                new_incarnation();
                continue;
            }
            read_doorbells();
            if (random_() % 8 == 0) {
                reap();
            }
        }
    }

  private:
    struct Crash {};

    void new_incarnation() {
        name_ = "w" + std::to_string(index_) + "-" + std::to_string(++incarnation_);
        first_ = true;
    }

    bool renew() {
        bool ok = true;
        for (uint32_t p = 0; p < world_.map.count(); ++p) {
            const auto reply = redis_.run(kLeaseScript, {str(lease_key(world_.map.tag(p))), name_,
                                                         std::to_string(world_.options.lease_ms),
                                                         first_ ? "1" : "0"});
            ok = ok && reply && reply->integer == 1;
        }
        first_ = false;
        renewed_ = Clock::now();
        return ok;
    }
    void renew_if_due() {
        if (Clock::now() - renewed_ > std::chrono::milliseconds(world_.options.lease_ms / 4) &&
            !renew()) {
            throw Crash{};
        }
    }

    void read_doorbells() {
        std::vector<std::string> words = {"XREADGROUP", "GROUP", kJobGroup, name_,    "COUNT",
                                          "1",          "BLOCK", "20",      "STREAMS"};
        for (uint32_t p = 0; p < world_.map.count(); ++p) {
            words.push_back(str(jobs_key(world_.map.tag(p))));
        }
        words.insert(words.end(), world_.map.count(), ">");
        const auto reply = redis_.call(words);
        if (!reply || reply->type != REDIS_REPLY_ARRAY) {
            return;
        }
        for (size_t i = 0; i < reply->elements; ++i) {
            attend_entries(*reply->element[i]->element[1]);
        }
    }
    void reap() {
        for (uint32_t p = 0; p < world_.map.count(); ++p) {
            const std::string_view tag = world_.map.tag(p);
            const auto reply =
                redis_.run(kReapScript, {str(jobs_key(tag)), str(lease_key(tag)), name_, "4"});
            if (reply && reply->type == REDIS_REPLY_ARRAY) {
                attend_entries(*reply);
            }
        }
    }
    void attend_entries(const redisReply& entries) {
        for (size_t i = 0; i < entries.elements; ++i) {
            const redisReply& entry = *entries.element[i];
            if (entry.type != REDIS_REPLY_ARRAY || entry.elements != 2) {
                continue;
            }
            const redisReply& fields = *entry.element[1];
            const std::string sid(fields.element[1]->str, fields.element[1]->len);
            for (int s = 0; s < world_.options.sessions; ++s) {
                if (world_.ids[static_cast<size_t>(s)] == sid) {
                    try {
                        attend(s, entry.element[0]->str);
                    } catch (const Crash&) {
                        ++world_.crashes;
                        redis_.cut();
                        new_incarnation();
                        renew();
                    }
                }
            }
        }
    }

    void attend(int session, const std::string& entry) {
        const SessionKeys& k = world_.keys[static_cast<size_t>(session)];
        const auto reply =
            redis_.run(kClaimScript,
                       {str(k.meta), str(k.in_lane), str(k.out_lane), str(k.leases), str(k.jobs),
                        str(k.out_channel), str(k.dead), world_.ids[static_cast<size_t>(session)],
                        name_, entry, "1000000", "600000", "600000"});
        if (!reply || reply->type != REDIS_REPLY_ARRAY ||
            reply->element[0]->integer != static_cast<int>(ClaimStatus::claimed)) {
            return;
        }
        epoch_ = std::stoull(reply->element[1]->str);
        seq_ = 0;
        if (reply->element[2]->integer > 1) {
            ++world_.takeovers;
        }
        for (;;) {
            maybe_crash();
            if (!attend_mail(session, k)) {
                return;
            }
            const auto finish = redis_.run(
                kFinishScript, {str(k.meta), str(k.in_lane), str(k.out_lane), str(k.jobs),
                                std::to_string(epoch_), name_, entry, "600000", "600000"});
            if (!finish || finish->integer != static_cast<int>(FinishStatus::more)) {
                return;
            }
        }
    }

    // All mail that waits, one turn each. False: fenced.
    bool attend_mail(int session, const SessionKeys& k) {
        const auto mails = redis_.call({"XRANGE", str(k.in_lane), "-", "+"});
        if (!mails || mails->type != REDIS_REPLY_ARRAY) {
            return true;
        }
        for (size_t i = 0; i < mails->elements; ++i) {
            const redisReply& body = *mails->element[i]->element[1]->element[1];
            const auto mail = decode_mail(as_bytes({body.str, body.len}));
            const int turn = std::stoi(str(as_text(mail->payload)));
            if (!run_turn(session, turn, k)) {
                ++world_.fenced;
                return false;
            }
            maybe_crash();
            const auto saved = redis_.run(
                kSaveScript, {str(k.meta), str(k.in_lane), str(k.history), std::to_string(epoch_),
                              name_, "keep", "0", "", "", "40", "600000", "1",
                              mails->element[i]->element[0]->str, std::to_string(body.len)});
            if (!saved || saved->integer != 1) {
                ++world_.fenced;
                return false;
            }
        }
        return true;
    }

    // How many events of this turn the log already holds: the takeover goes on behind them.
    int already_logged(int turn, const SessionKeys& k) {
        const auto entries = redis_.call({"XRANGE", str(k.out_lane), "-", "+"});
        int logged = 0;
        for (size_t i = 0; entries && i < entries->elements; ++i) {
            const redisReply& body = *entries->element[i]->element[1]->element[1];
            auto reader = BatchReader::open(as_bytes({body.str, body.len}));
            while (reader && reader->header().kind == BatchKind::events) {
                const auto event = reader->next();
                if (!event) {
                    break;
                }
                const std::string text = str(as_text(event->bytes));
                if (std::stoi(text) == turn) {
                    logged = std::stoi(text.substr(text.find(':') + 1));
                }
            }
        }
        return logged;
    }

    struct Batch {
        std::string id;
        std::string bytes;
    };

    bool run_turn(int session, int turn, const SessionKeys& k) {
        const int length = turn_length(session, turn);
        int next = already_logged(turn, k) + 1;
        while (next <= length) {
            renew_if_due();
            std::vector<Batch> batches;
            for (uint32_t i = 1 + random_() % 3; i > 0 && next <= length; --i) {
                batches.push_back(make_batch(turn, next, length));
            }
            if (!emit(batches, k)) {
                return false;
            }
            maybe_crash();
        }
        return true;
    }

    Batch make_batch(int turn, int& next, int length) {
        Buffer buffer;
        BatchWriter writer(buffer);
        writer.begin(epoch_, seq_ + 1);
        for (uint32_t i = 1 + random_() % 4; i > 0 && next <= length; --i, ++next, ++seq_) {
            writer.add(next == length ? kEventTerminal : 0, as_bytes(event_text(turn, next)));
        }
        return {str(format_event_id({epoch_, seq_}).view()), str(buffer.text())};
    }

    void send_batches(const std::vector<Batch>& batches, const SessionKeys& k) {
        for (const Batch& batch : batches) {
            redis_.send({"XADD", str(k.out_lane), batch.id, kEntryField, batch.bytes});
            redis_.send({"SPUBLISH", str(k.out_channel), batch.bytes});
        }
        redis_.flush();
    }

    // Writes like the product: pipelined, replies checked afterwards. False: fenced.
    bool emit(const std::vector<Batch>& batches, const SessionKeys& k) {
        maybe_freeze(); // a zombie writes on after its lease has gone
        send_batches(batches, k);
        if (world_.options.faults && random_() % 40 == 0) {
            ++world_.cuts; // the outcome is unknown: the same ids go out again
            redis_.cut();
            send_batches(batches, k);
        }
        bool fenced = false;
        bool check = false;
        for (size_t i = 0; i < batches.size(); ++i) {
            const auto added = redis_.receive();
            const auto published = redis_.receive();
            if (!added || !published) {
                throw Crash{};
            }
            check = check || added->type == REDIS_REPLY_ERROR;
        }
        if (check) {
            const auto top = redis_.call({"XREVRANGE", str(k.out_lane), "+", "-", "COUNT", "1"});
            fenced = !top || top->elements != 1 ||
                     parse_event_id(top->element[0]->element[0]->str)->epoch != epoch_;
        }
        return !fenced;
    }

    void maybe_crash() {
        if (world_.options.faults && random_() % 90 == 0) {
            throw Crash{};
        }
    }
    void maybe_freeze() {
        if (world_.options.faults && random_() % 60 == 0) {
            ++world_.freezes;
            pause(world_.options.lease_ms + static_cast<int>(random_() % 300));
        }
    }

    World& world_;
    ModelRedis redis_;
    Random random_;
    int index_;
    int incarnation_ = 0;
    std::string name_;
    bool first_ = true;
    Clock::time_point renewed_;
    uint64_t epoch_ = 0;
    uint64_t seq_ = 0;
};

} // namespace

void run_model_worker(World& world, int index) {
    ModelWorker(world, index).run();
}

} // namespace mr::test

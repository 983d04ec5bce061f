// Invoices in both directions: vendors to us, we to the clients.
#include "worker/data/generate.h"
#include "worker/data/random.h"
#include "worker/data/trades.h"

#include <algorithm>

namespace mr::demo {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

// Older disputes are settled.
constexpr int kFreshDisputeDays = 420;

struct PaymentHabit {
    std::int64_t fastest_days, slowest_days;
};

PaymentHabit habit_of(const std::string& pays) {
    if (pays == "prompt")
        return {16, 32};
    if (pays == "slow")
        return {50, 150};
    return {24, 78};
}

// Settles what has become of an invoice by today.
void settle(Invoice& invoice, PaymentHabit habit, Date today, Random& random) {
    const Date paid =
        (invoice.issued_on + random.range(habit.fastest_days, habit.slowest_days)).working_day();
    const bool quarrel = random.chance(3);
    const bool partly = random.chance(40);
    const std::int64_t percent = random.range(20, 75);
    if (quarrel && today - invoice.issued_on < kFreshDisputeDays) {
        invoice.status = "disputed";
    } else if (paid <= today) {
        invoice.status = "paid";
        invoice.paid_on = paid;
        invoice.paid_amount = invoice.amount;
    } else if (invoice.due_on < today) {
        invoice.status = "overdue";
        if (partly)
            invoice.paid_amount = invoice.amount * percent / 100;
    } else {
        invoice.status = "open";
    }
}

std::string vendor_prefix(const std::string& name) {
    std::string prefix;
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z' && prefix.size() < 3)
            prefix.push_back(c);
    }
    return prefix;
}

// Approved changes decided up to a day, added to the original sum.
Dollars contract_on(const DemoData& data, RowId project_id, Date day) {
    Dollars sum = row(data.projects, project_id).original_contract;
    for (const ChangeOrder& order : data.change_orders) {
        if (order.project_id == project_id && order.status == "approved" && order.decided_on <= day)
            sum += order.amount;
    }
    return sum;
}

class Billing {
  public:
    Billing(DemoData& data, RowId project_id, Random& random)
        : data_(data), random_(random), project_id_(project_id),
          project_(row(data.projects, project_id)),
          habit_(habit_of(row(data.companies, project_.client_id).pays)) {}

    void run() {
        for (Date day = project_.start.end_of_month();; day = (day + 1).end_of_month()) {
            const bool last = day >= project_.last_work;
            bill(last ? project_.last_work : day, last);
            if (last)
                return;
        }
    }

  private:
    // Until the last invoice of a completed project a twentieth of the work done stays unbilled, so
    // that late credits never turn an invoice negative.
    void bill(Date day, bool last) {
        const bool final = last && project_.status == "completed";
        const Dollars target = final ? project_.contract_value
                                     : contract_on(data_, project_id_, day) *
                                           work_done_ppm(project_, day) / kMillion * 95 / 100;
        const Dollars amount = target - billed_;
        if (amount < project_.original_contract / 500 && !final)
            return;
        if (!last && random_.chance(3) && day + 3 < project_.last_work) {
            add(day, amount + amount / random_.range(7, 19), true, false);
            day = day + 3;
        }
        add(day, amount, false, final);
        billed_ = target;
    }

    void add(Date day, Dollars amount, bool is_void, bool final) {
        Invoice invoice;
        invoice.project_id = project_id_;
        ++count_;
        invoice.number =
            "INV-" + project_.code.substr(3) + (count_ < 10 ? "-0" : "-") + std::to_string(count_);
        const std::string month = day.iso().substr(0, 7);
        invoice.description = is_void ? "Void, replaced by the next: progress billing " + month
                              : final ? "Final invoice"
                                      : "Progress billing " + month;
        invoice.issued_on = day;
        invoice.due_on = day + kClientTermsDays;
        invoice.amount = amount;
        if (is_void)
            invoice.status = "void";
        else
            settle(invoice, habit_, data_.today, random_);
        data_.invoices.push_back(std::move(invoice));
    }

    static constexpr int kClientTermsDays = 30;

    DemoData& data_;
    Random& random_;
    RowId project_id_;
    const Project& project_;
    PaymentHabit habit_;
    Dollars billed_ = 0;
    int count_ = 0;
};

} // namespace

void add_vendor_invoices(DemoData& data) {
    constexpr int kVendorTermsDays = 45;
    constexpr PaymentHabit kWePay{30, 58};
    Random random("vendor invoices");
    for (RowId bid_id = 1; bid_id <= last_id(data.bids); ++bid_id) {
        const Bid& bid = row(data.bids, bid_id);
        const Project& project = row(data.projects, bid.project_id);
        if (bid.status != "awarded" || !project.started())
            continue;
        const Trade& trade = trade_named(bid.trade);
        const Date begin =
            std::max(day_at_percent(project, trade.begin_percent), *bid.decided_on + 7);
        const Date end = std::max(day_at_percent(project, trade.end_percent), begin + 14);
        const std::int64_t parts = std::clamp<std::int64_t>((end - begin) / 55, 2, 9);
        Dollars charged = 0;
        for (std::int64_t part = 1; part <= parts; ++part) {
            const Date day =
                (begin + (end - begin) * part / parts - random.range(0, 9)).working_day();
            const Dollars target =
                part == parts ? bid.amount
                              : bid.amount * (part * 100 - random.range(0, 30)) / (parts * 100);
            if (day > project.last_work || day < project.start)
                break;
            Invoice invoice;
            invoice.project_id = bid.project_id;
            invoice.vendor_id = bid.vendor_id;
            invoice.bid_id = bid_id;
            invoice.number = vendor_prefix(row(data.vendors, bid.vendor_id).name) + "-" +
                             std::to_string(10'000 + last_id(data.vendor_invoices) + 1);
            invoice.issued_on = day;
            invoice.due_on = day + kVendorTermsDays;
            invoice.amount = target - charged;
            charged = target;
            settle(invoice, kWePay, data.today, random);
            data.vendor_invoices.push_back(std::move(invoice));
        }
    }
}

void add_invoices(DemoData& data) {
    Random random("invoices");
    for (RowId id = 1; id <= last_id(data.projects); ++id) {
        if (row(data.projects, id).started())
            Billing(data, id, random).run();
    }
}

} // namespace mr::demo

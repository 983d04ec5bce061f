// Vendors and their bids for the trade packages of the projects.
#include "worker/data/generate.h"
#include "worker/data/sources.h"
#include "worker/data/trades.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <utility>

namespace mr::demo {
namespace {

// Trades needed by a type of project besides those every building needs.
std::set<std::string_view> trades_of(const Project& project) {
    std::set<std::string_view> trades = {"sitework", "concrete", "electrical"};
    const auto add = [&](std::initializer_list<std::string_view> more) { trades.insert(more); };
    const std::string& type = project.type;
    if (type != "infrastructure")
        add({"plumbing", "hvac", "roofing", "drywall", "painting"});
    if (type == "residential" || type == "hotel")
        add({"waterproofing", "elevator", "flooring", "fire protection"});
    if (type == "school" || type == "civic")
        add({"masonry", "flooring", "fire protection", "glazing"});
    if (type == "healthcare" || type == "laboratory" || type == "office")
        add({"structural steel", "glazing", "elevator", "fire protection"});
    if (type == "industrial" || type == "retail" || type == "infrastructure")
        add({"structural steel", "fire protection"});
    if (project.description.find("enovation") != std::string::npos ||
        project.description.find("estoration") != std::string::npos ||
        project.description.find("former") != std::string::npos ||
        project.description.find("onversion") != std::string::npos)
        add({"demolition", "masonry"});
    return trades;
}

class Bidding {
  public:
    Bidding(DemoData& data, Random& random) : data_(data), random_(random) {
        const SourceTable planted("planted_awards.tsv");
        for (std::size_t i = 0; i < planted.size(); ++i) {
            const RowId project = project_named(data, planted.at(i, "project"));
            planned_[{project, std::string{planted.at(i, "trade")}}] =
                vendor_named(data, planted.at(i, "vendor"));
        }
    }

    void run(RowId project_id) {
        const Project& project = row(data_.projects, project_id);
        std::set<std::string_view> needed = trades_of(project);
        for (const auto& [key, vendor] : planned_) {
            if (key.first == project_id)
                needed.insert(key.second);
        }
        std::int64_t shares = 0;
        for (const Trade& trade : kTrades)
            shares += needed.contains(trade.name) ? trade.share : 0;
        const std::int64_t subcontracted = random_.range(600, 660); // thousandths of the contract
        for (const Trade& trade : kTrades) {
            if (needed.contains(trade.name)) {
                const Dollars estimate =
                    project.original_contract * subcontracted / 1000 * trade.share / shares;
                tender(project_id, trade, estimate);
            }
        }
    }

  private:
    void tender(RowId project_id, const Trade& trade, Dollars estimate) {
        const Project& project = row(data_.projects, project_id);
        const std::int64_t lead_days = random_.range(50, 80);
        const Date closing = day_at_percent(project, trade.begin_percent) - lead_days;
        const Date submitted = std::max(closing, project.awarded + 3).working_day();
        if (submitted > data_.today || (project.started() && submitted >= project.last_work))
            return; // not yet tendered, or the work stopped before
        const std::vector<RowId> bidders = choose_bidders(project_id, trade);
        const std::size_t first = data_.bids.size();
        for (const RowId vendor : bidders) {
            Bid bid;
            bid.project_id = project_id;
            bid.vendor_id = vendor;
            bid.trade = trade.name;
            bid.amount = estimate * random_.range(920, 1160) / 1000 / 100 * 100;
            bid.submitted_on = (submitted - random_.range(0, 6)).working_day();
            bid.status = "pending";
            data_.bids.push_back(std::move(bid));
        }
        decide(project_id, first, (submitted + random_.range(12, 26)).working_day());
    }

    std::vector<RowId> choose_bidders(RowId project_id, const Trade& trade) {
        std::vector<RowId> vendors;
        for (RowId id = 1; id <= last_id(data_.vendors); ++id) {
            if (row(data_.vendors, id).trade == trade.name)
                vendors.push_back(id);
        }
        random_.shuffle(vendors);
        const auto planned = planned_.find({project_id, std::string{trade.name}});
        if (planned != planned_.end()) // never the one left out below
            std::swap(vendors.front(), *std::ranges::find(vendors, planned->second));
        if (random_.chance(35))
            vendors.pop_back();
        return vendors;
    }

    void decide(RowId project_id, std::size_t first, Date decision) {
        const Project& project = row(data_.projects, project_id);
        if (decision > data_.today || (project.started() && decision > project.last_work))
            return; // stays pending
        auto winner = static_cast<std::size_t>(
            std::ranges::min_element(data_.bids.begin() + static_cast<std::ptrdiff_t>(first),
                                     data_.bids.end(), {}, &Bid::amount) -
            data_.bids.begin());
        if (random_.chance(15)) // the cheapest is not always the best
            winner = first;
        const auto planned = planned_.find({project_id, data_.bids[first].trade});
        for (std::size_t i = first; i < data_.bids.size(); ++i) {
            if (planned != planned_.end() && data_.bids[i].vendor_id == planned->second)
                winner = i;
        }
        for (std::size_t i = first; i < data_.bids.size(); ++i) {
            Bid& bid = data_.bids[i];
            if (i != winner && random_.chance(6)) {
                bid.status = "withdrawn";
                continue;
            }
            bid.status = i == winner ? "awarded" : "rejected";
            bid.decided_on = decision;
        }
    }

    DemoData& data_;
    Random& random_;
    std::map<std::pair<RowId, std::string>, RowId> planned_; // (project, trade) to vendor
};

} // namespace

void add_vendors(DemoData& data) {
    const SourceTable table("vendors.tsv");
    Random random("vendors");
    for (std::size_t i = 0; i < table.size(); ++i) {
        Vendor vendor;
        vendor.name = table.at(i, "name");
        vendor.trade = table.at(i, "trade");
        vendor.city = table.at(i, "city");
        vendor.state = table.at(i, "state");
        vendor.contact = table.at(i, "contact");
        vendor.email = "office@" + std::string{table.at(i, "domain")};
        vendor.rating = table.at(i, "rating");
        vendor.insured_until = data.today + random.range(-50, 330);
        data.vendors.push_back(std::move(vendor));
    }
}

void add_bids(DemoData& data) {
    Random random("bids");
    Bidding bidding(data, random);
    for (RowId id = 1; id <= last_id(data.projects); ++id)
        bidding.run(id);
}

} // namespace mr::demo

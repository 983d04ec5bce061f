// The rows of the demo company in memory, between the generator that makes them and the store that
// writes them. Ids are positions: row i of a vector has id i + 1. Money is whole US dollars.
// It never checks anything: the invariants stand in schema.sql and in the tests.
#pragma once

#include "worker/data/calendar.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mr::demo {

using Dollars = std::int64_t;
using RowId = std::int64_t;

struct Company {
    std::string name, industry, city, state, phase, owner, website, domain;
    std::string pays; // prompt, normal, slow: how fast our invoices are paid
    Date since;
    std::vector<RowId> contacts;
};

struct Contact {
    RowId company_id = 0;
    std::string name, title, email, phone;
    Date last_contacted_on;
};

struct Deal {
    RowId company_id = 0;
    RowId contact_id = 0;
    std::optional<RowId> project_id;
    std::string name, stage;
    Dollars amount = 0;
    int probability = 0;
    std::string owner;
    Date created_on, close_date;
    std::string note;
};

struct Project {
    std::string code, name;
    RowId client_id = 0;
    RowId contact_id = 0; // the client's contact for the project
    std::string client, city, state, type, status;
    Date awarded, start;
    Date planned_end;
    Date end;       // column end_date: the day work stopped for a cancelled project
    Date last_work; // last day of work up to today; before start while in planning
    Dollars original_contract = 0;
    Dollars contract_value = 0;
    Dollars budget = 0;
    int percent_complete = 0;
    std::int64_t square_feet = 0;
    std::string manager, superintendent, description;
    std::vector<std::string> nicknames;
    std::vector<std::pair<std::string, std::string>> aliases; // alias, kind

    bool started() const { return last_work >= start; }
};

struct Vendor {
    std::string name, trade, city, state, contact, email, rating;
    Date insured_until;
};

struct Bid {
    RowId project_id = 0;
    RowId vendor_id = 0;
    std::string trade;
    Dollars amount = 0;
    Date submitted_on;
    std::string status;
    std::optional<Date> decided_on;
};

// Both directions: vendor_id and bid_id are 0 in our invoices to clients.
struct Invoice {
    RowId project_id = 0;
    RowId vendor_id = 0;
    RowId bid_id = 0;
    std::string number, description;
    Date issued_on, due_on;
    Dollars amount = 0;
    std::string status;
    std::optional<Date> paid_on;
    Dollars paid_amount = 0;

    Dollars balance() const { return status == "void" ? 0 : amount - paid_amount; }
};

struct ChangeOrder {
    RowId project_id = 0;
    std::string number, title, reason;
    Dollars amount = 0;
    int days = 0;
    std::string status;
    Date raised_on;
    std::optional<Date> decided_on;
};

struct Crew {
    std::string name, trade, foreman;
    int size = 0;
    int hourly_rate = 0;
};

struct CrewHours {
    RowId crew_id = 0;
    RowId project_id = 0;
    Date week_start;
    int regular_hours = 0;
    int overtime_hours = 0;
};

struct Inspection {
    RowId project_id = 0;
    Date inspected_on;
    std::string kind, inspector, agency, result, notes;
};

struct Document {
    RowId project_id = 0;
    std::string kind, title, author;
    Date date;
    std::string body, url;
};

struct DemoData {
    Date today;
    std::vector<Company> companies;
    std::vector<Contact> contacts;
    std::vector<Deal> deals;
    std::vector<Project> projects;
    std::vector<Vendor> vendors;
    std::vector<Bid> bids;
    std::vector<Invoice> invoices;
    std::vector<Invoice> vendor_invoices;
    std::vector<ChangeOrder> change_orders;
    std::vector<Crew> crews;
    std::vector<CrewHours> crew_hours;
    std::vector<Inspection> inspections;
    std::vector<Document> documents;
};

// The row with an id, in a vector whose row i has id i + 1.
template <typename Row> Row& row(std::vector<Row>& rows, RowId id) {
    return rows.at(static_cast<std::size_t>(id - 1));
}
template <typename Row> const Row& row(const std::vector<Row>& rows, RowId id) {
    return rows.at(static_cast<std::size_t>(id - 1));
}
template <typename Row> RowId last_id(const std::vector<Row>& rows) {
    return static_cast<RowId>(rows.size());
}

} // namespace mr::demo

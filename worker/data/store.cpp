#include "worker/data/store.h"

#include "worker/data/demo_database.h"

#include <string>

namespace mr::demo {
namespace {

using sqlite::Database;
using sqlite::Statement;

std::optional<std::string> iso(const std::optional<Date>& date) {
    return date ? std::optional{date->iso()} : std::nullopt;
}

// "INSERT INTO <table> VALUES (?, ?, ...)"; values in the order of schema.sql.
Statement insert_into(Database& database, const std::string& table, int columns) {
    std::string sql = "INSERT INTO " + table + " VALUES (?";
    for (int i = 1; i < columns; ++i)
        sql += ", ?";
    return database.prepare(sql + ")");
}

template <typename... T> void insert(Statement& statement, const T&... values) {
    statement.bind_all(values...);
    statement.run();
}

void store_meta(Database& database) {
    Statement meta = insert_into(database, "meta", 2);
    insert(meta, "today", kDemoToday);
    insert(meta, "company", "Meridian Ridge Builders");
    insert(meta, "currency", "USD");
    insert(meta, "stamp", demo_data_stamp());
}

void store_crm(Database& database, const DemoData& data) {
    Statement companies = insert_into(database, "crm_companies", 9);
    RowId id = 0;
    for (const Company& r : data.companies)
        insert(companies, ++id, r.name, r.industry, r.city, r.state, r.phase, r.owner, r.website,
               r.since.iso());
    Statement contacts = insert_into(database, "crm_contacts", 7);
    id = 0;
    for (const Contact& r : data.contacts)
        insert(contacts, ++id, r.company_id, r.name, r.title, r.email, r.phone,
               r.last_contacted_on.iso());
    Statement deals = insert_into(database, "crm_deals", 12);
    id = 0;
    for (const Deal& r : data.deals)
        insert(deals, ++id, r.company_id, r.contact_id, r.project_id, r.name, r.stage, r.amount,
               r.probability, r.owner, r.created_on.iso(), r.close_date.iso(), r.note);
}

void store_projects(Database& database, const DemoData& data) {
    Statement projects = insert_into(database, "projects", 19);
    Statement aliases = insert_into(database, "project_aliases", 3);
    RowId id = 0;
    for (const Project& r : data.projects) {
        insert(projects, ++id, r.code, r.name, r.client_id, r.client, r.city, r.state, r.type,
               r.status, r.start.iso(), r.end.iso(), r.original_contract, r.contract_value,
               r.budget, r.percent_complete, r.square_feet, r.manager, r.superintendent,
               r.description);
        for (const auto& [alias, kind] : r.aliases)
            insert(aliases, id, alias, kind);
    }
    Statement changes = insert_into(database, "change_orders", 10);
    id = 0;
    for (const ChangeOrder& r : data.change_orders)
        insert(changes, ++id, r.project_id, r.number, r.title, r.reason, r.amount, r.days, r.status,
               r.raised_on.iso(), iso(r.decided_on));
}

void store_money(Database& database, const DemoData& data) {
    Statement vendors = insert_into(database, "vendors", 9);
    RowId id = 0;
    for (const Vendor& r : data.vendors)
        insert(vendors, ++id, r.name, r.trade, r.city, r.state, r.contact, r.email, r.rating,
               r.insured_until.iso());
    Statement bids = insert_into(database, "bids", 8);
    id = 0;
    for (const Bid& r : data.bids)
        insert(bids, ++id, r.project_id, r.vendor_id, r.trade, r.amount, r.submitted_on.iso(),
               r.status, iso(r.decided_on));
    Statement invoices = insert_into(database, "invoices", 11);
    id = 0;
    for (const Invoice& r : data.invoices)
        insert(invoices, ++id, r.project_id, r.number, r.description, r.issued_on.iso(),
               r.due_on.iso(), r.amount, r.status, iso(r.paid_on), r.paid_amount, r.balance());
    Statement vendor_invoices = insert_into(database, "vendor_invoices", 12);
    id = 0;
    for (const Invoice& r : data.vendor_invoices)
        insert(vendor_invoices, ++id, r.project_id, r.vendor_id, r.bid_id, r.number,
               r.issued_on.iso(), r.due_on.iso(), r.amount, r.status, iso(r.paid_on), r.paid_amount,
               r.balance());
}

void store_field(Database& database, const DemoData& data) {
    Statement crews = insert_into(database, "crews", 6);
    RowId id = 0;
    for (const Crew& r : data.crews)
        insert(crews, ++id, r.name, r.trade, r.foreman, r.size, r.hourly_rate);
    Statement hours = insert_into(database, "crew_hours", 6);
    id = 0;
    for (const CrewHours& r : data.crew_hours)
        insert(hours, ++id, r.crew_id, r.project_id, r.week_start.iso(), r.regular_hours,
               r.overtime_hours);
    Statement inspections = insert_into(database, "inspections", 8);
    id = 0;
    for (const Inspection& r : data.inspections)
        insert(inspections, ++id, r.project_id, r.inspected_on.iso(), r.kind, r.inspector, r.agency,
               r.result, r.notes);
    Statement documents = insert_into(database, "documents", 8);
    id = 0;
    for (const Document& r : data.documents)
        insert(documents, ++id, r.project_id, r.kind, r.title, r.author, r.date.iso(), r.body,
               r.url);
}

} // namespace

void store_demo_data(Database& database, const DemoData& data) {
    // crm_deals refers to projects and projects to crm_companies: checked at the end of the commit.
    database.execute("PRAGMA foreign_keys = ON; BEGIN; PRAGMA defer_foreign_keys = ON");
    database.execute(demo_schema_sql());
    store_meta(database);
    store_crm(database, data);
    store_projects(database, data);
    store_money(database, data);
    store_field(database, data);
    database.execute("INSERT INTO documents_fts (documents_fts) VALUES ('rebuild');"
                     "INSERT INTO documents_fts (documents_fts) VALUES ('optimize');"
                     "COMMIT; ANALYZE");
}

} // namespace mr::demo

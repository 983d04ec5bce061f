// Makes the rows of the demo company out of the embedded sources: the same rows on every machine.
// One function per group of tables, called in the order of dependence by generate_demo_data().
// It never touches a file, a clock or a database.
#pragma once

#include "worker/data/model.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace mr::demo {

DemoData generate_demo_data();

// generate_companies.cpp
void add_companies(DemoData& data); // companies and contacts
void add_deals(DemoData& data);     // needs projects
// generate_projects.cpp
void add_projects(DemoData& data);      // needs companies
void add_aliases(DemoData& data);       // needs projects
void add_change_orders(DemoData& data); // needs projects; settles contract_value
// generate_bids.cpp
void add_vendors(DemoData& data);
void add_bids(DemoData& data); // needs vendors, projects
// generate_money.cpp
void add_vendor_invoices(DemoData& data); // needs bids
void add_invoices(DemoData& data);        // needs change orders
// generate_field.cpp
void add_crews(DemoData& data);       // crews and their hours
void add_inspections(DemoData& data); // needs projects
// generate_documents.cpp
void add_documents(DemoData& data); // needs all other tables but deals

// Share of the work done on a day, in millionths: slow at both ends, steep in the middle.
std::int64_t work_done_ppm(const Project& project, Date day);

// Id of the project or vendor with this name; throws std::logic_error when there is none.
RowId project_named(const DemoData& data, std::string_view name);
RowId vendor_named(const DemoData& data, std::string_view name);

// "$1,234,567", "-$500"
std::string money_text(Dollars amount);

} // namespace mr::demo

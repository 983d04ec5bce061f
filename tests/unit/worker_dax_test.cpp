// The guard of DAX: what is let through, what is refused, how projects are kept apart.
#include "worker/providers/interfaces.h"
#include "worker/providers/powerbi/dax.h"
#include "worker/providers/powerbi/dax_tokens.h"

#include <gtest/gtest.h>

#include <optional>

namespace mr::test {
namespace {

using powerbi::ColumnName;
using powerbi::Schema;

const Schema& model() {
    static const Schema schema = powerbi::parse_schema(R"({"tables": [
        {"name": "Projects", "columns": [{"name": "Code"}, {"name": "Name"}]},
        {"name": "Invoices", "description": "one row per invoice",
         "columns": [{"name": "Amount", "kind": "money"}, {"name": "Due Date", "kind": "date"},
                     {"name": "Odd]Name"}],
         "measures": [{"name": "Invoiced", "kind": "money", "description": "net"}]},
        {"name": "Vendors", "common": true, "columns": [{"name": "Trade"}],
         "measures": [{"name": "Vendor Count", "kind": "count"}]}]})");
    return schema;
}

const ColumnName kProject{"Projects", "Code"};

// Why it is refused; nothing when it is let through.
std::optional<std::string> refused(const std::string& dax, bool scoped) {
    try {
        powerbi::read_dax(dax, model(), scoped ? &kProject : nullptr);
    } catch (const QueryRefused& error) { // goes back to its writer
        EXPECT_EQ(error.fault(), ProviderFault::bad_request);
        EXPECT_NE(std::string(error.what()).find(error.reason()), std::string::npos);
        return error.what();
    }
    return std::nullopt;
}

TEST(Dax, WhatIsLetThrough) {
    const std::string cases[] = {
        "EVALUATE VALUES('Projects'[Code])",
        "evaluate\n  Projects",
        "EVALUATE SUMMARIZECOLUMNS('Projects'[Name], \"@Total\", [Invoiced]) ORDER BY [@Total] "
        "DESC, 'Projects'[Name]",
        "EVALUATE ROW(\"@a -- no comment /* */ EVALUATE\", CALCULATE([Invoiced], "
        "'Invoices'[Amount] > 1.5e3))",
        "EVALUATE FILTER('Invoices', 'Invoices'[Amount] >= 10 && NOT ISBLANK('Invoices'[Due "
        "Date]))",
        "EVALUATE VAR top = TOPN(3, VALUES('Projects'[Name]), [Invoiced], DESC) RETURN "
        "ADDCOLUMNS(top, \"@Sum\", [Invoiced])",
        "DEFINE MEASURE 'Invoices'[@Late] = (VAR now = TODAY() RETURN CALCULATE([Invoiced], "
        "'Invoices'[Due Date] < now)) MEASURE Invoices[@Half] = [@Late] / 2 "
        "EVALUATE SUMMARIZECOLUMNS('Projects'[Code], \"@Late\", [@Late])",
        "EVALUATE SELECTCOLUMNS('Invoices', \"@x\", 'Invoices'[Odd]]Name])",
        "EVALUATE CALCULATETABLE(SUMMARIZECOLUMNS('Projects'[Code], \"@x\", [Invoiced]), "
        "'Invoices'[Amount] IN {1, 2})",
        "EVALUATE FILTER(VALUES(Projects[Code]), Projects[Code] IN {\"A\", \"B\"})",
        "EVALUATE {COUNTROWS('Vendors')}",
    };
    for (const std::string& one : cases) {
        EXPECT_EQ(refused(one, false), std::nullopt) << one;
        EXPECT_EQ(refused(one, true), std::nullopt) << one;
    }
}

// Whatever is left of a query, it is refused or wraps into one whose brackets match.
TEST(Dax, CutAtEveryByte) {
    const std::string whole =
        "DEFINE MEASURE Invoices[@Half] = (VAR x = 2 RETURN [Invoiced] / x) EVALUATE "
        "SUMMARIZECOLUMNS('Projects'[Code], \"@a\"\"(b\", {[@Half]}) ORDER BY [@Half] DESC";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        for (const std::string& text : {whole.substr(0, cut), whole.substr(cut),
                                        whole.substr(0, cut) + ")" + whole.substr(cut)}) {
            if (refused(text, true)) {
                continue;
            }
            const powerbi::Dax dax = powerbi::read_dax(text, model(), &kProject);
            const std::string sent = powerbi::confined(dax, 5, kProject, {"HP-1"}, false);
            std::ptrdiff_t depth = 0;
            for (const powerbi::Token& token : powerbi::tokens_of(sent)) {
                depth += token.sign("(") ? 1 : token.sign(")") ? -1 : 0;
                ASSERT_GE(depth, 0) << text;
            }
            EXPECT_EQ(depth, 0) << text;
            EXPECT_NE(sent.find("), TREATAS({\"HP-1\"}, 'Projects'[Code]))"), std::string::npos);
        }
    }
}

struct Bad {
    std::string dax;
    std::string says;
};

TEST(Dax, WhatIsRefused) {
    const std::string deep(65, '(');
    const Bad cases[] = {
        {"", "not one EVALUATE"},
        {"EVALUATE", "no table"},
        {"EVALUATE  ORDER BY [Amount]", "no table"},
        {"SELECT * FROM $SYSTEM.TMSCHEMA_TABLES", "no query needs"},
        {"SELECT 1", "not one EVALUATE"},
        {"EVALUATE 'Projects' EVALUATE 'Invoices'", "'evaluate'"},
        {"EVALUATE 'Projects'; EVALUATE 'Invoices'", "no query needs"},
        {"EVALUATE 'Projects', 'Invoices'", "more than one table"},
        {"EVALUATE 'Projects' -- x", "comments"},
        {"EVALUATE 'Projects' // x", "comments"},
        {"EVALUATE /* x */ 'Projects'", "comments"},
        {"EVALUATE 'Projects') + ('Projects'", "do not match"},
        {"EVALUATE FILTER('Projects'", "do not match"},
        {"EVALUATE {1)", "do not match"},
        {"EVALUATE " + deep, "too deeply"},
        {"EVALUATE 'Projects", "not closed"},
        {"EVALUATE ROW(\"x, 1)", "not closed"},
        {"EVALUATE ROW(\"a\nb\", 1)", "control character"},
        {"EVALUATE @parameter", "no query needs"},
        {"EVALUATE \xC3\xA4", "no query needs"},
        {"EVALUATE 'Salaries'", "no described table"},
        {"EVALUATE Salaries", "no described table"},
        {"EVALUATE VALUES('Projects'[Secret])", "no described column"},
        {"EVALUATE VALUES(Projects[Amount])", "no described column"},
        {"EVALUATE ROW(\"x\", [Hidden Measure])", "no described column"},
        {"EVALUATE ROW(\"Hidden\", [Hidden])", "no described column"},
        {"EVALUATE ROW(\"x\", [Invoiced]('Projects'[Code] = \"B\"))", "like a function"},
        {"EVALUATE ROW(\"x\", LOOKUPVALUE('Projects'[Name], 'Projects'[Code], 1))", "lookupvalue"},
        {"EVALUATE INFO.TABLES()", "info.tables"},
        {"EVALUATE UNION('Projects', 'Vendors')", "union"},
        {"EVALUATE TOCSV('Projects')", "tocsv"},
        {"EVALUATE ROW(\"x\", EXTERNAL(1))", "external"},
        {"DEFINE VAR x = 1 EVALUATE 'Projects'", "only define measures"},
        {"DEFINE TABLE x = 'Projects' EVALUATE x", "only define measures"},
        {"DEFINE MEASURE 'Invoices'[@a] = 1 VAR x = 'Projects' EVALUATE x", "only define measures"},
        {"DEFINE MEASURE 'Invoices'[Invoiced] = 1 EVALUATE 'Projects'", "defined as"},
        {"DEFINE MEASURE 'Salaries'[@a] = 1 EVALUATE 'Projects'", "no described table"},
        {"DEFINE MEASURE 'Invoices'[@a] = 1", "not one EVALUATE"},
        {"EVALUATE 'Projects' ORDER [Code]", "without BY"},
        {"EVALUATE 'Projects' ORDER BY SUM('Invoices'[Amount])", "no described table"},
        {"EVALUATE 'Projects' ORDER BY [Secret]", "no described column"},
        {"EVALUATE 'Projects' ORDER BY [Code]", "no described column"},
        {"EVALUATE 'Projects' ORDER BY 'Projects'[Code] START AT 1", "something stands behind"},
        {"EVALUATE " + std::string(powerbi::kMaxDaxBytes, ' '), "too long"},
    };
    for (const Bad& one : cases) {
        for (const bool scoped : {false, true}) {
            const auto why = refused(one.dax, scoped);
            ASSERT_TRUE(why) << one.dax;
            EXPECT_NE(why->find(one.says), std::string::npos) << one.dax << "\n" << *why;
            EXPECT_LT(why->size(), 250U);
        }
    }
}

TEST(Dax, WithProjectsInScopeNothingTakesTheFilterAway) {
    const std::string cases[] = {
        "EVALUATE ALL('Projects')",
        "EVALUATE ALLNOBLANKROW('Projects')",
        "EVALUATE ALLSELECTED('Projects')",
        "EVALUATE CALCULATETABLE('Invoices', REMOVEFILTERS('Projects'))",
        "EVALUATE CALCULATETABLE('Invoices', ALLEXCEPT('Projects', 'Projects'[Name]))",
        "EVALUATE CALCULATETABLE('Invoices', ALLCROSSFILTERED('Projects'))",
        "EVALUATE CALCULATETABLE('Invoices', CROSSFILTER('Invoices'[Amount], Projects[Code], 0))",
        "EVALUATE CALCULATETABLE('Invoices', USERELATIONSHIP('Invoices'[Amount], Projects[Code]))",
        "EVALUATE CALCULATETABLE('Invoices', TREATAS({\"B\"}, 'Projects'[Code]))",
        "EVALUATE CALCULATETABLE('Invoices', 'Projects'[Code] = \"B\")",
        "EVALUATE CALCULATETABLE('Invoices', Projects[code] = \"B\")",
        "EVALUATE CALCULATETABLE('Invoices', 'Invoices'[Amount] > 1, ('Projects'[Code] = \"B\"))",
        "EVALUATE ROW(\"@x\", CALCULATE([Invoiced], FILTER('Projects', [Code] = \"B\")))",
        "EVALUATE ROW(\"@x\", TOTALYTD([Invoiced], 'Invoices'[Due Date], Projects[Code] = \"B\"))",
        "DEFINE MEASURE Invoices[@x] = CALCULATE([Invoiced], 'Projects'[Code] = \"B\") "
        "EVALUATE ROW(\"@y\", [@x])",
        "EVALUATE WINDOW(1, ABS, 3, ABS, 'Projects')",
        "EVALUATE OFFSET(1, 'Projects')",
    };
    for (const std::string& one : cases) {
        EXPECT_NE(refused(one, true), std::nullopt) << one;
    }
    EXPECT_EQ(refused(cases[9], false), std::nullopt) << "without a scope it is only a filter";
}

TEST(Dax, WhetherItReadsWhatTheFilterReaches) {
    const auto reads = [](const std::string& dax) {
        return powerbi::read_dax(dax, model(), &kProject).of_projects;
    };
    EXPECT_TRUE(reads("EVALUATE 'Invoices'"));
    EXPECT_TRUE(reads("EVALUATE ROW(\"@x\", [Invoiced])"));
    EXPECT_TRUE(reads("EVALUATE VALUES(Projects[Name])"));
    EXPECT_FALSE(reads("EVALUATE 'Vendors'"));
    EXPECT_FALSE(reads("EVALUATE ROW(\"@x\", [Vendor Count])"));
    EXPECT_FALSE(reads("EVALUATE {1}"));
    EXPECT_FALSE(reads("DEFINE MEASURE Invoices[@x] = 1 EVALUATE 'Vendors'"));
}

TEST(Dax, TheQueryThatIsSent) {
    const powerbi::Dax plain = powerbi::read_dax("EVALUATE 'Projects'", model(), nullptr);
    EXPECT_EQ(powerbi::confined(plain, 501, kProject, {}, false),
              "EVALUATE TOPN(501,  'Projects')");
    const powerbi::Dax dax = powerbi::read_dax(
        "DEFINE MEASURE Invoices[@x] = 1 EVALUATE SUMMARIZECOLUMNS(Projects[Code], \"@x\", [@x]) "
        "ORDER BY [@x] DESC, Projects[Code]",
        model(), &kProject);
    EXPECT_EQ(powerbi::confined(dax, 3, kProject, {"HP-1", "a\"b"}, false),
              "DEFINE MEASURE Invoices[@x] = 1 EVALUATE CALCULATETABLE(TOPN(3,  "
              "SUMMARIZECOLUMNS(Projects[Code], \"@x\", [@x]) , [@x], DESC, Projects[Code], ASC), "
              "TREATAS({\"HP-1\", \"a\"\"b\"}, 'Projects'[Code]))"
              "\nORDER BY [@x] DESC, Projects[Code] ASC");
    const ColumnName odd{"It's", "A]B"};
    EXPECT_EQ(powerbi::confined(plain, 1, odd, {"7", "8"}, true),
              "EVALUATE CALCULATETABLE(TOPN(1,  'Projects'), TREATAS({7, 8}, 'It''s'[A]]B]))");
}

TEST(Dax, SchemasThatAreNone) {
    const std::string table = R"({"tables":[{"name":"T","columns":[{"name":"C"}]}]})";
    EXPECT_NO_THROW(powerbi::parse_schema(table));
    const std::string cases[] = {
        "",
        "[]",
        "{}",
        R"({"tables":[]})",
        R"({"tables":[{"columns":[{"name":"C"}]}]})",
        R"({"tables":[{"name":"T"}]})",
        R"({"tables":[{"name":"T","columns":[{}]}]})",
        R"({"tables":[{"name":"T","columns":[{"name":"C","kind":"colour"}]}]})",
        R"({"tables":[{"name":"a\nb","columns":[{"name":"C"}]}]})",
        R"({"tables":[{"name":"T","columns":[{"name":"C"}]},{"name":"t"}]})",
        R"({"tables":[{"name":")" + std::string(200, 'x') + R"(","columns":[{"name":"C"}]}]})",
    };
    for (const std::string& one : cases) {
        EXPECT_THROW(powerbi::parse_schema(one), std::runtime_error) << one;
    }
    EXPECT_THROW(powerbi::read_schema("/does/not/exist"), std::runtime_error);
    const std::string text = powerbi::described(model());
    EXPECT_NE(text.find("table 'Invoices': one row per invoice\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  column 'Invoices'[Amount] (money)\n"), std::string::npos);
    EXPECT_NE(text.find("  measure [Invoiced] (money): net\n"), std::string::npos);
    EXPECT_NE(text.find("table 'Vendors' (belongs to no project)\n"), std::string::npos);
}

TEST(Dax, NamesOfColumns) {
    const ColumnName quoted = powerbi::parse_column("'It''s'[A]]B]");
    EXPECT_EQ(quoted.table, "It's");
    EXPECT_EQ(quoted.column, "A]B");
    EXPECT_EQ(powerbi::parse_column("Projects[Code]").table, "Projects");
    for (const char* one : {"", "Projects", "[Code]", "Projects[", "Projects[Code", "'P[Code]",
                            "Projects[Code] x", "''[Code]", "Projects[]"}) {
        EXPECT_THROW(powerbi::parse_column(one), std::runtime_error) << one;
    }
}

} // namespace
} // namespace mr::test

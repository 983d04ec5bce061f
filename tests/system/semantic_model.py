"""The semantic model that the emulated Power BI has, as the worker is told of it, and a query of
it."""

SCHEMA = {"tables": [
    {"name": "Projects", "columns": [{"name": "Code"}]},
    {"name": "Invoices", "columns": [{"name": "Month", "kind": "month"}],
     "measures": [{"name": "Invoiced", "kind": "money"}]}]}
DAX = "EVALUATE SUMMARIZECOLUMNS('Projects'[Code], 'Invoices'[Month], \"@Total\", [Invoiced])"

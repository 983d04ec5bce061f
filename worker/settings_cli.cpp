// The command line, by CLI11: the one file that includes it.
#include "shared/version.h"
#include "worker/settings.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace mr {
namespace {

std::string help_of(const SettingRow& row) {
    std::string help(row.help);
    if (!row.fallback.empty()) {
        help += " [" + std::string(row.fallback) + "]";
    }
    return help + " (" + row.variable() + ")";
}

} // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
    CLI::App parser("mr-worker answers what arrives in the lanes: one process, one event loop.\n"
                    "Settings come from flags, the environment and --config, in this order.");
    CommandLine line;
    bool check = false;
    bool print = false;
    bool providers = false;
    parser.set_version_flag("--version", std::string("mr-worker ") + kVersion);
    parser.add_option("--config", line.config_file, "TOML file with the same keys (MR_CONFIG)")
        ->envname("MR_CONFIG")
        ->type_name("PATH");
    parser.add_flag("--check-config", check, "check the settings and leave");
    parser.add_flag("--print-config", print, "print the settings in force, without secrets");
    CLI::Option* const checks = parser.add_flag(
        "--check-providers", providers,
        "ask each external provider once, print a table of what is well and what is "
        "to be done, and leave: 0 all is well, 1 something is not, 2 the settings are "
        "wrong");
    parser.add_flag("--json", line.json, "with --check-providers: JSON instead of the table")
        ->needs(checks);
    std::vector<std::string> values(setting_rows().size());
    std::vector<CLI::Option*> options;
    for (size_t i = 0; i < values.size(); ++i) {
        const SettingRow& row = setting_rows()[i];
        options.push_back(parser.add_option(row.flag(), values[i], help_of(row))
                              ->type_name(row.unit.empty() ? "VALUE" : std::string(row.unit)));
    }
    try {
        parser.parse(argc, const_cast<char**>(argv));
    } catch (const CLI::ParseError& error) {
        line.command = Command::leave;
        line.exit_code = parser.exit(error);
        return line;
    }
    for (size_t i = 0; i < values.size(); ++i) {
        const SettingRow& row = setting_rows()[i];
        if (options[i]->count() > 0) {
            line.settings[std::string(row.key)] = {values[i], "flag " + row.flag()};
        }
    }
    if (print) {
        line.command = Command::print_config;
    } else if (providers) {
        line.command = Command::check_providers;
    } else if (check) {
        line.command = Command::check_config;
    }
    return line;
}

} // namespace mr

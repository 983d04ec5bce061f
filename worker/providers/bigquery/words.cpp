#include "worker/providers/bigquery/words.h"

#include <string>

namespace mr::bigquery {
namespace {

// Each with a blank on both sides.
// https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
constexpr std::string_view kKeywords =
    " all and any array as asc at between by case cast collate cross cube current default desc "
    "distinct else end escape except exclude exists extract false fetch following from full "
    "group grouping groups having if ignore in inner intersect interval is join left like "
    "limit natural no not null nulls of offset on or order outer over partition preceding "
    "qualify range respect right rollup rows select sets some struct then to true unbounded "
    "union unnest using when where window with ";

constexpr std::string_view kForbidden =
    " alter assert assert_rows_modified begin call commit contains create declare define "
    "delete drop enum execute export for grant graph_table hash insert into lateral load "
    "lookup match_recognize merge new pivot proto recursive revoke rollback set table "
    "tablesample treat truncate unpivot update within information_schema ";

// Aggregates and windows, conditions and conversions, numbers, texts, dates and times, arrays and
// JSON, types with a length.
constexpr std::string_view kFunctions =
    " any_value approx_count_distinct approx_quantiles approx_top_count array_agg "
    "array_concat_agg avg corr count countif covar_pop covar_samp cume_dist dense_rank "
    "first_value lag last_value lead logical_and logical_or max max_by min min_by nth_value "
    "ntile percent_rank percentile_cont percentile_disc rank row_number stddev stddev_pop "
    "stddev_samp string_agg sum var_pop var_samp variance coalesce format greatest ifnull "
    "least nullif parse_bignumeric parse_numeric safe_cast string typeof abs acos asin atan "
    "atan2 cbrt ceil ceiling cos div exp floor ieee_divide is_inf is_nan ln log log10 mod pow "
    "power range_bucket round safe_add safe_divide safe_multiply safe_negate safe_subtract "
    "sign sin sqrt tan trunc ascii byte_length char_length character_length chr concat "
    "contains_substr ends_with initcap instr left length lower lpad ltrim normalize "
    "normalize_and_casefold octet_length regexp_contains regexp_extract regexp_extract_all "
    "regexp_instr regexp_replace regexp_substr repeat replace reverse right rpad rtrim "
    "soundex split starts_with strpos substr substring translate trim unicode upper "
    "edit_distance current_date current_datetime current_time current_timestamp date date_add "
    "date_bucket date_diff date_from_unix_date date_sub date_trunc datetime datetime_add "
    "datetime_bucket datetime_diff datetime_sub datetime_trunc format_date format_datetime "
    "format_time format_timestamp generate_date_array generate_timestamp_array justify_days "
    "justify_hours justify_interval last_day make_interval parse_date parse_datetime "
    "parse_time parse_timestamp time time_add time_diff time_sub time_trunc timestamp "
    "timestamp_add timestamp_bucket timestamp_diff timestamp_micros timestamp_millis "
    "timestamp_seconds timestamp_sub timestamp_trunc unix_date unix_micros unix_millis "
    "unix_seconds week isoweek array_concat array_first array_last array_length array_reverse "
    "array_slice array_to_string bool float64 generate_array int64 json_array json_extract "
    "json_extract_array json_extract_scalar json_extract_string_array json_keys json_object "
    "json_query json_query_array json_type json_value json_value_array lax_bool lax_float64 "
    "lax_int64 lax_string ordinal parse_json safe_offset safe_ordinal to_json to_json_string "
    "bignumeric bytes numeric decimal bigdecimal ";

bool holds(std::string_view list, std::string_view word) {
    return list.find(" " + std::string(word) + " ") != std::string_view::npos;
}

} // namespace

bool is_keyword(std::string_view word) {
    return holds(kKeywords, word);
}

bool is_forbidden(std::string_view word) {
    return holds(kForbidden, word);
}

bool is_function(std::string_view word) {
    return holds(kFunctions, word);
}

} // namespace mr::bigquery

/// Functions that most databases have, by what a second call returns.
///
/// A name is here only if it means the same in all of them. What depends on the time zone of the session counts as steady: sessions with
/// settings of their own share no results.
enum KnownFunctions {
  /// The same arguments give the same value.
  static let steady: Set<String> = Set(
    """
    abs acos asin atan atan2 avg bit_and bit_length bit_or bit_xor bool_and bool_or btrim cardinality cbrt ceil ceiling char_length
    character_length chr coalesce concat concat_ws corr cos cosh cot count covar_pop covar_samp cume_dist date date_part date_trunc datediff
    decode degrees dense_rank div encode every exp extract factorial first_value floor format gcd generate_series generate_subscripts
    greatest grouping grouping_sets hex ifnull initcap instr isnull json_agg json_array json_array_elements json_array_elements_text
    json_array_length json_build_array json_build_object json_each json_each_text json_extract json_extract_path
    json_extract_path_text json_object json_object_agg json_object_keys json_typeof jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
    jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_set jsonb_typeof julianday lag last_value lcm lead least left
    length ln log log10 log2 lower lpad ltrim make_date make_interval make_time make_timestamp max md5 median min mod mode nth_value
    ntile nullif num_nonnulls num_nulls numeric nvl octet_length overlay parse_ident percent_rank percentile_cont percentile_disc pi
    position pow power quantile quantile_cont quantile_disc quarter quote_ident quote_literal radians range rank regexp_count
    regexp_full_match regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
    row_number rpad rtrim scale sha224 sha256 sha384 sha512 sign sin sinh split_part sqrt starts_with stddev stddev_pop stddev_samp strftime
    string_agg string_to_array strpos substr substring sum tan tanh to_char to_date to_hex to_json to_jsonb to_number
    to_timestamp total translate trim trim_scale trunc try_cast typeof unicode unnest upper var_pop var_samp variance width_bucket
    year month day hour minute second week dayofweek dayofyear array array_agg array_append array_cat array_dims array_fill array_length
    array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_to_string array_upper
    bit_count ascii time_bucket approx_count_distinct arg_max arg_min list list_contains struct_pack group_concat iif
    """.split(whereSeparator: \.isWhitespace).map(String.init))

  /// Another value each time, or from one session to the next; nothing changes by calling them.
  static let ofTheMoment: Set<String> = Set(
    """
    now random rand setseed clock_timestamp statement_timestamp transaction_timestamp timeofday gen_random_uuid uuid uuid_generate_v4
    newid current_setting current_database current_schema current_schemas current_query version inet_client_addr inet_server_addr
    txid_current txid_current_snapshot pg_backend_pid pg_sleep pg_is_in_recovery age getdate sysdate changes total_changes
    last_insert_rowid randomblob localtime localtimestamp current_timestamp current_date current_time get_current_timestamp today
    random_uuid generate_uuid datetime unixepoch lastval currval user session_user
    """.split(whereSeparator: \.isWhitespace).map(String.init))

  /// The same, written without brackets.
  static let wordsOfTheMoment: Set<String> = [
    "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp",
    "current_user",
    "session_user", "system_user", "current_role", "current_catalog", "current_schema", "rowid",
    "ctid", "xmin", "xmax",
  ]

  /// Words of the language, and types with a length, that may stand before a bracket.
  static let noFunctions: Set<String> = Set(
    """
    in exists any all some not and or on using as from join where select values over filter within group by partition order having union
    except intersect with recursive when then else case end is like ilike similar between cast row lateral distinct limit offset
    materialized sets rollup cube qualify window interval char varchar character nchar nvarchar bpchar decimal dec numeric bit varbit
    varying time timestamp timestamptz timetz float precision returning set into escape collate inner outer left right full cross natural
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}

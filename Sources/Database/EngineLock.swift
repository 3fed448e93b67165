/// The last statements of an instance's set-up: from then on it reaches nothing outside the allowed
/// directories, and no statement can change that.
enum EngineLock {
  /// Settings of DuckDB that sessions may still change: they bear on the meaning and the speed of
  /// the session's own statements, not on the machine.
  static let sessionSettings = [
    "TimeZone", "Calendar", "search_path", "schema", "default_order", "default_null_order",
    "default_collation", "preserve_identifier_case", "integer_division", "ieee_floating_point_ops",
    "scalar_subquery_error_on_multiple_rows", "order_by_non_integer_literal",
    "old_implicit_casting", "enable_progress_bar", "enable_progress_bar_print",
    "explain_output", "errors_as_json", "prefer_range_joins", "perfect_ht_threshold",
    "pivot_limit", "pivot_filter_threshold", "ordered_aggregate_threshold",
    "nested_loop_join_threshold", "merge_join_threshold", "dynamic_or_filter_threshold",
    "late_materialization_max_rows", "enable_macro_dependencies", "enable_view_dependencies",
    "disable_timestamptz_casts", "streaming_buffer_size",
  ]

  static func statements(allowedDirectories: [String]) -> [String] {
    let directories = allowedDirectories.map { SessionOption.string($0).literal }
    return [
      "SET GLOBAL allowed_directories = [\(directories.joined(separator: ", "))]",
      "SET GLOBAL enable_external_access = false",
      "SET GLOBAL allowed_configs = ["
        + sessionSettings.map { SessionOption.string($0).literal }.joined(separator: ", ") + "]",
      "SET GLOBAL lock_configuration = true",
    ]
  }
}

/// The functions of DuckDB and its usual extensions that reach beyond the database.
enum MachineFunctions {
  enum Access {
    /// Reads files that its first argument names.
    case path
    /// The same, but the function opens files by itself, so that DuckDB's own lock does not hold it:
    /// the path must be a plain string.
    case unguardedPath
    /// Never for a statement; the reason follows a colon.
    case always(String)
  }

  /// - Parameter name: In lower case.
  static func access(of name: String) -> Access? {
    if readers.contains(name) { return .path }
    if unguardedReaders.contains(name) { return .unguardedPath }
    if foreign.contains(name) || foreignPrefixes.contains(where: name.hasPrefix) {
      return .always("connections to other systems are set up by the operator of this server")
    }
    switch name {
    case "getenv":
      return .always("it reads the environment of the machine that this server runs on")
    case "sql_auto_complete":
      return .always("it lists files of the machine that this server runs on")
    case "json_execute_serialized_sql":
      return .always("it runs a statement that the server cannot read before")
    case "which_secret", "duckdb_secrets":
      return .always("secrets are set up by the operator of this server")
    case "enable_logging", "disable_logging", "truncate_duckdb_logs", "set_log_types", "write_log",
      "enable_profiling", "disable_profiling":
      return .always("logs and profiles of the whole server belong to its operator")
    case "duckdb_logs", "duckdb_logs_parsed", "duckdb_log_contexts":
      return .always("logs hold the statements of all sessions")
    case "arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function", "seq_scan":
      return .always("it is for programs that run inside this server")
    default: return nil
    }
  }

  private static let readers: Set<String> = [
    "glob", "parquet_bloom_probe", "parquet_file_metadata", "parquet_full_metadata",
    "parquet_kv_metadata", "parquet_metadata", "parquet_scan", "parquet_schema", "read_avro",
    "read_blob", "read_csv", "read_csv_auto", "read_duckdb", "read_json", "read_json_auto",
    "read_json_objects", "read_json_objects_auto", "read_ndjson", "read_ndjson_auto",
    "read_ndjson_objects", "read_parquet", "read_text", "read_xlsx", "sniff_csv", "iceberg_scan",
    "iceberg_metadata", "iceberg_snapshots", "read_arrow", "scan_arrow_ipc", "load_aws_credentials",
  ]

  private static let unguardedReaders: Set<String> = [
    "delta_scan", "lance_scan", "read_vortex", "sqlite_scan", "st_drivers", "st_read",
    "st_read_meta", "st_readosm", "st_readshp",
  ]

  private static let foreign: Set<String> = [
    "adbc_scan", "adbc_connect", "http_get", "http_post", "odbc_query", "odbc_scan",
    "bigquery_scan",
    "shellfs", "read_gsheet",
  ]

  private static let foreignPrefixes = ["postgres_", "mysql_", "sqlite_", "ducklake_", "pg_clear_"]
}

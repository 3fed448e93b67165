/// Settings that a session may not change, because they reach the machine or every other session.
extension MachineAccessPolicy {
  func refusal(of head: SettingHead, verb: String) -> String? {
    if head.scope == .variable { return nil }
    if head.scope == .global {
      return "\(verb) GLOBAL is not allowed: it would change the setting for all sessions; "
        + "use \(verb) \(head.name)"
    }
    return refusalOfSetting(head.name, verb: verb)
  }

  func refusal(of head: PragmaHead, in statement: StatementText) -> String? {
    let name = head.name.lowercased()
    switch head.form {
    case .assignment: return refusalOfSetting(head.name, verb: "PRAGMA")
    case .plain, .call:
      if name == "import_database" || name == "copy_database" {
        return refusal(of: "PRAGMA \(name)", path: nil, writes: false)
      }
      if name == "json_execute_serialized_sql" {
        return
          "PRAGMA \(name) is not allowed: it runs a statement that the server cannot read before"
      }
      let isRefused = ["enable_", "disable_", "verify_", "add_parquet_", "debug_", "force_"]
        .contains(where: name.hasPrefix)
      guard isRefused, name != "force_checkpoint" else { return nil }
      return "PRAGMA \(name) is not allowed: it changes this server for all sessions"
    }
  }

  private func refusalOfSetting(_ name: String, verb: String) -> String? {
    let lowered = name.lowercased()
    guard
      Self.lockedSettings.contains(lowered)
        || Self.lockedPrefixes.contains(where: lowered.hasPrefix)
    else { return nil }
    return "\(verb) \(name) is not allowed: the setting belongs to the whole server, "
      + "whose operator decides it in the configuration"
  }

  private static let lockedPrefixes = [
    "allocator_", "allow_", "allowed_", "arrow_", "autoinstall_", "autoload_", "azure_", "ca_cert",
    "custom_extension", "debug_", "default_secret", "disabled_", "enable_external", "enable_http",
    "enable_logging", "enable_profil", "enable_progress_bar_print", "enabled_log", "extension_",
    "force_",
    "gcs_", "hf_", "http_", "httpfs_", "log_", "logging_", "mysql_", "pg_", "profile_",
    "profiling_",
    "python_", "s3_", "secret", "sqlite_", "storage_", "temp_", "unsafe_", "vacuum_", "variant_",
  ]

  private static let lockedSettings: Set<String> = [
    "access_mode", "auto_checkpoint_skip_wal_threshold", "block_allocator_memory",
    "checkpoint_threshold", "current_transaction_invalidation_policy", "custom_profiling_settings",
    "custom_user_agent", "default_block_size", "disable_database_invalidation", "duckdb_api",
    "enable_curl_server_cert_verification", "enable_fsst_vectors", "enable_object_cache",
    "enable_server_cert_verification", "experimental_metadata_reuse", "external_threads",
    "file_search_path", "geometry_minimum_shredding_size", "home_directory",
    "immediate_transaction_mode", "lock_configuration", "max_memory", "max_temp_directory_size",
    "max_vacuum_tasks", "memory_limit", "password", "pin_threads", "produce_arrow_string_view",
    "scheduler_process_partial", "threads", "user", "username",
    "wal_autocheckpoint", "wal_autocheckpoint_entries", "warnings_as_errors", "worker_threads",
    "write_buffer_row_group_count", "write_buffer_row_group_memory_limit", "zstd_min_string_length",
  ]
}

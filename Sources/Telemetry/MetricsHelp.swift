extension ServerMetrics {
  /// What each name means, for those who read the figures.
  public static let help: [String: String] = [
    "hyprstream_rpcs_total": "Calls that have ended, by method and status.",
    "hyprstream_rpc_duration_seconds": "How long calls took, results included.",
    "hyprstream_connections": "Client connections that are open.",
    "hyprstream_connections_total": "Client connections since the start.",
    "hyprstream_sessions": "Sessions that are open.",
    "hyprstream_sessions_total": "Sessions since the start.",
    "hyprstream_transactions": "Transactions that are open.",
    "hyprstream_transactions_total": "Transactions since the start.",
    "hyprstream_prepared_statements": "Prepared statements that are open.",
    "hyprstream_statements_running": "Statements whose rows are not all made yet.",
    "hyprstream_statements_queued": "Statements that wait for their turn.",
    "hyprstream_statements_total": "Statements that have ended, by outcome.",
    "hyprstream_statement_duration_seconds": "How long statements ran.",
    "hyprstream_statement_queue_seconds": "How long statements waited for their turn.",
    "hyprstream_slow_statements_total": "Statements above the threshold of the log.",
    "hyprstream_rows_received_total": "Rows that clients have loaded or bound as parameters.",
    "hyprstream_bytes_received_total": "Bytes of those rows.",
    "hyprstream_rows_sent_total": "Rows of results that clients have been sent.",
    "hyprstream_bytes_sent_total": "Bytes of those rows.",
    "hyprstream_log_syncs_total": "Syncs of the log's newest file.",
    "hyprstream_log_synced_groups_total": "Groups of rows that were acknowledged after a sync.",
    "hyprstream_memory_used_bytes": "Memory that the engine holds.",
    "hyprstream_memory_limit_bytes": "Memory that the engine may hold.",
  ]
}

extension StreamingDatabase {
  /// - Throws: FAILED_PRECONDITION if nothing that is acknowledged here would outlive the process.
  func checkKeepsChanges() throws(DatabaseError) {
    guard options.coldDirectory == nil else { return }
    throw DatabaseError(
      .failedPrecondition,
      "write = 'behind' keeps changes in the data folder until the database has them, and this server keeps nothing "
        + "(--ephemeral): start it with --data-dir")
  }
}

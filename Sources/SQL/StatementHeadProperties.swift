extension StatementHead {
  /// The relation whose rows or definition the statement changes, if it is one and has a name.
  public var target: QualifiedName? {
    switch kind {
    case .insert(let head): head.target
    case .update(let head): head.target
    case .delete(let head): head.target
    case .merge(let target, _): target
    case .create(let head): head.onTable ?? head.name
    case .drop(let head): head.name
    case .alter(_, let name), .comment(_, let name): name
    case .copy(let head): head.direction == .fromFile ? head.table : nil
    case .explain(let analyzes, let inner): analyzes ? inner.target : nil
    default: nil
    }
  }

  /// Whether it has a `RETURNING` clause.
  public var hasReturning: Bool {
    switch kind {
    case .insert(let head): head.returningTokens != nil
    case .update(let head): head.returningTokens != nil
    case .delete(let head): head.returningTokens != nil
    case .merge(_, let hasReturning): hasReturning
    default: false
    }
  }

  /// Whether it changes neither data nor the session, as far as its head says: a function that a
  /// query calls (`nextval`) may.
  public var isReadOnly: Bool {
    switch kind {
    case .query: true
    case .explain(let analyzes, let inner): !analyzes || inner.isReadOnly
    case .copy(let head): head.direction == .toFile
    case .pragma(let head): head.isQuestion
    default: false
    }
  }

  /// Whether its answer is rows for the caller, rather than a count or nothing.
  ///
  /// `CALL`, `EXECUTE` and unknown statements may answer with rows, so they count as such.
  public var returnsRows: Bool {
    switch kind {
    case .query, .explain, .call, .execute, .other: true
    case .insert, .update, .delete, .merge: hasReturning
    case .pragma(let head): head.form == .call || head.isQuestion
    default: false
    }
  }

  /// Whether it begins or ends a transaction.
  public var isTransactionControl: Bool {
    if case .transaction = kind { true } else { false }
  }

  /// Whether its effect is on rows of a table that exists, so that an affected row count makes sense.
  public var isDML: Bool {
    switch kind {
    case .insert, .update, .delete, .merge: true
    case .copy(let head): head.direction == .fromFile
    default: false
    }
  }

  /// Whether it changes the catalog, after which statements are prepared again.
  public var isDDL: Bool {
    switch kind {
    case .create, .drop, .alter, .comment, .attach, .detach, .importDatabase: true
    default: false
    }
  }
}

extension PragmaHead {
  /// Whether it only answers a question about the catalog or the instance.
  public var isQuestion: Bool {
    guard form != .assignment else { return false }
    switch name.lowercased() {
    case "table_info", "show_tables", "show_tables_expanded", "show", "show_databases",
      "database_list", "database_size", "storage_info", "functions", "collations", "version",
      "platform", "user_agent", "all_profiling_output", "metadata_info", "storage_size":
      return true
    default: return false
    }
  }
}

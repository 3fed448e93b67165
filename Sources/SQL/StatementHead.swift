/// What a statement is about, read from its tokens alone: enough to route it, to check a policy and to
/// know which cached results it makes stale. Expressions and the bodies of queries are not read.
///
/// Token ranges in it are indices into `StatementText.source.tokens`.
public struct StatementHead: Hashable, Sendable {
  public var kind: StatementKind
  /// Whether `WITH …` stands before the verb.
  public var hasLeadingWith: Bool
  /// The token that says what the statement does: `INSERT`, also after a leading `WITH`.
  public var verbToken: Int

  public init(kind: StatementKind, verbToken: Int, hasLeadingWith: Bool = false) {
    self.kind = kind
    self.verbToken = verbToken
    self.hasLeadingWith = hasLeadingWith
  }
}

/// What a statement does. A word of the streaming dialect becomes a case of its own when it comes.
public indirect enum StatementKind: Hashable, Sendable {
  case query(QueryForm)
  case insert(InsertHead)
  case update(UpdateHead)
  case delete(DeleteHead)
  case merge(target: QualifiedName, hasReturning: Bool)
  case create(CreateHead)
  case drop(DropHead)
  case alter(ObjectKind, name: QualifiedName?)
  /// `COMMENT ON …`; the kind and name are those of what the comment is on.
  case comment(ObjectKind, name: QualifiedName?)
  case copy(CopyHead)
  case transaction(TransactionVerb)
  case set(SettingHead)
  case reset(SettingHead)
  case pragma(PragmaHead)
  case use(QualifiedName)
  case attach(AttachHead)
  case detach(name: String?)
  case install(extensions: [String])
  case load(extension: String)
  case updateExtensions
  /// `EXPLAIN [ANALYZE]` of the statement whose head is given.
  case explain(analyzes: Bool, StatementHead)
  case call(QualifiedName?)
  case prepare(name: String, StatementHead)
  case execute(name: String)
  case deallocate(name: String?)
  case checkpoint(database: String?, isForced: Bool)
  case vacuum
  case analyze
  case exportDatabase(path: String?)
  case importDatabase(path: String?)
  /// A statement whose first word is none of the above, or whose head cannot be read. DuckDB decides.
  case other(verb: String)
}

/// How a query begins.
public enum QueryForm: Hashable, Sendable {
  /// `SELECT …`, also in brackets or after `WITH`.
  case select
  /// `FROM t [SELECT …]`.
  case fromFirst
  case values
  /// `TABLE t`.
  case table
  /// Without an `IN` list DuckDB makes several statements of a `PIVOT`.
  case pivot, unpivot
  case describe, show, summarize
}

public enum TransactionVerb: Hashable, Sendable {
  /// `BEGIN`, `START TRANSACTION`.
  case begin(readOnly: Bool)
  /// `COMMIT`, `END`.
  case commit
  /// `ROLLBACK`, `ABORT`.
  case rollback
}

/// What `CREATE`, `DROP`, `ALTER` and `COMMENT ON` are about.
public enum ObjectKind: String, Hashable, Sendable {
  case table, view, schema, sequence, index, type, macro, secret, database, column, trigger
  case materializedView = "materialized view"
  case propertyGraph = "property graph"
  case unknown
}
